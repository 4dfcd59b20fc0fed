/**
 * What the simulation needs of a kind of shared objects that a scenario can have besides its counters: how they are
 * configured, what their users do, and what must be true of them at the end. A kind draws its random numbers from a stream
 * of its own, so scenarios without it stay as they were.
 */
import type { ReplicaSettings } from '../../src/core/settings.ts';
import type { SimNode } from './sim-node.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const objectKinds = ['series', 'quotas', 'caches', 'logs'] as const;
export type ObjectKind = (typeof objectKinds)[number];

export interface ObjectWorld {
  readonly seed: number;
  readonly clock: VirtualClock;
  /** All processes that run or are stopped, managers too. */
  living(): readonly SimNode[];
}

export interface ObjectChecker {
  /** Undefined: it is none that members replicate. */
  readonly settings?: ReplicaSettings;
  /** How far the wall clock of a process may be ahead or behind. */
  readonly mostSkewMs: number;
  /** How long after the cluster has come whole everything must be right. */
  readonly quietMs: number;
  /** Nothing is under way any more that could still change something, so that no more time has to pass. */
  isAtRest?(): boolean;
  /** A process has begun. */
  start(node: SimNode): void;
  /** Users do something, as often as there is traffic. */
  act(): void;
  /** At the end, of nodes that hear all members of their view. The violations. */
  check(nodes: readonly SimNode[]): readonly string[];
}

/** Those that can do something now. */
export function runningNodes(world: ObjectWorld): SimNode[] {
  return world.living().filter((node) => !node.clock.paused && node.options.type === 'Momentum');
}
