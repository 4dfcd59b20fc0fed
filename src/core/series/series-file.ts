/**
 * Texts of the files of series: journals of one period (replication 11.6), and what a node had counted when it stopped.
 * Parsing returns undefined for what is no such file, and leaves out lines that cannot be read.
 */
import { type Incarnation, isIncarnation } from '../identity.ts';
import { keyText, parseKey } from './audit-argument.ts';
import type { KeyType } from './cell.ts';
import type { StreamKey } from './stream-key.ts';

const typeWords = { ipv4: 'cidr', ipv6: 'cidr_ipv6', text: 'string', address: 'address' } as const;
const keyTypes = ['ipv4', 'ipv6', 'text', 'address'] as const;

export interface JournalHead {
  readonly series: string;
  readonly keyType: KeyType;
  readonly startMs: number;
  readonly endMs: number;
}

/** `20080424T200000`, in UTC. */
export function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+Z$/g, '');
}

/** `spam.20080424T200000` (11.1); other characters than letters, digits, `_` and `-` are percent-encoded. */
export function journalName(series: string, endMs: number): string {
  return `${encodedName(series)}.${stampOf(endMs)}`;
}

export function encodedName(series: string): string {
  const encode = (character: string) => {
    const bytes = [...new TextEncoder().encode(character)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  };
  return series.replace(/[^\w-]/gu, encode);
}

/** The series and end of a journal file by its name; undefined for any other file. */
export function parseJournalName(
  name: string,
): { readonly series: string; readonly stamp: string } | undefined {
  const found = /^([\w%-]+)\.(\d{8}T\d{6})(?:\.gz)?$/.exec(name);
  const series = found ? decodedName(found[1]!) : undefined;
  return series === undefined ? undefined : { series, stamp: found![2]! };
}

function decodedName(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

/** `entries` in the order of `compareKeys`: by their texts, 10.0.0.10 would come before 10.0.0.2. */
export function* journalLines(
  { series, keyType, startMs, endMs }: JournalHead,
  entries: Iterable<readonly [StreamKey, number]>,
): Generator<string, void, void> {
  yield `#audit_series v1 ${encodedName(series)} ${typeWords[keyType]} ${stampOf(startMs)} ${stampOf(endMs)}\n`;
  for (const [key, count] of entries) yield `${keyText(keyType, key)}\t${count}\n`;
}

/** The first line of a journal; undefined: it is none. */
export function parseJournalHead(line: string): Pick<JournalHead, 'series' | 'keyType'> | undefined {
  const [mark, version, name, word] = line.split(' ');
  const keyType = keyTypes.find((type) => typeWords[type] === word);
  if (mark !== '#audit_series' || version !== 'v1' || !name || !keyType) return undefined;
  const series = decodedName(name);
  return series === undefined ? undefined : { series, keyType };
}

/** IPv4 before IPv6, each by address; texts by their units. */
export function compareKeys(a: StreamKey, b: StreamKey): number {
  if (typeof a === 'number') return typeof b === 'number' ? (a >>> 0) - (b >>> 0) : -1;
  if (typeof b === 'number') return 1;
  return a < b ? -1 : Number(a > b);
}

/** What was counted in one cell of time for one key. */
export type SavedCount = readonly [cell: number, key: StreamKey, count: number];

export interface SavedSeries {
  /** The one that saved it is the last; the counts of those before are in its own. */
  readonly lives: readonly Incarnation[];
  /** Read as they are walked through, once: there may be very many. Lines that cannot be read are left out. */
  readonly counts: Iterable<SavedCount>;
}

export function* savedLines(
  id: string,
  keyType: KeyType,
  lives: readonly Incarnation[],
  counts: Iterable<readonly [number, StreamKey, number]>,
): Generator<string, void, void> {
  // The last one first: a release that knows no others reads on until there.
  yield `#audit_persist v1 ${encodedName(id)} ${typeWords[keyType]} ${lives.toReversed().join(' ')}\n`;
  for (const [cell, key, count] of counts) yield `${cell}\t${keyText(keyType, key)}\t${count}\n`;
}

export function parseSaved(id: string, keyType: KeyType, text: string): SavedSeries | undefined {
  const lines = linesOf(text);
  const [mark, version, name, type, ...lives] = (lines.next().value ?? '').split(' ');
  if (mark !== '#audit_persist' || version !== 'v1' || name !== encodedName(id)) return undefined;
  if (type !== typeWords[keyType] || lives.length === 0 || !lives.every(isIncarnation)) return undefined;
  return { lives: lives.filter(isIncarnation).toReversed(), counts: savedCounts(keyType, lines) };
}

function* savedCounts(keyType: KeyType, lines: Iterable<string>): Generator<SavedCount, void, void> {
  for (const line of lines) {
    const [cell, key, count] = line.split('\t');
    if (count === undefined || !Number.isFinite(Number(cell)) || !Number.isFinite(Number(count))) continue;
    const parsed = readKey(keyType, key!);
    if (parsed !== undefined) yield [Number(cell), parsed, Number(count)];
  }
}

/** One after the other: `split` would make all of a long text at once. */
function* linesOf(text: string): Generator<string, undefined, void> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, end);
    start = end + 1;
  }
  return undefined;
}

/** Lines of a file that `load` reads: `<key><TAB><count>`; comments and what cannot be read are left out. */
export function* parseEntries(
  keyType: KeyType,
  text: string,
): Generator<readonly [StreamKey, number], void, void> {
  for (const line of linesOf(text)) {
    const entry = parseEntry(keyType, line);
    if (entry) yield entry;
  }
}

export function parseEntry(keyType: KeyType, line: string): readonly [StreamKey, number] | undefined {
  if (line.startsWith('#')) return undefined;
  const [key, text] = line.split('\t');
  const count = Number(text);
  const parsed = readKey(keyType, key!);
  return text === undefined || parsed === undefined || !Number.isFinite(count) ? undefined : [parsed, count];
}

function readKey(keyType: KeyType, text: string): StreamKey | undefined {
  try {
    return parseKey(keyType, text);
  } catch {
    return undefined;
  }
}
