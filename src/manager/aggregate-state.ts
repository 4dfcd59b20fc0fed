/**
 * What an aggregate file holds, in a file beside it, `.NAME.state`: its length, and for every source that writes it the
 * id of the last record (logging 10.2 step 4). One line of JSON, so that an operator can read it.
 *
 * Invariant: it is bounded. A source is forgotten when there are many and it has not written for a month, or when there
 * are more than anybody has; should that one then send again what it had not heard to be stored, it is stored twice.
 */
import { basename, dirname, join } from 'node:path';
import type { LogSource } from '../actors/log-ports.ts';
import { compareIds, formatId, type LogId, parseId } from '../core/logs/log-id.ts';

/** Who numbers the records: a journal that was made anew is another source. */
export type Origin = Pick<LogSource, 'node' | 'log' | 'subscriber' | 'journal'>;

export interface SourceMark extends Origin {
  /** Of the last record in the file. */
  readonly id: LogId;
  readonly wroteS: number;
}

export interface AggregateState {
  readonly length: number;
  /** By `originKey`. */
  readonly marks: ReadonlyMap<string, SourceMark>;
}

/** Nobody minds so many. */
const usualMarks = 1024;
const longestSilenceS = 30 * 86_400;
/** Encoded within a turn of the event loop. */
const mostMarks = 4096;

export function statePathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.state`);
}

/** Output of this name could be taken for the state of another. */
export function isStatePath(path: string): boolean {
  return /^\..+\.state(\.new)?$/s.test(basename(path));
}

export function originKey({ node, log, subscriber, journal }: Origin): string {
  return JSON.stringify([node, log, subscriber, journal]);
}

/** The later of both; ids of a source only grow. */
export function covers(mark: SourceMark | undefined, id: LogId): boolean {
  return mark !== undefined && compareIds(id, mark.id) <= 0;
}

export function encodeState({ length, marks }: AggregateState): Buffer {
  const sources = [...marks.values()].map(({ node, log, subscriber, journal, id, wroteS }) => ({
    ...{ node, log, subscriber, journal },
    id: formatId(id),
    wrote: wroteS,
  }));
  return Buffer.from(`${JSON.stringify({ version: 1, length, sources })}\n`);
}

/** Undefined: it is none. */
export function decodeState(bytes: Buffer): AggregateState | undefined {
  const value = jsonOf(bytes);
  if (!isRecord(value) || value.version !== 1 || !isCount(value.length)) return undefined;
  const { length, sources } = value;
  if (!Array.isArray(sources)) return undefined;
  const marks = new Map<string, SourceMark>();
  for (const source of sources) {
    const mark = markOf(source);
    if (!mark) return undefined;
    marks.set(originKey(mark), mark);
  }
  return { length, marks };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function markOf(value: unknown): SourceMark | undefined {
  if (!isRecord(value)) return undefined;
  const { node, log, subscriber, journal, id: idText, wrote } = value;
  const id = typeof idText === 'string' ? parseId(idText) : undefined;
  if (typeof node !== 'string' || typeof log !== 'string' || typeof subscriber !== 'string') return undefined;
  if (typeof journal !== 'string' || !id || !isCount(wrote)) return undefined;
  return { node, log, subscriber, journal, id, wroteS: wrote };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Without those that are gone for long, or too many. */
export function bounded(marks: Map<string, SourceMark>, nowS: number): Map<string, SourceMark> {
  if (marks.size <= usualMarks) return marks;
  const latest = [...marks].sort(([, a], [, b]) => b.wroteS - a.wroteS).slice(0, mostMarks);
  return new Map(
    latest.filter(([, { wroteS }], place) => place < usualMarks || nowS - wroteS < longestSilenceS),
  );
}
