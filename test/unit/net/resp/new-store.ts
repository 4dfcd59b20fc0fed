/** What commands of Redis clients work on: a cache of this process alone, with a clock of the test. */
import { createHash } from 'node:crypto';
import { Cache } from '../../../../src/core/cache/cache.ts';
import { KeySpace } from '../../../../src/core/cache/key-space.ts';
import type { Incarnation } from '../../../../src/core/identity.ts';
import type { CellThrottles, RespStore } from '../../../../src/net/resp/store.ts';

export function newStore(wallMs: () => number, throttles?: CellThrottles): RespStore {
  const cache = new Cache({ self: '0'.repeat(32) as Incarnation, maxSize: 1_000, wallMs });
  let generations = 0;
  const keys = new KeySpace(cache, { unique: () => (++generations).toString(16), wallMs });
  return {
    keys,
    throttles,
    version: '1.2.3',
    wallMs,
    size: () => cache.size,
    scriptHash: (script) => createHash('sha1').update(script).digest('hex'),
    scripts: new Map(),
  };
}
