/**
 * Keeps the row of one life of another node up to date: applies its batches in order, and fetches the whole row when
 * something is missing (replication 4.8).
 *
 * Invariants: the row in the table is exactly the sender's row as of `applied`, except while it is being exchanged; it
 * stays in the table until a complete snapshot takes its place, since caps would let too much in on a sum that lacks a
 * whole row; everything held is bounded.
 *
 * A snapshot is a session: chunks come numbered, each exact as of a sequence number. Between two chunks the batches up
 * to that number are applied to the new row first, so that a chunk never overwrites something newer, and batches of
 * keys whose chunk is still to come are overwritten by it.
 *
 * A chunk is some thousand keys, and the first ones find a process that has hardly run: so they are written in slices,
 * as queued work, and a session that still has something to write is not late.
 */
import { type Digest, sameDigest } from '../digest.ts';
import { PartedMap } from '../parted-map.ts';
import { changeCount, inParts } from './changes.ts';
import type { Batch, Changes, SnapshotChunk } from './messages.ts';
import type { RemoteRow } from './table.ts';
import { finish, type Work } from './work.ts';

/** What the receiver asks of the replicator. */
export interface ReceiverPorts {
  /** A number that no session of this process for this object had before, also not one of an earlier stay of the member. */
  newSession(): number;
  request(session: number): void;
  credit(session: number, index: number): void;
  blankRow(): RemoteRow;
  /** To the row in the table. */
  apply(changes: Changes): void;
  rowDigest(): Digest;
  nowMs(): number;
  /** Does what is to be done for so many keys, perhaps over several turns. */
  run(work: Work, keys: number): void;
  /** Puts a row into the table, and does the rest of the work behind that, perhaps over several turns. */
  exchange(row: RemoteRow, rest: () => Work): void;
}

/** The sender's row as its beat describes it. */
export interface SentRow extends Digest {
  readonly sequence: number;
}

export interface ReceiverStats {
  readonly batches: number;
  readonly snapshots: number;
  /** Batches found missing. */
  readonly gaps: number;
  /** Digests that differed at the same sequence number. */
  readonly differences: number;
  /** Messages ignored: repeated, of an old session, or too many. */
  readonly drops: number;
}

/** Chunks the sender may have under way. */
export const chunkWindow = 2;

/** Changed keys held back at most; beyond it a new session is cheaper. */
const maxHeldKeys = 262_144;

/** Keys written in one step. */
const stepKeys = 256;

/** Without progress for this long, a session starts over; each time in a row it gets more patient, up to the second. */
const firstPatienceMs = 300;
const longestPatienceMs = 1_000;

/** Why the row is fetched: batches are missing, or its content is not what it should be. */
type Reason = 'missing' | 'differs';

interface Session {
  readonly number: number;
  readonly reason: Reason;
  readonly row: RemoteRow;
  readonly chunks: Map<number, SnapshotChunk>;
  nextIndex: number;
  /** Sequence number that `row` stands at. */
  sequence: number;
  /** Chunks are being written. */
  isBusy: boolean;
}

export type ReceiverState = 'whole' | 'fetching' | 'exchanging';

export class RowReceiver {
  readonly #ports: ReceiverPorts;
  readonly #held = new PartedMap<Changes, number>();
  #heldKeys = 0;
  #highestHeld = 0;
  #applied = 0;
  /** What is left to write of the batch after it. */
  #writing: Generator<Changes, void, void> | undefined;
  #session: Session | undefined;
  #exchanging = false;
  #stopped = false;
  #attempts = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** What `applied` was when a beat first spoke of later batches. */
  #behindAt = -1;
  #lastBeat: SentRow | undefined;
  #lastMessageMs: number;
  readonly #stats = { batches: 0, snapshots: 0, gaps: 0, differences: 0, drops: 0 };

  constructor(ports: ReceiverPorts, nowMs: number) {
    this.#ports = ports;
    this.#lastMessageMs = nowMs;
  }

