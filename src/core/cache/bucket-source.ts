/**
 * Sends other nodes the buckets in which their cache differs from this one, a chunk at a time, as fast as they take it in.
 *
 * Bounded: one session an asker, `maxSessions` in all, `window` chunks under way; who takes nothing in is forgotten.
 */
import type { Incarnation } from '../identity.ts';
import type { Cache } from './cache.ts';
import type { CacheEntry } from './entry.ts';
import { type CacheCompare, Filling } from './messages.ts';

export interface SourceChunk {
  readonly to: Incarnation;
  readonly session: number;
  readonly index: number;
  readonly last: boolean;
  readonly entries: readonly CacheEntry[];
}

interface Session {
  readonly session: number;
  /** Still to be sent: buckets, and what is left of the one that was begun. Both from the end. */
  readonly buckets: number[];
  entries: CacheEntry[];
  nextIndex: number;
  creditedIndex: number;
  heardMs: number;
}

const window = 2;
const maxSessions = 64;
const silenceMs = 10_000;

export class BucketSource {
  readonly #cache: Cache;
  readonly #sessions = new Map<Incarnation, Session>();
  sent = 0;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  get ready(): boolean {
    for (const session of this.#sessions.values()) if (isReady(session)) return true;
    return false;
  }

  open({ from, session, digests }: CacheCompare, nowMs: number): void {
    const own = this.#cache.bucketDigests();
    const buckets: number[] = [];
    for (let bucket = 0; bucket * 2 < own.length; bucket++)
      if (own[bucket * 2] !== digests[bucket * 2] || own[bucket * 2 + 1] !== digests[bucket * 2 + 1])
        buckets.push(bucket);
    const [oldest] = this.#sessions.keys();
    if (oldest && this.#sessions.size >= maxSessions && !this.#sessions.has(from))
      this.#sessions.delete(oldest);
    this.#sessions.delete(from);
    this.#sessions.set(from, {
      session,
      buckets,
      entries: [],
      nextIndex: 0,
      creditedIndex: -1,
      heardMs: nowMs,
    });
  }

  credit(from: Incarnation, session: number, index: number, nowMs: number): void {
    const open = this.#sessions.get(from);
    if (open?.session !== session || index >= open.nextIndex) return;
    open.creditedIndex = Math.max(open.creditedIndex, index);
    open.heardMs = nowMs;
  }

  tick(nowMs: number): void {
    for (const [asker, { heardMs }] of this.#sessions)
      if (nowMs - heardMs > silenceMs) this.#sessions.delete(asker);
  }

  /** Sends a chunk to the asker that has waited longest. */
  sendOne(send: (chunk: SourceChunk) => boolean): void {
    for (const [to, session] of this.#sessions) {
      if (!isReady(session)) continue;
      const entries = this.#nextEntries(session);
      const last = session.entries.length === 0 && session.buckets.length === 0;
      const isSent = send({ to, session: session.session, index: session.nextIndex, last, entries });
      session.nextIndex++;
      this.#sessions.delete(to);
      if (isSent) this.sent++;
      if (isSent && !last) this.#sessions.set(to, session);
      return;
    }
  }

  #nextEntries(session: Session): CacheEntry[] {
    const filling = new Filling();
    for (;;) {
      const entry = session.entries.at(-1);
      if (entry) {
        if (!filling.add(entry)) return filling.entries;
        session.entries.pop();
        continue;
      }
      const bucket = session.buckets.pop();
      if (bucket === undefined) return filling.entries;
      session.entries = this.#cache.bucketEntries(bucket);
    }
  }
}

function isReady({ nextIndex, creditedIndex }: Session): boolean {
  return nextIndex - creditedIndex <= window;
}
