/**
 * Programs that write to the replicated cache, one on each node, by the Redis socket of its host: keys that nobody else
 * writes, and keys that all write. No value is written twice.
 *
 * Invariant: while the turnstile holds and is still, nothing is written.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Turnstile } from '../../../examples/three-relays/turnstile.ts';
import type { Write } from './notes.ts';

const keysOfAKind = 8;
const writeEveryMs = 60;

export function cacheKeys(nodes: readonly string[]): string[] {
  return ['all', ...nodes].flatMap((kind) =>
    Array.from({ length: keysOfAKind }, (_, number) => `${kind}-${number}`),
  );
}

export class CacheTraffic {
  readonly #turnstile: Turnstile;
  #writes: Write[] = [];

  constructor(clients: ReadonlyMap<string, Redis>, turnstile: Turnstile) {
    this.#turnstile = turnstile;
    for (const [node, client] of clients) void this.#keepWriting(node, client);
  }

  take(): Write[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  async #keepWriting(node: string, client: Redis): Promise<never> {
    for (let turn = 0; ; turn++) {
      const kind = turn % 2 === 0 ? node : 'all';
      const key = `${kind}-${(turn >> 1) % keysOfAKind}`;
      await this.#turnstile.pass(() => this.#write(node, client, key, `${node} ${turn}`));
      await pause(writeEveryMs);
    }
  }

  async #write(node: string, client: Redis, key: string, value: string): Promise<void> {
    const askedMs = Date.now();
    const answer = await client.set(key, value).catch(() => undefined);
    const answeredMs = answer === 'OK' ? Date.now() : undefined;
    this.#writes.push({ node, key, value, askedMs, answeredMs });
  }
}
