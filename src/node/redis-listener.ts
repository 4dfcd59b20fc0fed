/** The sockets for Redis clients: what is behind them is a replicated cache and the shared throttles of this node. */
import { createHash } from 'node:crypto';
import type { Member } from '../actors/member.ts';
import { type LocalServer, openLocalServer } from '../console/local-server.ts';
import type { RedisSettings } from '../core/settings.ts';
import type { SharedThrottles } from '../core/throttle/shared-throttles.ts';
import { RespSession } from '../net/resp/session.ts';
import type { RespStore } from '../net/resp/store.ts';
import type { Caches } from './caches.ts';
import { SharedCellThrottles } from './cell-throttles.ts';
import type { Surroundings } from './surroundings.ts';
import { flotillaVersion } from './version.ts';

/** For each endpoint; clients keep few connections each, but there may be many processes. */
const maxSessions = 2_000;

export interface RedisParts {
  readonly caches: Caches;
  /** Of the life there is now. */
  readonly member: () => Member;
  readonly around: Surroundings;
}

export class RedisListener {
  readonly #servers: LocalServer[] = [];
  #sessions = 0;

  /** Opens all endpoints or none. Throws FLT-1401. */
  static async open(settings: RedisSettings | undefined, parts: RedisParts): Promise<RedisListener> {
    const listener = new RedisListener();
    if (!settings) return listener;
    const store = storeOf(settings, parts);
    try {
      for (const endpoint of settings.endpoints) {
        const server = await openLocalServer(endpoint, {
          what: 'socket for Redis clients',
          inUse: 'FLT-1401',
          maxSessions,
          ...parts.around,
          accept: (socket) => new RespSession(socket, ++listener.#sessions, store, parts.around),
        });
        listener.#servers.push(server);
      }
    } catch (error) {
      await listener.stop();
      throw error;
    }
    return listener;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}

function storeOf({ cache }: RedisSettings, { caches, member, around }: RedisParts): RespStore {
  const hasThrottles = throttlesOf(member()) !== undefined;
  return {
    keys: caches.keySpace(cache),
    throttles: hasThrottles ? new SharedCellThrottles(() => throttlesOf(member())!, around.clock) : undefined,
    version: flotillaVersion,
    wallMs: () => around.clock.wallMs(),
    size: () => member().caches.get(cache)?.cache.size ?? 0,
    scriptHash: (script) => createHash('sha1').update(script).digest('hex'),
    scripts: new Map(),
  };
}

function throttlesOf(member: Member): SharedThrottles | undefined {
  return member.throttles.get('shared_named_throttles')?.throttles;
}
