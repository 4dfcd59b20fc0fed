/** Outcomes of many rounds as a table, a line for each kind. */
import type { Outcome } from './round.ts';

const headings = [
  'kind',
  'rounds',
  'blips',
  'address gap p50/max ms',
  'service gap p50/max ms',
  'bystanders max ms',
  'double answers',
  'stale neighbours',
  'violations',
] as const;

export class Tally {
  readonly #startedMs = Date.now();
  readonly #outcomes = new Map<string, Outcome[]>();

  get violations(): number {
    return sum([...this.#outcomes.values()].flat(), ({ violations }) => violations.length);
  }

  add(outcome: Outcome): void {
    const outcomes = this.#outcomes.get(outcome.kind) ?? [];
    this.#outcomes.set(outcome.kind, [...outcomes, outcome]);
  }

  table(): string {
    const lines = [headings, ...[...this.#outcomes].map(([kind, outcomes]) => lineOf(kind, outcomes))];
    const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
    const text = lines.map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    );
    const seconds = ((Date.now() - this.#startedMs) / 1000).toFixed(0);
    return [
      ...text,
      `${sum([...this.#outcomes.values()], ({ length }) => length)} rounds in ${seconds} s`,
    ].join('\n');
  }
}

function lineOf(kind: string, outcomes: readonly Outcome[]): readonly string[] {
  const whole = outcomes.filter(({ isBlip }) => !isBlip);
  return [
    kind,
    String(outcomes.length),
    String(outcomes.length - whole.length),
    medianAndMost(whole.map(({ gapMs }) => gapMs)),
    medianAndMost(whole.map(({ serviceGapMs }) => serviceGapMs)),
    Math.max(0, ...whole.map(({ bystanderGapMs }) => bystanderGapMs)).toFixed(0),
    String(sum(outcomes, ({ doubles }) => doubles.length)),
    String(sum(outcomes, ({ staleNeighbours }) => staleNeighbours.length)),
    String(sum(outcomes, ({ violations }) => violations.length)),
  ];
}

function medianAndMost(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((a, b) => a - b);
  return `${sorted[Math.floor(sorted.length / 2)]!.toFixed(0)} / ${sorted.at(-1)!.toFixed(0)}`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
