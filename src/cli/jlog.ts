/**
 * `flotilla jlog`: journals from the command line, in the words and the output of jlogctl. Subscribers may be changed
 * while a node writes the journal; what changes segments or settings is refused then, with the process that has it.
 *
 * Each command resolves with its exit code.
 */
import { resolve } from 'node:path';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import { alterJournal, type JournalChanges } from '../journal/alter.ts';
import { checkJournal } from '../journal/check.ts';
import { readCheckpoints } from '../journal/checkpoints.ts';
import { convertJournal } from '../journal/convert.ts';
import { describeProblem, inspectRecords } from '../journal/inspect.ts';
import type { Journal } from '../journal/journal.ts';
import { formatId, hex8, type LogId, parseId } from '../journal/layout.ts';
import { indexState } from '../journal/segment-index.ts';
import { type JournalStore, segmentPath, segmentsOf } from '../journal/store.ts';
import { fatalLine } from './fatal-line.ts';
import {
  type JlogFlags,
  journalAt,
  openOptions,
  print,
  refusedBySystem,
  reportOwners,
  storeAt,
  withJournal,
} from './open-jlog.ts';
import { withProgress } from './progress-line.ts';

export interface SubscriberFlags extends JlogFlags {
  readonly a?: string;
  readonly e?: string;
  readonly u?: string;
  readonly p?: string;
  readonly C?: string;
  readonly ifMissing?: true;
}

export async function subscriber(path: string, flags: SubscriberFlags): Promise<number> {
  const { a, e, u, p } = flags;
  const exitCode =
    p !== undefined
      ? await withJournal(path, 'look', flags, (journal) => perspective(journal, p, flags))
      : a === undefined && e === undefined && u === undefined
        ? await listSubscribers(path, flags)
        : await withJournal(path, 'read', flags, (journal) => changeSubscriber(journal, flags));
  await reportOwners(path);
  return exitCode;
}

async function listSubscribers(path: string, flags: JlogFlags): Promise<number> {
  for (const [name, at] of await readCheckpoints(await storeAt(path, flags)))
    print(flags, { subscriber: name, checkpoint: formatId(at) }, `\t${name.padStart(32)} @ ${formatId(at)}`);
  return 0;
}

async function changeSubscriber(journal: Journal, flags: SubscriberFlags): Promise<number> {
  const { a, e, u } = flags;
  if (a !== undefined) return told('add', a, () => addSubscriber(journal, a, flags));
  if (e !== undefined)
    return told('erase', e, async () => {
      await journal.removeSubscriber(e);
      print(flags, { erased: e }, `Erased subscriber '${e}'`);
    });
  return told('update', u!, async () => {
    const to = idOf(flags.C ?? '');
    const before = (await journal.subscribers()).get(u!);
    const at = await journal.moveSubscriber(u!, to);
    const text = `Updated subscriber '${u}' ${before ? formatId(before) : ''} -> ${formatId(at)}`;
    print(flags, { updated: u, checkpoint: formatId(at) }, text);
  });
}

async function addSubscriber(journal: Journal, name: string, flags: SubscriberFlags): Promise<void> {
  const present = flags.ifMissing ? (await journal.subscribers()).get(name) : undefined;
  if (present) {
    const text = `Subscriber '${name}' exists -> ${formatId(present)}`;
    return print(flags, { exists: name, checkpoint: formatId(present) }, text);
  }
  const at = await journal.addSubscriber(name, flags.C === undefined ? 'begin' : idOf(flags.C));
  print(flags, { added: name, checkpoint: formatId(at) }, `Added subscriber '${name}' -> ${formatId(at)}`);
}

const unknownRecord = 'JLOG_ERR_ILLEGAL_LOGID';

/** Errors that the C library has, by its names. */
const libraryErrors: Record<string, string> = {
  'FLT-2208': 'JLOG_ERR_INVALID_SUBSCRIBER',
  'FLT-2209': unknownRecord,
  'FLT-2214': 'JLOG_ERR_SUBSCRIBER_EXISTS',
};

async function told(verb: string, name: string, change: () => Promise<void>): Promise<number> {
  try {
    await change();
    return 0;
  } catch (error) {
    const known = isFlotillaError(error) ? libraryErrors[error.code] : undefined;
    if (known === undefined) throw error;
    process.stderr.write(`Could not ${verb} subscriber '${name}': ${known}\n`);
    // The name alone does not tell which records there are.
    if (known === unknownRecord) process.stderr.write(`${fatalLine(error)}\n`);
    return 1;
  }
}