  get state(): ReceiverState {
    if (this.#session) return 'fetching';
    return this.#exchanging ? 'exchanging' : 'whole';
  }

  get applied(): number {
    return this.#applied;
  }

  get lastMessageMs(): number {
    return this.#lastMessageMs;
  }

  /** When `tick` has something to do. */
  get deadlineMs(): number {
    return this.#session ? this.#deadlineMs : Number.POSITIVE_INFINITY;
  }

  get stats(): ReceiverStats {
    return this.#stats;
  }

  /** A member is new here, and so is its row. */
  fetch(nowMs: number): void {
    this.#open('missing', nowMs);
  }

  /**
   * The member has left, and its row with it: a chunk that is still being written must not put it back. A batch that is half
   * written is written first, for what happened is kept under the number of its last batch, and is told others as such.
   */
  stop(): void {
    this.#session = undefined;
    this.#stopped = true;
    if (!this.#writing) return;
    for (const part of this.#writing) this.#ports.apply(part);
    this.#batchWritten();
  }

  /** What was asked for may have been lost with the link: ask again at once. */
  linkRestored(nowMs: number): void {
    if (this.#session) this.#open(this.#session.reason, nowMs);
  }

  onBatch(batch: Batch, nowMs: number): void {
    this.#lastMessageMs = nowMs;
    const { sequence, changes } = batch;
    if (sequence <= this.#applied || this.#held.has(sequence)) {
      this.#stats.drops++;
      return;
    }
    if (this.state === 'whole' && sequence === this.#applied + 1) {
      this.#apply(sequence, changes);
      return;
    }
    const kept = this.#hold(sequence, changes);
    if (this.#exchanging) return;
    if (!this.#session) this.#openGap(nowMs);
    else if (!kept) this.#open(this.#session.reason, nowMs);
    else if (!this.#closeGap()) this.#advance(this.#session);
  }

  onChunk(chunk: SnapshotChunk, nowMs: number): void {
    this.#lastMessageMs = nowMs;
    const session = this.#session;
    const ahead = session ? chunk.index - session.nextIndex : -1;
    if (!session || chunk.session !== session.number || ahead < 0 || ahead >= chunkWindow) {
      this.#stats.drops++;
      return;
    }
    session.chunks.set(chunk.index, chunk);
    this.#advance(session);
  }

  /** A beat may overtake batches, so what it is ahead by counts as lost only if the next beat finds no progress. */
  onBeat(sent: SentRow, nowMs: number): void {
    this.#lastBeat = sent;
    if (this.#exchanging) return;
    if (this.#session) {
      // Nothing was ever sent: the row that is being fetched is empty.
      if (sent.sequence === 0 && this.#applied === 0 && this.#highestHeld === 0) this.#close();
      return;
    }
    if (sent.sequence > this.#applied) {
      if (this.#behindAt === this.#applied) this.#openGap(nowMs);
      else this.#behindAt = this.#applied;
      return;
    }
    this.#behindAt = -1;
    if (sent.sequence < this.#applied || sameDigest(sent, this.#ports.rowDigest())) return;
    this.#stats.differences++;
    this.#open('differs', nowMs);
  }

  tick(nowMs: number): void {
    if (!this.#session || nowMs < this.#deadlineMs) return;
    if (this.#session.isBusy) {
      this.#postpone(nowMs);
      return;
    }
    this.#attempts++;
    this.#open(this.#session.reason, nowMs);
  }

  /** Own copy against what the last beat said; undefined when it spoke of another sequence number. */
  verify(): boolean | undefined {
    if (this.state !== 'whole' || this.#lastBeat?.sequence !== this.#applied) return undefined;
    return sameDigest(this.#lastBeat, this.#ports.rowDigest());
  }

  #apply(sequence: number, changes: Changes): void {
    this.#ports.apply(changes);
    this.#applied = sequence;
    this.#stats.batches++;
  }

  /** False when too much is held: all of it is dropped, and is in the next snapshot. */
  #hold(sequence: number, changes: Changes): boolean {
    this.#held.set(sequence, changes);
    this.#heldKeys += changeCount(changes) + 1;
    this.#highestHeld = Math.max(this.#highestHeld, sequence);
    if (this.#heldKeys <= maxHeldKeys) return true;
    this.#stats.drops += this.#held.size;
    this.#releaseUpTo(Number.POSITIVE_INFINITY);
    return false;
  }

  #release(sequence: number): Changes | undefined {
    const changes = this.#held.get(sequence);
    if (changes && this.#held.delete(sequence)) this.#heldKeys -= changeCount(changes) + 1;
    return changes;
  }

  #releaseUpTo(sequence: number): void {
    for (const [held] of this.#held) if (held <= sequence) this.#release(held);
  }

  #openGap(nowMs: number): void {
    this.#stats.gaps++;
    this.#open('missing', nowMs);
  }

  #open(reason: Reason, nowMs: number): void {
    this.#session = {
      number: this.#ports.newSession(),
      reason,
      row: this.#ports.blankRow(),
      chunks: new Map(),
      nextIndex: 0,
      sequence: 0,
      isBusy: false,
    };
    this.#postpone(nowMs);
    this.#ports.request(this.#session.number);
  }

  #postpone(nowMs: number): void {
    this.#deadlineMs = nowMs + Math.min(firstPatienceMs * 2 ** this.#attempts, longestPatienceMs);
  }

  #close(): void {
    this.#session = undefined;
    this.#attempts = 0;
    this.#behindAt = -1;
  }

  /** The missing batches came after all: late, not lost. */
  #closeGap(): boolean {
    if (this.#session?.reason !== 'missing' || this.#held.size !== this.#highestHeld - this.#applied)
      return false;
    this.#close();
    finish(this.#applyHeld());
    return true;
  }

  /** All that follows on what is applied, also what comes meanwhile. */
  *#applyHeld(): Work {
    for (
      let changes = this.#release(this.#applied + 1);
      changes;
      changes = this.#release(this.#applied + 1)
    ) {
      this.#writing = inParts(changes, stepKeys);
      for (const part of this.#writing) {
        this.#ports.apply(part);
        yield;
      }
      if (this.#stopped) return;
      this.#batchWritten();
    }
  }

  #batchWritten(): void {
    this.#writing = undefined;
    this.#applied++;
    this.#stats.batches++;
  }

  /** Writes the chunks that are there, unless that is being done already. */
  #advance(session: Session): void {
    const chunk = session.chunks.get(session.nextIndex);
    if (!chunk || session.isBusy) return;
    session.isBusy = true;
    this.#ports.run(this.#writeChunks(session), changeCount(chunk.changes) + this.#heldKeys);
  }

  /** Each chunk after the batches before it. Another session may take the place of this one between two steps. */
  *#writeChunks(session: Session): Work {
    for (
      let chunk = session.chunks.get(session.nextIndex);
      chunk;
      chunk = session.chunks.get(session.nextIndex)
    ) {
      if (session.nextIndex === 0) {
        session.sequence = chunk.sequence;
        this.#releaseUpTo(chunk.sequence);
      }
      if (!(yield* this.#catchUp(session, chunk.sequence))) break;
      yield* this.#write(session, chunk.changes);
      if (session !== this.#session) return;
      this.#written(session, chunk);
    }
    session.isBusy = false;
  }

  #written(session: Session, { index, last }: SnapshotChunk): void {
    session.chunks.delete(session.nextIndex++);
    this.#attempts = 0;
    this.#postpone(this.#ports.nowMs());
    if (last) this.#exchange(session);
    else this.#ports.credit(session.number, index);
  }

  /** Brings the new row up to a sequence number; false while batches are missing, or when it is not wanted any more. */
  *#catchUp(session: Session, sequence: number): Generator<void, boolean, void> {
    while (session === this.#session && session.sequence < sequence) {
      const changes = this.#release(session.sequence + 1);
      if (!changes) return false;
      yield* this.#write(session, changes);
      session.sequence++;
    }
    return session === this.#session;
  }

  *#write(session: Session, changes: Changes): Work {
    for (const part of inParts(changes, stepKeys)) {
      if (session !== this.#session) return;
      session.row.apply(part);
      yield;
    }
  }

  #exchange(session: Session): void {
    this.#close();
    this.#exchanging = true;
    this.#applied = session.sequence;
    this.#stats.snapshots++;
    this.#ports.exchange(session.row, () => this.#exchanged());
  }

  /** A busy member has sent much while its row was exchanged: as much work as the row itself. */
  *#exchanged(): Work {
    this.#releaseUpTo(this.#applied);
    yield* this.#applyHeld();
    if (this.#stopped) return;
    this.#exchanging = false;
    if (this.#held.size > 0) this.#openGap(this.#ports.nowMs());
  }
}
