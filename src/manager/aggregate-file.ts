/**
 * One output file of the aggregator and the state file beside it.
 *
 * Invariants: the state on the disk never says more than the file holds on the disk, and before a byte is appended it
 * says exactly where the file ends. So whatever stops this process, what lies behind that length is cut off when the
 * file is opened again, what the state covers is skipped, and each record is in the file once. After any failure the
 * file is closed and its state read anew: which of two states a failed rename left cannot be told otherwise.
 */
import { dirname } from 'node:path';
import type { PulledRecord } from '../actors/log-ports.ts';
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import {
  type JournalFile,
  type JournalFiles,
  readWhole,
  systemCode,
  systemReason,
} from '../journal/files.ts';
import { Turns } from '../node/turns.ts';
import {
  type AggregateState,
  bounded,
  covers,
  decodeState,
  encodeState,
  isStatePath,
  type Origin,
  originKey,
  type SourceMark,
  statePathOf,
} from './aggregate-state.ts';

/** Records of one source that belong into one output. */
export interface Portion {
  readonly origin: Origin;
  readonly records: readonly PulledRecord[];
  readonly sync: boolean;
}

/** Where records end up. */
export interface AggregateTarget {
  /** In their order. Rejects when it is not known whether all of them are kept; the target is to be closed then. */
  append(portions: readonly Portion[]): Promise<void>;
  close(): Promise<void>;
}

export interface AggregateFileOptions {
  readonly path: string;
  readonly fileMode: number;
  readonly dirMode: number;
  readonly sync: boolean;
}

export interface AggregateAround {
  readonly files: JournalFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

/** Written at once. */
const chunkBytes = 1024 * 1024;
/** Looked at before the clock is asked whether others are to have a turn. */
const recordsATurn = 4096;
const newline = 10;
const longestState = 16 * 1024 * 1024;

export class AggregateFile implements AggregateTarget {
  readonly #options: AggregateFileOptions;
  readonly #around: AggregateAround;
  readonly #file: JournalFile;
  #state: AggregateState;

  /** Cuts off what the state does not know. Rejects with FLT-2501, 2503 or 2505. */
  static async open(options: AggregateFileOptions, around: AggregateAround): Promise<AggregateFile> {
    const { path } = options;
    let file: JournalFile | undefined;
    try {
      if (isStatePath(path)) throw new Error('names of this form are those of state files');
      file = await createFile(options, around.files);
      if (!file.tryLock()) throw new FlotillaError('FLT-2505', path);
      const known = await readState(options, around);
      const opened = new AggregateFile(options, around, file, known ?? { length: 0, marks: new Map() });
      await opened.#recover(known !== undefined);
      return opened;
    } catch (error) {
      await file?.close().catch(() => {});
      throw failure('FLT-2501', path, error);
    }
  }

  private constructor(
    options: AggregateFileOptions,
    around: AggregateAround,
    file: JournalFile,
    state: AggregateState,
  ) {
    this.#options = options;
    this.#around = around;
    this.#file = file;
    this.#state = state;
  }