function idOf(text: string): LogId {
  const id = parseId(text);
  if (id) return id;
  throw new FlotillaError('FLT-2209', `'${text}', which -C is to name,`);
}

async function perspective(journal: Journal, name: string, flags: JlogFlags): Promise<number> {
  const reader = await journal.reader(name);
  try {
    const stored = formatId(await reader.stored());
    const { after, last, count } = await reader.interval();
    const written = formatId(await journal.last());
    const first = formatId(count > 0 ? { segment: after.segment, marker: after.marker + 1 } : after);
    const rule = '-'.repeat(20);
    print(
      flags,
      { subscriber: name, checkpoint: stored, lastWrite: written, next: [first, formatId(last)], count },
      `${rule}\n  Perspective of the '${name}' subscriber\n    current checkpoint: ${stored}\nLast write: ${written}\n` +
        `\t     next interval: [${first}, ${formatId(last)}]\n${rule}`,
    );
    return 0;
  } finally {
    await reader.close();
  }
}

export interface DataFlags extends JlogFlags {
  readonly i?: true;
  readonly d?: true;
  readonly r?: true;
}

/** 1: damage was found, and not mended. */
export async function data(path: string, flags: DataFlags): Promise<number> {
  const store = await storeAt(path, flags);
  const checkpoints = [...(await readCheckpoints(store)).values()];
  let mended: Promise<number> | undefined;
  let exitCode = 0;
  for (const segment of await segmentsOf(store)) {
    await listSegment(store, segment, checkpoints, flags);
    if (!(flags.d || flags.r) || !(await isDamaged(store, segment, flags))) continue;
    process.stderr.write('One or more errors were found.\n');
    if (flags.r) {
      mended ??= mendData(path, flags);
      await mended;
      process.stderr.write('Log file reconstructed, deleting the corresponding idx file.\n');
    } else exitCode = 1;
  }
  await reportOwners(path);
  return exitCode;
}

async function listSegment(
  store: JournalStore,
  segment: number,
  checkpoints: readonly LogId[],
  flags: DataFlags,
): Promise<void> {
  const bytes = await sizeOf(store, segment);
  if (bytes === undefined) return;
  const pending = checkpoints.filter((at) => at.segment <= segment).length;
  const index = flags.i ? await indexState(store, segment) : undefined;
  const lines = [`\t${hex8(segment)} [${String(bytes).padStart(9)} bytes] ${pending} pending readers`];
  if (index === 'none' || index === 'error') lines.push(`\t\t idx: ${index}`);
  else if (index)
    lines.push(
      `\t\t idx: ${index.messages} messages (${hex8(index.messages)}), ${index.isClosed ? 'closed' : 'open'}`,
    );
  print(flags, { segment: hex8(segment), bytes, pending, ...(index && { index }) }, lines.join('\n'));
}

async function sizeOf(store: JournalStore, segment: number): Promise<number | undefined> {
  const file = await store.files.open(segmentPath(store, segment), 'read');
  const size = await file?.size();
  await file?.close();
  return size;
}

async function isDamaged(store: JournalStore, segment: number, { v }: DataFlags): Promise<boolean> {
  const file = await store.files.open(segmentPath(store, segment), 'read');
  if (!file) return false;
  try {
    const { format } = store.codec;
    const problem = await inspectRecords(file, format, await file.size(), (record) => {
      if (!v) return;
      const { index, offset, seconds, length, stored } = record;
      const header = `Message ${index} at [${offset}] of (${format.headerSize}+${stored.length})`;
      process.stderr.write(
        `${header}\n\ttime: ${new Date(seconds * 1000).toISOString()}\n\tmlen: ${length}\n`,
      );
    });
    if (problem) process.stderr.write(`${describeProblem(problem, format)}\n`);
    return problem !== undefined;
  } finally {
    await file.close();
  }
}

/** Opening it cuts what is torn at its end; a segment that is damaged inside is left by that, and mended then. */
function mendData(path: string, flags: JlogFlags): Promise<number> {
  return withJournal(path, 'own', flags, async (journal) => {
    await withProgress('looking at the data', (show) => journal.mend(show));
    return 0;
  });
}

export function clean(path: string, flags: JlogFlags): Promise<number> {
  return withJournal(path, 'own', flags, async (journal) => {
    await journal.clean();
    await reportOwners(path);
    return 0;
  });
}

export interface RepairFlags extends JlogFlags {
  readonly f?: true;
}

