/**
 * A journal: append, subscribers, readers, limits. What happens to its checkpoints and segments happens one at a time.
 *
 * Access `own` is the node's: recovery at open is automatic and complete. `share` appends and reads beside the owner
 * under the locks of the files; `read` never appends. A journal that cannot be written, or of another byte order, opens
 * for `read` and `look` only, and then not even its index files are touched; nor are they by `look`, so that a tool run
 * by another user leaves no file behind that the node could not write.
 */
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import {
  createCheckpoint,
  readCheckpoint,
  readCheckpoints,
  removeCheckpoint,
  subscribersOf,
} from './checkpoints.ts';
import { type JournalFiles, systemReason } from './files.ts';
import { IdentityFile } from './identity.ts';
import { type Lag, lagBehind } from './lag.ts';
import { checkpointName, defaultMode, hex8, type LogId, type RecordFormat } from './layout.ts';
import { lastRecord, mendCheckpoints, mendSegment } from './mend.ts';
import {
  cannotOpen,
  isUnmade,
  listJournal,
  makeJournal,
  type NewJournal,
  openStore,
  parentOf,
  type StoreOptions,
  unwritableReason,
} from './open-store.ts';
import { takeOwnership } from './owner.ts';
import { type JournalAccess, JournalReader, storeCheckpoint } from './reader.ts';
import { decodeRecords, type JournalRecord } from './records.ts';
import { deleteConsumed, enforceLimits, type GrowthLimits } from './retention.ts';
import { SegmentReader } from './segment-reader.ts';
import {
  currentSegment,
  type JournalNotice,
  type JournalStore,
  refuseReadOnly,
  segmentsOf,
  tellUnreadable,
} from './store.ts';
import { Turns } from './turns.ts';
import { JournalWriter } from './writer.ts';

export interface JournalOptions {
  readonly path: string;
  readonly files: JournalFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly access: 'own' | 'share' | 'read' | 'look';
  /** Of all its files. */
  readonly mode?: number;
  /** Settings if it is made now; it is made when missing and access is `own`. */
  readonly create?: NewJournal;
  /** Size of its write buffer, if it has none yet. */
  readonly preCommitBytes?: number;
  /** Added when missing, and never removed. */
  readonly subscribers?: readonly string[];
  /** Where those stand that are added by this: before the oldest record kept, or behind the last. */
  readonly subscribersStart?: 'begin' | 'end';
  readonly limits?: GrowthLimits;
  readonly maxWaitingBytes?: number;
  readonly onNotice?: (notice: JournalNotice) => void;
}

/** What a journal has done since it was opened. */
export interface JournalCounts {
  written: number;
  lost: number;
  bytesCut: number;
  notices: number;
}

export interface SegmentFacts {
  readonly segment: number;
  readonly bytes: number;
  readonly records: number;
  /** Subscribers that stand in it or before. */
  readonly pending: number;
  /** False: bytes behind its last record are none. */
  readonly isWhole: boolean;
}

const runBytes = 256 * 1024;
export const defaultWaitingBytes = 16 * 1024 * 1024;

export async function openJournal(options: JournalOptions): Promise<Journal> {
  const counts: JournalCounts = { written: 0, lost: 0, bytesCut: 0, notices: 0 };
  const storeOptions: StoreOptions = {
    ...options,
    mode: options.mode ?? defaultMode,
    onNotice: (notice) => {
      counts.notices++;
      counts.lost += notice.records;
      if (notice.kind === 'tail-cut' || notice.kind === 'bytes-cut') counts.bytesCut += notice.bytes;
      options.onNotice?.(notice);
    },
  };
  if (options.access === 'read' || options.access === 'look')
    return openForReading(options, storeOptions, counts);
  for (const name of options.subscribers ?? [])
    if (checkpointName(name) === undefined)
      throw new FlotillaError('FLT-2210', `'${name}' for ${options.path}`);
  if (options.access === 'share' && !options.files.locks)
    throw new FlotillaError('FLT-2206', `${options.path} can only be shared where files can be locked`);
  return openForWriting(options, storeOptions, counts);
}

async function openForReading(
  { access, random }: JournalOptions,
  storeOptions: StoreOptions,
  counts: JournalCounts,
): Promise<Journal> {
  const store = await openStore(storeOptions, false);
  const unwritable =
    store.readOnlyReason ??
    (access === 'look' ? 'it was opened to be looked at' : await unwritableReason(storeOptions));
  const readable = unwritable === undefined ? store : { ...store, readOnlyReason: unwritable };
  return new Journal(readable, counts, random);
}

