/**
 * Patterns of `logfile` (logging 10.3): which destination the records of a log of a node go to at a time. `%{l}`, `%{n}`
 * and `%{s}` are log, node and subcluster, everything else behind `%` is a conversion of strftime.
 *
 * A pattern is taken apart once, path and parameters each by itself, so that what a node calls itself can neither be
 * read as a conversion nor begin another parameter.
 */
import type { Destination } from './destination.ts';
import { conversionAt, type LocalTime } from './strftime.ts';

export interface OutputNames {
  readonly log: string;
  readonly node: string;
  readonly subcluster: string;
}

type Part = string | ((names: OutputNames, time: LocalTime) => string);

const items: Readonly<Record<string, Part>> = {
  '%{l}': ({ log }) => log,
  '%{n}': ({ node }) => node,
  '%{s}': ({ subcluster }) => subcluster,
};

export class OutputPattern {
  readonly #pattern: Destination;
  readonly #path: readonly Part[];
  readonly #parameters: readonly (readonly [string, readonly Part[]])[];

  /** Of a destination in which `outputProblem` finds none. */
  constructor(pattern: Destination) {
    this.#pattern = pattern;
    this.#path = partsOf(pattern.path);
    this.#parameters = [...pattern.parameters].map(([name, value]) => [name, partsOf(value)]);
  }

  expand(names: OutputNames, time: LocalTime): Destination {
    const filled = (parts: readonly Part[]): string =>
      parts.map((part) => (typeof part === 'string' ? part : part(names, time))).join('');
    return {
      ...this.#pattern,
      path: filled(this.#path),
      parameters: new Map(this.#parameters.map(([name, parts]) => [name, filled(parts)])),
    };
  }
}

/** What is wrong with a pattern. */
export function outputProblem({ path, parameters }: Destination): string | undefined {
  for (const text of [path, ...parameters.values()]) {
    const parts = readParts(text);
    if (typeof parts === 'string') return parts;
  }
  return undefined;
}

function partsOf(text: string): readonly Part[] {
  const parts = readParts(text);
  if (typeof parts === 'string') throw new Error(parts);
  return parts;
}

function readParts(text: string): Part[] | string {
  const parts: Part[] = [];
  let at = 0;
  for (let percent = text.indexOf('%'); percent >= 0; percent = text.indexOf('%', at)) {
    if (percent > at) parts.push(text.slice(at, percent));
    const read = text.charAt(percent + 1) === '{' ? itemAt(text, percent) : conversionAt(text, percent);
    if (!read) return problemAt(text, percent);
    parts.push('text' in read ? (_, time) => read.text(time) : read.part);
    at = percent + read.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function itemAt(text: string, at: number): { readonly length: number; readonly part: Part } | undefined {
  const part = items[text.slice(at, at + 4)];
  return part === undefined ? undefined : { length: 4, part };
}

const longestShown = 40;

function problemAt(text: string, at: number): string {
  const inBraces = /^%\{[^}]*\}?/.exec(text.slice(at))?.[0];
  if (inBraces !== undefined)
    return `unknown interpolation '${inBraces.slice(0, longestShown)}' (known are %{l} %{n} %{s})`;
  const letters = /^%[EO]?/.exec(text.slice(at))?.[0].length ?? 1;
  return `unknown time conversion '${text.slice(at, at + letters + 1)}'`;
}

/** Why a name that a node told must not become a part of a path of the manager, or undefined (logging 10.3). */
export function outputNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '.' || name === '..') return 'it means another directory';
  if (name.includes('/')) return "it holds '/'";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are looked for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'it holds control characters';
  return /\ufffd|\p{Surrogate}/u.test(name) ? 'it is not UTF-8' : undefined;
}
