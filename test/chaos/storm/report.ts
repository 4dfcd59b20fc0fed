/**
 * What a storm came to. Each violation is said at once, with its seed and the time line around it; what all processes said is
 * written to a file beside it. In the end, one screen of figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gust } from './schedule.ts';
import type { TimeLine } from './time-line.ts';

export interface Run {
  readonly seed: number;
  readonly minutes: number;
}

export interface Violation {
  readonly text: string;
  readonly atMs: number;
}

const aroundMs = 60_000;
/** Then they are only counted: something that lasts would be told again and again. */
const mostTold = 20;

export class Report {
  readonly seed: number;
  readonly violations: Violation[] = [];
  readonly #minutes: number;
  readonly #timeLine: TimeLine;
  readonly #folder: string;
  readonly #logs: () => string;
  readonly #figures: [string, string][] = [];
  readonly #faults = new Map<string, number>();
  readonly #wholeMs: number[] = [];

  constructor(run: Run, timeLine: TimeLine, folder: string, logs: () => string) {
    this.seed = run.seed;
    this.#minutes = run.minutes;
    this.#timeLine = timeLine;
    this.#folder = folder;
    this.#logs = logs;
  }

  /** The command that has the same faults. */
  get again(): string {
    return `npm run chaos -- --minutes ${this.#minutes} --seed ${this.seed}`;
  }

  violated(texts: readonly string[], atMs = Date.now()): void {
    if (texts.length === 0) return;
    const isTold = this.violations.length < mostTold;
    for (const text of texts) {
      this.violations.push({ text, atMs });
      this.#timeLine.note(atMs, `VIOLATION ${text}`);
    }
    if (!isTold) return;
    const when = `seed ${this.seed} at ${this.#timeLine.seconds(atMs)}`;
    const [near, file] = [this.#timeLine.text(atMs, aroundMs), this.#write()];
    process.stderr.write(
      `\nVIOLATION with ${when}: ${texts.join('\n  ')}\n${near}\nagain: ${this.again}\nsee ${file}\n`,
    );
  }

  struck({ strokes }: Gust): void {
    for (const { fault } of strokes) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  /** After a gust, from when servers and processes were there. */
  wholeAfter(ms: number): void {
    this.#wholeMs.push(ms);
  }

  figure(name: string, value: string | number): void {
    this.#figures.push([name, String(value)]);
  }

  text(): string {
    const sorted = [...this.#wholeMs].sort((one, other) => one - other);
    const figures: [string, string][] = [
      ['seed', String(this.seed)],
      ['gusts', String(sorted.length)],
      ['faults', [...this.#faults].map(([name, times]) => `${name} ${times}`).join(', ')],
      [
        'whole again after',
        `median ${inSeconds(sorted[sorted.length >> 1])}, at most ${inSeconds(sorted.at(-1))}`,
      ],
      ...this.#figures,
      ['violations', String(this.violations.length)],
    ];
    const width = Math.max(...figures.map(([name]) => name.length));
    return figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
  }

  #write(): string {
    mkdirSync(this.#folder, { recursive: true });
    const file = join(this.#folder, `storm-${this.seed}-${process.pid}.txt`);
    const said = this.violations.map(({ text, atMs }) => `${this.#timeLine.seconds(atMs)} ${text}`);
    writeFileSync(file, [...said, '', this.#timeLine.all(), '', this.#logs()].join('\n'));
    return file;
  }
}

function inSeconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(2)} s`;
}
