/**
 * The gauge caches of a node by name (replication 13A). Caches that others count in are made here with their size and
 * ttl as soon as something of them arrives (13.4).
 *
 * Errors: FLT-1911 for a cache that is not there, FLT-1912 and FLT-1302 for arguments.
 */
import { FlotillaError } from '../errors.ts';
import type { Work } from '../replica/work.ts';
import type { EventTable } from './event-table.ts';
import { GaugeCache, gaugeDefinition, gaugeName } from './gauge-cache.ts';

export interface GaugeHome {
  /** Of all nodes; undefined when gauge caches are not replicated. */
  readonly shared: EventTable | undefined;
  readonly local: EventTable;
  nowMs(): number;
  /** A cache is to be replicated, but the configuration has no `gauge_cache` for it (13.3). Once for each. */
  notShared(name: string): void;
}

const maxCaches = 4096;

export class GaugeCaches {
  readonly #home: GaugeHome;
  readonly #caches = new Map<string, GaugeCache>();

  constructor(home: GaugeHome) {
    this.#home = home;
    const { shared, local } = home;
    local.gaugeUpkeep = () => this.#sweep();
    if (!shared) return;
    shared.onGauge = (definition, key) => {
      const name = gaugeName(definition);
      const known = this.#caches.get(name);
      if (known) known.changed(key);
      else if (this.#caches.size < maxCaches)
        this.#make(name, new GaugeCache(definition, shared, home.nowMs)).changed(key);
    };
  }

  /**
   * At most `max` keys, each of which expires `ttlS` seconds after its last change; 0: never. A second time it does
   * nothing, whatever it says (13.5). Original name: `msys.gauge_cache.define`, `ec_gauge_cache_init`.
   */
  define(name: string, max: number, ttlS: number, isReplicated = false): void {
    const definition = gaugeDefinition(name, max, ttlS);
    if (this.#caches.has(name)) return;
    if (this.#caches.size >= maxCaches) throw new FlotillaError('FLT-1305', `${maxCaches} gauge caches`);
    const { shared, local, nowMs, notShared } = this.#home;
    if (isReplicated && !shared) notShared(name);
    this.#make(name, new GaugeCache(definition, (isReplicated && shared) || local, nowMs));
  }

  /** Creates the key at 0 if needed; the new value. Original name: `msys.gauge_cache.inc`, `ec_gauge_cache_inc`. */
  increment(name: string, key: string, by = 1): number {
    return this.#cache(name).increment(key, by);
  }

  /** Original name: `msys.gauge_cache.dec`, `ec_gauge_cache_dec`. A first one gives -1. */
  decrement(name: string, key: string, by = 1): number {
    return this.#cache(name).increment(key, -by);
  }

  /** Undefined for a missing key. Original name: `msys.gauge_cache.get`, `ec_gauge_cache_get`. */
  get(name: string, key: string): number | undefined {
    return this.#cache(name).get(key);
  }

  /** True when it was there. Original name: `msys.gauge_cache.remove_item`. */
  remove(name: string, key: string): boolean {
    return this.#cache(name).remove(key);
  }

  keys(name: string): Iterable<string> {
    return this.#cache(name).keys();
  }

  get all(): IterableIterator<[name: string, cache: GaugeCache]> {
    return this.#caches.entries();
  }

  #make(name: string, cache: GaugeCache): GaugeCache {
    this.#caches.set(name, cache);
    return cache;
  }

  *#sweep(): Work {
    for (const cache of [...this.#caches.values()]) yield* cache.sweep();
  }

  #cache(name: string): GaugeCache {
    const cache = this.#caches.get(name);
    if (!cache) throw new FlotillaError('FLT-1911', `gauge cache '${name}'`);
    return cache;
  }
}
