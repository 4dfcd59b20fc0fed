/** Replicated caches as actors on virtual time, with the production codec and channel on a bus in memory. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CacheReplica } from '../../../src/actors/cache-replica.ts';
import type { World } from '../../../src/actors/ports.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
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
  name: 'mycache',
  type: 'cache',
  parameters: ['snapshot'],
  maxDelayMs: 1_000,
  maxPending: 100,
  maxKeys: 1,
  maxThrottles: 100,
  maxWaitMs: 200,
  maxSize: 1_000,
  bindingGroup: undefined,
};

let clock: VirtualClock;
let network: MemoryBus;
let relays: Relay[];

class Relay {
  readonly process: Process;
  readonly wire: MemoryWire;
  readonly replica: CacheReplica;
  readonly recorder = new Recorder();
  skewMs = 0;

  constructor(number: number, options: Partial<ReplicaSettings> = {}, earlier?: CacheReplica) {
    const incarnation = number.toString(16).padStart(32, '0') as Incarnation;
    this.process = { incarnation, type: 'Momentum', node: `relay-${number}`, number, seniority: number };
    this.wire = network.connect(`s ${number}`);
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const { wire, recorder } = this;
    const world = {
      clock: {
        nowMs: () => clock.nowMs(),
        wallMs: () => clock.wallMs() + this.skewMs,
        after: clock.after.bind(clock),
      },
      random: new SeededRandom(number),
      log: recorder.log,
      counters: recorder.counters,
      self: { incarnation },
      links: {
        s: {
          name: 's',
          get state() {
            return wire.state;
          },
          onState: wire.onState.bind(wire),
        },
      },
    } as unknown as World;
    const shared = new SharedBus(wire, { ...world, groups, self: incarnation });
    this.replica = new CacheReplica(
      new ActorSystem(world),
      { ...world, shared },
      { ...settings, ...options },
      earlier,
    );
    wire.setState('up');
  }
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryBus(clock, () => [1]);
  relays = [];
});

function start(options: Partial<ReplicaSettings> = {}, earlier?: CacheReplica): Relay {
  const relay = new Relay(relays.length + 1, options, earlier);
  relays.push(relay);
  return relay;
}

function installView(members: readonly Relay[] = relays): void {
  const id = { epoch: clock.nowMs() + 1, coordinator: members[0]!.process.incarnation, nonce: 0 };
  const view = { id, members: members.map(({ process }) => process) };
  for (const { replica } of members) replica.viewInstalled(view);
}

function pass(durationMs: number): void {
  clock.runUntil(clock.nowMs() + durationMs);
}

async function rowsOf(replica: CacheReplica, from?: Incarnation): Promise<SharedRow[]> {
  const rows: SharedRow[] = [];
  const dump = replica.rows(from);
  for (;;) {
    const next = dump.next();
    pass(0);
    const { value, done } = await next;
    if (done) return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    rows.push(...value);
  }
}

describe('a replicated cache as an actor', () => {
  it('REP-22.4 a write is at the others after max_delay, and a joiner gets what was there', () => {
    const [a, b] = [start(), start()];
    expect(a.replica.state).toBe('standalone clean idle resting');
    installView();
    pass(100);
    expect(a.replica.state).toBe('live clean idle resting');
    a.replica.cache.set('k', 'v', 60_000);
    expect(a.replica.state).toBe('live waiting idle resting');
    pass(990);
    expect(b.replica.cache.get('k')).toBeUndefined();
    pass(20);
    expect(b.replica.cache.get('k')).toBe('v');
    const c = start();
    installView();
    expect(c.replica.standing).toBe('partial');
    pass(100);
    expect(c.replica.cache.get('k')).toBe('v');
    expect(c.replica.cache.ttlMs('k')).toBe(a.replica.cache.ttlMs('k'));
    expect(c.replica.state).toBe('live clean idle resting');
  });

  it('REP-13.10 without snapshot a joiner gets only what is written afterwards', () => {
    const a = start({ parameters: [] });
    a.replica.cache.set('old', 'v');
    pass(2_000);
    const b = start({ parameters: [] });
    installView();
    a.replica.cache.set('new', 'v');
    pass(2_000);
    expect([b.replica.cache.get('old'), b.replica.cache.get('new')]).toEqual([undefined, 'v']);
    expect(b.replica.snapped).toBe(false);
    expect(b.replica.digest()).toBeUndefined();
  });

  it('REP-13.7 what has expired goes by itself, at every node', () => {
    const [a, b] = [start(), start()];
    installView();
    a.replica.cache.set('k', 'v', 5_000);
    pass(4_000);
    expect(b.replica.stats().keys).toBe(1);
    pass(4_000);
    expect([a, b].map(({ replica }) => replica.stats().keys)).toEqual([0, 0]);
  });

  it('REP-18.7 show lists keys and lengths, of one node what it was the last to write, on one line each', async () => {
    const [a, b] = [start(), start()];
    installView();
    a.replica.cache.set('a', 'äö');
    a.replica.cache.set('two\nlines', '');
    a.replica.cache.set('gone', 'x');
    b.replica.cache.set('b', 'xyz');
    a.replica.cache.delete('gone');
    pass(2_000);
    const all = [
      { key: 'a', count: 4 },
      { key: 'b', count: 3 },
      { key: 'two\\x0alines', count: 0 },
    ];
    expect(await rowsOf(a.replica)).toEqual(all);
    expect(await rowsOf(a.replica, b.process.incarnation)).toEqual([all[1]]);
  });

  it('a reset of the membership keeps the content, and what waited is sent', () => {
    const [a, b] = [start(), start()];
    installView();
    a.replica.cache.set('k', 'v');
    const next = start({}, a.replica);
    relays.shift();
    installView();
    pass(2_000);
    expect(b.replica.cache.get('k')).toBe('v');
    expect(next.replica.cache.get('k')).toBe('v');
    next.replica.cache.set('k', 'newer');
    pass(2_000);
    expect(b.replica.cache.peek('k')).toMatchObject({ value: 'newer', origin: next.process.incarnation });
  });

  it('REP-13.6 what was written last before an orderly end is at the others', () => {
    const [a, b] = [start(), start()];
    installView();
    a.replica.cache.set('k', 'v');
    a.replica.stop();
    pass(100);
    expect(b.replica.cache.get('k')).toBe('v');
  });

  it('REP-4.8 all of it, not only what one turn sends', () => {
    const [a, b] = [start(), start()];
    installView();
    const fillsAMessage = 'v'.repeat(200_000);
    const keys = Array.from({ length: 6 }, (_, number) => `k${number}`);
    for (const key of keys) a.replica.cache.set(key, fillsAMessage);
    a.replica.stop();
    pass(100);
    expect(keys.filter((key) => b.replica.cache.get(key) !== fillsAMessage)).toEqual([]);
  });

  it('FLT-2003 a node whose clock is ahead is named, once a minute', () => {
    const [a, b] = [start(), start()];
    installView();
    a.skewMs = 120_000;
    for (let i = 0; i < 10; i++) {
      a.replica.cache.set('k', `${i}`);
      pass(2_000);
    }
    expect(b.replica.cache.get('k')).toBeUndefined();
    expect(b.recorder.texts()).toEqual([
      "error: the clock of relay-1 is more than a minute ahead: its writes to 'mycache' are refused here",
    ]);
    pass(60_000);
    a.replica.cache.set('k', 'again');
    pass(2_000);
    expect(b.recorder.texts()).toHaveLength(2);
  });
});
