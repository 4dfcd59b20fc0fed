/** The console commands of caches (replication 14.6, 14.7, 18.9). */
import { describe, expect, it } from 'vitest';
import type { CacheFacts } from '../../../src/console/facts.ts';
import { fakeNode, type } from './fake-node.ts';

const counts = {
  elements: 2,
  hits: 241,
  misses: 94,
  pending: 0,
  inserts: 6,
  manual: 0,
  expired: 4,
  evicted: 0,
};
const caches: readonly CacheFacts[] = [
  { kind: 'ds_core', name: 'ecdb', counts },
  { kind: 'cluster', name: 'ecdb', counts },
];
const node = fakeNode({
  caches: () => caches,
  flushCache: async (name) => (name === 'ecdb' ? 2 : undefined),
});

describe('caches on the console', () => {
  it('REP-14.7 REP-22.1 ds_core stats byte for byte, query caches only', async () => {
    expect((await type('ds_core stats', node)).text).toBe(
      `cache name                      lookups %                  deletions %
                       elts  hit miss pend  total  inserts man ttl lru  total
----------------------- ----- -------------------- -------- ------------------
ecdb
                           2  72  28   0      335        6   0 100   0      4
`,
    );
  });

  it('REP-18.9 cache list and cache stats name each cache with what it is', async () => {
    expect((await type('cache list', node)).text).toBe('ds_core:ecdb\ncluster:ecdb\n');
    const { text } = await type('cache stats', node);
    expect(text.split('\n').slice(3)).toEqual([
      'ds_core:ecdb              2  72  28   0      335        6   0 100   0        4',
      'cluster:ecdb              2  72  28   0      335        6   0 100   0        4',
      '',
    ]);
    expect((await type('cache stat', node)).text).toBe(text);
    expect(JSON.parse((await type('json ds_core stats', node)).text)).toEqual({
      caches: [{ name: 'ecdb', ...counts }],
    });
    expect((await type('xml cache list', node)).text).toBe(
      '<Caches><Name>ds_core:ecdb</Name><Name>cluster:ecdb</Name></Caches>\n',
    );
  });

  it('REP-14.6 ds_core flush says how much went, or that there is no such cache', async () => {
    expect((await type('ds_core flush ecdb', node)).text).toBe("flushed 2 entries from cache 'ecdb'\n");
    expect(await type('ds_core flush x', node)).toMatchObject({ text: "no such cache 'x'\n", status: 1 });
    expect((await type('ds_core flush', node)).text).toBe('usage: ds_core flush <cache>\n');
  });
});
