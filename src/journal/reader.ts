/**
 * Reads a journal for one subscriber: intervals, records, checkpoint. An interval never spans two segments; the step
 * from a consumed segment to the next is stored at once, and frees the one before.
 *
 * Owns the open segment and where the subscriber has read to. Two readers of one subscriber are not for it to prevent.
 */
import { FlotillaError } from '../core/errors.ts';
import { noSubscriber, readCheckpoint, writeCheckpoint } from './checkpoints.ts';
import { formatId, hex8, type LogId } from './layout.ts';
import { lastRecord } from './mend.ts';
import { decodeRecords, type JournalRecord, type RecordRun } from './records.ts';
import { deleteConsumed } from './retention.ts';
import { SegmentReader } from './segment-reader.ts';
import { currentSegment, type JournalStore, segmentPath, segmentsOf, tellUnreadable } from './store.ts';
import type { Turns } from './turns.ts';

/** The records `after.marker` + 1 to `last.marker` of a segment; none when the two are equal. */
export interface Interval {
  readonly after: LogId;
  readonly last: LogId;
  readonly count: number;
}

const defaultRunBytes = 256 * 1024;
/** Who reads ahead of what he has stored goes to and fro between the last ones, and would scan them each time. */
const openSegments = 3;

/** What the readers of a journal share. */
export interface JournalAccess {
  readonly turns: Turns;
  /** In a turn. */
  mend(segment: number): Promise<unknown>;
  /** Another number since the segments that are open may have been replaced. */
  mends(): number;
  /** Nobody gives records other numbers while it runs. */
  underIdentity<T>(run: (identity: string | undefined) => Promise<T>): Promise<T>;
}

export class JournalReader {
  readonly subscriber: string;
  readonly #store: JournalStore;
  readonly #access: JournalAccess;
  /** The latest used one last. */
  #segments: SegmentReader[] = [];
  #mends: number;
  /** The last record handed out; undefined: what the checkpoint says. */
  #position: LogId | undefined;
  /** What is known to follow it, so that not each run of a segment asks the files anew what there is. */
  #following: Interval | undefined;

  constructor(store: JournalStore, access: JournalAccess, subscriber: string, position?: LogId) {
    this.#store = store;
    this.#access = access;
    this.#mends = access.mends();
    this.subscriber = subscriber;
    this.#position = position;
  }

