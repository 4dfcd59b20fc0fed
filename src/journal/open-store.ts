/**
 * Finds out what a directory holds: a journal, none yet, one of the other byte order or of jlog 1 (both read-only), or
 * one whose metastore has to be restored from its segments.
 */
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import { unfinishedPrefix, writeNewFile } from './checkpoints.ts';
import { type JournalFiles, readWhole, systemCode, systemReason } from './files.ts';
import {
  type ByteOrder,
  decodeMetastore,
  defaultUnitLimit,
  encodeMetastore,
  get32,
  hex8,
  isSafety,
  lz4Magic,
  type Metastore,
  metastoreBytes,
  plainMagic,
  recordFormat,
  segmentsAmong,
} from './layout.ts';
import { recordCodec } from './records.ts';
import type { JournalNotice, JournalStore } from './store.ts';

export interface StoreOptions {
  readonly path: string;
  readonly files: JournalFiles;
  readonly clock: Clock;
  readonly mode: number;
  readonly onNotice: (notice: JournalNotice) => void;
}

/** Settings of a journal that is made now. */
export interface NewJournal {
  readonly unitLimit?: number;
  readonly safety?: 0 | 1 | 2;
  readonly compress?: boolean;
}

/** PATH_MAX less the longest name that we put into it. */
const longestPathBytes = 4082;

