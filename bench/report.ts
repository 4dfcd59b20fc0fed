/** What a benchmark measured, next to a peer where there is one, and how it is printed. */

export interface Figure {
  /** Goal it belongs to, P1 .. P11 or R4; none. */
  readonly goal: string;
  readonly what: string;
  /** What was varied: `10^4 keys`, `8 nodes`. */
  readonly size: string;
  /** NaN: it could not be measured on this machine. */
  readonly value: number;
  readonly unit: string;
  /** Default: less. */
  readonly better?: 'less' | 'more';
  /** The goal as a number in `unit`. */
  readonly target?: { readonly value: number };
  /** The same work by somebody else, in the same run and unit. */
  readonly peer?: { readonly name: string; readonly value: number };
}

export interface Benchmark {
  readonly name: string;
  readonly goals: readonly string[];
  /** Said before it starts, so that nobody wonders what takes so long. */
  readonly about: string;
  /** What its rows mean, for readers of docs/benchmarks.md. */
  readonly meaning: string;
  run(): Promise<readonly Figure[]>;
}

export interface Measured {
  readonly benchmark: Benchmark;
  readonly figures: readonly Figure[];
}

const columns = ['goal', 'what', 'size', 'ours', 'target', 'peer', 'ratio'] as const;

export function renderFigures(figures: readonly Figure[]): string {
  const rows = figures.map(rowOf);
  const header = Object.fromEntries(columns.map((column) => [column, column])) as Record<
    (typeof columns)[number],
    string
  >;
  const rule = Object.fromEntries(columns.map((column) => [column, '---'])) as Record<
    (typeof columns)[number],
    string
  >;
  return [header, rule, ...rows]
    .map((row) => `| ${columns.map((column) => row[column]).join(' | ')} |`)
    .join('\n');
}

function rowOf(figure: Figure): Record<(typeof columns)[number], string> {
  const { goal, what, size, value, unit, better = 'less', target, peer } = figure;
  const missed = target && (better === 'less' ? value > target.value : value < target.value);
  return {
    goal,
    what,
    size,
    ours: Number.isNaN(value) ? 'not measured' : `${short(value)} ${unit}`.trimEnd(),
    target: target
      ? `${better === 'less' ? '<=' : '>='} ${short(target.value)}${missed ? ' (missed)' : ''}`
      : '',
    peer: peer ? `${peer.name}: ${short(peer.value)} ${unit}`.trimEnd() : '',
    // Of nothing nothing is a multiple.
    ratio:
      peer && peer.value > 0 && value > 0
        ? `${short(better === 'less' ? peer.value / value : value / peer.value)}x`
        : '',
  };
}

export function short(value: number): string {
  if (value >= 10_000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
