/** Replicas as actors on virtual time, with the production codec and channel on a bus in memory. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { World } from '../../../src/actors/ports.ts';
import { Replica } from '../../../src/actors/replica.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import { SharedBus } from '../../../src/bus/shared.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Log } from '../../../src/core/log.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import { type ReplicaSettings, replicaTypes } from '../../../src/core/settings.ts';
import type { Process, View } from '../../../src/core/view.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const settings: ReplicaSettings = {
  name: 'inbound_cidr',
  type: 'inbound_cidr',
  parameters: [],
  maxDelayMs: 1_000,
  maxPending: 100,
  maxKeys: 1_000_000,
  maxThrottles: 1000,
  maxWaitMs: 200,
  maxSize: 1_000,
  bindingGroup: undefined,
};

class Relay {
  readonly process: Process;
  readonly wire: MemoryWire;
  readonly system: ActorSystem;
  readonly replica: Replica;
  readonly warnings: string[] = [];
  readonly critical: string[] = [];

  /** `earlier`: the replica of the life that ends with this one. */
  constructor(
    number: number,
    clock: VirtualClock,
    network: MemoryBus,
    options: Partial<ReplicaSettings>,
    earlier?: Replica,
  ) {
    const incarnation = String(number).repeat(32) as Incarnation;
    this.process = { incarnation, type: 'Momentum', node: `relay-${number}`, number, seniority: number };
    this.wire = network.connect(`s ${number}`);
    const ignore = () => {};
    const log: Log = {
      debug: ignore,
      info: ignore,
      notice: ignore,
      warning: (text) => void this.warnings.push(text),
      error: ignore,
      critical: (text) => void this.critical.push(text),
    };
    const random = new SeededRandom(number);
    const counters = { add: ignore };
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const shared = new SharedBus(this.wire, { groups, self: incarnation, clock, random, log, counters });
    const { wire } = this;
    const link = {
      name: 's',
      get state() {
        return wire.state;
      },
      onState: wire.onState.bind(wire),
    };
    const world = { clock, random, log, counters, shared, links: { s: link }, self: { incarnation } };
    this.system = new ActorSystem(world as unknown as World);
    this.replica = Replica.of(this.system, world as unknown as World, { ...settings, ...options }, earlier)!;
    wire.setState('up');
  }
}

let clock: VirtualClock;
let network: MemoryBus;
let relays: Relay[];
/** Nothing arrives. */
let lossy = false;

beforeEach(() => {
  clock = new VirtualClock();
  lossy = false;
  network = new MemoryBus(clock, () => (lossy ? [] : [1]));
  relays = [];
});

function start(options: Partial<ReplicaSettings> = {}, earlier?: Replica): Relay {
  const relay = new Relay(relays.length + 1, clock, network, options, earlier);
  relays.push(relay);
  return relay;
}

function installView(members: readonly Relay[] = relays): void {
  const first = members[0]!.process;
  const view: View = {
    id: { epoch: clock.nowMs() + 1, coordinator: first.incarnation, nonce: 0 },
    members: members.map(({ process }) => process),
  };
  for (const { replica } of members) replica.viewInstalled(view);
}

function pass(durationMs: number): void {
  clock.runUntil(clock.nowMs() + durationMs);
}

/** Beats of everybody to everybody, on the other connection. */
function beat(): void {
  for (const { replica, process } of relays) {
    for (const other of relays) {
      if (other.process !== process) other.replica.beatDigest(process.incarnation, replica.digest());
    }
  }
}

