/**
 * One life of a process that uses a journal, until it is killed: what it is told comes as JSON, what it has done goes
 * line by line to its output, which is a file, so that nothing said is lost with it.
 *
 *   a N,N      these records were acknowledged: they are synced, or at least written
 *   r SUBSCRIBER ID=RECORD,...   these were read, before their checkpoint
 *   s COUNT    segments that are left, after everything was consumed
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFlotillaError } from '../../src/core/errors.ts';
import { openDiskFiles } from '../../src/journal/disk-files.ts';
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts';
import { formatId } from '../../src/journal/layout.ts';
import type { JournalReader } from '../../src/journal/reader.ts';
import { systemClock, systemRandom } from '../../src/node/system-clock.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { KillCount, type KillPlan, killingFiles } from './killing-files.ts';
import type { Fault } from './ledger.ts';

export interface Life {
  readonly role: 'node' | 'reader' | 'drain';
  readonly path: string;
  readonly seed: number;
  /** Its records are `NUMBER.0`, `NUMBER.1` ... */
  readonly number: number;
  readonly unitLimit: number;
  readonly safety: 0 | 1 | 2;
  readonly compress: boolean;
  readonly preCommitBytes: number;
  readonly plan?: KillPlan;
  readonly fault?: Fault;
}

const transient = '~transient';
const inside = ['fast', 'slow'];
const outside = 'outside';
export const subscribers = [...inside, outside];

const life: Life = JSON.parse(process.argv[2]!);
const random = new SeededRandom(life.seed, life.role);
const say = (line: string): void => void writeSync(1, `${line}\n`);

async function open(access: JournalOptions['access']): Promise<Journal> {
  const files = await openDiskFiles();
  const { path, unitLimit, safety, compress, preCommitBytes, plan } = life;
  return openJournal({
    path,
    files: plan ? killingFiles(files, new KillCount(plan)) : files,
    clock: systemClock,
    random: systemRandom,
    access,
    create: { unitLimit, safety, compress },
    preCommitBytes,
    subscribers,
  });
}

async function beNode(): Promise<void> {
  const journal = await open('own');
  const readers = await Promise.all(inside.map((name) => journal.reader(name)));
  let next = 0;
  let lazy: number[] = [];
  const append = async (n: number): Promise<void> => {
    if (life.fault === 'early') acknowledge([n]);
    // As if the kill came right behind the word: kills that do are too few for a short test.
    if (life.fault === 'early' && random.chance(0.1)) return;
    // A kill takes nothing that was written, synced or not.
    await (random.chance(0.5) ? journal.append(record(n)) : journal.appendWritten(record(n)));
    acknowledge([n]);
    if (life.fault === 'twice') await journal.append(record(n));
  };
  const appendLazy = (n: number): void => {
    if (journal.appendLazy(record(n))) lazy.push(n);
  };
  const deeds: (() => Promise<unknown>)[] = [
    () => Promise.all(some(5).map(() => append(next++))),
    () => Promise.all(some(3).map(() => append(next++))),
    async () => {
      for (const _ of some(8)) appendLazy(next++);
    },
    async () => {
      const synced = lazy;
      lazy = [];
      await journal.sync();
      if (synced.length > 0) acknowledge(synced);
    },
    () => consume(readers[0]!),
    () => consume(readers[random.below(2)]!),
    async () => {
      const present = (await journal.subscribers()).has(transient);
      if (present) await journal.removeSubscriber(transient);
      else await journal.addSubscriber(transient, random.chance(0.5) ? 'begin' : 'end');
    },
  ];
  for (;;) await random.pick(deeds)();
}

const some = (most: number): number[] => Array.from({ length: 1 + random.below(most) }, (_, index) => index);

function record(n: number): Buffer {
  const length = random.chance(0.03) ? random.below(6000) : random.below(60);
  return Buffer.from(`${life.number}.${n} ${'x'.repeat(length)}\n`);
}

function acknowledge(records: readonly number[]): void {
  say(`a ${records.map((n) => `${life.number}.${n}`).join()}`);
}

async function consume(reader: JournalReader): Promise<boolean> {
  const records = await reader.next(1500);
  if (records.length === 0) return false;
  const told = life.fault === 'skip' ? records.slice(1) : records;
  const entries = told.map(
    ({ id, payload }) => `${formatId(id)}=${payload.toString('latin1').split(' ')[0]}`,
  );
  if (entries.length > 0) say(`r ${reader.subscriber} ${entries.join()}`);
  await reader.checkpoint();
  return true;
}

/** Another process, which reads beside the owner, until it is killed; it waits until there is a journal to read. */
async function beReader(): Promise<void> {
  const reader = await openReader();
  for (;;) if (!(await consume(reader))) await sleep(2);
}

async function openReader(): Promise<JournalReader> {
  for (;;) {
    try {
      return await (await open('read')).reader(outside);
    } catch (error) {
      if (!isFlotillaError(error) || !['FLT-2201', 'FLT-2208'].includes(error.code)) throw error;
      await sleep(5);
    }
  }
}

async function drain(): Promise<void> {
  const journal = await open('own');
  if ((await journal.subscribers()).has(transient)) await journal.removeSubscriber(transient);
  for (const name of subscribers) {
    const reader = await journal.reader(name);
    while (await consume(reader));
    // The step out of a segment that was consumed to its end, which frees it.
    await reader.interval();
    await reader.close();
  }
  say(`s ${(await journal.segments()).length}`);
  await journal.close();
}

if (life.role === 'node') await beNode();
else if (life.role === 'reader') await beReader();
else await drain();
