/** What the demonstration came to, on one screen. */
import { columns, counted, milliseconds, seconds } from '../three-relays/screen.ts';
import { faults } from './faults.ts';

/** A node that was lost. */
export interface Blow {
  readonly fault: string;
  /** Of each address it owned: longest time without an answer. */
  readonly gapsMs: readonly number[];
  /** Longest of all other addresses. */
  readonly othersGapMs: number;
  /** Undefined: it has not come back yet. */
  readonly back: { readonly afterMs: number; readonly gapMs: number } | undefined;
}

export interface SummaryFacts {
  readonly client: { readonly asked: number; readonly answered: number };
  readonly blows: readonly Blow[];
  readonly checks: number;
  readonly problems: readonly string[];
  readonly durationMs: number;
}

export function summary(facts: SummaryFacts): { text: string; hasFailed: boolean } {
  const { client, blows, checks, problems, durationMs } = facts;
  const unanswered = client.asked - client.answered;
  const text = `
Summary of ${seconds(durationMs)}

${columns([['', 'times', 'gap of its addresses', 'of the others', 'share again after', 'gap then'], ...faultLines(blows)])}
  The client connected ${counted(client.asked, 'time')}; ${unanswered} of these were not answered.
${conclusion(checks, problems)}
`;
  return { text, hasFailed: problems.length > 0 };
}

function conclusion(checks: number, problems: readonly string[]): string {
  if (problems.length > 0) return `  WRONG: ${problems.join('; ')}.`;
  if (checks === 0) return '  It ended before anything was checked.';
  return `  ${counted(checks, 'check')}: each address was on one live node, which answered, and all nodes agreed.`;
}

function faultLines(blows: readonly Blow[]): string[][] {
  return faults.flatMap(({ name }) => {
    const mine = blows.filter(({ fault }) => fault === name);
    if (mine.length === 0) return [];
    const backs = mine.flatMap(({ back }) => back ?? []);
    return [
      [
        name,
        String(mine.length),
        range(mine.flatMap(({ gapsMs }) => gapsMs)),
        range(mine.map(({ othersGapMs }) => othersGapMs)),
        backs.length > 0 ? `at most ${seconds(Math.max(...backs.map(({ afterMs }) => afterMs)))}` : '-',
        range(backs.map(({ gapMs }) => gapMs)),
      ],
    ];
  });
}

function range(durationsMs: readonly number[]): string {
  if (durationsMs.length === 0) return '-';
  const shortest = milliseconds(Math.min(...durationsMs));
  const longest = milliseconds(Math.max(...durationsMs));
  return shortest === longest ? longest : `${shortest} to ${longest}`;
}
