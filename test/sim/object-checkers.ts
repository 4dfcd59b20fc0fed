/** The checkers of the kinds of shared objects that a scenario has. */
import { CacheChecker } from './cache-checker.ts';
import { LogChecker } from './log-checker.ts';
import type { ObjectChecker, ObjectKind, ObjectWorld } from './object-checker.ts';
import { QuotaChecker } from './quota-checker.ts';
import { SeriesChecker } from './series-checker.ts';

const checkers: Readonly<Record<ObjectKind, new (world: ObjectWorld) => ObjectChecker>> = {
  series: SeriesChecker,
  quotas: QuotaChecker,
  caches: CacheChecker,
  logs: LogChecker,
};

export function checkersOf(kinds: readonly ObjectKind[], world: ObjectWorld): readonly ObjectChecker[] {
  return kinds.map((kind) => new checkers[kind](world));
}