async function openForWriting(
  options: JournalOptions,
  storeOptions: StoreOptions,
  counts: JournalCounts,
): Promise<Journal> {
  const { path, files, mode } = storeOptions;
  const isOwner = options.access === 'own';
  const names = await listJournal(storeOptions);
  const isNew = names === undefined || isUnmade(names);
  if (isNew && !isOwner) throw new FlotillaError('FLT-2201', `there is no ${path}`);
  // Its ids begin anew: under the old identity whoever read the journal before would take them for read.
  if (isNew) await files.remove(`${path}.id`);
  // Its parents, which the lock beside it needs as well.
  if (names === undefined) await makeJournal(storeOptions, options.create ?? {});
  let giveUp: (() => Promise<void>) | undefined;
  let journal: Journal | undefined;
  try {
    if (isOwner) giveUp = await takeOwnership(path, files, mode);
    if (names !== undefined && isNew) await makeJournal(storeOptions, options.create ?? {});
    const store = await openStore(storeOptions, isOwner);
    refuseReadOnly(store);
    journal = new Journal(store, counts, options.random, giveUp);
    await journal.startWriting(options, isOwner);
    return journal;
  } catch (error) {
    await (journal ? journal.close() : giveUp?.());
    throw cannotOpen(path, error);
  }
}

export class Journal {
  readonly path: string;
  readonly counts: Readonly<JournalCounts>;
  readonly #store: JournalStore;
  readonly #random: Random;
  readonly #counts: JournalCounts;
  readonly #turns = new Turns();
  readonly #giveUp: (() => Promise<void>) | undefined;
  #writer: JournalWriter | undefined;
  #limits: GrowthLimits | undefined;
  #isFull = false;
  /** Of the owner. */
  #identity: IdentityFile | undefined;
  #lastIdentity: string | undefined;
  /** How often segments have changed under whoever has them open. */
  #mends = 0;
  readonly #onWritten = new Set<() => void>();

  constructor(store: JournalStore, counts: JournalCounts, random: Random, giveUp?: () => Promise<void>) {
    this.path = store.directory;
    this.#store = store;
    this.#random = random;
    this.#counts = counts;
    this.counts = counts;
    this.#giveUp = giveUp;
  }

