/** How many records a journal takes and gives, on the disk of the system's directory for temporary files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDiskFiles } from '../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../src/journal/journal.ts';
import { systemClock, systemRandom } from '../src/node/system-clock.ts';
import { type AggregationLoad, aggregationFigures } from './aggregation.ts';
import { type Load, waitingWriters, writers } from './journal-load.ts';
import { measureJetStream, measureRsyslog } from './other-logs.ts';
import { type Benchmark, type Figure, percentile } from './report.ts';

const loads: readonly Load[] = [
  { payloadBytes: 50, records: 1_000_000, durable: 100_000 },
  { payloadBytes: 200, records: 1_000_000, durable: 100_000 },
  { payloadBytes: 2000, records: 200_000, durable: 50_000 },
];
const pulled: readonly AggregationLoad[] = [
  { lineBytes: 50, lines: 2_000_000 },
  { lineBytes: 200, lines: 1_000_000 },
  { lineBytes: 2000, lines: 200_000 },
];
/** The size the goals speak of. */
const goalPayloadBytes = 200;
const lazyBurst = 1000;
const slowest = 'durable append, 99th percentile';

export const journalBenchmark: Benchmark = {
  name: 'journal',
  goals: ['P8', 'P9'],
  about:
    'journals: appends, durable appends, reading, three sizes of records, beside JetStream and rsyslog; from node to aggregate file',
  meaning:
    `"appended" are records that nobody waits for, until the last one is synced; "durably" are those of ${writers} writers ` +
    'that each wait until their record is on the disk; "read" is all of them by one subscriber, headers checked. ' +
    'JetStream acknowledges what it has handed to the kernel and syncs every two minutes, rsyslog syncs nothing: ' +
    'theirs is the easier task. Lines into one aggregator waited in the journal of a node when the manager came; how late a line ' +
    'is in its file is measured at 500 a second.',
  async run() {
    const figures: Figure[] = [];
    for (const load of loads) figures.push(...(await measure(load)));
    for (const load of pulled)
      figures.push(...(await aggregationFigures(load, load.lineBytes === goalPayloadBytes)));
    return figures;
  },
};

async function measure(load: Load): Promise<Figure[]> {
  const ours = await measureJournal(load);
  const stream = await measureJetStream(load);
  const rsyslog = await measureRsyslog(load);
  const isGoal = load.payloadBytes === goalPayloadBytes;
  const figure = (what: string, value: number, target: number, peer?: Figure['peer']): Figure => ({
    goal: 'P8',
    what,
    size: `${load.payloadBytes} B`,
    value,
    ...(what === slowest ? { unit: 'ms' } : { unit: '/s', better: 'more' }),
    ...(isGoal ? { target: { value: target } } : {}),
    ...(peer ? { peer } : {}),
  });
  const jetStream = (value: number) => ({ name: 'JetStream in files', value });
  return [
    figure('records appended', ours.appended, 1_000_000, jetStream(stream.published)),
    figure('records appended', ours.appended, 1_000_000, { name: 'rsyslog, TCP to file', value: rsyslog }),
    figure('records appended durably', ours.durable, 50_000, jetStream(stream.acknowledged)),
    figure(slowest, ours.p99Ms, 10, jetStream(stream.p99Ms)),
    figure('records read', ours.read, 1_500_000, jetStream(stream.read)),
  ];
}

async function measureJournal(load: Load) {
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
    const { rate, latenciesMs } = await waitingWriters(load, 'y', (payload) => journal.append(payload));
    const read = await readEverything(journal, load.records + load.durable);
    return { appended, durable: rate, p99Ms: percentile(latenciesMs, 0.99), read };
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