describe('a replica', () => {
  it('its states tell where it stands: standalone, synchronising, live', () => {
    const a = start();
    expect(a.replica.state).toBe('standalone clean idle resting');
    const b = start();
    installView();
    expect(a.replica.state).toContain('synchronising');
    pass(10);
    expect([a, b].map(({ replica }) => replica.state)).toEqual([
      'live clean idle resting',
      'live clean idle resting',
    ]);
    a.wire.setState('down');
    expect(a.replica.state).toContain('standalone');
    a.wire.setState('up');
    expect(a.replica.state).toContain('live');
  });

  it('REP-22.4 on its clock: 99 changes leave after one second, the 100th at once', () => {
    const [a, b] = [start(), start()];
    installView();
    pass(10);
    for (let i = 0; i < 99; i++) a.replica.table.increment(`10.0.0.${i}`);
    expect(a.replica.state).toBe('live waiting idle resting');
    pass(999);
    expect(b.replica.table.count('10.0.0.0/24')).toBe(0);
    pass(2);
    expect(b.replica.table.count('10.0.0.0/24')).toBe(99);
    expect(a.replica.state).toContain('clean');
    for (let i = 0; i < 100; i++) a.replica.table.increment(`10.0.1.${i}`);
    pass(1);
    expect(b.replica.table.count('10.0.1.0/24')).toBe(100);
  });

  it('REP-4.1 a change after an early batch waits its own second', () => {
    const [a, b] = [start({ maxPending: 2 }), start()];
    installView();
    pass(10);
    a.replica.table.increment('10.0.0.1');
    pass(500);
    a.replica.table.increment('10.0.0.2');
    pass(100);
    a.replica.table.increment('10.0.0.3');
    pass(999);
    expect(b.replica.table.count('10.0.0.0/24')).toBe(2);
    pass(3);
    expect(b.replica.table.count('10.0.0.0/24')).toBe(3);
  });

  it('REP-4.4 a joiner has the rows of all within a few turns', () => {
    const [a, b] = [start(), start()];
    a.replica.table.increment('10.0.0.1', 2);
    b.replica.table.increment('10.0.0.1', 3);
    installView();
    pass(1_100);
    const c = start();
    installView();
    pass(20);
    for (const { replica } of [a, b, c]) expect(replica.table.count('10.0.0.1')).toBe(5);
    expect(c.replica.stats()).toMatchObject({ snapshotsReceived: 2, pending: 0 });
  });

  it('a row that does not come is asked for again; REP-4.18 after ten seconds somebody is told', () => {
    const [a, b] = [start(), start()];
    b.replica.table.increment('10.0.0.1');
    lossy = true;
    installView();
    pass(9_000);
    expect(a.warnings).toEqual([]);
    pass(2_000);
    expect(a.warnings).toHaveLength(1);
    expect(a.replica.state).toContain('synchronising');
    lossy = false;
    pass(1_100);
    expect(a.replica.state).toContain('live');
    expect(a.replica.table.count('10.0.0.1')).toBe(1);
    pass(20_000);
    expect(a.warnings).toHaveLength(1);
  });

  it('REP-21.4 silent loss is found by the beats', () => {
    const [a, b] = [start(), start()];
    installView();
    pass(10);
    lossy = true;
    a.replica.table.increment('10.0.0.1');
    a.replica.flush();
    pass(10);
    lossy = false;
    beat();
    beat();
    pass(10);
    expect(b.replica.table.count('10.0.0.1')).toBe(1);
    expect(b.replica.stats().gaps).toBe(1);
    beat();
    expect(b.replica.verify()).toEqual([{ origin: a.process.incarnation, verdict: 'match' }]);
  });

  it('REP-5.5 an idle address is dropped on the clock', () => {
    const a = start();
    a.replica.table.increment('10.0.0.1');
    a.replica.table.decrement('10.0.0.1');
    pass(299_000);
    expect(a.replica.stats().keys).toBe(1);
    pass(62_000);
    expect(a.replica.stats().keys).toBe(0);
  });

  it('an actor that failed goes on where it stopped: what waited is sent', () => {
    const [a, b] = [start(), start()];
    installView();
    pass(10);
    a.replica.table.increment('10.0.0.1');
    const takeChanges = Object.getOwnPropertyDescriptor(CidrTable.prototype, 'takeChanges')!;
    CidrTable.prototype.takeChanges = () => {
      CidrTable.prototype.takeChanges = takeChanges.value;
      throw new Error('a defect');
    };
    pass(1_100);
    expect(a.critical).toHaveLength(1);
    expect(b.replica.table.count('10.0.0.1')).toBe(1);
    expect(a.replica.state).toContain('live');
  });

  it('REP-18.6 listings come in batches', async () => {
    const a = start();
    for (let i = 0; i < 3_000; i++) a.replica.table.increment((0x0a000000 + i) | 0);
    const rows = [];
    for await (const batch of a.replica.rows(undefined, '10.0.0.0/8')) rows.push(...batch);
    expect(rows[0]).toEqual({ key: '10.0.0.0/20', count: 3_000 });
    expect(rows.filter(({ key }) => key.endsWith('/32'))).toHaveLength(3_000);
  });

  it('REP-18.8 a new life of a process keeps its own row; the views of others are dropped and fetched again', () => {
    const [a, b] = [start(), start()];
    installView();
    a.replica.table.increment('10.0.0.1', 2);
    b.replica.table.increment('10.0.0.1', 5);
    pass(2_000);
    expect(a.replica.table.count('10.0.0.1')).toBe(7);
    const reborn = start({}, a.replica);
    expect(reborn.replica.table.count('10.0.0.1')).toBe(2);
    expect(() => reborn.replica.table.count('10.0.0.1', b.process.incarnation)).toThrow(/no view/i);
    installView([b, reborn]);
    expect(b.replica.table.count('10.0.0.1')).toBe(5);
    pass(2_000);
    for (const { replica } of [b, reborn]) expect(replica.table.count('10.0.0.1')).toBe(7);
    expect(reborn.replica.stats().snapshotsReceived).toBe(1);
  });

  it('after stop it neither sends nor receives', () => {
    const [a, b] = [start(), start()];
    installView();
    pass(10);
    b.replica.stop();
    a.replica.table.increment('10.0.0.1');
    b.replica.table.increment('10.0.0.2');
    pass(5_000);
    expect(a.replica.table.count('10.0.0.2')).toBe(0);
    expect(b.replica.table.count('10.0.0.1')).toBe(0);
  });

  it('types without a table are not created here', () => {
    const relay = start();
    const created = replicaTypes.filter((type) => {
      const world = {
        random: new SeededRandom(1),
        self: relay.process,
        clock,
        shared: relay.wire,
        links: { s: relay.wire },
      };
      Object.assign(world, { shared: { onMessage: () => () => {} } });
      return Replica.of(new ActorSystem(world as unknown as World), world as unknown as World, {
        ...settings,
        type,
      });
    });
    expect(created).toEqual([
      'inbound_cidr',
      'outbound_cidr',
      'outbound_domains',
      'outbound_binding_domains',
    ]);
  });
});