  /** Part of opening. */
  async startWriting(options: JournalOptions, isOwner: boolean): Promise<void> {
    const { maxWaitingBytes = defaultWaitingBytes, preCommitBytes, limits } = options;
    this.#limits = limits;
    this.#writer = await JournalWriter.open(this.#store, {
      maxWaitingBytes,
      isShared: !isOwner,
      ...(preCommitBytes === undefined ? {} : { preCommitBytes }),
      onRotated: () => void this.enforceLimits(),
      onWritten: (records) => {
        this.#counts.written += records;
        for (const listener of this.#onWritten) listener();
      },
      refusal: () => (this.#isFull ? new FlotillaError('FLT-2213', this.path) : undefined),
    });
    if (isOwner) {
      await mendCheckpoints(this.#store);
      await this.#openIdentity();
      // The names of the directory and of the identity.
      await this.#store.files.syncDirectory(parentOf(this.path));
      await deleteConsumed(this.#store);
    }
    const present = await subscribersOf(this.#store);
    for (const name of options.subscribers ?? [])
      if (!present.includes(name)) await this.addSubscriber(name, options.subscribersStart ?? 'begin');
    await this.enforceLimits();
  }

  /**
   * Known to the owner only; another one once records that were read got other numbers, perhaps by the hand of another
   * process. What was read between two looks that found the same has the numbers that belong to it.
   */
  async identity(): Promise<string | undefined> {
    const identity = await this.#identity?.current();
    // Another process has put other files in the place of those that readers have open.
    if (identity !== this.#lastIdentity) this.#mends++;
    this.#lastIdentity = identity;
    return identity;
  }

  get readOnlyReason(): string | undefined {
    return this.#store.readOnlyReason;
  }

  get settings(): JournalStore['settings'] {
    return this.#store.settings;
  }

  /** How its records look in its segments. */
  get format(): RecordFormat {
    return this.#store.codec.format;
  }

  /** Called when records have come into a segment; returns how to stop that. */
  onWritten(listener: () => void): () => void {
    this.#onWritten.add(listener);
    return () => this.#onWritten.delete(listener);
  }

  /** Resolves with the place of the record when it is on the disk; rejects when nothing of it was kept. */
  append(payload: Uint8Array, timeUs = this.#nowUs()): Promise<LogId> {
    return this.#writer ? this.#writer.append(payload, timeUs) : Promise.reject(this.#notWritten());
  }

  /** Resolves when it is in its segment, and so survives this process; synced as the safety of the journal says. */
  appendWritten(payload: Uint8Array, timeUs = this.#nowUs()): Promise<LogId> {
    if (!this.#writer) return Promise.reject(this.#notWritten());
    return this.#writer.append(payload, timeUs, this.settings.safety === 2);
  }

  /** Written soon, synced as the safety of the journal says. False: refused, nothing was kept. */
  appendLazy(payload: Uint8Array, timeUs = this.#nowUs()): boolean {
    if (!this.#writer) throw this.#notWritten();
    return this.#writer.appendLazy(payload, timeUs);
  }

  /** Resolves when everything appended so far is on the disk and can be read. */
  async sync(): Promise<void> {
    await this.#writer?.sync();
  }

  /** Resolves when everything that readers can see is on the disk; what is still on its way does not hold it up. */
  async syncWritten(): Promise<void> {
    await this.#writer?.syncWritten();
  }

  get waitingBytes(): number {
    return this.#writer?.waitingBytes ?? 0;
  }

  /** A reader of a subscriber there is. */
  async reader(subscriber: string): Promise<JournalReader> {
    const reader = new JournalReader(this.#store, this.#access, subscriber);
    await reader.stored();
    return reader;
  }

  /** A reader without a subscriber: it keeps no segment from being deleted, and stores no checkpoint. */
  readerFrom(after: LogId): JournalReader {
    return new JournalReader(this.#store, this.#access, '', after);
  }

  /** What stands before the last `count` records. */
  async placeBefore(count: number): Promise<LogId> {
    let left = count;
    let place = await this.last();
    for (const segment of (await segmentsOf(this.#store)).reverse()) {
      const { marker } = await lastRecord(this.#store, segment);
      place = { segment, marker: Math.max(marker - left, 0) };
      if (marker >= left) break;
      left -= marker;
    }
    return place;
  }

  /** The last record. */
  async last(): Promise<LogId> {
    return lastRecord(this.#store, await currentSegment(this.#store));
  }

  subscribers(): Promise<Map<string, LogId>> {
    return readCheckpoints(this.#store);
  }

  /** The first record that is kept, and the last; undefined when there is none. */
  async bounds(): Promise<{ readonly first: LogId; readonly last: LogId } | undefined> {
    const segments = await segmentsOf(this.#store);
    const lowest = segments[0];
    if (lowest === undefined) return undefined;
    for (const segment of segments.toReversed()) {
      const last = await lastRecord(this.#store, segment);
      if (last.marker > 0) return { first: { segment: lowest, marker: 1 }, last };
    }
    return undefined;
  }

  /** What is behind a record. */
  lag(id: LogId): Promise<Lag> {
    return lagBehind(this.#store, id);
  }

  /** `at` a record, or where another subscriber stands. */
  addSubscriber(
    name: string,
    at: 'begin' | 'end' | LogId | { readonly copyOf: string } = 'begin',
  ): Promise<LogId> {
    return this.#turns.run(async () => {
      refuseReadOnly(this.#store);
      if ((await subscribersOf(this.#store)).includes(name))
        throw new FlotillaError('FLT-2214', `'${name}' of ${this.path}`);
      const begin = { segment: (await segmentsOf(this.#store))[0] ?? 0, marker: 0 };
      if (at === 'begin') return this.#create(name, begin);
      if (at === 'end') return this.#create(name, await this.last());
      if ('copyOf' in at) {
        const other = await readCheckpoint(this.#store, at.copyOf);
        if (other === undefined) throw new FlotillaError('FLT-2208', `'${at.copyOf}' of ${this.path}`);
        return this.#create(name, other === 'damaged' ? begin : other);
      }
      await this.#create(name, begin);
      return storeCheckpoint(this.#store, name, at);
    });
  }

  moveSubscriber(name: string, to: LogId): Promise<LogId> {
    return this.#turns.run(() => storeCheckpoint(this.#store, name, to));
  }

  /** What only it still needed is deleted at once. */
  removeSubscriber(name: string): Promise<void> {
    return this.#turns.run(async () => {
      await removeCheckpoint(this.#store, name);
      await deleteConsumed(this.#store);
    });
  }

  /** Deletes every segment that no subscriber needs, also where there are none; never the current one. */
  clean(): Promise<number[]> {
    return this.#turns.run(async () => {
      refuseReadOnly(this.#store);
      return deleteConsumed(this.#store, { evenUnread: true });
    });
  }

  /** Drops what is beyond the limits of the journal, or stops its writer; never rejects. */
  enforceLimits(): Promise<void> {
    return this.#turns.run(async () => {
      if (!this.#limits) return;
      try {
        const isFull = await enforceLimits(this.#store, this.#limits);
        if (isFull && !this.#isFull)
          this.#store.notice('limit-reached', 'the journal is as large as it may be');
        this.#isFull = isFull;
      } catch (error) {
        this.#store.notice('write-failed', `old segments could not be dropped: ${systemReason(error)}`);
      }
    });
  }

  currentSegment(): Promise<number> {
    return currentSegment(this.#store);
  }

  /** Each segment kept: its bytes, whole records, and how many subscribers still need it. */
  async segments(): Promise<SegmentFacts[]> {
    const current = await currentSegment(this.#store);
    const checkpoints = [...(await this.subscribers()).values()];
    const facts: SegmentFacts[] = [];
    for (const segment of await segmentsOf(this.#store)) {
      const reader = await SegmentReader.open(this.#store, segment);
      if (!reader) continue;
      try {
        const { count, stop } = await reader.refresh(segment < current);
        const pending = checkpoints.filter((at) => at.segment <= segment).length;
        facts.push({ segment, bytes: await reader.size(), records: count, pending, isWhole: stop === 'end' });
      } finally {
        await reader.close();
      }
    }
    return facts;
  }

  /** Every record that is kept, whoever has consumed it; up to the first damage of a segment, which is told. */
  async *everything(): AsyncGenerator<JournalRecord> {
    for (const segment of await segmentsOf(this.#store)) {
      const reader = await SegmentReader.open(this.#store, segment);
      if (!reader) continue;
      try {
        const isClosed = segment < (await currentSegment(this.#store));
        const { count, stop } = await reader.refresh(isClosed);
        for (let marker = 1; marker <= count; ) {
          const run = await reader.read(marker, count, runBytes);
          yield* decodeRecords(run, this.#store.codec, (id) => tellUnreadable(this.#store, id));
          marker += run.count;
        }
        if (stop === 'damaged' || (stop === 'torn' && isClosed))
          this.#store.notice('damaged', `segment ${hex8(segment)} is damaged behind record ${count}`);
      } finally {
        await reader.close();
      }
    }
  }

  /** Looks at all data, which takes a while, and mends what is damaged in closed segments. */
  async mend(onProgress?: (done: number, total: number) => void): Promise<number> {
    let mended = 0;
    const current = await currentSegment(this.#store);
    const closed = (await segmentsOf(this.#store)).filter((segment) => segment < current);
    for (const [index, segment] of closed.entries()) {
      onProgress?.(index, closed.length);
      if (await this.#turns.run(() => this.#mend(segment))) mended++;
    }
    await this.#turns.run(() => mendCheckpoints(this.#store));
    return mended;
  }

  /** Of all segments, indexes, checkpoints and the rest. */
  async diskBytes(): Promise<number> {
    let bytes = 0;
    for (const name of (await listJournal({ ...this.#store, path: this.path, onNotice: () => {} })) ?? []) {
      const file = await this.#store.files.open(`${this.path}/${name}`, 'read');
      bytes += (await file?.size()) ?? 0;
      await file?.close();
    }
    return bytes;
  }

  async close(): Promise<void> {
    try {
      await this.#writer?.close();
      await this.#turns.run(async () => undefined);
      await this.#identity?.close();
    } finally {
      await this.#giveUp?.();
    }
  }

  readonly #mend = async (segment: number): Promise<boolean> => {
    const isMended = await mendSegment(this.#store, segment, this.#random);
    if (isMended) this.#mends++;
    return isMended;
  };

  readonly #access: JournalAccess = {
    turns: this.#turns,
    mend: this.#mend,
    mends: () => this.#mends,
    underIdentity: (run) => (this.#identity ? this.#identity.locked(run) : run(undefined)),
  };

  async #openIdentity(): Promise<void> {
    const { files, clock, mode } = this.#store;
    const file = await IdentityFile.open(this.path, files, clock, mode);
    this.#identity = file;
    this.#lastIdentity = await file.locked(async (identity) => identity ?? (await file.renew(this.#random)));
  }

  async #create(name: string, at: LogId): Promise<LogId> {
    await createCheckpoint(this.#store, name, at);
    return at;
  }

  #nowUs(): number {
    return this.#store.clock.wallMs() * 1000;
  }

  #notWritten(): FlotillaError {
    return new FlotillaError('FLT-2205', `${this.path} is open for reading`);
  }
}
