/** Results of queries: kept, shared, published, and nothing of what failed (replication 14.3 and 14.4). */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { Cache } from '../../../src/core/cache/cache.ts';
import { QueryCache, type QueryCacheSettings, type QueryRow } from '../../../src/core/cache/query-cache.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { Cluster } from './cluster.ts';

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const settings: QueryCacheSettings = { name: 'users', lifeMs: 60_000, maxRows: 100, noCache: false };
let wallMs: number;
let cache: Cache;
let asked: (readonly unknown[])[];

beforeEach(() => {
  wallMs = 1_800_000_000_000;
  cache = new Cache({ self: '0'.repeat(32) as Incarnation, maxSize: 10, wallMs: () => wallMs });
  asked = [];
});

function queries(more: Partial<QueryCacheSettings> = {}, on = cache): QueryCache {
  const queryCache = new QueryCache({ ...settings, ...more }, on, hash);
  queryCache.loader = async (...question) => {
    asked.push(question);
    return [{ name: question[0], number: asked.length }];
  };
  return queryCache;
}

describe('a query cache', () => {
  it('REP-14.3 asks once for the same text and parameters, until the time is over', async () => {
    const users = queries();
    const first = await users.query('select', ['a', 1, null]);
    expect(first).toEqual([{ name: 'select', number: 1 }]);
    expect(await users.query('select', ['a', 1, null])).toEqual(first);
    expect(await users.query('select', ['a', '1', null])).toEqual([{ name: 'select', number: 2 }]);
    wallMs += 60_000;
    expect(await users.query('select', ['a', 1, null])).toEqual([{ name: 'select', number: 3 }]);
    expect(asked[0]).toEqual(['select', ['a', 1, null], { maxRows: 100 }]);
  });

  it('REP-14.3 callers that ask the same at the same time wait for one query, also for its failure', async () => {
    const users = queries();
    expect(await Promise.all([users.query('q'), users.query('q'), users.query('q')])).toEqual(
      new Array(3).fill([{ name: 'q', number: 1 }]),
    );
    expect(users.counts).toMatchObject({ hits: 0, misses: 1, pending: 2, inserts: 1, elements: 1 });
    users.loader = async () => Promise.reject(new Error('no connection'));
    const failed = await Promise.allSettled([users.query('bad'), users.query('bad')]);
    expect(failed.map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
      'FLT-2005',
      'FLT-2005',
    ]);
    users.loader = async () => [{ well: true }];
    expect(await users.query('bad')).toEqual([{ well: true }]);
  });

  it('REP-14.4 results and pairs of one cache do not meet, however long the query', async () => {
    const users = queries();
    for (const query of ['q', 'x'.repeat(5_000), 'x'.repeat(5_001)]) {
      await users.query(query);
      await users.query(query);
      expect(cache.get(query.slice(0, 1_000))).toBeUndefined();
    }
    expect(asked).toHaveLength(3);
  });

  it('REP-14.2 REP-14.4 a published result ends at the same moment everywhere, and the other node need not ask', async () => {
    const cluster = new Cluster();
    const [a, b] = [cluster.add(), cluster.add()];
    cluster.view();
    await queries({}, a.cache).query('q');
    cluster.rest(2);
    const there = queries({}, b.cache);
    expect(await there.query('q')).toEqual([{ name: 'q', number: 1 }]);
    expect(asked).toHaveLength(1);
    cluster.nowMs += 59_000;
    await there.query('q');
    expect(asked).toHaveLength(2);
  });

  it('REP-14.4 no_cache keeps and publishes nothing, for the datasource or for one query', async () => {
    await queries({ noCache: true }).query('q');
    await queries().query('q', [], { noCache: true });
    expect(asked).toHaveLength(2);
    expect(cache.size).toBe(0);
  });

  it('REP-14.1 gives no more rows than max_rows, and keeps nothing that is larger than a value', async () => {
    const users = queries({ maxRows: 2 });
    users.loader = async () => [{ a: 1 }, { a: 2 }, { a: 3 }];
    expect(await users.query('q')).toEqual([{ a: 1 }, { a: 2 }]);
    const large: QueryRow[] = [{ text: 'x'.repeat(1024 * 1024) }];
    users.loader = async () => large;
    expect(await users.query('large')).toEqual(large);
    expect(cache.size).toBe(1);
  });

  it('REP-14.3 says so when there is nothing to ask, or what was answered is no rows', async () => {
    const users = queries();
    users.loader = async () => [{ big: 5n as unknown as number }];
    await expect(users.query('q')).rejects.toMatchObject({ code: 'FLT-2005' });
    users.loader = undefined;
    await expect(users.query('q')).rejects.toThrow(/nothing to ask is known of 'users'/);
  });
});
