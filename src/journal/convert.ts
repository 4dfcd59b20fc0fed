/**
 * A copy of a journal in another byte order, or with its records compressed or not: the same segments, records, times
 * and checkpoints. The source is not changed; it may be one that we only read, of the other byte order or of jlog 1.
 *
 * Invariant: the copy gets its name when all of it is on the disk.
 */
import { FlotillaError } from '../core/errors.ts';
import { readCheckpoints } from './checkpoints.ts';
import { type JournalFile, readWhole } from './files.ts';
import { readIdentity } from './identity.ts';
import { describeProblem, inspectRecords, type RecordSeen } from './inspect.ts';
import {
  type ByteOrder,
  checkpointName,
  encodeCheckpoint,
  encodeMetastore,
  get32,
  hex8,
  lz4Magic,
  plainMagic,
  recordFormat,
  segmentsAmong,
  words,
} from './layout.ts';
import { directoryMode, openStore, parentOf, type StoreOptions } from './open-store.ts';
import { takeOwnership } from './owner.ts';
import { type RecordCodec, recordCodec } from './records.ts';
import { type JournalStore, namesIn, segmentPath } from './store.ts';

/** What is not given stays as it is; magic 0, of jlog 1, always becomes that of today. */
export interface Conversion {
  readonly order?: ByteOrder;
  readonly compress?: boolean;
}

export async function convertJournal(
  options: StoreOptions,
  target: string,
  conversion: Conversion,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const { files, path, mode } = options;
  if ((await files.list(target)) !== undefined)
    throw new FlotillaError('FLT-2201', `${target} exists already`);
  const store = await openStore(options, false);
  const giveUp = store.readOnlyReason === undefined ? await takeOwnership(path, files, mode) : undefined;
  try {
    const copy = new JournalCopy(store, await codecOf(store, conversion), `${target}.unfinished`);
    await copy.make(onProgress);
    await files.rename(copy.path, target);
    // It takes the place of the source, so an aggregator must not take it for another one.
    const identity = await readIdentity(path, files);
    if (identity !== undefined) await writeFile(store, `${target}.id`, Buffer.from(`${identity}\n`));
    await files.syncDirectory(parentOf(target));
  } finally {
    await giveUp?.();
  }
}

function codecOf({ codec: { format } }: JournalStore, { order, compress }: Conversion): Promise<RecordCodec> {
  const isSame = compress === undefined || compress === (format.compression !== 'none');
  const magic = isSame ? format.magic || plainMagic : compress ? lz4Magic : plainMagic;
  return recordCodec(recordFormat(magic, order ?? format.order)!);
}

const bufferCountBytes = 4;

class JournalCopy {
  readonly path: string;
  readonly #store: JournalStore;
  readonly #codec: RecordCodec;

  constructor(store: JournalStore, codec: RecordCodec, path: string) {
    this.path = path;
    this.#store = store;
    this.#codec = codec;
  }

