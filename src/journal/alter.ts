/**
 * Changes the settings of a journal that nobody has open: size of segments, safety, write buffer; and whether records
 * are compressed as long as there are none.
 */
import { FlotillaError } from '../core/errors.ts';
import { lockFile } from './files.ts';
import { type JournalOptions, openJournal } from './journal.ts';
import { defaultMode, encodeMetastore, lz4Magic, plainMagic } from './layout.ts';
import { type NewJournal, openStore } from './open-store.ts';
import { takeOwnership } from './owner.ts';
import { PreCommit } from './pre-commit.ts';
import { type JournalStore, segmentPath, segmentsOf } from './store.ts';

export interface JournalChanges extends NewJournal {
  readonly preCommitBytes?: number;
}

export async function alterJournal(
  options: Omit<JournalOptions, 'access'>,
  changes: JournalChanges,
): Promise<void> {
  // Closing it leaves nothing in the buffer, and nothing torn.
  await (await openJournal({ ...options, access: 'own' })).close();
  const { path, files, mode = defaultMode, onNotice = () => {} } = options;
  const giveUp = await takeOwnership(path, files, mode);
  try {
    const store = await openStore({ ...options, mode, onNotice }, true);
    const { preCommitBytes, compress, ...settings } = changes;
    if (compress !== undefined) await refuseWithRecords(store, compress ? lz4Magic : plainMagic);
    if (preCommitBytes !== undefined) await resizeBuffer(store, preCommitBytes);
    const magic = compress === undefined ? store.settings.magic : compress ? lz4Magic : plainMagic;
    await writeMetastore(store, encodeMetastore({ ...store.settings, ...settings, magic }));
  } finally {
    await giveUp();
  }
}

async function refuseWithRecords(store: JournalStore, magic: number): Promise<void> {
  if (magic === store.settings.magic) return;
  for (const segment of await segmentsOf(store)) {
    const file = await store.files.open(segmentPath(store, segment), 'read');
    const size = (await file?.size()) ?? 0;
    await file?.close();
    if (size > 0)
      throw new FlotillaError('FLT-2212', `${store.directory} has records, so its compression cannot change`);
  }
}

async function resizeBuffer(store: JournalStore, bytes: number): Promise<void> {
  const buffer = await PreCommit.open(store);
  try {
    if (buffer.used > 0) throw new FlotillaError('FLT-2206', `${store.directory} was written meanwhile`);
    await buffer.resize(bytes);
  } finally {
    await buffer.close();
  }
}

/** In its place, as C programs have it mapped. */
async function writeMetastore(store: JournalStore, bytes: Buffer): Promise<void> {
  const path = `${store.directory}/metastore`;
  const file = await store.files.open(path, 'write');
  if (!file) throw new FlotillaError('FLT-2201', `${store.directory} has lost its metastore`);
  try {
    const unlock = await lockFile(file, store.clock, path);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      unlock();
    }
  } finally {
    await file.close();
  }
}
