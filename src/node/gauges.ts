/** Figures that are read when somebody asks for metrics, from the living parts of the process at that moment. */
import type { ReplicaStats } from '../actors/row-replica.ts';
import type { ActorSystem } from '../actors/system.ts';
import { leaderOf } from '../core/view.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { HeldSlots } from './api-slots.ts';
import type { Caches } from './caches.ts';
import type { ClusterLife } from './cluster-life.ts';
import type { Jobs } from './jobs.ts';
import type { OfferedLogs } from './logs.ts';
import type { Throttles } from './throttles.ts';

/** Undefined before the first join and between two lives. */
type Life = () => ClusterLife | undefined;

/** What the node offers to programs, which is where most of it can be read. */
export interface MeasuredNode {
  readonly metrics: Metrics;
  readonly throttles: Pick<Throttles, 'figures'>;
  readonly caches: Pick<Caches, 'counts'>;
  readonly sessions: { readonly atListeners: number };
}

export interface GaugeSources {
  readonly life: Life;
  readonly jobs: Pick<Jobs, 'size'>;
  readonly logs: Pick<OfferedLogs, 'leases' | 'lagBytes'>;
  readonly slots: Pick<HeldSlots, 'size'>;
  readonly configuration: { readonly pending: number };
}

/** Of a manager. */
export function exposeManagerGauges(
  metrics: Metrics,
  logs: { pullers(): readonly unknown[]; readonly records: number },
  cache: () => { readonly fileBytes: number } | undefined,
): void {
  metrics.gauge('control_cache_bytes', () => cache()?.fileBytes ?? 0);
  metrics.gauge('log_pullers', () => logs.pullers().length);
  metrics.gauge('log_records_waiting', () => logs.records);
}

/** Of a node. */
export function exposeGauges(node: MeasuredNode, sources: GaugeSources): void {
  const { metrics, sessions, throttles, caches } = node;
  const { life, jobs, logs, slots, configuration } = sources;
  metrics.gauge('api_requests_waiting', () => life()?.api?.waiting ?? 0);
  metrics.gauge('api_slots_held', () => slots.size);
  metrics.gauge('program_messages_waiting', () => life()?.member.programs?.waiting ?? 0);
  metrics.gauge('peer_jobs', () => jobs.size);
  metrics.gauge('log_leases', () => logs.leases);
  metrics.gauge('log_lag_bytes', () => logs.lagBytes);
  metrics.gauge('listener_sessions', () => sessions.atListeners);
  metrics.gauge('config_pending_changes', () => configuration.pending);
  exposeThrottles(metrics, throttles, life);
  exposeCaches(metrics, caches);
  exposeVips(metrics, life);
}

/** Of every member of the cluster: its actors, its links, its view, its shared objects. */
export function exposeMember(metrics: Metrics, system: ActorSystem, life: Life): void {
  const systems = () => [system, ...(life() ? [life()!.member.system] : [])];
  metrics.gauge('actors_running', () => sumOf(systems(), (each) => each.list().length));
  metrics.gauge('actors_given_up', () => sumOf(systems(), ({ failed }) => failed));
  const links = () => {
    const { m, s } = life()?.links ?? {};
    return [m, s].filter((link) => link !== undefined);
  };
  metrics.gauge('link_up', () => links().filter(({ state }) => state === 'up').length);
  metrics.gauge('bus_backlog_messages', () => sumOf(links(), (link) => link.waiting()));
  const membership = () => life()?.member.membership;
  metrics.gauge('view_members', () => membership()?.view.members.length ?? 0);
  metrics.gauge('view_settled', () => Number(isSettled(membership()?.standing)));
  metrics.gauge('view_leader', () => {
    const { view, self } = membership() ?? {};
    return Number(view !== undefined && leaderOf(view)?.incarnation === self?.incarnation);
  });
  exposeShared(metrics, life);
}

/** No other view is being agreed upon. */
export function isSettled(standing: string | undefined): boolean {
  return standing === 'settled' || standing === 'alone';
}

