/** Outputs of the aggregator that are no files (logging 10.2 step 3, 10.3). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Destination } from '../../../src/core/logs/destination.ts';
import { JournalSet } from '../../../src/logs/journal-set.ts';
import type { LineSink, LogLine, Written } from '../../../src/logs/line-sink.ts';
import { openSink } from '../../../src/logs/open-sink.ts';
import { AggregateSink } from '../../../src/manager/aggregate-sink.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { settingsOf } from '../config/checked.ts';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { Recorder } from '../recorder.ts';
import { aggregateOn, numbered, record, source, utc } from './aggregates.ts';

/** Takes lines as `answer` says. */
class TestSink implements LineSink {
  readonly name = 'pipe:///test';
  readonly lines: string[] = [];
  isClosed = false;
  answer: (lines: readonly LogLine[]) => Written = (lines) => ({ kept: lines.length });

  async write(lines: readonly LogLine[]): Promise<Written> {
    const written = this.answer(lines);
    this.lines.push(...lines.slice(0, written.kept).map(({ bytes }) => bytes.toString()));
    return written;
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function programs(text: string) {
  const opened: { readonly destination: Destination; readonly sink: TestSink }[] = [];
  const store = aggregateOn(new SimulatedDisk().process(), text, {
    openDestination: async ({ destination }) => {
      const sink = new TestSink();
      opened.push({ destination, sink });
      return new AggregateSink(sink, store.clock);
    },
  });
  return { store, opened };
}

describe('LOG-10.3 logfile = pipe://', () => {
  it('real programs, one for each node, have read all lines when the aggregator has stopped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-pipes-'));
    const recorder = new Recorder();
    const around = {
      clock: systemClock,
      random: systemRandom,
      log: recorder.log,
      counters: recorder.counters,
    };
    const parts = {
      ...around,
      journals: new JournalSet(around),
      pipe: settingsOf('').logging.pipe,
      syslog: settingsOf('').logging.syslog,
      zone: utc,
      onPipeFailure: (reason: string) => expect.fail(reason),
    };
    const text = `logfile = "pipe:///usr/bin/tee?arg1=-a&arg2=${folder}/%{l} of %{n} on %F"`;
    const store = aggregateOn(new SimulatedDisk().process(), text, {
      openDestination: async (target) => new AggregateSink(openSink(target, parts), systemClock),
    });
    const nodes = ['a', 'b'];
    for (let n = 0; n < 3; n++)
      await Promise.all(
        nodes.map((node) => store.store(source(node), numbered(node, n * 5000, n * 5000 + 4999))),
      );
    await store.stop();
    const found = nodes.map((node) => readFileSync(join(folder, `mainlog of ${node} on 2023-11-14`), 'utf8'));
    const expected = nodes.map((node) => Array.from({ length: 15_000 }, (_, n) => `${node} ${n}\n`).join(''));
    expect(found.map((each, n) => each === expected[n])).toEqual([true, true]);
    rmSync(folder, { recursive: true });
  });

  it('each expansion is a process of its own, closed when idle and started again', async () => {
    const { store, opened } = programs('logfile = "pipe:///bin/x?arg1=%{l}&arg2=%{n}"  max_idle = 600');
    for (const node of ['a', 'b', 'a'])
      await store.store(source(node), [record(1, `${node}1`), record(2, ''), record(3, 'x\n')]);
    const called = opened.map(({ destination }) => [destination.path, ...destination.parameters.values()]);
    expect(called).toEqual([
      ['/bin/x', 'mainlog', 'a'],
      ['/bin/x', 'mainlog', 'b'],
    ]);
    expect(opened.map(({ sink }) => sink.lines)).toEqual([
      ['a1\n', 'x\n', 'a1\n', 'x\n'],
      ['b1\n', 'x\n'],
    ]);
    store.clock.pass(600_000);
    await store.stop();
    expect(opened.map(({ sink }) => sink.isClosed)).toEqual([true, true]);
  });

  it('a program that is busy gets the rest a little later, one that is gone holds the log and is started anew', async () => {
    const { store, opened } = programs('logfile = "pipe:///bin/x"');
    await store.store(source('n'), numbered('n', 1, 1));
    const [first] = opened;
    let isBusy = true;
    first!.sink.answer = (lines) => {
      if (!isBusy) return { kept: lines.length };
      isBusy = false;
      return { kept: 2, retryMs: 0, problem: 'busy' };
    };
    await store.store(source('n'), numbered('n', 2, 6));
    expect(first!.sink.lines).toEqual(numbered('n', 1, 6).map(({ payload }) => payload.toString()));
    first!.sink.answer = () => ({ kept: 1, isLost: true, problem: 'it ended with status 1' });
    await expect(store.store(source('n'), numbered('n', 7, 9))).rejects.toMatchObject({
      code: 'FLT-2502',
      message: expect.stringContaining('pipe:///test: it ended with status 1'),
    });
    expect(first!.sink.isClosed).toBe(true);
    await store.store(source('n'), numbered('n', 7, 9));
    expect(opened).toHaveLength(2);
    expect(opened[1]!.sink.lines).toEqual(numbered('n', 7, 9).map(({ payload }) => payload.toString()));
  });
});
