/** Times of the membership, with what `profile` changes unless it is stated (design: DuraVIP). */
import { ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

const profiles = {
  default: { beatIntervalMs: 200, failureTimeoutMs: 1000 },
  fast: { beatIntervalMs: 20, failureTimeoutMs: 100 },
};

export function membershipTimes(root: Scope): {
  readonly beatIntervalMs: number;
  readonly failureTimeoutMs: number;
} {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const profile = profiles[cluster.text('profile') === 'fast' ? 'fast' : 'default'];
  const stated = (option: string) => (cluster.isSet(option) ? cluster.number(option) * 1000 : undefined);
  return {
    beatIntervalMs: stated('bus_heartbeat_interval') ?? profile.beatIntervalMs,
    failureTimeoutMs: stated('bus_failure_timeout') ?? profile.failureTimeoutMs,
  };
}
