/** Figures that are read when somebody asks for metrics, from the living parts of the node at that moment. */
import type { Metrics } from '../observe/metrics.ts';
import type { HeldSlots } from './api-slots.ts';
import type { ClusterLife } from './cluster-life.ts';
import type { Jobs } from './jobs.ts';
import type { OfferedLogs } from './logs.ts';
import type { Throttles } from './throttles.ts';

export interface GaugeSources {
  /** Undefined before the first join and between two lives. */
  readonly life: () => ClusterLife | undefined;
  readonly jobs: Pick<Jobs, 'size'>;
  readonly logs: Pick<OfferedLogs, 'leases' | 'lagBytes'>;
  readonly throttles: Pick<Throttles, 'waiting'>;
  readonly slots: Pick<HeldSlots, 'size'>;
}

/** Of a manager. */
export function exposeManagerGauges(
  metrics: Metrics,
  aggregator: () => { pullers(): readonly unknown[]; readonly records: number } | undefined,
  cache: () => { readonly fileBytes: number } | undefined,
): void {
  metrics.gauge('control_cache_bytes', () => cache()?.fileBytes ?? 0);
  metrics.gauge('log_pullers', () => aggregator()?.pullers().length ?? 0);
  metrics.gauge('log_records_waiting', () => aggregator()?.records ?? 0);
}

export function exposeGauges(metrics: Metrics, { life, jobs, logs, throttles, slots }: GaugeSources): void {
  const objects = () => [...(life()?.member.replicas.values() ?? [])].map((replica) => replica.stats());
  const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
  metrics.gauge('view_members', () => life()?.member.membership.view.members.length ?? 0);
  metrics.gauge('link_up', () => {
    const { m, s } = life()?.links ?? {};
    return [m, s].filter((link) => link?.state === 'up').length;
  });
  metrics.gauge('api_requests_waiting', () => life()?.api?.waiting ?? 0);
  metrics.gauge('api_slots_held', () => slots.size);
  metrics.gauge('peer_jobs', () => jobs.size);
  metrics.gauge('log_leases', () => logs.leases);
  metrics.gauge('log_lag_bytes', () => logs.lagBytes);
  metrics.gauge('shared_keys', () => sum(objects().map(({ keys }) => keys)));
  metrics.gauge('shared_pending_changes', () => sum(objects().map(({ pending }) => pending)));
  metrics.gauge('throttle_waiting_callers', () => {
    const shared = [...(life()?.member.throttles.values() ?? [])];
    return throttles.waiting + sum(shared.map((replica) => replica.stats().waitingCallers));
  });
}
