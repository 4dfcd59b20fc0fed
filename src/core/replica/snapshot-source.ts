/**
 * Sends the own row to those who ask for it, chunk by chunk, as fast as each of them says that it has applied them.
 *
 * Invariant: a chunk is exact as of the sequence number it carries: changes are flushed before it is made, and it is
 * made from the table at that moment. Keys that come later are in later batches.
 */
import type { Incarnation } from '../identity.ts';
import { noChanges } from './changes.ts';
import type { Changes } from './messages.ts';
import { chunkWindow } from './row-receiver.ts';

/** Askers served at a time; the one that was silent for longest makes room. */
const maxSessions = 64;
/** An asker that is silent for this long has gone or has asked anew. */
const maxSilenceMs = 10_000;

interface Session {
  readonly number: number;
  readonly row: Iterator<Changes, void, void>;
  /** Chunks sent, and chunks the asker has confirmed. */
  sent: number;
  confirmed: number;
  heardMs: number;
  /** The last chunk was sent. Remembered for a while, so that a repeated request does not start over. */
  ended: boolean;
}

export interface Chunk {
  readonly to: Incarnation;
  readonly session: number;
  readonly index: number;
  readonly last: boolean;
  readonly changes: Changes;
}

export class SnapshotSource {
  readonly #ownRow: () => Iterator<Changes, void, void>;
  readonly #sessions = new Map<Incarnation, Session>();
  /** Snapshots sent to the end. */
  sent = 0;

  constructor(ownRow: () => Iterator<Changes, void, void>) {
    this.#ownRow = ownRow;
  }

  /**
   * A request; it replaces what the same asker asked for before. A repeated one is ignored: chunks of two passes under one
   * number do not fit together, an older one would overwrite what the newer one and the batches said.
   */
  open(asker: Incarnation, number: number, nowMs: number): void {
    if (this.#sessions.get(asker)?.number === number) return;
    this.#sessions.delete(asker);
    for (const [other, { heardMs }] of this.#sessions) {
      if (nowMs - heardMs > maxSilenceMs) this.#sessions.delete(other);
    }
    if (this.#sessions.size >= maxSessions) this.#dropMostSilent();
    this.#sessions.set(asker, {
      number,
      row: this.#ownRow(),
      sent: 0,
      confirmed: 0,
      heardMs: nowMs,
      ended: false,
    });
  }

  #dropMostSilent(): void {
    const [most] = [...this.#sessions].sort(([, a], [, b]) => a.heardMs - b.heardMs);
    if (most) this.#sessions.delete(most[0]);
  }

  credit(asker: Incarnation, number: number, index: number, nowMs: number): void {
    const session = this.#sessions.get(asker);
    if (session?.number !== number || index < session.confirmed || index >= session.sent) return;
    session.confirmed = index + 1;
    session.heardMs = nowMs;
  }

  /** Somebody may be sent a chunk. */
  get ready(): boolean {
    for (const session of this.#sessions.values()) if (hasCredit(session)) return true;
    return false;
  }

  /** One chunk for the asker whose turn it is. `send` returns false when the link is down: then all start over. */
  sendOne(send: (chunk: Chunk) => boolean): void {
    for (const [to, session] of this.#sessions) {
      if (!hasCredit(session)) continue;
      const { value: changes, done: last = false } = session.row.next();
      this.#sessions.delete(to);
      if (!send({ to, session: session.number, index: session.sent, last, changes: changes ?? noChanges })) {
        this.#sessions.clear();
        return;
      }
      session.sent++;
      // Last in line, so that all are served in turn.
      this.#sessions.set(to, session);
      session.ended = last;
      if (last) this.sent++;
      return;
    }
  }
}

function hasCredit({ sent, confirmed, ended }: Session): boolean {
  return !ended && sent - confirmed < chunkWindow;
}
