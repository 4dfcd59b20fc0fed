/** Objects of counts over time as members have them: nodes together, and managers that collect. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createReplica } from '../../../src/actors/create-replica.ts';
import type { World } from '../../../src/actors/ports.ts';
import { SeriesReplica } from '../../../src/actors/series-replica.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { MemoryBus } from '../../../src/bus/memory.ts';
import { SharedBus } from '../../../src/bus/shared.ts';
import type { Incarnation, MemberType } from '../../../src/core/identity.ts';
import type { Log } from '../../../src/core/log.ts';
import type { ReplicaSettings } from '../../../src/core/settings.ts';
import type { Process } from '../../../src/core/view.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { minutes } from './nodes.ts';

const settings: ReplicaSettings = {
  name: 'metrics',
  type: 'metrics',
  parameters: ['audit_series', 'snapshot'],
  maxDelayMs: 1_000,
  maxPending: 100,
  maxKeys: 1_000_000,
  maxThrottles: 100,
  maxWaitMs: 200,
  maxSize: 1_000,
  bindingGroup: undefined,
};
const hits = { id: 'series:60,5:hits', keyType: 'text', intervalS: 60, count: 5 } as const;

let clock: VirtualClock;
let network: MemoryBus;
let members: Member[];

class Member {
  readonly process: Process;
  readonly replica: SeriesReplica;
  readonly warnings: string[] = [];
  received = 0;

  constructor(number: number, type: MemberType, options: Partial<ReplicaSettings>, earlier?: SeriesReplica) {
    const incarnation = String(number).repeat(32) as Incarnation;
    this.process = { incarnation, type, node: `relay-${number}`, number, seniority: number };
    const wire = network.connect(`s ${number}`);
    const ignore = () => {};
    const warning = (text: string) => void this.warnings.push(text);
    const log: Log = {
      debug: ignore,
      info: ignore,
      notice: ignore,
      warning,
      error: warning,
      critical: warning,
    };
    const random = new SeededRandom(number);
    const counters = { add: ignore };
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const busOptions = { groups, self: incarnation, clock, random, log, counters };
    const shared = new SharedBus(wire, { ...busOptions, isManager: type !== 'Momentum' });
    const link = {
      name: 's',
      get state() {
        return wire.state;
      },
      onState: wire.onState.bind(wire),
    };
    const world = { clock, random, log, counters, shared, links: { s: link }, self: { incarnation, type } };
    const replica = createReplica(
      new ActorSystem(world as unknown as World),
      world as unknown as World,
      { ...settings, ...options },
      earlier,
    );
    expect(replica).toBeInstanceOf(SeriesReplica);
    this.replica = replica as SeriesReplica;
    wire.setState('up');
  }
}

beforeEach(() => {
  clock = new VirtualClock();
  network = new MemoryBus(clock, () => [1]);
  members = [];
});

function start(type: MemberType = 'Momentum', options: Partial<ReplicaSettings> = {}): Member {
  const member = new Member(members.length + 1, type, options);
  members.push(member);
  return member;
}

function view(present = members): void {
  const processes = present.map(({ process }) => process);
  const id = { epoch: 1, coordinator: processes[0]!.incarnation, nonce: 0 };
  for (const { replica } of present) replica.viewInstalled({ id, members: processes });
}

/** Beats tell of rows, as in a cluster. */
async function rest(): Promise<void> {
  await clock.advance(clock.nowMs() + 3_000);
  for (const from of members)
    for (const { replica } of members)
      if (from.replica !== replica) replica.beatDigest(from.process.incarnation, from.replica.digest());
  await clock.advance(clock.nowMs() + 3_000);
}

async function lines(member: Member, from?: Incarnation): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const batch of member.replica.rows(from)) rows.push(...batch);
  return rows;
}

describe('counts over time as a shared object', () => {
  it('REP-8.8 REP-18.7 nodes count together, and show each series with the total of its current window', async () => {
    const [a, b] = [start(), start()];
    view();
    for (const { replica } of members) replica.table.define(hits, minutes, true);
    a.replica.table.add(hits.id, 'x', 2);
    b.replica.table.add(hits.id, 'y', 3);
    await rest();
    expect(a.replica.table.sum(hits.id, 60, 0, 0, 'y')).toBe(3);
    expect(await lines(a)).toEqual([{ key: 'hits 60,5', count: 5 }]);
    expect(await lines(a, b.process.incarnation)).toEqual([{ key: 'hits 60,5', count: 3 }]);
    expect(a.replica.kind).toBe('event series');
    expect(a.replica.snapped).toBe(true);
    expect(a.replica.verify().map(({ verdict }) => verdict)).not.toContain('differ');
  });

  it('REP-4.13 eccmgr_metrics is told to managers only; they collect and show no row', async () => {
    const options = { name: 'eccmgr_metrics', type: 'eccmgr_metrics' } as const;
    const [a, b] = [start('Momentum', options), start('Momentum', options)];
    const manager = start('Manager', options);
    view();
    for (const { replica } of [a, b]) replica.table.define(hits, minutes, true);
    a.replica.table.add(hits.id, 'x', 2);
    b.replica.table.add(hits.id, 'x', 3);
    await rest();
    expect(members.map(({ replica }) => replica.table.sum(hits.id, 60, 0, 0, 'x'))).toEqual([2, 3, 5]);
    expect(a.replica.stats()).toMatchObject({ drops: 0, batchesReceived: 0, origins: [] });
    expect(manager.replica.stats()).toMatchObject({ batchesSent: 0, ownKeys: 0 });
    expect(manager.replica.verify()).toHaveLength(2);
    expect(members.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('CMD-17 after a reset the process goes on with its counts, once', async () => {
    const [a, b] = [start(), start()];
    view();
    for (const { replica } of members) replica.table.define(hits, minutes, true);
    a.replica.table.add(hits.id, 'x', 2);
    b.replica.table.add(hits.id, 'x', 3);
    await rest();
    const again = new Member(3, 'Momentum', {}, a.replica);
    members = [b, again];
    view();
    await rest();
    expect(again.replica.table).toBe(a.replica.table);
    again.replica.table.add(hits.id, 'x', 1);
    await rest();
    expect(members.map(({ replica }) => replica.table.sum(hits.id, 60, 0, 5, 'x'))).toEqual([6, 6]);
  });

  it('REP-9.15 keys of another type than here are left out, with one warning', async () => {
    const [a, b] = [start(), start()];
    view();
    a.replica.table.define(hits, minutes, true);
    b.replica.table.define({ ...hits, keyType: 'ipv4' }, minutes, true);
    a.replica.table.add(hits.id, 'x', 2);
    await rest();
    a.replica.table.add(hits.id, 'x', 2);
    await rest();
    expect(b.warnings).toEqual(["'metrics': others count 'series:60,5:hits' by text, which is not so here"]);
  });
});
