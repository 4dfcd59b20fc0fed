/** What a node's metrics say of this moment, read from its living parts at each scrape. */
import type { Metrics } from '../observe/metrics.ts';
import type { ClusterLife } from './cluster-life.ts';
import type { Jobs } from './jobs.ts';

export interface GaugeSources {
  /** Undefined before the first join. */
  readonly life: () => ClusterLife | undefined;
  readonly jobs: Jobs;
}

export function exposeGauges(metrics: Metrics, { life, jobs }: GaugeSources): void {
  const replicas = () => [...(life()?.member.replicas.values() ?? [])].map((replica) => replica.stats());
  const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
  metrics.gauge('view_members', () => life()?.member.membership.view.members.length ?? 0);
  metrics.gauge('link_up', () => {
    const { m, s } = life()?.links ?? {};
    return [m, s].filter((link) => link?.state === 'up').length;
  });
  metrics.gauge('peer_jobs', () => jobs.size);
  metrics.gauge('shared_keys', () => sum(replicas().map(({ keys }) => keys)));
  metrics.gauge('shared_pending_changes', () => sum(replicas().map(({ pending }) => pending)));
}