export async function listJournal({ path, files }: StoreOptions): Promise<readonly string[] | undefined> {
  if (!path.startsWith('/') || Buffer.byteLength(path) > longestPathBytes)
    throw new FlotillaError(
      'FLT-2201',
      `'${path}' is not an absolute path of at most ${longestPathBytes} bytes`,
    );
  try {
    const names = await files.list(path);
    if (names === 'file') throw new FlotillaError('FLT-2201', `${path} is a file`);
    return names;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

export function cannotOpen(path: string, error: unknown): FlotillaError {
  if (error instanceof FlotillaError) return error;
  return new FlotillaError('FLT-2202', `${path}: ${systemReason(error)}`, error);
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/**
 * Nothing in a directory but what a journal has beside its metastore and segments: what is left of one whose making was
 * broken off, or from which somebody removed them. It is made anew, with the settings it was to have.
 */
export function isUnmade(names: readonly string[]): boolean {
  return names.every((name) => /^(?:cp\.|pre_commit|new\.)/.test(name));
}

/** The directory gets `x` wherever its files are readable: 0640 makes it 0750. */
export const directoryMode = (mode: number): number => mode | ((mode & 0o444) >> 2);

export async function makeJournal(options: StoreOptions, settings: NewJournal): Promise<void> {
  const { path, files, mode } = options;
  const { unitLimit = defaultUnitLimit, safety = 1, compress = false } = settings;
  if (!Number.isInteger(unitLimit) || unitLimit < 1 || unitLimit > 0xffffffff)
    throw new FlotillaError('FLT-2212', `a segment of ${unitLimit} bytes`);
  try {
    if ((await listJournal(options)) === undefined) await files.makeDirectory(path, directoryMode(mode));
    const magic = compress ? lz4Magic : plainMagic;
    const metastore = encodeMetastore({ storage: 0, unitLimit, safety, magic });
    await writeNewFile({ directory: path, files, mode }, `${path}/metastore`, metastore);
    await files.syncDirectory(parentOf(path));
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** `mend`: the metastore is put right when it is not, and what was never finished is removed. */
export async function openStore(options: StoreOptions, mend: boolean): Promise<JournalStore> {
  const { path, files, onNotice } = options;
  const names = await listJournal(options);
  if (names === undefined) throw new FlotillaError('FLT-2201', `there is no ${path}`);
  const notice: JournalStore['notice'] = (kind, text, { records = 0, bytes = 0 } = {}) =>
    onNotice({ kind, text: `${path}: ${text}`, records, bytes });
  const found = await readMetastore(options, names);
  const highest = segmentsAmong(names).at(-1) ?? 0;
  const settings = { ...found.settings, storage: Math.max(found.settings.storage, highest) };
  const format = recordFormat(settings.magic, found.order);
  if (!format)
    throw new FlotillaError('FLT-2203', `${path} has records of unknown kind ${hex8(settings.magic)}`);
  const store = {
    directory: path,
    files,
    clock: options.clock,
    mode: options.mode,
    codec: await recordCodec(format),
    readOnlyReason: readOnlyReason(found.order, settings.magic),
    settings,
    notice,
  };
  if (mend && store.readOnlyReason === undefined) await mendStore(store, names, found.isWhole);
  return store;
}

function readOnlyReason(order: ByteOrder, magic: number): string | undefined {
  if (order === 'big') return 'it was written on a machine of the other byte order';
  return magic === 0 ? 'it was written by jlog 1' : undefined;
}

async function mendStore(store: JournalStore, names: readonly string[], isWhole: boolean): Promise<void> {
  const { directory, files, settings } = store;
  for (const name of names) if (name.startsWith(unfinishedPrefix)) await files.remove(`${directory}/${name}`);
  if (isWhole) return;
  await writeNewFile(store, `${directory}/metastore`, encodeMetastore(settings));
  store.notice(
    'metastore-restored',
    `the metastore was missing or wrong; segment ${hex8(settings.storage)} is the current one`,
  );
}

interface FoundMetastore {
  readonly settings: Metastore;
  readonly order: ByteOrder;
  /** False: it says something else, or nothing. */
  readonly isWhole: boolean;
}

async function readMetastore(options: StoreOptions, names: readonly string[]): Promise<FoundMetastore> {
  const { path, files } = options;
  try {
    const file = await files.open(`${path}/metastore`, 'read');
    const bytes = file ? await readWhole(file, metastoreBytes + 1) : Buffer.alloc(0);
    await file?.close();
    const decoded = decodeMetastore(bytes);
    const segments = segmentsAmong(names);
    if (decoded) {
      const { order, ...settings } = decoded;
      return { settings, order, isWhole: settings.storage >= (segments.at(-1) ?? 0) };
    }
    if (!file && segments.length === 0 && !isUnmade(names))
      throw new FlotillaError('FLT-2201', `${path} holds other files`);
    return await guessMetastore(options, bytes, segments);
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** From what is left of it, and from the first record there is. */
async function guessMetastore(
  { path, files }: StoreOptions,
  bytes: Buffer,
  segments: readonly number[],
): Promise<FoundMetastore> {
  let magic: number | undefined;
  for (const segment of segments) {
    const file = await files.open(`${path}/${hex8(segment)}`, 'read');
    const head = file ? await readWhole(file, 4) : Buffer.alloc(0);
    await file?.close();
    if (head.length < 4) continue;
    const isVersion1 = bytes.length === 12 && get32(head, 0, 'little') === 0;
    const known = (['little', 'big'] as const).find((order) => {
      const value = get32(head, 0, order);
      return value !== 0 && recordFormat(value, order);
    });
    if (known === 'big')
      return { settings: restored(bytes, 'big', get32(head, 0, 'big')), order: 'big', isWhole: false };
    magic = known ? get32(head, 0, 'little') : isVersion1 ? 0 : undefined;
    if (magic !== undefined) break;
  }
  const settings = restored(bytes, 'little', magic ?? plainMagic);
  return { settings, order: 'little', isWhole: false };
}

function restored(bytes: Buffer, order: ByteOrder, magic: number): Metastore {
  const unitLimit = bytes.length >= 8 ? get32(bytes, 4, order) : 0;
  const safety = bytes.length >= 12 ? get32(bytes, 8, order) : 1;
  return {
    storage: 0,
    unitLimit: unitLimit > 0 ? unitLimit : defaultUnitLimit,
    safety: isSafety(safety) ? safety : 1,
    magic,
  };
}

/** Why the directory cannot be written, or undefined. */
export async function unwritableReason({ path, files }: StoreOptions): Promise<string | undefined> {
  try {
    const file = await files.open(`${path}/metastore`, 'write');
    await file?.close();
    return undefined;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) return systemReason(error);
    throw cannotOpen(path, error);
  }
}
