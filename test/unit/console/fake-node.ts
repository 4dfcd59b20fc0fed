/** A node made of plain data, and what an interpreter needs around it. */
import type { Status } from '../../../src/console/answer.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import type { MemberFacts, NodeFacts, RowStats, SharedObjectFacts } from '../../../src/console/facts.ts';
import { Interpreter, type Reply } from '../../../src/console/interpreter.ts';
import type { Registry } from '../../../src/console/registry.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { type Log, logLevels } from '../../../src/core/log.ts';
import type { SharedRow } from '../../../src/core/shared-object.ts';
import { Journals } from '../../../src/node/journals.ts';

export const silentLog = Object.fromEntries(logLevels.map((level) => [level, () => {}])) as unknown as Log;
export const noCounters = { add: () => {} };

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export function member(overrides: Partial<MemberFacts> = {}): MemberFacts {
  return {
    privateName: '#ec0-20768#pono',
    node: 'pono',
    subcluster: 'default',
    type: 'Momentum',
    version: '3.0.10.30663 r(30669)',
    address: '10.79.0.20',
    port: 4802,
    groups: ['ec_console', 'ec_sc_default', 'ec_cluster'],
    ...overrides,
  };
}

/** The one of the golden texts: labrat-1 in a cluster that labrat-4 leads. */
export function fakeNode(overrides: Partial<NodeFacts> = {}): NodeFacts {
  return {
    nodename: 'labrat-1',
    address: '10.80.116.201',
    port: 4802,
    version: '0.1.0',
    processId: 22787,
    controlGroup: 'ec_console',
    clusterGroup: 'ec_cluster',
    logGroup: undefined,
    link: (name) => ({
      privateName: name === 'm' ? '#ec0-22787#labrat-1' : '#ec1-22787#labrat-1',
      server: 'nats://127.0.0.1:4222',
    }),
    view: () => ({ epoch: 7, coordinator: 'labrat-4', nodeCount: 3, state: 'settled', leader: 'labrat-4' }),
    members: () => [member()],
    sharedObjects: () => [],
    caches: () => [],
    flushCache: async () => undefined,
    paniclog: () => [],
    counts: () => undefined,
    journals: new Journals('/nowhere', systemClock),
    duravip: () => ({ absence: 'No DuraVIP is configured.' }),
    logs: {
      list: async () => ({ node: 'labrat-1', subcluster: 'default', logs: [] }),
      dropSubscriber: async () => ({ dropped: [], problems: [] }),
    },
    jobs: () => [],
    abortJob: () => false,
    loggers: { names: ['ec_logger:main'], reopen: async () => {} },
    configuration: {
      ask: async () => undefined,
      reload: async () => ({ applied: true, report: '', findings: [], changes: [], needRestart: [] }),
    },
    modules: () => [],
    hooks: [],
    reset: () => {},
    shutdown: () => {},
    ...overrides,
  };
}

export interface FakeObject {
  readonly name: string;
  readonly kind?: SharedObjectFacts['kind'];
  readonly snapped?: boolean;
  /** `from` is undefined for the global view. Each array is a batch. */
  readonly rows?: (
    from: string | undefined,
    under: string | undefined,
  ) => readonly (readonly SharedRow[])[] | undefined;
  readonly verify?: SharedObjectFacts['verify'];
  readonly stats?: Partial<RowStats>;
}

export function fakeObject({
  name,
  kind = 'cidrtree',
  snapped = true,
  rows = () => [],
  ...more
}: FakeObject): SharedObjectFacts {
  return {
    name,
    kind,
    snapped,
    view: (from) => {
      if (rows(from, undefined) === undefined) return undefined;
      const label = from === undefined ? 'global' : from.startsWith('#') ? from : `#ec1-12137#${from}`;
      return {
        label,
        async *rows(under) {
          yield* rows(from, under) ?? [];
        },
      };
    },
    verify: more.verify ?? (() => []),
    stats: () => ({
      keys: 0,
      ownKeys: 0,
      rolledUp: 0,
      refused: 0,
      anomalies: 0,
      overflows: 0,
      pending: 0,
      oldestPendingMs: 0,
      batchesSent: 0,
      snapshotsSent: 0,
      batchesReceived: 0,
      snapshotsReceived: 0,
      gaps: 0,
      differences: 0,
      drops: 0,
      origins: [],
      ...more.stats,
    }),
  };
}

/** `10.0.0.1/32 4` as a row. */
export function row(text: string): SharedRow {
  const [key, count] = text.split(' ');
  return { key: key!, count: Number(count) };
}

export function interpreterOf(registry: Registry, clock: Clock = systemClock): Interpreter {
  return new Interpreter({ registry, clock, log: silentLog, counters: noCounters });
}

export interface Collected {
  readonly text: string;
  readonly parts: readonly string[];
  readonly status: Status;
}

export async function collect(reply: Reply): Promise<Collected> {
  const parts: string[] = [];
  for (;;) {
    const next = await reply.next();
    if (next.done) return { text: parts.join(''), parts, status: next.value };
    parts.push(next.value);
  }
}

/** Types a line on the console of a node. */
export function type(line: string, facts: NodeFacts = fakeNode()): Promise<Collected> {
  return collect(interpreterOf(nodeRegistry(facts)).run(line));
}
