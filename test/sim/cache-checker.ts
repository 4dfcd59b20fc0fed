/**
 * The truth about a replicated cache: every version that was ever written, and for how long it was to live. In the end
 * everybody shows the same of every key, nothing that nobody wrote, nothing that has expired, and nothing where a newer
 * version lasts, deletes among them (replication 13.6, 13.7, 13.10). A write is newer than what its writer had.
 *
 * What a process wrote just before it died may be lost. Some keys are written with many lives, and there any older version
 * with a longer one may come back when the newer has expired (src/core/cache/cache.ts); where all lives are the same, as
 * users write them, it may not. Wall clocks do not step here: writes of a node far ahead are refused (FLT-2003).
 */
import { type CacheEntry, isExpired } from '../../src/core/cache/entry.ts';
import { isNewer, isSameVersion } from '../../src/core/cache/hybrid-clock.ts';
import type { ReplicaSettings } from '../../src/core/settings.ts';
import { sameViewId, type ViewId } from '../../src/core/view.ts';
import { type ObjectChecker, type ObjectWorld, runningNodes } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';

const settings: ReplicaSettings = {
  name: 'mycache',
  type: 'cache',
  parameters: ['snapshot'],
  maxDelayMs: 300,
  maxPending: 20,
  maxKeys: 1,
  maxSize: 1_000,
  maxThrottles: 1,
  maxWaitMs: 200,
  bindingGroup: undefined,
};
/** `lasting` never expires, each of `ending` has one life in the run, `mixed` has many. */
const keys = ['lasting', 'ending', 'mixed'].flatMap((kind) =>
  Array.from({ length: 20 }, (_, number) => `${kind}-${number}`),
);

/** More than two clocks are apart, and what has expired is gone within a second. */
const slackMs = 3_000;

interface Written {
  /** As it must be at all nodes. Deletes outlive the run. */
  readonly entry: CacheEntry;
  readonly by: SimNode;
}

export class CacheChecker implements ObjectChecker {
  readonly settings = settings;
  readonly mostSkewMs = 400;
  /** Digests have to differ for a while before anything is fetched, from one member after the other, with pauses. */
  readonly quietMs = 60_000;
  readonly #world: ObjectWorld;
  readonly #random: SeededRandom;
  readonly #written = new Map<string, Written[]>();
  readonly #late: string[] = [];

  constructor(world: ObjectWorld) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed, 'caches');
  }

  start(): void {}

  act(): void {
    const running = runningNodes(this.#world);
    if (running.length > 0) this.#change(this.#random.pick(running), this.#random.pick(keys));
  }

  check(nodes: readonly SimNode[]): string[] {
    const using = nodes.filter(isUsing);
    const writers = this.#world.living().filter(isUsing);
    const wrong = using.flatMap((node) => {
      // Where the network stays divided, each part is equal in itself.
      const together = using.filter((other) => sameViewId(viewOf(other), viewOf(node)));
      // Also with nodes that are not asked, because their members do not hear them.
      const isWhole = together.length === writers.length;
      const wrong = keys.flatMap((key) => this.#wrong(key, node, together[0]!, isWhole));
      return wrong.slice(0, 4).map((text) => `REP-13.6 ${node.name}: ${text}`);
    });
    return [...this.#late, ...wrong];
  }

  /** Writes or deletes, here and in the truth. */
  #change(node: SimNode, key: string): void {
    const cache = cacheOf(node);
    const before = cache.peek(key);
    let lifeMs = 0;
    if (this.#random.chance(0.3)) {
      if (!cache.delete(key)) return;
    } else {
      const value = `${this.#random.below(1_000_000)}`;
      lifeMs = this.#lifeMs(key);
      cache.set(key, value, lifeMs);
    }
    const entry = { ...cache.peek(key)!, expiresMs: lifeMs && node.clock.wallMs() + lifeMs };
    if (before && !isNewer(entry, before))
      this.#late.push(`REP-13.6 ${node.name}: ${textOf(entry)} is older than what it replaced`);
    const written = this.#written.get(key) ?? [];
    this.#written.set(key, [...written, { entry, by: node }]);
  }

  #lifeMs(key: string): number {
    if (key.startsWith('ending')) return 60_000 + 2_000 * Number(key.split('-')[1]);
    const isEnding = key.startsWith('mixed') && this.#random.chance(0.6);
    return isEnding ? 1_000 + this.#random.below(120_000) : 0;
  }

  #wrong(key: string, node: SimNode, other: SimNode, isWhole: boolean): string[] {
    const nowMs = node.clock.wallMs();
    const written = this.#written.get(key) ?? [];
    // It may have ended at one node and not yet at another.
    if (written.some(({ entry }) => entry.expiresMs !== 0 && Math.abs(entry.expiresMs - nowMs) < slackMs))
      return [];
    const shown = shownBy(node, key);
    const wrong: string[] = [];
    const truth = shown && written.find(({ entry }) => isSameVersion(entry, shown))?.entry;
    if (shown && (!truth || truth.value !== shown.value)) wrong.push(`${textOf(shown)}, which nobody wrote`);
    if (shown && truth && isExpired(truth, nowMs)) wrong.push(`${textOf(shown)}, which has expired`);
    const lasts = ({ entry, by }: Written) => by.alive && !isExpired(entry, nowMs);
    const newest = written.filter(lasts).reduce<CacheEntry | undefined>(newerOf, undefined);
    const isReplaced = written.some(({ entry }) => newest && isNewer(entry, newest));
    if (isWhole && newest && !isReplaced && !(shown && !isNewer(newest, shown)))
      wrong.push(`${shown ? textOf(shown) : `nothing of ${key}`}, but newer is ${textOf(newest)}`);
    if (cacheOf(node).has(key) !== (shown?.value !== undefined))
      wrong.push(`${key} is found, or not, unlike what is there`);
    const others = shownBy(other, key);
    if (others?.time !== shown?.time || others?.origin !== shown?.origin)
      wrong.push(`${shown ? textOf(shown) : `nothing of ${key}`}, unlike ${other.name}`);
    return wrong;
  }
}

/** Deleted keys are shown too, as what they are. */
function shownBy(node: SimNode, key: string): CacheEntry | undefined {
  const entry = cacheOf(node).peek(key);
  return entry && !isExpired(entry, node.clock.wallMs()) ? entry : undefined;
}

function newerOf(newest: CacheEntry | undefined, { entry }: Written): CacheEntry {
  return newest && isNewer(newest, entry) ? newest : entry;
}

function textOf({ key, value }: CacheEntry): string {
  return value === undefined ? `the end of ${key}` : `${key} = ${value}`;
}

function isUsing({ options }: SimNode): boolean {
  return options.type === 'Momentum';
}

function viewOf({ member }: SimNode): ViewId {
  return member.membership.view.id;
}

function cacheOf(node: SimNode) {
  return node.member.caches.get(settings.name)!.cache;
}
