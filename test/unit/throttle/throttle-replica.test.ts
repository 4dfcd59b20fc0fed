/** Shared throttles as actors on virtual time, with the production codec and channel on a bus in memory. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createReplica } from '../../../src/actors/create-replica.ts';
import type { World } from '../../../src/actors/ports.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import type { ThrottleReplica } from '../../../src/actors/throttle-replica.ts';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import { SharedBus } from '../../../src/bus/shared.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { ReplicaSettings } from '../../../src/core/settings.ts';
import type { SharedRow } from '../../../src/core/shared-object.ts';
import type { Process } from '../../../src/core/view.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const settings: ReplicaSettings = {
  name: 'shared_named_throttles',
  type: 'shared_named_throttles',
  parameters: [],
  maxDelayMs: 1_000,
  maxPending: 100,
  maxKeys: 1_000_000,
  maxThrottles: 100,
  maxWaitMs: 200,
  maxSize: 1_000,
  bindingGroup: undefined,
};

class Relay {
  readonly process: Process;
  readonly wire: MemoryWire;
  readonly system: ActorSystem;
  readonly replica: ThrottleReplica;
  readonly recorder = new Recorder();

  constructor(number: number, options: Partial<ReplicaSettings> = {}, earlier?: ThrottleReplica) {
    const incarnation = String(number).repeat(32) as Incarnation;
    this.process = { incarnation, type: 'Momentum', node: `relay-${number}`, number, seniority: number };
    this.wire = network.connect(`s ${number}`);
    this.wire.setState('up');
    const { log, counters } = this.recorder;
    const around = { clock, random: new SeededRandom(number), log, counters };
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const shared = new SharedBus(this.wire, { groups, self: incarnation, ...around });
    const world = { ...around, shared, self: { incarnation } } as unknown as World;
    this.system = new ActorSystem(around);
    this.replica = createReplica(this.system, world, { ...settings, ...options }, earlier) as ThrottleReplica;
  }

  take(id = 'a'): number[] {
    const waitsMs: number[] = [];
    this.replica.throttles.take(id, (waitMs) => waitsMs.push(waitMs));
    return waitsMs;
  }
}

let clock: VirtualClock;
let network: MemoryBus;
let relays: Relay[];
let isLossy: boolean;

function start(count: number, options: Partial<ReplicaSettings> = {}): Relay[] {
  relays = Array.from({ length: count }, (_, i) => new Relay(i + 1, options));
  install();
  return relays;
}

function install(members = relays, epoch = 1): void {
  const view = {
    id: { epoch, coordinator: members[0]!.process.incarnation, nonce: 0 },
    members: members.map(({ process }) => process),
  };
  for (const { replica } of members) replica.viewInstalled(view, []);
}

function pass(ms: number): void {
  clock.runUntil(clock.nowMs() + ms);
}

async function rowsOf(relay: Relay, from?: Relay): Promise<SharedRow[]> {
  const rows: SharedRow[] = [];
  const reading = (async () => {
    for await (const batch of relay.replica.rows(from?.process.incarnation)) rows.push(...batch);
  })();
  pass(2_000);
  await reading;
  return rows;
}

beforeEach(() => {
  clock = new VirtualClock();
  isLossy = false;
  network = new MemoryBus(clock, () => (isLossy ? [] : [1]));
});

describe('shared throttles of a node', () => {
  it('REP-7.19 1/60 on three nodes gives one unit a minute in all', () => {
    start(3);
    for (const { replica } of relays) replica.throttles.create('a', '1/60');
    const windows: number[] = [];
    for (const { replica } of relays)
      for (let i = 0; i < 3; i++) replica.throttles.tarpit('a', (window) => windows.push(window));
    pass(9 * 60_000);
    expect(windows).toHaveLength(9);
    expect(new Set(windows).size).toBe(9);
  });

  it('REP-7.18 what is lost on the way is asked again, without a caller', () => {
    const [first] = start(2);
    for (const { replica } of relays) replica.throttles.create('a', '5');
    pass(100);
    expect(first!.replica.standing).toBe('whole');
    isLossy = true;
    const waits = relays.map((relay) => relay.take());
    pass(50);
    // The one that keeps the account cannot be sure of its deputy either.
    expect(waits).toEqual([[], []]);
    isLossy = false;
    pass(200);
    expect(waits).toEqual([[0], [0]]);
    expect(relays.map(({ replica }) => replica.state)).toEqual(['live waiting', 'live waiting']);
  });

  it('REP-7.20 R4 between two views nothing is granted, also not by a node that was alone before', () => {
    const newcomers = [start(1)[0]!, new Relay(2)];
    install([newcomers[1]!], 2);
    for (const { replica } of newcomers) replica.throttles.createSlots('a', 1);
    for (const { replica } of newcomers) replica.suspend();
    expect(newcomers.map(({ replica }) => replica.standing)).toEqual(['partial', 'partial']);
    const waits = newcomers.map((relay) => relay.take());
    pass(1_000);
    expect(waits).toEqual([[200], [200]]);
    install(newcomers, 3);
    const answers = newcomers.map((relay) => relay.take());
    pass(200);
    expect(answers.flat().filter((waitMs) => waitMs === 0)).toHaveLength(1);
  });

  it('REP-7.20 until all have reported it is gathering; REP-4.15 alone it grants at once', () => {
    const [first] = start(1);
    first!.replica.throttles.create('a', '5');
    expect([first!.replica.standing, first!.take()]).toEqual(['alone', [0]]);
    relays.push(new Relay(2));
    isLossy = true;
    install(relays, 2);
    pass(250);
    expect(relays.map(({ replica }) => replica.state)).toEqual(['gathering waiting', 'gathering waiting']);
    expect(first!.take()).toEqual([]);
    isLossy = false;
    pass(150);
    expect(relays.map(({ replica }) => replica.standing)).toEqual(['whole', 'whole']);
  });

  it('a throttle that nobody uses is forgotten, and then there is nothing to wait for', () => {
    const [first] = start(1);
    first!.replica.throttles.create('a', '5/2');
    expect(first!.replica.state).toBe('standalone waiting');
    pass(5_000);
    expect(first!.replica.state).toBe('standalone idle');
    expect(first!.replica.stats().keys).toBe(0);
  });

  it('REP-18.7, REP-18.4 rows are what is used in the running windows, of one node or in all', async () => {
    const [first, second, third] = start(3);
    for (const { replica } of relays) replica.throttles.create('b', '100/3600');
    first!.replica.throttles.create('a', '7/3600');
    pass(50);
    for (const relay of [first!, first!, second!]) relay.take('b');
    first!.take('a');
    pass(50);
    const rate = { units: 100, windowS: 3600 };
    expect(await rowsOf(third!)).toEqual([
      { key: 'a', count: 1, rate: { units: 7, windowS: 3600 } },
      { key: 'b', count: 3, rate },
    ]);
    expect(await rowsOf(third!, second)).toEqual([{ key: 'b', count: 1, rate }]);
    expect(await rowsOf(second!, second)).toEqual([{ key: 'b', count: 1, rate }]);
    isLossy = true;
    expect(await rowsOf(second!)).toEqual([{ key: 'b', count: 1, rate }]);
  });

  it('CMD-17 who waits is served by the next life of the process; what was granted to the former one is spent', () => {
    const [first, second] = start(2);
    for (const { replica } of relays) replica.throttles.create('a', '2/60');
    pass(50);
    expect([first!.take(), first!.take()]).toEqual([[], []]);
    pass(50);
    let released = 0;
    first!.replica.throttles.tarpit('a', () => released++);
    pass(50);
    const next = new Relay(3, {}, first!.replica);
    expect(next.replica.throttles).toBe(first!.replica.throttles);
    install([second!, next], 2);
    pass(500);
    const refused = second!.take();
    pass(500);
    expect([released, refused]).toEqual([0, [expect.any(Number)]]);
    expect(refused[0]).toBeGreaterThan(0);
    pass(60_000);
    expect(released).toBe(1);
  });

  it('REP-7.22 different rates are warned of once', () => {
    const [first, second] = start(2);
    first!.replica.throttles.create('a', '5');
    second!.replica.throttles.create('a', '9');
    pass(50);
    for (let i = 0; i < 3; i++) {
      for (const relay of relays) relay.take();
      pass(1_000);
    }
    expect([...first!.recorder.texts('warning'), ...second!.recorder.texts('warning')]).toEqual([
      "warning: throttle 'a' of 'shared_named_throttles' is 9/1 here and 5/1 elsewhere; the smaller rate counts",
    ]);
  });

  it('REP-3.12 messages of an object of another type are dropped, with one warning a sender', () => {
    const [first] = start(1);
    first!.replica.throttles.create('a', '5');
    relays.push(new Relay(2, { type: 'OBTM' }));
    install(relays, 2);
    pass(500);
    expect(first!.replica.standing).toBe('partial');
    expect(first!.recorder.texts('warning')).toEqual([
      `warning: 'shared_named_throttles' is of type OBTM at ${relays[1]!.process.incarnation}, of type shared_named_throttles here`,
    ]);
  });
});
