/** Values of the `cluster` scope that must be the same on all nodes: `equal` in the schema (CFG-2317). */
import { membershipTimes } from './membership-times.ts';
import { ScopeReader } from './reader.ts';
import { globalScope } from './schema/global.ts';
import { scopeOf } from './schema/lookup.ts';
import type { Scope } from './scope-tree.ts';

/** By option, in words: what a node tells the others, and is told by them. */
export function mustAgreeOf(root: Scope): ReadonlyMap<string, string> {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const { beatIntervalMs, failureTimeoutMs } = membershipTimes(root);
  const effective = new Map<string, unknown>([
    ['bus_heartbeat_interval', beatIntervalMs / 1000],
    ['bus_failure_timeout', failureTimeoutMs / 1000],
  ]);
  const names = (scopeOf(globalScope, 'cluster')?.options ?? [])
    .filter(({ name, equal }) => equal && name !== 'profile')
    .map(({ name }) => name);
  // The profile is in the times it stands for: who states the same times otherwise agrees.
  return new Map(
    names.map((name) => [name, String(effective.get(name) ?? cluster.value(name) ?? 'unset')] as const),
  );
}