  /** What can be read behind `after`, the checkpoint unless given. Reading ahead of the checkpoint never stores one. */
  async interval(after?: LogId): Promise<Interval> {
    for (;;) {
      const { segment, marker } = after ?? (await this.stored());
      const current = await currentSegment(this.#store);
      const isClosed = segment < current;
      const reader = await this.#open(segment);
      const end = await reader?.refresh(isClosed);
      const count = end?.count ?? 0;
      const empty = { after: { segment, marker }, last: { segment, marker }, count: 0 };
      if (count > marker)
        return { after: { segment, marker }, last: { segment, marker: count }, count: count - marker };
      if (end && end.stop !== 'end' && isClosed && this.#store.readOnlyReason === undefined) {
        // It was whole when it was closed, so waiting does not help.
        await this.#mend(segment);
        continue;
      }
      if (end?.stop === 'damaged') throw this.#damaged(segment, count);
      if (!isClosed) return marker > count ? this.#ahead({ segment, marker }, count, after) : empty;
      const next = await this.#nextSegment(segment, current, reader === undefined);
      if (after || this.#store.readOnlyReason !== undefined) after = { segment: next, marker: 0 };
      else await this.checkpoint({ segment: next, marker: 0 });
    }
  }

  /** Records of an interval as they stand in the file, from its first or from `marker` on; in `into` if there is room. */
  async run(
    interval: Interval,
    maxBytes = defaultRunBytes,
    marker = interval.after.marker + 1,
    into?: Uint8Array,
  ): Promise<RecordRun> {
    const reader = await this.#open(interval.last.segment);
    if (!reader)
      throw new FlotillaError('FLT-2209', `${formatId(interval.last)} in ${this.#store.directory}`);
    if (reader.count < interval.last.marker) await reader.refresh(false);
    return reader.read(marker, interval.last.marker, maxBytes, into);
  }

  /** The next records, and none when everything was read. Behind the last ones handed out, wherever the checkpoint is. */
  async next(maxBytes = defaultRunBytes): Promise<JournalRecord[]> {
    for (;;) {
      if (this.#mends !== this.#access.mends()) this.#following = undefined;
      const interval = this.#following ?? (await this.interval(this.#position));
      this.#following = undefined;
      if (interval.count === 0) {
        // So that a segment passed over is passed over, and told of, once.
        if (this.#position) this.#position = interval.after;
        return [];
      }
      const run = await this.run(interval, maxBytes);
      const records = decodeRecords(run, this.#store.codec, (id) => tellUnreadable(this.#store, id));
      const after = { segment: run.first.segment, marker: run.first.marker + run.count - 1 };
      const count = interval.last.marker - after.marker;
      this.#position = after;
      if (count > 0) this.#following = { after, last: interval.last, count };
      if (records.length > 0) return records;
    }
  }

  /** Reads from the checkpoint again. */
  rewind(): void {
    this.#position = undefined;
    this.#following = undefined;
  }

  /**
   * Everything up to `id`, or to the last record handed out, is consumed; what nobody needs any more is deleted. Where
   * `identity` is given and is not that of the journal any more, `id` may mean another record, and nothing is stored.
   */
  async checkpoint(id = this.#position, identity?: string): Promise<LogId> {
    const { turns, underIdentity } = this.#access;
    const stored = await turns.run(() =>
      underIdentity((now) =>
        identity !== undefined && now !== identity
          ? this.stored()
          : storeCheckpoint(this.#store, this.subscriber, id, this.#known(id)),
      ),
    );
    await this.#keep(({ segment }) => segment >= stored.segment);
    return stored;
  }

  async stored(): Promise<LogId> {
    const at = await readCheckpoint(this.#store, this.subscriber);
    if (at === undefined) throw noSubscriber(this.#store, this.subscriber);
    if (at !== 'damaged') return at;
    return { segment: (await segmentsOf(this.#store))[0] ?? 0, marker: 0 };
  }

  async close(): Promise<void> {
    await this.#keep(() => false);
  }

  async #open(segment: number): Promise<SegmentReader | undefined> {
    if (this.#mends !== this.#access.mends()) {
      this.#mends = this.#access.mends();
      await this.close();
    }
    const open = this.#segments.find((each) => each.segment === segment);
    const reader = open ?? (await SegmentReader.open(this.#store, segment));
    if (!reader) return undefined;
    this.#segments = [...this.#segments.filter((each) => each !== reader), reader];
    const kept = this.#segments.slice(-openSegments);
    await this.#keep((each) => kept.includes(each));
    return reader;
  }

  /** Others are closed: one that was deleted holds its disk space as long as it is open. */
  async #keep(isKept: (reader: SegmentReader) => boolean): Promise<void> {
    const others = this.#segments.filter((reader) => !isKept(reader));
    if (others.length === 0) return;
    this.#segments = this.#segments.filter(isKept);
    await Promise.all(others.map((reader) => reader.close()));
  }

  /** As far as this reader has seen a segment itself, nobody need look whether its records are there. */
  #known(id: LogId | undefined): LogId | undefined {
    const reader = this.#segments.find(({ segment }) => segment === id?.segment);
    return reader && { segment: reader.segment, marker: reader.count };
  }

  async #mend(segment: number): Promise<void> {
    await this.close();
    await this.#access.turns.run(() => this.#access.mend(segment));
  }

  /** Segments that somebody removed are passed over, and told of. */
  async #nextSegment(segment: number, current: number, isMissing: boolean): Promise<number> {
    const next = (await segmentsOf(this.#store)).find((other) => other > segment) ?? current;
    const firstMissing = isMissing ? segment : segment + 1;
    if (firstMissing < next) {
      const which =
        next - firstMissing > 1 ? `s ${hex8(firstMissing)} to ${hex8(next - 1)}` : ` ${hex8(firstMissing)}`;
      const whose = this.subscriber === '' ? '' : ` for subscriber '${this.subscriber}'`;
      this.#store.notice('segment-missing', `segment${which} missing, skipped${whose}`);
    }
    return next;
  }

  /** The checkpoint is ahead of the data, as a power loss leaves it: back to the last record there is. */
  async #ahead(at: LogId, count: number, after: LogId | undefined): Promise<Interval> {
    if (after) throw new FlotillaError('FLT-2209', `${formatId(after)} in ${this.#store.directory}`);
    const last = { segment: at.segment, marker: count };
    if (this.#store.readOnlyReason === undefined) {
      await writeCheckpoint(this.#store, this.subscriber, last);
      const text = `subscriber '${this.subscriber}' was moved back from ${formatId(at)} to ${formatId(last)}, the last record`;
      this.#store.notice('checkpoint-moved', text);
    }
    return { after: last, last, count: 0 };
  }

  #damaged(segment: number, count: number): FlotillaError {
    const where = `behind record ${formatId({ segment, marker: count })}`;
    return new FlotillaError('FLT-2203', `${this.#store.directory} has bytes ${where} that are no record`);
  }
}

/** Moves a subscriber, forth or back as far as there are segments, never ahead of the data. `known`: a record there is. */
export async function storeCheckpoint(
  store: JournalStore,
  subscriber: string,
  id: LogId | undefined,
  known?: LogId,
): Promise<LogId> {
  const before = await readCheckpoint(store, subscriber);
  if (before === undefined) throw noSubscriber(store, subscriber);
  const from = before === 'damaged' ? { segment: 0, marker: 0 } : before;
  if (id === undefined) return from;
  const segments = await segmentsOf(store);
  const lowest = segments[0] ?? 0;
  // The records were dropped meanwhile by the limits of the journal, and the subscriber moved on.
  if (id.segment < lowest && from.segment >= lowest) return from;
  const isKnown = known?.segment === id.segment && id.marker <= known.marker;
  if (!isKnown && (id.marker > 0 || id.segment > (await currentSegment(store))))
    await refuseBeyond(store, id);
  if (store.settings.safety === 2) await syncSegment(store, id.segment);
  await writeCheckpoint(store, subscriber, id);
  await deleteConsumed(store, { from: from.segment, to: id.segment });
  return id;
}

async function refuseBeyond(store: JournalStore, id: LogId): Promise<void> {
  const last = await lastRecord(store, id.segment);
  const current = await currentSegment(store);
  if (id.marker <= last.marker && id.segment <= current) return;
  const end = id.segment > current ? await lastRecord(store, current) : last;
  throw new FlotillaError(
    'FLT-2209',
    `${formatId(id)} in ${store.directory}: the last record there is ${formatId(end)}`,
  );
}

/** A checkpoint must not outlive the records that it says were consumed: others would get their numbers. */
async function syncSegment(store: JournalStore, segment: number): Promise<void> {
  const file = await store.files.open(segmentPath(store, segment), 'write');
  try {
    await file?.sync();
  } finally {
    await file?.close();
  }
}