  /** Rejects with FLT-2502. */
  async append(portions: readonly Portion[]): Promise<void> {
    const { clock, counters } = this.#around;
    try {
      const sync = portions.some((portion) => portion.sync);
      const begin = await this.#findEnd(sync);
      const marks = new Map(this.#state.marks);
      const writer = new LineWriter(this.#file, begin, chunkFor(portions));
      const records = await this.#write(portions, marks, writer);
      await writer.flush();
      const state = { length: writer.position, marks: bounded(marks, Math.floor(clock.wallMs() / 1000)) };
      if (state.length > begin) {
        if (sync) await this.#file.sync();
        await this.#save(state, sync);
      }
      this.#state = state;
      counters.add('aggregate_records_total', records);
      counters.add('aggregate_bytes_total', state.length - begin);
    } catch (error) {
      throw failure('FLT-2502', this.#options.path, error);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** How many records were not there yet. */
  async #write(
    portions: readonly Portion[],
    marks: Map<string, SourceMark>,
    writer: LineWriter,
  ): Promise<number> {
    const { clock, counters } = this.#around;
    const turns = new Turns(clock);
    const wroteS = Math.floor(clock.wallMs() / 1000);
    let looked = 0;
    let count = 0;
    for (const { origin, records } of portions) {
      const key = originKey(origin);
      const { node, log, subscriber, journal } = origin;
      const known = marks.get(key);
      let last: PulledRecord | undefined;
      for (const record of records) {
        if (++looked % recordsATurn === 0) await turns.next();
        if (covers(known, record.id)) continue;
        if (!writer.take(record.payload)) await writer.write(record.payload);
        last = record;
        count++;
      }
      if (last) marks.set(key, { node, log, subscriber, journal, id: last.id, wroteS });
    }
    counters.add('aggregate_records_skipped_total', looked - count);
    return count;
  }

  /** The end of the file, also after somebody else has cut or written it: the log goes on behind what is there. */
  async #findEnd(sync: boolean): Promise<number> {
    const size = await this.#file.size();
    if (size !== this.#state.length) {
      this.#around.log.warning(
        `aggregate: ${this.#options.path} was changed by somebody else: ${size} bytes instead of ${this.#state.length}`,
        { path: this.#options.path },
      );
      await this.#save({ ...this.#state, length: size }, sync);
    }
    return size;
  }

  async #recover(isKnown: boolean): Promise<void> {
    const { path, sync } = this.#options;
    const { files, log } = this.#around;
    const size = await this.#file.size();
    const { length } = this.#state;
    if (!isKnown) return await this.#save({ ...this.#state, length: size }, sync);
    // A state that a power failure could still take back must not be a reason to skip a record.
    if (sync) await files.syncDirectory(dirname(path));
    if (size > length) {
      log.notice(`aggregate: ${size - length} bytes that were not acknowledged are cut off ${path}`, {
        path,
      });
      await this.#file.truncate(length);
    } else if (size < length) {
      const text = `aggregate: ${path} was removed or cut to ${size} of ${length} bytes; it goes on from there`;
      log.notice(text, { path });
      await this.#save({ ...this.#state, length: size }, sync);
    }
  }

  /** The state becomes this one, at once and for good. */
  async #save(state: AggregateState, sync: boolean): Promise<void> {
    const { files } = this.#around;
    const { path, fileMode } = this.#options;
    const statePath = statePathOf(path);
    const file = await files.create(`${statePath}.new`, fileMode);
    try {
      await file.truncate(0);
      await file.write(encodeState(state), 0);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(`${statePath}.new`, statePath);
    if (sync) await files.syncDirectory(dirname(path));
    this.#state = state;
  }
}

/** Collects lines into chunks. */
class LineWriter {
  readonly #file: JournalFile;
  readonly #chunk: Buffer;
  /** Where the chunk begins in the file. */
  #begin: number;
  #used = 0;

  constructor(file: JournalFile, begin: number, chunk: Buffer) {
    this.#file = file;
    this.#begin = begin;
    this.#chunk = chunk;
  }

  get position(): number {
    return this.#begin + this.#used;
  }

  /** False: there is no room for it in this chunk. A record without final newline gets one, an empty one is no line. */
  take(payload: Uint8Array): boolean {
    const { length } = payload;
    if (length === 0) return true;
    if (this.#used + length + 1 > this.#chunk.length) return false;
    this.#chunk.set(payload, this.#used);
    this.#used += length;
    if (payload[length - 1] !== newline) this.#chunk[this.#used++] = newline;
    return true;
  }

  /** Any length. */
  async write(payload: Uint8Array): Promise<void> {
    await this.flush();
    if (this.take(payload)) return;
    await this.#file.write(payload, this.#begin);
    this.#begin += payload.length;
    if (payload[payload.length - 1] !== newline) {
      await this.#file.write(Uint8Array.of(newline), this.#begin);
      this.#begin++;
    }
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    await this.#file.write(this.#chunk.subarray(0, this.#used), this.#begin);
    this.#begin += this.#used;
    this.#used = 0;
  }
}

/** What is needed for the lines, at most. */
function chunkFor(portions: readonly Portion[]): Buffer {
  let bytes = 0;
  for (const { records } of portions)
    for (const { payload } of records) {
      bytes += payload.length + 1;
      if (bytes >= chunkBytes) return Buffer.allocUnsafe(chunkBytes);
    }
  return Buffer.allocUnsafe(bytes);
}

async function createFile(
  { path, fileMode, dirMode }: AggregateFileOptions,
  files: JournalFiles,
): Promise<JournalFile> {
  try {
    return await files.create(path, fileMode);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await makeDirectories(dirname(path), dirMode, files);
    return await files.create(path, fileMode);
  }
}

/** One after the other, so that each gets the mode, and is still there after a power failure. */
async function makeDirectories(path: string, mode: number, files: JournalFiles): Promise<void> {
  const missing: string[] = [];
  for (let at = path; (await files.list(at)) === undefined && at !== dirname(at); at = dirname(at))
    missing.unshift(at);
  for (const directory of missing) {
    await files.makeDirectory(directory, mode).catch((error: unknown) => {
      // Another output was faster.
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    await files.syncDirectory(dirname(directory));
  }
}

async function readState(
  { path, sync }: AggregateFileOptions,
  { files, log }: AggregateAround,
): Promise<AggregateState | undefined> {
  const statePath = statePathOf(path);
  const file = await files.open(statePath, 'read');
  if (!file) return undefined;
  try {
    const state = decodeState(await readWhole(file, longestState));
    if (state) return state;
  } finally {
    await file.close();
  }
  if (sync) throw new FlotillaError('FLT-2503', statePath);
  // Without syncs a power failure may leave anything.
  log.warning(`aggregate: ${statePath} is damaged; what was not acknowledged may be there twice`, { path });
  return undefined;
}

function failure(code: 'FLT-2501' | 'FLT-2502', path: string, error: unknown): FlotillaError {
  return isFlotillaError(error) ? error : new FlotillaError(code, `${path}: ${systemReason(error)}`, error);
}
