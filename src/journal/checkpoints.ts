/**
 * Subscribers of a journal: one file each, which holds the last record it has consumed. Checkpoints are changed in
 * place (C programs keep the files open), eight bytes at once, under the lock of the file.
 */
import { FlotillaError } from '../core/errors.ts';
import { type JournalFile, lockFile, readWhole } from './files.ts';
import {
  checkpointBytes,
  decodeCheckpoint,
  encodeCheckpoint,
  type LogId,
  subscribersAmong,
} from './layout.ts';
import { checkpointPath, type JournalStore, namesIn, refuseReadOnly } from './store.ts';

export async function subscribersOf(store: JournalStore): Promise<string[]> {
  return subscribersAmong(await namesIn(store));
}

/** Undefined: no such subscriber. 'damaged': its file does not hold a checkpoint. */
export async function readCheckpoint(
  store: JournalStore,
  subscriber: string,
): Promise<LogId | 'damaged' | undefined> {
  const file = await store.files.open(checkpointPath(store, subscriber), 'read');
  try {
    if (!file) return undefined;
    const bytes = await readWhole(file, checkpointBytes + 1);
    return decodeCheckpoint(bytes, store.codec.format.order) ?? 'damaged';
  } finally {
    await file?.close();
  }
}

/** Where each subscriber stands; one whose file is damaged stands before everything, so nothing is deleted under it. */
export async function readCheckpoints(store: JournalStore): Promise<Map<string, LogId>> {
  const checkpoints = new Map<string, LogId>();
  for (const subscriber of await subscribersOf(store)) {
    const at = await readCheckpoint(store, subscriber);
    if (at) checkpoints.set(subscriber, at === 'damaged' ? { segment: 0, marker: 0 } : at);
  }
  return checkpoints;
}

export function noSubscriber(store: JournalStore, subscriber: string): FlotillaError {
  return new FlotillaError('FLT-2208', `'${subscriber}' of ${store.directory}`);
}

/** Moves the checkpoint of a subscriber there is. */
export async function writeCheckpoint(store: JournalStore, subscriber: string, to: LogId): Promise<void> {
  refuseReadOnly(store);
  const path = checkpointPath(store, subscriber);
  const file = await store.files.open(path, 'write');
  if (!file) throw noSubscriber(store, subscriber);
  try {
    await lockedWrite(store, file, path, to);
  } finally {
    await file.close();
  }
}

/** Makes a subscriber, whole or not at all: the file gets its name when its content is on the disk. */
export async function createCheckpoint(store: JournalStore, subscriber: string, at: LogId): Promise<void> {
  refuseReadOnly(store);
  const path = checkpointPath(store, subscriber);
  await writeNewFile(store, path, encodeCheckpoint(at));
}

export async function removeCheckpoint(store: JournalStore, subscriber: string): Promise<void> {
  refuseReadOnly(store);
  const path = checkpointPath(store, subscriber);
  if (!(await subscribersOf(store)).includes(subscriber)) throw noSubscriber(store, subscriber);
  await store.files.remove(path);
  await store.files.syncDirectory(store.directory);
}

/** Prefix of files that are not whole yet; no jlog program looks at such names. */
export const unfinishedPrefix = 'new.';

/** A file that is there with all its content, or not at all, after a crash at any point. */
export async function writeNewFile(
  store: Pick<JournalStore, 'directory' | 'files' | 'mode'>,
  path: string,
  content: Buffer,
): Promise<void> {
  const { directory, files, mode } = store;
  const unfinished = `${directory}/${unfinishedPrefix}${path.slice(path.lastIndexOf('/') + 1)}`;
  await files.remove(unfinished);
  const file = await files.create(unfinished, mode);
  try {
    await file.write(content, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(unfinished, path);
  await files.syncDirectory(directory);
}

async function lockedWrite(store: JournalStore, file: JournalFile, path: string, to: LogId): Promise<void> {
  const unlock = await lockFile(file, store.clock, path);
  try {
    await file.write(encodeCheckpoint(to), 0);
    if ((await file.size()) !== checkpointBytes) await file.truncate(checkpointBytes);
    if (store.settings.safety === 2) await file.sync();
  } finally {
    unlock();
  }
}