function exposeShared(metrics: Metrics, life: Life): void {
  const objects = () => [...(life()?.member.replicas.values() ?? [])];
  /** What an object of its kind does not count is 0. */
  const sum = (figure: RowFigure) => () =>
    sumOf(objects(), (replica) => (replica.stats() as Partial<ReplicaStats>)[figure] ?? 0);
  metrics.gauge('shared_objects', () => objects().length);
  metrics.gauge(
    'shared_objects_behind',
    () => objects().filter(({ standing }) => standing === 'partial').length,
  );
  metrics.gauge('shared_keys', sum('keys'));
  metrics.gauge('shared_pending_changes', sum('pending'));
  metrics.counter('shared_dropped_messages_total', sum('drops'));
  metrics.counter('shared_gaps_total', sum('gaps'));
  metrics.counter('shared_snapshots_total', sum('snapshotsReceived'));
  metrics.counter('shared_rolled_up_total', sum('rolledUp'));
  metrics.counter('shared_refused_keys_total', () =>
    // A cache counts what clocks are to blame for under this name.
    sumOf([...(life()?.member.tables.values() ?? [])], (replica) => replica.stats().refused),
  );
}

type RowFigure = 'keys' | 'pending' | 'drops' | 'gaps' | 'snapshotsReceived' | 'rolledUp';

function exposeThrottles(metrics: Metrics, throttles: MeasuredNode['throttles'], life: Life): void {
  const shared = () => [...(life()?.member.throttles.values() ?? [])].map((replica) => replica.stats());
  metrics.gauge(
    'throttle_waiting_callers',
    () => throttles.figures.waiting + sumOf(shared(), ({ waitingCallers }) => waitingCallers),
  );
  metrics.gauge('throttles_held', () => throttles.figures.held + sumOf(shared(), ({ keys }) => keys));
  metrics.counter('throttle_unanswered_total', () => sumOf(shared(), ({ refusals }) => refusals));
  metrics.counter(
    'throttle_evictions_total',
    () => throttles.figures.evictions + sumOf(shared(), ({ evictions }) => evictions),
  );
}

function exposeCaches(metrics: Metrics, caches: MeasuredNode['caches']): void {
  const kinds = { cache: 'cluster', query_cache: 'ds_core' } as const;
  const counts = (kind: keyof typeof kinds) =>
    caches.counts().flatMap((each) => (each.kind === kinds[kind] ? [each.counts] : []));
  metrics.gauge('cache_entries', () => sumOf(counts('cache'), ({ elements }) => elements));
  metrics.counter('cache_hits_total', () => sumOf(counts('cache'), ({ hits }) => hits));
  metrics.counter('cache_misses_total', () => sumOf(counts('cache'), ({ misses }) => misses));
  metrics.counter('cache_evictions_total', () => sumOf(counts('cache'), ({ evicted }) => evicted));
  metrics.gauge('query_cache_entries', () => sumOf(counts('query_cache'), ({ elements }) => elements));
  metrics.counter('query_cache_hits_total', () => sumOf(counts('query_cache'), ({ hits }) => hits));
  metrics.counter('query_cache_misses_total', () => sumOf(counts('query_cache'), ({ misses }) => misses));
  metrics.counter('query_cache_evictions_total', () =>
    sumOf(counts('query_cache'), ({ evicted }) => evicted),
  );
}

/** 0 on a node that floats nothing. */
function exposeVips(metrics: Metrics, life: Life): void {
  const ownership = () => life()?.member.ownership;
  const local = () => ownership()?.local;
  metrics.gauge('vip_addresses_configured', () => local()?.configured.length ?? 0);
  metrics.gauge('vip_addresses_owned', () => {
    const self = life()?.incarnation;
    return self === undefined ? 0 : (ownership()?.table.ownedBy(self).length ?? 0);
  });
  metrics.gauge('vip_addresses_on', () => local()?.plumbed.length ?? 0);
  metrics.gauge('vip_addresses_stuck', () => local()?.stuck.length ?? 0);
  metrics.gauge('vip_addresses_unfit', () => local()?.incapable.size ?? 0);
  metrics.gauge(
    'vip_addresses_orphaned',
    () => ownership()?.table.rows.ordered.filter(({ owner }) => owner === undefined).length ?? 0,
  );
  metrics.gauge('vip_lease_alive', () => Number(ownership()?.lease.isAlive ?? false));
  metrics.gauge('vip_quorum', () => Number(ownership()?.hasQuorum ?? false));
}

function sumOf<Each>(all: readonly Each[], figure: (each: Each) => number): number {
  return all.reduce((total, each) => total + figure(each), 0);
}