/** Opening a journal to own it mends metastore, checkpoints and the end of the data. What was changed is the output. */
export async function repair(path: string, flags: RepairFlags): Promise<number> {
  const told: JlogFlags = { ...flags, changesOnStdout: true };
  const exitCode = flags.f ? await mendData(path, told) : await withJournal(path, 'own', told, async () => 0);
  await reportOwners(path);
  return exitCode;
}

export interface SettingsFlags extends JlogFlags {
  readonly s?: number;
  readonly p?: number;
  readonly c?: 'on' | 'off';
  readonly f?: SafetyName;
}

const safetyNames = ['unsafe', 'metasafe', 'safe'] as const;
export type SafetyName = (typeof safetyNames)[number];

function changesOf({ s, p, c, f }: SettingsFlags): JournalChanges {
  return {
    ...(s !== undefined && { unitLimit: s }),
    ...(p !== undefined && { preCommitBytes: p }),
    ...(c !== undefined && { compress: c === 'on' }),
    ...(f !== undefined && { safety: safetyNames.indexOf(f) as 0 | 1 | 2 }),
  };
}

export async function create(path: string, flags: SettingsFlags): Promise<number> {
  const options = await openOptions(path, flags);
  if ((await options.files.list(path)) !== undefined)
    throw new FlotillaError('FLT-2201', `${path} exists already`);
  const { preCommitBytes, ...settings } = changesOf(flags);
  const journal = await journalAt(path, 'own', flags, {
    create: settings,
    ...(preCommitBytes !== undefined && { preCommitBytes }),
  });
  await journal.close();
  return 0;
}

export async function alter(path: string, flags: SettingsFlags): Promise<number> {
  await storeAt(path, flags);
  await alterJournal(await openOptions(path, flags), changesOf(flags));
  return 0;
}

export interface MetaFlags extends JlogFlags {
  readonly c?: true;
  readonly f?: true;
  readonly l?: true;
  readonly m?: true;
  readonly p?: true;
  readonly s?: true;
}

/** One setting alone without its name; all of them with. */
export async function meta(path: string, flags: MetaFlags): Promise<number> {
  const store = await storeAt(path, flags);
  const all = await settingsOf(store);
  const { c, f, l, m, p, s } = flags;
  const chosen = { magic: m, storagelog: l, compression: c, safety: f, precommit: p, segmentsize: s };
  const one = Object.entries(chosen).find(([, isChosen]) => isChosen)?.[0];
  if (flags.json) print(flags, one === undefined ? all : { [one]: all[one] }, '');
  else if (one !== undefined) print(flags, {}, `${all[one]}`);
  else for (const [name, value] of Object.entries(all)) print(flags, {}, `${name.padEnd(15)}${value}`);
  return 0;
}

export async function settingsOf(store: JournalStore): Promise<Record<string, string | number>> {
  const buffer = await store.files.open(`${store.directory}/pre_commit`, 'read');
  const bufferBytes = (await buffer?.size()) ?? 0;
  await buffer?.close();
  const { magic, storage, safety, unitLimit } = store.settings;
  return {
    magic: hex8(magic),
    storagelog: hex8(storage),
    compression: store.codec.format.compression === 'none' ? 'off' : 'on',
    safety: safetyNames[safety],
    precommit: Math.max(bufferBytes - 4, 0),
    segmentsize: unitLimit,
  };
}

/** 1: something is not right. */
export async function check(path: string, flags: JlogFlags): Promise<number> {
  const store = await storeAt(path, flags);
  const { findings, segments } = await withProgress('checking', (show) => checkJournal(store, show));
  if (flags.v)
    for (const [segment, records] of segments)
      print(flags, { segment: hex8(segment), records }, `segment ${hex8(segment)} has ${records} records`);
  for (const finding of findings) print(flags, { finding }, finding);
  return findings.length > 0 ? 1 : 0;
}

export interface ConvertFlags extends JlogFlags {
  readonly order?: 'le' | 'be';
  readonly c?: 'on' | 'off';
}

export async function convert(path: string, target: string, flags: ConvertFlags): Promise<number> {
  const conversion = {
    ...(flags.order && { order: flags.order === 'be' ? ('big' as const) : ('little' as const) }),
    ...(flags.c && { compress: flags.c === 'on' }),
  };
  const options = await openOptions(path, flags);
  const copy = resolve(target);
  try {
    await withProgress('converting', (show) => convertJournal(options, copy, conversion, show));
  } catch (error) {
    // It is the disk of the copy that fills up.
    throw refusedBySystem(`the copy ${copy} of ${path}`, error);
  }
  return 0;
}
