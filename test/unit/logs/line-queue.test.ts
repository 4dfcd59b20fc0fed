/** What waits for a destination that is slow or cannot be written (spec: logging 7). */
import { beforeEach, describe, expect, it } from 'vitest';
import { LineQueue } from '../../../src/logs/line-queue.ts';
import type { LineSink, LogLine, Written } from '../../../src/logs/line-sink.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

class FakeSink implements LineSink {
  readonly name = 'fake';
  readonly lines: string[] = [];
  answer: (lines: readonly LogLine[]) => Written = (lines) => ({ kept: lines.length });
  isClosed = false;

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

const full = (): Written => ({ kept: 0, problem: 'ENOSPC: no space left on device' });
let clock: VirtualClock;
let recorder: Recorder;
let sink: FakeSink;
beforeEach(() => {
  clock = new VirtualClock();
  recorder = new Recorder();
  sink = new FakeSink();
});

const queueOf = (spill: number, maxBytes?: number): LineQueue =>
  new LineQueue({ sink, spill, clock, ...recorder, ...(maxBytes === undefined ? {} : { maxBytes }) });
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lines on their way', () => {
  it('go in order, however many are written at once', async () => {
    const queue = queueOf(10);
    const wanted = Array.from({ length: 2000 }, (_, n) => `${n}\n`);
    for (const line of wanted) expect(queue.write(0, line)).toBe(true);
    await queue.flush();
    expect(sink.lines).toEqual(wanted);
    expect(queue.facts).toMatchObject({ written: 2000, waiting: 0, dropped: 0, problem: undefined });
  });

  it('LOG-7 wait while the disk is full, up to spill; the rest is dropped and counted, told once a minute', async () => {
    const queue = queueOf(3);
    sink.answer = full;
    queue.write(0, 'a\n');
    await queue.flush();
    for (const line of ['b\n', 'c\n', 'd\n', 'e\n']) queue.write(0, line);
    await clock.advance(59_000);
    for (let n = 0; n < 10; n++) queue.write(0, `${n}\n`);
    expect(queue.facts).toMatchObject({
      waiting: 3,
      dropped: 12,
      problem: expect.stringContaining('ENOSPC'),
    });
    expect(recorder.texts()).toEqual(['critical: log destination fake: ENOSPC: no space left on device']);
    await clock.advance(75_000);
    expect(recorder.texts()).toHaveLength(2);
    sink.answer = (lines) => ({ kept: lines.length });
    await clock.advance(90_000);
    expect(sink.lines).toEqual(['a\n', 'b\n', 'c\n']);
    expect(recorder.texts().at(-1)).toBe('error: fake can be written again; 12 lines were lost');
    expect(recorder.counted.get('log_lines_dropped_total')).toBe(12);
    expect(queue.write(0, 'f\n')).toBe(true);
    await queue.flush();
    expect(sink.lines.at(-1)).toBe('f\n');
  });

  it('without spill one waits all the same, to find out when the destination can be written again', async () => {
    const queue = queueOf(0);
    sink.answer = full;
    for (const line of ['a', 'b', 'c']) {
      queue.write(0, line);
      await queue.flush();
    }
    expect(queue.facts).toMatchObject({ waiting: 1, dropped: 2 });
    sink.answer = (lines) => ({ kept: lines.length });
    await clock.advance(20_000);
    expect(sink.lines).toEqual(['a']);
  });

  it('closing does not wait for a destination that hangs', async () => {
    const queue = queueOf(10);
    sink.write = () => new Promise(() => {});
    queue.write(0, 'a');
    const closing = queue.close();
    await clock.advance(5_000);
    await closing;
    expect(sink.isClosed).toBe(true);
    expect(queue.facts).toMatchObject({ dropped: 1 });
  });

  it('never take more memory than they may, also when the destination is only slow', async () => {
    const queue = queueOf(1000, 10);
    expect([1, 2, 3].map(() => queue.write(0, '12345\n'))).toEqual([true, false, false]);
    await queue.flush();
    expect(queue.facts).toMatchObject({ written: 1, dropped: 2 });
  });

  it('what was kept of a batch is not written again', async () => {
    const queue = queueOf(10);
    let answers = 0;
    sink.answer = (lines) => (answers++ === 0 ? { kept: 2, problem: 'x' } : { kept: lines.length });
    for (const line of ['a', 'b', 'c']) queue.write(0, line);
    await queue.flush();
    await clock.advance(1000);
    expect(sink.lines).toEqual(['a', 'b', 'c']);
  });

  it('are tried again at once when the destination is busy, which is no failure', async () => {
    const queue = queueOf(1);
    let answers = 0;
    sink.answer = (lines) => (answers++ === 0 ? { kept: 0, retryMs: 20 } : { kept: lines.length });
    for (const line of ['a', 'b', 'c']) expect(queue.write(0, line)).toBe(true);
    await turns();
    await clock.advance(20);
    await turns();
    expect(sink.lines).toEqual(['a', 'b', 'c']);
    expect(recorder.texts()).toEqual([]);
  });

  it('are lost and counted when the destination says so', async () => {
    const queue = queueOf(10);
    sink.answer = () => ({ kept: 0, isLost: true, problem: 'the program is gone' });
    queue.write(0, 'a');
    await queue.flush();
    expect(queue.facts).toMatchObject({ waiting: 0, dropped: 1, problem: 'the program is gone' });
  });

  it('closing tries once more, tells what is lost, and takes nothing any more', async () => {
    const queue = queueOf(10);
    sink.answer = full;
    queue.write(0, 'a');
    await queue.close();
    expect(sink.isClosed).toBe(true);
    expect(recorder.texts('error')).toEqual([
      'error: 1 lines for fake are lost: ENOSPC: no space left on device',
    ]);
    expect(queue.write(0, 'b')).toBe(false);
    expect(queue.facts).toMatchObject({ dropped: 2 });
  });
});
