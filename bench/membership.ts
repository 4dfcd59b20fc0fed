/**
 * P11: bytes of membership traffic that one node receives each second, with 8, 32 and 64 nodes at rest. Counted
 * exactly, on the in-memory bus with virtual time and the real codec; NATS adds its own line for each message, which is
 * counted as the protocol writes it.
 */
import { Member } from '../src/actors/member.ts';
import { ClusterGroup } from '../src/bus/group.ts';
import { MemoryBus } from '../src/bus/memory.ts';
import { newIncarnation } from '../src/core/identity.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { VirtualClock } from '../test/sim/virtual-clock.ts';
import type { Benchmark, Figure } from './report.ts';
import { silentLog } from './silent-log.ts';

const sizes = [8, 32, 64];
const measuredMs = 20_000;
/** Objects of the shipped configuration whose digests ride on beats. */
const sharedObjects = 5;

function trafficPerNode(nodes: number): number {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  let bytes = 0;
  const bus = new MemoryBus(clock, () => [1]);
  const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
  for (let i = 0; i < nodes; i++) {
    const incarnation = newIncarnation(random);
    const wire = bus.connect(`relay-${i}`);
    wire.subscribe('>', ({ subject, data }) => {
      if (i !== 0) return;
      // MSG <subject> <sid> <size>\r\n<payload>\r\n
      bytes += 4 + subject.length + 1 + 2 + 1 + String(data.length).length + 2 + data.length + 2;
    });
    const world = { clock, random, log: silentLog, counters: { add: () => {} } };
    const link = { name: 'm' as const, state: 'up' as const, onState: () => () => {} };
    const member = new Member(
      {
        ...world,
        links: { m: link, s: { ...link, name: 's' } },
        views: new ClusterGroup(wire, { ...world, groups, self: incarnation }),
        shared: { broadcast: () => false, send: () => false, onMessage: () => () => {} },
        evidence: { onClosed: () => () => {} },
        self: {
          incarnation,
          number: 10_000 + i,
          node: `relay-${String(i).padStart(2, '0')}`,
          subcluster: 'default',
          type: 'Momentum',
          version: '1.0.0',
          address: '10.0.0.1',
          port: 4802,
          groups: ['ec_console', 'ec_sc_default', 'ec_cluster'],
        },
      },
      {
        membership: {
          beatIntervalMs: 200,
          failureTimeoutMs: 1000,
          heartbeatStartDelayMs: 15_000,
          heartbeatIntervalMs: 1000,
          orderBacklog: 1024,
          tellsHeard: false,
        },
        replicate: [],
      },
    );
    const digest = { sequence: 1, high: 1, low: 1 };
    member.membership.announceRows(() =>
      Array.from({ length: sharedObjects }, (_, object) => ({ object, ...digest })),
    );
    wire.setState('up');
  }
  clock.runUntil(20_000);
  bytes = 0;
  clock.runUntil(20_000 + measuredMs);
  return (bytes / measuredMs) * 1000;
}

export const membershipBenchmark: Benchmark = {
  name: 'membership',
  goals: ['P11'],
  about: 'membership traffic a node at rest',
  meaning:
    'bytes that one member receives from all others at rest, counted on the in-memory bus with the real ' +
    'codec and the lines of the NATS protocol.',
  run: async () =>
    sizes.map(
      (nodes): Figure => ({
        goal: 'P11',
        what: 'membership traffic received by a node at rest',
        size: `${nodes} nodes`,
        value: trafficPerNode(nodes) / 1000,
        unit: 'kB/s',
        ...(nodes === 64 && { target: { value: 100 } }),
      }),
    ),
};
