/**
 * The query language of journals of series (replication 12.2): from a line of text to what is asked.
 *
 * Words that are fixed may be in any case, names of series may not. A clause given twice is a mistake: whoever types two
 * limits would not see which one was taken.
 */
import { addressBits, type Prefix, parsePrefix } from '../address.ts';

/** Files that end after `startMs`, and at `endMs` at the latest (12.6). */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

export interface CountQuery {
  readonly kind: 'count';
  readonly block: Prefix;
  /** One column each, unless all are added up. */
  readonly series: readonly string[];
  readonly isUnion: boolean;
  readonly period: Period;
  /** Prefix lengths to group by, from the shortest to the longest. */
  readonly sizes: readonly [number, number];
  readonly order: 'cidr' | 'count';
  readonly aggregate: 'none' | 'all' | 'daily';
  readonly limit: number;
  readonly threshold: number | undefined;
  /** With what was counted since the last files (21.9). */
  readonly isLive: boolean;
}

export type CidrQuery = { readonly kind: 'available' } | { readonly kind: 'cache' } | CountQuery;

export type ParsedQuery = { readonly query: CidrQuery } | { readonly problem: string };

const dayMs = 86_400_000;

export function parseCidrQuery(text: string): ParsedQuery {
  const words = new Words(text);
  try {
    const query = parseQuery(words);
    return words.isAtEnd ? { query } : { problem: `'${words.next()}' is not expected` };
  } catch (error) {
    if (error instanceof SyntaxProblem) return { problem: error.message };
    throw error;
  }
}

/** `20080423` or `20080605T120000`, in UTC; undefined: there is no such time. */
export function parseDate(text: string): { readonly ms: number; readonly isDay: boolean } | undefined {
  const [, day, time] = /^(\d{8})(?:T(\d{6}))?$/i.exec(text) ?? [];
  if (day === undefined) return undefined;
  const pairs = (digits: string) => digits.match(/\d\d/g)!.join(':');
  const iso = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T${pairs(time ?? '000000')}.000Z`;
  const ms = Date.parse(iso);
  // Some impossible dates, as 31 February, are taken for later ones.
  const isReal = Number.isFinite(ms) && new Date(ms).toISOString() === iso;
  return isReal ? { ms, isDay: time === undefined } : undefined;
}

class SyntaxProblem extends Error {}

class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#words = text.match(/[(),]|[^\s(),]+/g) ?? [];
  }

  get isAtEnd(): boolean {
    return this.#at === this.#words.length;
  }

  next(): string {
    return this.#words[this.#at++] ?? '';
  }

  /** Takes these words if they come next. */
  take(phrase: string): boolean {
    const wanted = phrase.split(' ');
    const isNext = wanted.every((word, i) => this.#words[this.#at + i]?.toLowerCase() === word);
    if (isNext) this.#at += wanted.length;
    return isNext;
  }

  expect(phrase: string): void {
    if (!this.take(phrase)) this.#miss(`'${phrase}'`);
  }

  /** The next word as `read` understands it. */
  value<Value>(what: string, read: (word: string) => Value | undefined): Value {
    const value = this.isAtEnd ? undefined : read(this.#words[this.#at]!);
    if (value === undefined) return this.#miss(what);
    this.#at++;
    return value;
  }

  #miss(what: string): never {
    const found = this.isAtEnd ? 'the end' : `'${this.#words[this.#at]}'`;
    throw new SyntaxProblem(`${what} is expected instead of ${found}`);
  }
}

function parseQuery(words: Words): CidrQuery {
  if (words.take('show available')) return { kind: 'available' };
  if (words.take('cache details')) return { kind: 'cache' };
  words.expect('show count for');
  const block = words.value('a netblock', parsePrefix);
  words.expect('in');
  const isUnion = words.take('union (');
  const series = [nameOfSeries(words)];
  while (words.take(',')) series.push(nameOfSeries(words));
  if (isUnion) words.expect(')');
  const bits = addressBits(block.address);
  return { ...noClauses(bits), kind: 'count', block, series, isUnion, ...clauses(words, bits) };
}

function nameOfSeries(words: Words): string {
  return words.value('a series', (word) => (/[(),]/.test(word) ? undefined : word));
}

function noClauses(bits: number) {
  return {
    period: { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY },
    sizes: [bits, bits],
    order: 'cidr',
    aggregate: 'none',
    limit: Number.POSITIVE_INFINITY,
    threshold: undefined,
    isLive: false,
  } as const;
}

type Clauses = Partial<
  Pick<CountQuery, 'period' | 'sizes' | 'order' | 'aggregate' | 'limit' | 'threshold' | 'isLive'>
>;

function clauses(words: Words, bits: number): Clauses {
  let all: Clauses = {};
  while (!words.isAtEnd) {
    const clause = parseClause(words, bits);
    const [name] = Object.keys(clause);
    if (name! in all) throw new SyntaxProblem(`there are two clauses for the ${name}`);
    all = { ...all, ...clause };
  }
  return all;
}

function parseClause(words: Words, bits: number): Clauses {
  const date = () => words.value('a date', parseDate);
  if (words.take('from')) {
    const from = date();
    words.expect('to');
    const to = date();
    return { period: { startMs: from.ms, endMs: to.isDay ? to.ms + dayMs : to.ms } };
  }
  if (words.take('on')) {
    const startMs = Math.floor(date().ms / dayMs) * dayMs;
    return { period: { startMs, endMs: startMs + dayMs } };
  }
  if (words.take('since')) return { period: { startMs: date().ms, endMs: Number.POSITIVE_INFINITY } };
  if (words.take('cidrsize')) return { sizes: parseSizes(words, bits) };
  if (words.take('order by cidr')) return { order: 'cidr' };
  if (words.take('order by count')) return { order: 'count' };
  if (words.take('aggregate daily')) return { aggregate: 'daily' };
  if (words.take('aggregate')) return { aggregate: 'all' };
  if (words.take('limit')) return { limit: words.value('a number', number) };
  if (words.take('threshold')) return { threshold: words.value('a number', number) };
  if (words.take('live')) return { isLive: true };
  throw new SyntaxProblem(`'${words.next()}' is no clause`);
}

function parseSizes(words: Words, bits: number): readonly [number, number] {
  const size = (least: number) =>
    words.value(`a number from ${least} to ${bits}`, (word) => {
      const value = number(word);
      return value !== undefined && value >= least && value <= bits ? value : undefined;
    });
  const shortest = size(0);
  return [shortest, words.take('to') ? size(shortest) : shortest];
}

function number(word: string): number | undefined {
  return /^\d{1,15}$/.test(word) ? Number(word) : undefined;
}
