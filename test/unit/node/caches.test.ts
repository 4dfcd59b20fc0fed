/** Caches as programs use them (replication 13B, 14, 18B). */
import { beforeEach, describe, expect, it } from 'vitest';
import type { CacheReplica } from '../../../src/actors/cache-replica.ts';
import { Cache } from '../../../src/core/cache/cache.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { DatasourceSettings } from '../../../src/core/settings.ts';
import { Caches } from '../../../src/node/caches.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const datasource: DatasourceSettings = {
  name: 'shared',
  uris: [],
  serialized: true,
  cacheSize: 2,
  cacheLifeMs: 60_000,
  maxRows: undefined,
  noCache: false,
};
const datasources = [
  datasource,
  { ...datasource, name: 'apart', serialized: false },
  { ...datasource, name: 'local' },
];

let clock: VirtualClock;
let caches: Caches;
let replicated: Map<string, CacheReplica> | undefined;

beforeEach(() => {
  clock = new VirtualClock();
  replicated = new Map(
    ['shared', 'apart'].map((name) => {
      const wallMs = () => clock.wallMs();
      const cache = new Cache({ self: '1'.repeat(32) as Incarnation, maxSize: 100, wallMs });
      return [name, { name, cache } as unknown as CacheReplica];
    }),
  );
  caches = new Caches(datasources, () => replicated, {
    clock,
    random: new SeededRandom(1),
    log: new Recorder().log,
  });
});

describe('caches of a node', () => {
  it('REP-13.6 pairs are set, read, deleted and counted; times to live as numbers or texts', () => {
    caches.set('shared', 'k', 'v', '2M');
    expect(caches.get('shared', 'k')).toBe('v');
    clock.runUntil(clock.nowMs() + 120_000);
    expect(caches.get('shared', 'k')).toBeUndefined();
    caches.set('shared', 'k', 'v');
    expect([caches.delete('shared', 'k'), caches.delete('shared', 'k')]).toEqual([true, false]);
    expect([caches.add('shared', 'n', 5, 60), caches.add('shared', 'n', -1)]).toEqual([5, 4]);
    expect(caches.get('shared', 'n')).toBe('4');
  });

  it('REP-13.7 REP-13.8 REP-22.10 unknown caches, bad times to live and what is too large are errors', () => {
    expect(() => caches.get('local', 'k')).toThrow("no replicated cache 'local'");
    expect(() => caches.set('shared', 'k', 'v', '5x')).toThrow("invalid ttl '5x'");
    expect(() => caches.set('shared', 'k', 'v', 1.5)).toThrow("invalid ttl '1.5'");
    expect(() => caches.set('shared', 'k'.repeat(1025), 'v')).toThrow(/does not fit/);
    expect(() => caches.set('shared', '\0k', 'v')).toThrow(/NUL/);
    expect(() => caches.query('nothing', 'q')).toThrow("no such cache 'nothing'");
    replicated = undefined;
    expect(() => caches.set('apart', 'k', 'v')).toThrow('has not joined');
    expect(caches.counts()).toEqual([]);
  });

  it('REP-14.5 results go to the replicated cache where `serialized` says so, else they stay', async () => {
    for (const { name } of datasources) {
      caches.setLoader(name, async () => [{ name }]);
      expect(await caches.query(name, 'q')).toEqual([{ name }]);
    }
    expect(['shared', 'apart'].map((name) => replicated!.get(name)!.cache.size)).toEqual([1, 0]);
    caches.setLoader('local', async () => Promise.reject(new Error('gone')));
    expect(await caches.query('local', 'q')).toEqual([{ name: 'local' }]);
    expect(await caches.tryQuery('local', 'other')).toMatchObject({ error: { code: 'FLT-2005' } });
    await expect(caches.query('local', 'other')).rejects.toThrow(/'local': gone/);
  });

  it('REP-14.8 other bounds count from now on, and a local cache shrinks as it is used', async () => {
    let asked = 0;
    caches.setLoader('local', async () => {
      asked++;
      return [{ a: 1 }, { a: 2 }];
    });
    for (const query of ['p', 'q']) await caches.query('local', query);
    caches.configure([{ ...datasource, name: 'local', cacheSize: 1, cacheLifeMs: 1_000, maxRows: 1 }]);
    expect(await caches.query('local', 'r')).toEqual([{ a: 1 }]);
    expect(caches.counts().find(({ name }) => name === 'local')?.counts.elements).toBe(1);
    clock.runUntil(clock.nowMs() + 2_000);
    await caches.query('local', 'r');
    expect(asked).toBe(4);
  });

  it('REP-13.11 REP-14.6 flush empties pairs and results of this node', async () => {
    for (const { name } of datasources) caches.setLoader(name, async () => []);
    await caches.query('apart', 'q');
    caches.set('apart', 'k', 'v');
    expect(await caches.flush('apart')).toBe(2);
    expect(await caches.flush('local')).toBe(0);
    expect(await caches.flush('nothing')).toBeUndefined();
    expect(caches.counts().map(({ kind, name, counts }) => `${kind}:${name} ${counts.manual}`)).toEqual([
      'ds_core:shared 0',
      'ds_core:apart 1',
      'ds_core:local 0',
      'cluster:shared 0',
      'cluster:apart 1',
    ]);
  });

  it('REP-14.1 a local cache keeps cache_size results', async () => {
    caches.setLoader('local', async () => []);
    for (let i = 0; i < 5; i++) await caches.query('local', `q${i}`);
    expect(caches.counts().find(({ name }) => name === 'local')?.counts).toMatchObject({
      elements: 2,
      evicted: 3,
    });
  });
});
