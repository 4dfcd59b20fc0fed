/**
 * Formats of custom_logger: text with items behind `%`, read once and then filled from records (logging 3). An item of
 * two letters goes before the one of its first letter alone.
 */
import { type MessageRecord, mailboxOf, routingDomain } from './message-record.ts';
import { localTime, type TimeZone, timeText } from './strftime.ts';

export interface FormatContext {
  readonly zone: TimeZone;
  /** `log_hires_timestamp`: microseconds in `%t`, a fraction behind the seconds of `%t{}`. */
  readonly isHighResolution: boolean;
  /** What values go through; times and the text between do not. */
  readonly sanitize: Sanitizer;
}

export type CustomFormat = (timeUs: number, record: MessageRecord, context: FormatContext) => string;
type Item = CustomFormat;

const plain =
  (value: (record: MessageRecord) => string | number | undefined): Item =>
  (_, record, { sanitize }) =>
    sanitize(String(value(record) ?? ''));

const items: Readonly<Record<string, Item>> = {
  '%': () => '%',
  A: plain(({ authentication }) => authentication),
  b: plain(({ binding = 'default' }) => binding),
  B: plain(({ bytes }) => bytes),
  BI: plain(({ batchId }) => batchId),
  c: plain(({ className }) => className),
  C: plain(({ classCode }) => classCode),
  CI: plain(({ connectionId }) => connectionId),
  d: plain(routingDomain),
  g: plain(({ group = 'default' }) => group),
  H: plain(({ address }) => address),
  i: plain(({ messageId }) => messageId),
  m: plain(({ sender }) => mailboxOf(sender).local),
  M: plain(({ sender }) => mailboxOf(sender).domain),
  n: plain(({ text }) => text),
  N: plain(({ retries = 0 }) => retries),
  p: plain(({ protocol }) => protocol),
  P: plain(({ pathway = 'default' }) => pathway),
  PG: plain(({ pathwayGroup = 'default' }) => pathwayGroup),
  r: plain(({ recipient }) => mailboxOf(recipient).local),
  R: plain(({ recipient }) => mailboxOf(recipient).domain),
  s: plain(({ stageText }) => stageText),
  S: plain(({ stage = 0 }) => stage),
  t: (timeUs, _, { isHighResolution }) => String(Math.floor(isHighResolution ? timeUs : timeUs / 1_000_000)),
  T: plain(({ queuedS = 0 }) => queuedS.toFixed(2)),
  U: plain(({ user }) => user),
};

const mostDecimals = 9;

/** Undefined: the argument is none. */
const itemsWithArgument: Readonly<Record<string, (argument: string) => Item | undefined>> = {
  h: (name) => plain(({ headers }) => headers?.[name.toLowerCase()]),
  t: timeItem,
  T: (decimals) =>
    /^\d$/.test(decimals) && Number(decimals) <= mostDecimals
      ? plain(({ queuedS = 0 }) => queuedS.toFixed(Number(decimals)))
      : undefined,
  vctx_mess: (name) => plain(({ context }) => context?.[name]),
  vctx_conn: (name) => plain(({ connectionContext }) => connectionContext?.[name]),
};

function timeItem(format: string): Item | undefined {
  if (timeText(format) === undefined) return undefined;
  return (timeUs, _, { zone, isHighResolution }) => {
    const fraction = String(Math.floor(timeUs % 1_000_000)).padStart(6, '0');
    // As text, before the conversions are read: the fraction stands behind the seconds wherever those are.
    const full = isHighResolution ? format.replace(/%[ST]/g, `$&.${fraction}`) : format;
    return timeText(full)!(localTime(timeUs / 1_000_000, zone));
  };
}

/** Returns what is wrong with it as text. */
export function parseCustomFormat(format: string): CustomFormat | string {
  const parts: (string | Item)[] = [];
  let at = 0;
  for (let percent = format.indexOf('%'); percent >= 0; percent = format.indexOf('%', at)) {
    parts.push(format.slice(at, percent));
    const found = itemAt(format, percent + 1);
    if (!found) return `unknown format letter '%${format.charAt(percent + 1)}'`;
    parts.push(found.item);
    at = percent + 1 + found.length;
  }
  parts.push(format.slice(at));
  return (timeUs, record, context) =>
    parts.map((part) => (typeof part === 'string' ? part : part(timeUs, record, context))).join('');
}

/** Bounds the search for the closing brace: a line of formats can be a megabyte of opening ones. */
const longestArgument = 300;

function itemAt(format: string, at: number): { readonly item: Item; readonly length: number } | undefined {
  for (const [letters, make] of Object.entries(itemsWithArgument)) {
    const start = at + letters.length + 1;
    if (!format.startsWith(`${letters}{`, at)) continue;
    const close = format.slice(start, start + longestArgument).indexOf('}');
    const item = close < 0 ? undefined : make(format.slice(start, start + close));
    if (item) return { item, length: letters.length + close + 2 };
  }
  for (const length of [2, 1]) {
    const letters = format.slice(at, at + length);
    if (letters.length === length && Object.hasOwn(items, letters)) return { item: items[letters]!, length };
  }
  return undefined;
}

/** How values are made harmless. */
export type Sanitizer = (text: string) => string;

/** `special_characters`, `non_printable` or `tr/FROM/TO/`, several of them separated by blanks or commas. */
export function parseSanitizer(words: string): Sanitizer | string {
  const steps: Sanitizer[] = [];
  for (const word of words.split(/[\s,]+/).filter((each) => each !== '')) {
    const step = sanitizerStep(word);
    if (!step) return `'${word}' is none of special_characters, non_printable and tr/../../`;
    steps.push(step);
  }
  return (text) => steps.reduce((result, step) => step(result), text);
}

function sanitizerStep(word: string): Sanitizer | undefined {
  if (word === 'special_characters') return (text) => text.replace(/[\\@"'`]/g, '\\$&');
  if (word === 'non_printable')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    return (text) => text.replace(/[\u0000-\u001f\u007f]/g, (char) => String(char.charCodeAt(0)));
  const [, from = '', to = ''] = /^tr\/([^/]+)\/([^/]*)\/$/.exec(word) ?? [];
  if (from === '') return undefined;
  const others = new Map([...from].map((char, at) => [char, [...to][at] ?? [...to].at(-1) ?? '']));
  return (text) => [...text].map((char) => others.get(char) ?? char).join('');
}
