/** Files that a manager writes of series: which, when, and what becomes of them when it ends in the middle. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SeriesReplica } from '../../../src/actors/series-replica.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import { finish } from '../../../src/core/replica/work.ts';
import type { StreamDefinition } from '../../../src/core/series/cell.ts';
import { EventTable } from '../../../src/core/series/event-table.ts';
import { stampOf } from '../../../src/core/series/series-file.ts';
import type { AsLoggerSettings, ReplicaType } from '../../../src/core/settings.ts';
import { AsLogger } from '../../../src/manager/as-logger.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const self = 'e'.repeat(32) as Incarnation;
const relay = 'a'.repeat(32) as Incarnation;
const spam: StreamDefinition = { id: 'series:3600,3:spam', keyType: 'ipv4', intervalS: 3600, count: 3 };

let clock: VirtualClock;
let recorder: Recorder;
let baseDir: string;

beforeEach(() => {
  clock = new VirtualClock();
  recorder = new Recorder();
  baseDir = mkdtempSync(join(tmpdir(), 'flotilla-as-logger-'));
});

afterEach(() => rmSync(baseDir, { recursive: true }));

/** A life of a manager that has one node. */
class Life {
  readonly tables = new Map<ReplicaType, EventTable>();
  readonly logger: AsLogger;

  static async begin(
    more: Partial<AsLoggerSettings> = {},
    objects: readonly (readonly [ReplicaType, readonly string[]])[] = [['metrics', ['audit_series']]],
  ): Promise<Life> {
    const settings = { baseDir, periodMs: 60_000, writesAll: true, patterns: [], ...more };
    return new Life(await AsLogger.open(settings, { clock, log: recorder.log }), objects);
  }

  private constructor(logger: AsLogger, objects: readonly (readonly [ReplicaType, readonly string[]])[]) {
    this.logger = logger;
    const replicas = objects.map(([type, words]) => {
      const table = new EventTable({
        self,
        maxKeys: 1_000,
        hasSnapshots: false,
        nowMs: () => clock.wallMs(),
        clash: () => {},
      });
      this.tables.set(type, table);
      const replica = { name: type, type, table, words: new Set(words), finish: () => {} };
      return [type, replica as unknown as SeriesReplica] as const;
    });
    logger.follow(new Map(replicas));
    for (const table of this.tables.values()) table.addRow(relay);
  }

  /** The row of the node says so many now. */
  says(value: number, definition = spam, key: number | string = 1, type: ReplicaType = 'metrics'): void {
    const cell = Math.floor(clock.wallMs() / 1000 / definition.intervalS);
    const block = { definition, continues: [], cell, isDropped: false, keys: [key] };
    this.tables.get(type)!.applyToRow(relay, {
      ...noChanges,
      cells: [{ ...block, values: Float64Array.of(value) }],
    });
  }

  /** As at the next start of a manager: the whole row comes as a snapshot. */
  saysAll(value: number): void {
    const table = this.tables.get('metrics')!;
    const row = table.blankRow();
    const cell = Math.floor(clock.wallMs() / 1000 / spam.intervalS);
    const block = { definition: spam, continues: [], cell, isDropped: false, keys: [1] };
    row.apply({ ...noChanges, cells: [{ ...block, values: Float64Array.of(value) }] });
    finish(table.replaceRow(relay, row));
  }
}

/** Lets a period end, and waits for what it does to the disk. */
async function pass(ms: number, isDone: () => boolean): Promise<void> {
  await clock.advance(clock.nowMs() + ms);
  while (!isDone()) await new Promise((resume) => setTimeout(resume, 2));
}

function files(): string[] {
  return readdirSync(baseDir)
    .filter((name) => !name.startsWith('as_logger.state'))
    .sort();
}

function areWritten(count: number): () => boolean {
  return () => files().length === count && files().every((name) => !name.endsWith('.new'));
}

