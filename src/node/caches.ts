/**
 * Caches as programs, Redis clients and the console use them: pairs of the replicated ones, results of queries, counters.
 * Stays the same object over a cluster reset, and so does the content.
 */
import { createHash } from 'node:crypto';
import type { CacheReplica } from '../actors/cache-replica.ts';
import { Cache } from '../core/cache/cache.ts';
import type { CacheCounts } from '../core/cache/cache-counts.ts';
import { KeySpace } from '../core/cache/key-space.ts';
import {
  QueryCache,
  type QueryCacheSettings,
  type QueryLoader,
  type QueryOptions,
  type QueryRow,
  type QueryValue,
} from '../core/cache/query-cache.ts';
import { ttlMsOf } from '../core/cache/ttl.ts';
import { FlotillaError } from '../core/errors.ts';
import { newIncarnation } from '../core/identity.ts';
import type { DatasourceSettings } from '../core/settings.ts';
import { Databases } from '../net/databases/databases.ts';
import type { Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';

type Replicated = ReadonlyMap<string, CacheReplica>;
type Around = Pick<Surroundings, 'clock' | 'random' | 'log'>;

export interface TryQueryFailure {
  /** FLT-2005. */
  readonly error: FlotillaError;
}

interface Queries {
  readonly queries: QueryCache;
  readonly cache: Cache;
  /** Not the one that is replicated. */
  readonly isLocal: boolean;
}

export class Caches {
  #datasources: readonly DatasourceSettings[];
  readonly #replicated: () => Replicated | undefined;
  readonly #around: Around;
  readonly #keySpaces = new Map<string, KeySpace>();
  readonly #queries = new Map<string, Queries>();
  readonly #loaders = new Map<string, QueryLoader>();
  readonly #databases: Databases[] = [];

  /** @internal `replicated`: undefined before the node has joined. */
  constructor(
    datasources: readonly DatasourceSettings[],
    replicated: () => Replicated | undefined,
    around: Around,
  ) {
    this.#datasources = datasources;
    this.#replicated = replicated;
    this.#around = around;
  }

  /**
   * Stores a pair on every node; the newest write wins. `ttl`: seconds, or a text as `"15M"` or `"2H"`; 0 never expires.
   * Original: `ec_cluster_cache_set(cache, key, value, ttl)`. FLT-2001 (ttl), FLT-2002 (too large), FLT-2004 (no such cache).
   */
  set(cache: string, key: string, value: string, ttl: number | string = 0): void {
    this.keySpace(cache).set(key, value, { ttlMs: ttlMsOf(String(ttl)) });
  }

  /** Undefined when there is none, or no more. Original: `ec_cluster_cache_get(cache, key)`. FLT-2004. */
  get(cache: string, key: string): string | undefined {
    return this.keySpace(cache).get(key);
  }

  /** Deletes a pair on every node. True if there was one. Without original. FLT-2004. */
  delete(cache: string, key: string): boolean {
    return this.keySpace(cache).delete(key);
  }

  /**
   * Adds to a number that all nodes count together; returns the sum as known here. `ttl` holds for a key that is not there
   * yet. Without original. Undefined: the value is not a number. FLT-2001, FLT-2002, FLT-2004.
   */
  add(cache: string, key: string, by = 1, ttl: number | string = 0): number | undefined {
    return this.keySpace(cache).add(key, by, ttlMsOf(String(ttl)));
  }

  /**
   * The rows of a query of a `Datasource`, from the cache where they are known. Original:
   * `msys.db.query(cache, query, params, { nocache })`. Rejects with FLT-2004 (no such datasource) and FLT-2005 (failed).
   */
  query(
    cache: string,
    query: string,
    parameters: readonly QueryValue[] = [],
    options: QueryOptions = {},
  ): Promise<readonly QueryRow[]> {
    return this.#queriesOf(cache).queries.query(query, parameters, options);
  }

  /** As `query`, with the failure as a value. Original: `raise_error = false`. Rejects with FLT-2004. */
  async tryQuery(
    cache: string,
    query: string,
    parameters: readonly QueryValue[] = [],
    options: QueryOptions = {},
  ): Promise<readonly QueryRow[] | TryQueryFailure> {
    const { queries } = this.#queriesOf(cache);
    return queries.query(query, parameters, options).catch((error: FlotillaError) => ({ error }));
  }

  /** A function to ask instead of the databases in `uri`. FLT-2004. */
  setLoader(cache: string, loader: QueryLoader): void {
    this.#datasource(cache);
    this.#loaders.set(cache, loader);
    const known = this.#queries.get(cache);
    if (known) known.queries.loader = loader;
  }

  /** Empties the caches of a datasource on this node; undefined: there is none of the name. Original: `ds_core flush`. */
  async flush(cache: string): Promise<number | undefined> {
    if (!this.#datasources.some(({ name }) => name === cache)) return undefined;
    const { cache: results } = this.#queriesOf(cache);
    const pairs = this.#joined.get(cache)?.cache;
    const gone = await this.#flushed(results);
    return gone + (pairs && pairs !== results ? await this.#flushed(pairs) : 0);
  }

  async #flushed(cache: Cache): Promise<number> {
    const turns = new Turns(this.#around.clock);
    const flushing = cache.flush();
    for (;;) {
      const { value, done } = flushing.next();
      if (done) return value;
      await turns.next();
    }
  }

  /** Figures of all caches: `ds_core:` the datasources, `cluster:` the replicated ones (replication 18.9). */
  counts(): { readonly kind: 'ds_core' | 'cluster'; readonly name: string; readonly counts: CacheCounts }[] {
    const replicated = this.#replicated();
    if (!replicated) return [];
    return [
      ...this.#datasources.map(({ name }) => {
        return { kind: 'ds_core' as const, name, counts: this.#queriesOf(name).queries.counts };
      }),
      ...[...replicated.values()].map(({ name, cache: { counts } }) => {
        return { kind: 'cluster' as const, name, counts };
      }),
    ];
  }

  /** @internal When a life begins, before anything arrives: what others counted is known only to who saw it come. */
  watch(): void {
    for (const name of this.#joined.keys()) this.keySpace(name);
  }

  /** @internal The keys of a replicated cache. FLT-2004. */
  keySpace(name: string): KeySpace {
    const known = this.#keySpaces.get(name);
    if (known) return known;
    const replica = this.#joined.get(name);
    if (!replica) throw new FlotillaError('FLT-2004', `no replicated cache '${name}'`);
    const { clock, random } = this.#around;
    const keys = new KeySpace(replica.cache, { unique: () => random.hex(8), wallMs: () => clock.wallMs() });
    this.#keySpaces.set(name, keys);
    return keys;
  }

  get #joined(): Replicated {
    const replicated = this.#replicated();
    if (!replicated) throw new FlotillaError('FLT-2004', 'the node has not joined yet');
    return replicated;
  }

  /** @internal Other bounds of the same datasources. A cache that is replicated has its size of its object. */
  configure(datasources: readonly DatasourceSettings[]): void {
    this.#datasources = datasources;
    for (const datasource of datasources) {
      const known = this.#queries.get(datasource.name);
      known?.queries.configure(queryBounds(datasource));
      if (known?.isLocal) known.cache.maxSize = datasource.cacheSize;
    }
  }

  /** @internal Ends the connections to databases. */
  async close(): Promise<void> {
    await Promise.all(this.#databases.map((databases) => databases.close()));
  }

  #datasource(name: string): DatasourceSettings {
    const datasource = this.#datasources.find((candidate) => candidate.name === name);
    if (!datasource) throw new FlotillaError('FLT-2004', `no such cache '${name}'`);
    return datasource;
  }

  #queriesOf(name: string): Queries {
    const known = this.#queries.get(name);
    if (known) return known;
    const datasource = this.#datasource(name);
    const { cacheSize: maxSize, serialized } = datasource;
    const { clock, random } = this.#around;
    const published = serialized ? this.#joined.get(name)?.cache : undefined;
    const cache =
      published ?? new Cache({ self: newIncarnation(random), maxSize, wallMs: () => clock.wallMs() });
    const queries = new QueryCache(queryBounds(datasource), cache, sha256);
    queries.loader = this.#loaders.get(name) ?? this.#ask(datasource);
    const made = { queries, cache, isLocal: published === undefined };
    this.#queries.set(name, made);
    return made;
  }

  #ask({ name, uris }: DatasourceSettings): QueryLoader | undefined {
    if (uris.length === 0) return undefined;
    const databases = new Databases(uris, { name, ...this.#around });
    this.#databases.push(databases);
    return databases.load;
  }
}

function queryBounds({
  name,
  cacheLifeMs: lifeMs,
  maxRows,
  noCache,
}: DatasourceSettings): QueryCacheSettings {
  return { name, lifeMs, maxRows, noCache };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
