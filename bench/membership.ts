/**
 * P11: bytes of membership traffic that one node receives each second, with 8, 32 and 64 nodes at rest. Counted
 * exactly, on the in-memory bus with virtual time and the real codec; NATS adds its own line for each message, which is
 * counted as the protocol writes it.
 *
 * And what it costs a node that all start at once. Each beat is news then, and a node that is not through with the news
 * before it has to beat falls out of the views of others, which is more news: 64 nodes on two cores may never get out.
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
const formingMs = 5_000;
const settledMs = 20_000;
const measuredMs = 20_000;
/** Objects of the shipped configuration whose digests ride on beats. */
const sharedObjects = 5;

interface Figures {
  readonly nodes: number;
  /** Received by a node each second at rest. */
  readonly bytes: number;
  /** Processor time of a node in its first seconds. */
  readonly joiningMs: number;
}

function measure(nodes: number): Figures {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  let bytes = 0;
  const bus = new MemoryBus(clock, () => [1]);
  const members: Member[] = [];
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
    members.push(member);
  }
  const startedMs = performance.now();
  clock.runUntil(formingMs);
  const joiningMs = (performance.now() - startedMs) / nodes;
  if (members.some(({ membership }) => membership.view.members.length < nodes))
    throw new Error(`${nodes} nodes have no view in common ${formingMs} ms after their start`);
  clock.runUntil(settledMs);
  bytes = 0;
  clock.runUntil(settledMs + measuredMs);
  return { nodes, bytes: (bytes / measuredMs) * 1000, joiningMs };
}

export const membershipBenchmark: Benchmark = {
  name: 'membership',
  goals: ['P11'],
  about: `${sizes.join(', ')} nodes that start at once, then rest`,
  meaning:
    'bytes that one member receives from all others at rest, counted on the in-memory bus with the real ' +
    'codec and the lines of the NATS protocol; processor time of a member, codec and bus included, in the first ' +
    `${formingMs / 1000} s after all started at once, with code that is compiled.`,
  run: async () => {
    // Compiles it.
    measure(sizes[0]!);
    const measured = sizes.map(measure);
    return [
      ...measured.map(
        ({ nodes, bytes }): Figure => ({
          goal: 'P11',
          what: 'membership traffic received by a node at rest',
          size: `${nodes} nodes`,
          value: bytes / 1000,
          unit: 'kB/s',
          ...(nodes === 64 && { target: { value: 100 } }),
        }),
      ),
      ...measured.map(
        ({ nodes, joiningMs }): Figure => ({
          goal: 'P11',
          what: `processor time of a node in its first ${formingMs / 1000} s`,
          size: `${nodes} nodes`,
          value: joiningMs,
          unit: 'ms',
        }),
      ),
    ];
  },
};