/** The counts of all files of a series. */
function total(series = 'spam'): number {
  const texts = files()
    .filter((name) => name.startsWith(`${series}.`))
    .map((name) => readFileSync(join(baseDir, name), 'utf8'));
  const counts = texts
    .flatMap((text) => text.split('\n').slice(1, -1))
    .map((line) => Number(line.split('\t')[1]));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** A boundary of minutes that is none of hours. */
const minuteMs = 60_000;

describe('as_logger', () => {
  it('REP-11.1 REP-11.5 REP-11.6 writes what came in a period to a file that its end names, and begins anew', async () => {
    const life = await Life.begin();
    life.says(3);
    life.says(5, spam, 2);
    const startMs = clock.wallMs();
    const endMs = (Math.floor(startMs / minuteMs) + 1) * minuteMs;
    await pass(minuteMs, areWritten(1));
    expect(files()).toEqual([`spam.${stampOf(endMs)}`]);
    expect(readFileSync(join(baseDir, files()[0]!), 'utf8')).toBe(
      `#audit_series v1 spam cidr ${stampOf(startMs)} ${stampOf(endMs)}\n0.0.0.1\t3\n0.0.0.2\t5\n`,
    );
    await pass(minuteMs, () => true);
    life.says(4);
    await pass(minuteMs, areWritten(2));
    expect(total()).toBe(9);
    await life.logger.stop();
  });

  it('REP-11.2 writes series that are listed, or all but those', async () => {
    const virus = { ...spam, id: 'series:60,5:virus' };
    const all = await Life.begin({ patterns: ['^vir'] });
    all.says(1);
    all.says(1, virus);
    await all.logger.stop();
    expect(files().map((name) => name.split('.')[0])).toEqual(['spam']);
    const listed = await Life.begin({ writesAll: false, patterns: ['us$'] });
    listed.says(2);
    listed.says(2, virus);
    await listed.logger.stop();
    expect(files().map((name) => name.split('.')[0])).toEqual(['spam', 'virus']);
  });

  it('MGR-15 another configuration: other series and periods from now on; what was counted until then is kept', async () => {
    const virus = { ...spam, id: 'series:60,5:virus' };
    const life = await Life.begin({ periodMs: 3_600_000, patterns: ['^vir'] });
    life.says(3);
    life.says(1, virus);
    life.logger.configure({
      baseDir: '/elsewhere',
      periodMs: minuteMs,
      writesAll: false,
      patterns: ['^vir'],
    });
    life.says(5);
    life.says(4, virus);
    await pass(minuteMs, areWritten(2));
    expect([total(), total('virus')]).toEqual([3, 3]);
    life.says(9);
    life.says(6, virus);
    await pass(minuteMs, areWritten(3));
    expect([total(), total('virus')]).toEqual([3, 5]);
    await life.logger.stop();
  });

  it('REP-4.13 REP-8.6 events are series of their names; those that a node tells both ways count once', async () => {
    const connect: StreamDefinition = { id: 'connect', keyType: 'address', intervalS: 60, count: 5 };
    const life = await Life.begin({}, [
      ['metrics', ['connect', 'audit_series']],
      ['eccmgr_metrics', ['connect', 'audit_series']],
    ]);
    life.says(2, connect);
    life.says(2, connect, 1, 'eccmgr_metrics');
    life.says(3);
    life.says(4, { ...spam, id: 'series:60,5:spam' }, 1, 'eccmgr_metrics');
    await life.logger.stop();
    expect([total('connect'), total('spam')]).toEqual([2, 7]);
  });

  it('REP-11.4 REP-11.5 a manager that starts again counts what is news, also of the time it was away', async () => {
    const first = await Life.begin();
    first.says(3);
    await first.logger.stop();
    const second = await Life.begin();
    second.saysAll(10);
    await second.logger.stop();
    expect(files()).toHaveLength(2);
    expect(total()).toBe(10);
  });

  it('REP-11.5 after a crash the period that was not written is counted from the rows', async () => {
    const first = await Life.begin();
    first.says(3);
    await pass(minuteMs, areWritten(1));
    first.says(7);
    const second = await Life.begin();
    second.saysAll(8);
    await second.logger.stop();
    expect(total()).toBe(8);
    await first.logger.stop();
  });

  it('REP-11.5 a crash between the rows and the names of files is made good, one before the rows undone', async () => {
    const first = await Life.begin();
    first.says(3);
    await first.logger.stop();
    const [done] = files();
    renameSync(join(baseDir, done!), join(baseDir, `${done}.new`));
    writeFileSync(join(baseDir, 'spam.20330101T000000.new'), 'half');
    const second = await Life.begin();
    expect(files()).toEqual([done]);
    second.saysAll(3);
    await second.logger.stop();
    expect(total()).toBe(3);
  });

  it('REP-11.1 what windows had from before the first start of a manager is not counted', async () => {
    const life = await Life.begin();
    const cell = Math.floor(clock.wallMs() / 1000 / spam.intervalS) - 1;
    const block = { definition: spam, continues: [], isDropped: false, keys: [1] };
    life.tables.get('metrics')!.applyToRow(relay, {
      ...noChanges,
      cells: [
        { ...block, cell, values: Float64Array.of(100) },
        { ...block, cell: cell + 1, values: Float64Array.of(1) },
      ],
    });
    await life.logger.stop();
    expect(total()).toBe(1);
  });

  it('REP-11.4 what has left the windows is not counted again, though a node may still have it', async () => {
    const life = await Life.begin();
    life.says(3);
    await pass(minuteMs, areWritten(1));
    const table = life.tables.get('metrics')!;
    const old = Math.floor(clock.wallMs() / 1000 / spam.intervalS);
    finish(table.removeRow(relay, 1));
    await clock.advance(clock.nowMs() + 5 * 3_600_000);
    finish(table.upkeep());
    table.addRow(relay);
    const block = { definition: spam, continues: [], isDropped: false, keys: [1] };
    table.applyToRow(relay, { ...noChanges, cells: [{ ...block, cell: old, values: Float64Array.of(3) }] });
    await life.logger.stop();
    expect(total()).toBe(3);
  });

  it('REP-11.5 what could not be written is in the files of the next period', async () => {
    const life = await Life.begin();
    life.says(3);
    // Nothing takes the place of a directory that is not empty.
    const path = join(baseDir, 'as_logger.state');
    rmSync(path);
    mkdirSync(join(path, 'x'), { recursive: true });
    await pass(minuteMs, () => recorder.texts('error').length > 0 && files().length === 0);
    expect(recorder.texts('error').join()).toMatch(/^error: series: .*as_logger\.state/);
    rmSync(path, { recursive: true });
    await life.logger.stop();
    expect(total()).toBe(3);
    expect(existsSync(path)).toBe(true);
  });

  it('REP-11.5 begins anew when its state cannot be read, and says so', async () => {
    writeFileSync(join(baseDir, 'as_logger.state'), '#as_logger v1 1 2\n????????');
    const life = await Life.begin();
    life.says(3);
    await life.logger.stop();
    expect(total()).toBe(3);
    expect(recorder.texts('error').join()).toMatch(/cannot be read; the files begin anew/);
  });

  it('FLT-1105 does not start where it cannot write', async () => {
    const settings = { baseDir: '/dev/null/x', periodMs: 60_000, writesAll: true, patterns: [] };
    await expect(AsLogger.open(settings, { clock, log: recorder.log })).rejects.toThrow(
      /FLT-1105|not usable/,
    );
  });
});
