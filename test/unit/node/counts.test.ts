/** What a node counts over time: files of series, what the next life takes over, and words that are not configured. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Log } from '../../../src/core/log.ts';
import { EventTable } from '../../../src/core/series/event-table.ts';
import { Counts, type CountsOptions } from '../../../src/node/counts.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const ip = '10.0.0.1';
const self = '1'.repeat(32) as Incarnation;

let directory: string;
let clock: VirtualClock;
let complaints: string[];
let open: Counts[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flotilla-counts-'));
  clock = new VirtualClock();
  complaints = [];
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((counts) => counts.stop()));
  await rm(directory, { recursive: true, force: true });
});

function start(objects: Partial<Pick<CountsOptions, 'metrics' | 'managers'>> = {}): Counts {
  const ignore = () => {};
  const complain = (text: string) => void complaints.push(text);
  const log: Log = {
    debug: ignore,
    info: ignore,
    notice: ignore,
    warning: complain,
    error: complain,
    critical: complain,
  };
  const settings = {
    monitors: [{ sizeS: 300, count: 6 }],
    logDir: join(directory, 'logs'),
    serializeDir: join(directory, 'persist'),
    maintenanceMs: 60_000,
  };
  const around = { clock, random: new SeededRandom(1), log, counters: { add: ignore } };
  const counts = new Counts({
    settings,
    around,
    self,
    life: () => self,
    metrics: undefined,
    managers: undefined,
    ...objects,
  });
  open.push(counts);
  return counts;
}

/** Files are written while virtual time stands still. */
async function ended<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance(clock.nowMs() + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return work;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await clock.advance(clock.nowMs() + 1);
}