  async make(onProgress?: (done: number, total: number) => void): Promise<void> {
    const { files, settings } = this.#store;
    await this.#begin();
    const segments = segmentsAmong(await namesIn(this.#store));
    if (segments.length === 0) segments.push(settings.storage);
    const buffer = await this.#buffer();
    for (const [done, segment] of segments.entries()) {
      onProgress?.(done, segments.length);
      // The records of the write buffer stand behind all others.
      await this.#segment(segment, segment === segments.at(-1) ? buffer : undefined);
    }
    const { order, magic } = this.#codec.format;
    for (const [subscriber, at] of await readCheckpoints(this.#store))
      await writeFile(this.#store, `${this.path}/${checkpointName(subscriber)}`, encodeCheckpoint(at, order));
    if (buffer) await writeFile(this.#store, `${this.path}/pre_commit`, Buffer.alloc(buffer.length));
    await writeFile(this.#store, `${this.path}/metastore`, encodeMetastore({ ...settings, magic }, order));
    await files.syncDirectory(this.path);
  }

  /** What an earlier conversion left that was broken off is removed. */
  async #begin(): Promise<void> {
    const { files, mode } = this.#store;
    const left = await files.list(this.path);
    if (left === undefined) return files.makeDirectory(this.path, directoryMode(mode));
    if (left === 'file') throw new FlotillaError('FLT-2201', `${this.path} is a file`);
    for (const name of left) await files.remove(`${this.path}/${name}`);
  }

  async #segment(segment: number, buffer: Buffer | undefined): Promise<void> {
    const { files, mode } = this.#store;
    const from = await files.open(segmentPath(this.#store, segment), 'read');
    const to = await files.create(`${this.path}/${hex8(segment)}`, mode);
    try {
      const output = new RecordOutput(to, this.#codec);
      if (from) await this.#records(from, await from.size(), output, `segment ${hex8(segment)}`);
      if (buffer) {
        const used = Math.min(
          get32(buffer, 0, this.#store.codec.format.order),
          buffer.length - bufferCountBytes,
        );
        await this.#records(heldIn(buffer.subarray(bufferCountBytes)), used, output, 'the write buffer');
      }
      await output.flush();
      await to.sync();
    } finally {
      await from?.close();
      await to.close();
    }
  }

  async #records(
    from: Pick<JournalFile, 'read'>,
    size: number,
    output: RecordOutput,
    what: string,
  ): Promise<void> {
    const { format } = this.#store.codec;
    const problem = await inspectRecords(from, format, size, (record) => {
      const payload = this.#store.codec.unpack(record.stored, record.length);
      if (payload) return output.add(record, payload);
      // Left out, it would give those behind it other numbers than their checkpoints know.
      throw new FlotillaError(
        'FLT-2203',
        `${what} of ${this.#store.directory}: record ${record.index} cannot be expanded; convert it when its segment was consumed`,
      );
    });
    if (problem)
      throw new FlotillaError(
        'FLT-2203',
        `${what} of ${this.#store.directory}: ${describeProblem(problem, format)}`,
      );
  }

  async #buffer(): Promise<Buffer | undefined> {
    const { directory, files } = this.#store;
    const note = await files.open(`${directory}/pre_commit.note`, 'read');
    const noted = (await note?.size()) ?? 0;
    await note?.close();
    // Some of the buffer may be in the segment already; its writer knows how much.
    if (noted > 0)
      throw new FlotillaError(
        'FLT-2203',
        `${directory} was left while its write buffer was emptied; repair it first`,
      );
    const file = await files.open(`${directory}/pre_commit`, 'read');
    try {
      const bytes = file && (await readWhole(file, Number.POSITIVE_INFINITY));
      return bytes && bytes.length >= bufferCountBytes ? bytes : undefined;
    } finally {
      await file?.close();
    }
  }
}

const flushBytes = 1024 * 1024;

/** Records on their way to a segment, in either byte order. */
class RecordOutput {
  readonly #file: JournalFile;
  readonly #codec: RecordCodec;
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #written = 0;

  constructor(file: JournalFile, codec: RecordCodec) {
    this.#file = file;
    this.#codec = codec;
  }

  async add({ seconds, microseconds }: RecordSeen, payload: Buffer): Promise<void> {
    const { magic, order, headerSize } = this.#codec.format;
    const stored = this.#codec.pack(payload);
    const sizes = headerSize === 20 ? [payload.length, stored.length] : [payload.length];
    const header = words([magic, seconds, microseconds, ...sizes], order);
    this.#pieces.push(header, stored);
    this.#waiting += header.length + stored.length;
    if (this.#waiting >= flushBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces);
    if (bytes.length > 0) await this.#file.write(bytes, this.#written);
    this.#written += bytes.length;
    this.#pieces = [];
    this.#waiting = 0;
  }
}

function heldIn(bytes: Buffer): Pick<JournalFile, 'read'> {
  return { read: async (into, position) => bytes.copy(into, 0, position, position + into.length) };
}

async function writeFile({ files, mode }: JournalStore, path: string, content: Buffer): Promise<void> {
  const file = await files.create(path, mode);
  try {
    await file.truncate(0);
    await file.write(content, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
