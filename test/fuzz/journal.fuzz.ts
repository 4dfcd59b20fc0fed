/**
 * Damaged files of journals (goal R7): bytes changed, files cut, lost, doubled and such that belong to nobody. Looking at
 * such a journal and opening it as its owner end with a value or an error that has a code, in a bounded number of
 * operations. Once it is open, what is appended is read once and last; closed and opened again it has nothing left to mend.
 *
 * The journals are those of the code itself, on a disk in memory: plain ones and compressed, with a write buffer and without.
 */

import type { Clock } from '../../src/core/clock.ts';
import { FlotillaError } from '../../src/core/errors.ts';
import { checkJournal } from '../../src/journal/check.ts';
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts';
import { openStore } from '../../src/journal/open-store.ts';
import type { JournalNotice } from '../../src/journal/store.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { SimulatedDisk } from '../unit/journal/simulated-disk.ts';
import { mutateBytes } from './mutate.ts';

export interface JournalFuzzSummary {
  readonly runs: number;
  /** Damaged journals that opened, others were refused with a reason. */
  readonly opened: number;
  readonly records: number;
  readonly notices: number;
}

type Used = Omit<JournalFuzzSummary, 'runs'>;
type Content = ReadonlyMap<string, Uint8Array>;

const path = '/journal';
/** Many more than opening, reading and closing a journal of some dozen records takes. */
const mostOperations = 20_000;
const subscribers = ['master', 'backup'];
const shapes: readonly Partial<JournalOptions>[] = [
  { create: { unitLimit: 250 } },
  { create: { unitLimit: 250, compress: true } },
  { create: { unitLimit: 400 }, preCommitBytes: 128 },
  { create: { unitLimit: 4096, safety: 2 } },
];

/** Time stands still: nothing here has to wait. */
const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => 1_700_000_000_000,
  after: () => {
    throw new Error('it waits');
  },
};

export async function fuzzJournal(runs: number, seed: number): Promise<JournalFuzzSummary> {
  const journals = await Promise.all(shapes.map((shape) => written(shape)));
  const totals = { opened: 0, records: 0, notices: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `journal ${run}`);
    const damaged = damage(random.pick(journals), random);
    try {
      const found = await use(damaged, random);
      totals.opened += found.opened;
      totals.records += found.records;
      totals.notices += found.notices;
    } catch (error) {
      const files = Object.fromEntries(
        [...damaged].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]),
      );
      throw new Error(`journal, run ${run} of seed ${seed}: ${JSON.stringify(files)}`, { cause: error });
    }
  }
  return { runs, ...totals };
}

/** The files of a journal of three segments or so, some of it consumed, and closed or left by a killed process. */
async function written(shape: Partial<JournalOptions>): Promise<Content> {
  const disk = new SimulatedDisk();
  const random = new SeededRandom(1, 'written');
  const journal = await open(disk, random, { ...shape, subscribers });
  for (let n = 0; n < 24; n++) await journal.append(Buffer.from(`record ${n}`));
  const reader = await journal.reader('master');
  await reader.next(100);
  await reader.checkpoint();
  await reader.close();
  if (shape.preCommitBytes) journal.appendLazy(Buffer.from('in the buffer'));
  else await journal.close();
  return new Map(disk.paths(path).map((name) => [name, disk.content(name)!]));
}

function damage(journal: Content, random: SeededRandom): Content {
  const files = new Map(journal);
  for (let i = 1 + random.below(3); i > 0; i--) {
    const names = [...files.keys()];
    const name = random.pick(names);
    const kind = random.below(10);
    if (kind === 0) files.delete(name);
    else if (kind === 1) files.set(random.pick(strangeNames), files.get(random.pick(names))!);
    else if (kind === 2) files.set(name, files.get(random.pick(names))!);
    else if (kind === 3)
      files.set(
        name,
        Uint8Array.from({ length: random.below(64) }, () => random.below(256)),
      );
    else files.set(name, mutateBytes(files.get(name)!, random, 2));
    if (files.size === 0) break;
  }
  return files;
}

const strangeNames = [
  '7fffffff',
  '00000005',
  '7fffffff.idx',
  '0000000g',
  'cp.',
  'cp.6',
  'cp.ff',
  'metastore.lck',
  'pre_commit',
  '..',
].map((name) => `${path}/${name}`);

async function use(content: Content, random: SeededRandom): Promise<Used> {
  const disk = await diskWith(content);
  disk.stopAt = mostOperations;
  await refusable(look(disk));
  const notices: string[] = [];
  const options = { subscribers, onNotice: ({ text }: JournalNotice) => void notices.push(text) };
  const journal = await refusable(open(disk, random, options));
  if (!journal) return { opened: 0, records: 0, notices: 0 };
  const records = await readAndAppend(journal, random);
  const left = (await noticesOfOpening(disk, random)).filter((text) => !text.endsWith('its segment is gone'));
  const leftAgain = await noticesOfOpening(disk, random);
  if (left.length + leftAgain.length > 0)
    throw new Error(`not mended for good: ${[...left, ...leftAgain].join('; ')}`);
  return { opened: 1, records, notices: notices.length };
}

/** A checkpoint that pointed between segments is behind them once those before it were consumed, and moved then. */
async function noticesOfOpening(disk: SimulatedDisk, random: SeededRandom): Promise<string[]> {
  disk.endProcess();
  disk.stopAt = mostOperations;
  const texts: string[] = [];
  const journal = await open(disk, random, { onNotice: ({ text }) => texts.push(text) });
  await journal.close();
  return texts;
}

async function refusable<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof FlotillaError) return undefined;
    throw error;
  }
}

async function diskWith(content: Content): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const files = disk.process();
  await files.makeDirectory(path, 0o750);
  for (const [name, bytes] of content) {
    const file = await files.create(name, 0o640);
    await file.write(bytes, 0);
    await file.close();
  }
  return disk;
}

async function look(disk: SimulatedDisk): Promise<void> {
  const files = disk.process();
  const store = await openStore({ path, files, clock, mode: 0o640, onNotice: () => {} }, false);
  await checkJournal(store);
}

/** How many records were read. */
async function readAndAppend(journal: Journal, random: SeededRandom): Promise<number> {
  try {
    await journal.append(Buffer.from('the new one'));
    if (random.chance(0.5)) await journal.mend();
    await journal.segments();
    for await (const _ of journal.everything());
    const read: string[] = [];
    const reader = await journal.reader('master');
    for (let records = await reader.next(100); records.length > 0; records = await reader.next(100)) {
      read.push(...records.map(({ payload }) => payload.toString('latin1')));
      await reader.checkpoint();
    }
    await reader.close();
    if (read.indexOf('the new one') !== read.length - 1)
      throw new Error(`the new record is not once and last: ${JSON.stringify(read)}`);
    return read.length;
  } finally {
    await journal.close();
  }
}

function open(disk: SimulatedDisk, random: SeededRandom, options: Partial<JournalOptions>): Promise<Journal> {
  return openJournal({ path, files: disk.process(), clock, random, access: 'own', ...options });
}