describe('what a node counts over time', () => {
  it('REP-9.17 REP-9.5 a series with `persist` goes on in the next life, and is restored only once', async () => {
    const counts = start();
    counts.series.define('kept', 'cidr', 3600, 3, { persist: true });
    counts.series.define('lost', 'cidr', 3600, 3);
    counts.series.add('kept', { key: ip, count: 2.5 });
    counts.series.add('lost', ip);
    await ended(counts.stop());
    expect(await readdir(join(directory, 'persist'))).toHaveLength(1);
    await expect(readdir(join(directory, 'logs'))).rejects.toMatchObject({ code: 'ENOENT' });
    const next = start();
    next.series.define('kept', 'cidr', 3600, 3, { persist: true });
    next.series.define('lost', 'cidr', 3600, 3);
    expect([next.series.count('kept', ip), next.series.count('lost', ip)]).toEqual([2.5, 0]);
    const afterCrash = start();
    afterCrash.series.define('kept', 'cidr', 3600, 3, { persist: true });
    expect(afterCrash.series.count('kept', ip)).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('REP-9.17 much that was saved is restored in turns, and all of it is there for the life after', async () => {
    const keys = 5_000;
    const address = (i: number) => `10.0.${i >> 8}.${i & 255}`;
    const counts = start();
    counts.series.define('kept', 'cidr', 3600, 3, { persist: true });
    for (let i = 0; i < keys; i++) counts.series.add('kept', address(i));
    await ended(counts.stop());
    const next = start();
    // Each look at the clock takes a turn's time.
    const nowMs = clock.nowMs.bind(clock);
    let looks = 0;
    clock.nowMs = () => nowMs() + ++looks * 10;
    next.series.define('kept', 'cidr', 3600, 3, { persist: true });
    expect(next.series.count('kept', '10.0.0.0/8')).toBe(1024 + 512);
    next.series.add('kept', address(keys - 1));
    clock.nowMs = nowMs;
    await ended(next.stop());
    const last = start();
    last.series.define('kept', 'cidr', 3600, 3, { persist: true });
    await ended(last.files.save(last.series));
    expect(last.series.count('kept', '10.0.0.0/8')).toBe(keys + 1);
  });

  it('REP-11.5 REP-11.7 REP-9.5 a series with `serialize` is written at the end of each period, in one file', async () => {
    const counts = start();
    counts.series.define('spam', 'cidr', 60, 3, { serialize: true });
    counts.series.add('spam', { key: '10.0.0.10', count: 2 });
    counts.series.add('spam', '10.0.0.9');
    const logs = join(directory, 'logs');
    const files = () => readdir(logs).catch(() => [] as string[]);
    await clock.advance(clock.nowMs() + 60_000);
    await until(async () => (await files()).some((name) => !name.endsWith('.new')));
    const [name] = await files();
    const text = await readFile(join(logs, name!), 'utf8');
    expect(name).toMatch(/^spam\.\d{8}T\d{4}00$/);
    expect(text).toMatch(
      /^#audit_series v1 spam cidr \d{8}T\d{6} \d{8}T\d{4}00\n10\.0\.0\.9\t1\n10\.0\.0\.10\t2\n$/,
    );
    await clock.advance(clock.nowMs() + 200_000);
    expect(await files()).toEqual([name]);
    counts.series.add('spam', ip);
    await ended(counts.stop());
    expect(await files()).toHaveLength(2);
  });

  it('REP-10.6 a file is added to the current window of a series', async () => {
    const counts = start();
    counts.series.define('spam', 'cidr', 60, 3);
    await writeFile(
      join(directory, 'more'),
      '#audit_series v1 spam cidr x y\n10.0.0.1\t2.5\nrubbish\n10.0.0.2\t1\n',
    );
    expect(await counts.load('spam', join(directory, 'more'))).toBe(2);
    expect(counts.series.count('spam', '10.0.0.0/24')).toBe(3.5);
    await expect(counts.load('spam', 'nothing')).rejects.toMatchObject({ code: 'FLT-1912' });
    await expect(counts.load('none', 'more')).rejects.toMatchObject({ code: 'FLT-1911' });
  });

  it('REP-8.14 REP-9.13 REP-16.1 what is told to whom follows the words of the two objects; it counts here, too', () => {
    const shared = (...words: string[]) => ({
      table: new EventTable({
        self,
        maxKeys: 100,
        hasSnapshots: true,
        nowMs: () => clock.wallMs(),
        clash: () => {},
      }),
      words: new Set(words),
    });
    const [metrics, managers] = [shared('connect', 'audit_series'), shared('audit_series')];
    const [wordless, wordlessToo] = [shared(), shared()];
    const modes = ['none', 'cluster', 'manager'] as const;
    for (const objects of [
      { metrics, managers },
      { metrics: wordless, managers: wordlessToo },
    ]) {
      const counts = start(objects);
      for (const event of ['connect', 'reception'] as const) counts.audit.count(event, ip);
      for (const replicate of modes) counts.series.define(replicate, 'cidr', 60, 3, { replicate });
      for (const name of modes) counts.series.add(name, ip);
      expect(modes.map((name) => counts.series.count(name, ip))).toEqual([1, 1, 1]);
    }
    const told = ({ table }: typeof metrics) =>
      new Set([...table.ownRow()].flatMap(({ cells }) => cells.map(({ definition }) => definition.id)));
    expect(told(metrics)).toEqual(new Set(['connect', 'series:60,3:cluster']));
    expect(told(managers)).toEqual(new Set(['series:60,3:manager']));
    expect([told(wordless), told(wordlessToo)]).toEqual([new Set(), new Set()]);
    expect(complaints.filter((text) => text.includes('parameters of eccmgr_metrics'))).toHaveLength(1);
    expect(complaints.filter((text) => text.includes("'audit_series' is not"))).toHaveLength(2);
  });

  it('REP-8.15 REP-9.14 REP-13.3 what is not replicated is counted here, and said once', () => {
    const counts = start();
    counts.audit.count('connect', ip);
    expect(counts.audit.during('connect', ip, { isCluster: true })).toBe(1);
    expect(counts.audit.during('connect', ip, { isCluster: true })).toBe(1);
    counts.series.define('spam', 'cidr', 60, 3, { replicate: 'cluster' });
    counts.series.add('spam', ip);
    expect(counts.series.count('spam', ip)).toBe(1);
    counts.gauges.define('open', 10, 60, true);
    expect(counts.gauges.increment('open', 'x')).toBe(1);
    counts.outbound.count('delivery', 'Example.COM.', 2);
    expect(counts.outbound.during('delivery', 'example.com')).toBe(2);
    expect(complaints).toEqual([
      "'connect' is counted by this node alone: 'connect' is not among the parameters of metrics",
      "the series 'spam' is counted by this node alone: 'audit_series' is not among the parameters of metrics",
      "the gauge cache 'open' is counted by this node alone: 'gauge_cache' is not among the parameters of metrics",
    ]);
  });

  it('REP-11.5 a directory that cannot be written is told to the log, and counting goes on', async () => {
    await writeFile(join(directory, 'persist'), 'a file');
    const counts = start();
    counts.series.define('kept', 'cidr', 60, 3, { persist: true });
    counts.series.add('kept', ip);
    await ended(counts.stop());
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('series: ');
  });
});
