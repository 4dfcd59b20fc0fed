/** How many records a journal takes and gives, on the disk of the system's directory for temporary files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDiskFiles } from '../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../src/journal/journal.ts';
import { systemClock, systemRandom } from '../src/node/system-clock.ts';
import { type Benchmark, type Figure, percentile } from './report.ts';

interface Load {
  readonly payloadBytes: number;
  readonly records: number;
  readonly durable: number;
}

const loads: readonly Load[] = [
  { payloadBytes: 50, records: 1_000_000, durable: 100_000 },
  { payloadBytes: 200, records: 1_000_000, durable: 100_000 },
  { payloadBytes: 2000, records: 200_000, durable: 50_000 },
];
/** The size the goals speak of. */
const goalPayloadBytes = 200;
/** Writers that wait for their record before they append the next. */
const durableWriters = 500;
const lazyBurst = 1000;

export const journalBenchmark: Benchmark = {
  name: 'journal',
  goals: ['P8'],
  about: 'journals: appends, durable appends, reading, three sizes of records (about 30 s)',
  meaning: `"appended" are records that nobody waits for, until the last one is synced; "durable" are appends of ${durableWriters} writers that each wait until their record is on the disk; "read" is all of them by one subscriber, headers checked. The peer's figures of the C library are not of this machine.`,
  async run() {
    const figures: Figure[] = [];
    for (const load of loads) figures.push(...(await measure(load)));
    return figures;
  },
};

async function measure(load: Load): Promise<Figure[]> {
  const place = mkdtempSync(join(tmpdir(), 'flotilla-bench-journal-'));
  const journal = await openJournal({
    path: join(place, 'journal'),
    files: await openDiskFiles(),
    clock: systemClock,
    random: systemRandom,
    access: 'own',
    subscribers: ['master'],
  });
  try {
    const appended = await appendLazily(journal, load);
    const { rate, latenciesMs } = await appendDurably(journal, load);
    const read = await readEverything(journal, load.records + load.durable);
    const isGoal = load.payloadBytes === goalPayloadBytes;
    const size = `${load.payloadBytes} B`;
    const figure = (what: string, value: number, unit: string, target: number): Figure => ({
      goal: 'P8',
      what,
      size,
      value,
      unit,
      better: unit === 'ms' ? 'less' : 'more',
      ...(isGoal ? { target: { value: target } } : {}),
    });
    return [
      figure('records appended', appended, '/s', 1_000_000),
      figure('records appended durably', rate, '/s', 50_000),
      figure('durable append, 99th percentile', percentile(latenciesMs, 0.99), 'ms', 10),
      figure('records read', read, '/s', 1_500_000),
    ];
  } finally {
    await journal.close();
    rmSync(place, { recursive: true });
  }
}

async function appendLazily(journal: Journal, { payloadBytes, records }: Load): Promise<number> {
  const payload = Buffer.alloc(payloadBytes, 'x');
  const beganMs = performance.now();
  for (let n = 0; n < records; ) {
    for (let end = Math.min(n + lazyBurst, records); n < end && journal.appendLazy(payload); ) n++;
    // As a program would that has other things to do as well, or that is told to wait.
    await new Promise(setImmediate);
  }
  await journal.sync();
  return (records * 1000) / (performance.now() - beganMs);
}

async function appendDurably(
  journal: Journal,
  { payloadBytes, durable }: Load,
): Promise<{ rate: number; latenciesMs: Float64Array }> {
  const payload = Buffer.alloc(payloadBytes, 'y');
  const latenciesMs = new Float64Array(durable);
  let next = 0;
  const beganMs = performance.now();
  const write = async (): Promise<void> => {
    while (next < durable) {
      const index = next++;
      const startedMs = performance.now();
      await journal.append(payload);
      latenciesMs[index] = performance.now() - startedMs;
    }
  };
  await Promise.all(Array.from({ length: durableWriters }, write));
  const rate = (durable * 1000) / (performance.now() - beganMs);
  return { rate, latenciesMs: latenciesMs.sort() };
}

async function readEverything(journal: Journal, records: number): Promise<number> {
  const reader = await journal.reader('master');
  const beganMs = performance.now();
  let count = 0;
  for (let run = await reader.next(); run.length > 0; run = await reader.next()) count += run.length;
  const tookMs = performance.now() - beganMs;
  await reader.close();
  if (count !== records) throw new Error(`${count} of ${records} records were read`);
  return (count * 1000) / tookMs;
}
