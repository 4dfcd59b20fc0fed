/**
 * Lines of ec_logger and bounce_logger (logging 3): fields between `@`, or as the format of each log has them.
 *
 * Invariant: one record is one line with a fixed number of fields, whatever the values hold: `@` and `\` are escaped by
 * `\` where another field follows, and control characters are blanks.
 */
import {
  type AccountRecord,
  type DeliveryRecord,
  type FailureRecord,
  type MessageRecord,
  mailboxOf,
  type ReceptionRecord,
  type RejectionRecord,
  routingDomain,
  type SessionRecord,
} from './message-record.ts';

/** Ten digits of seconds, or sixteen of microseconds. */
export type TimeFormat = (timeUs: number) => string;

export const secondsTime: TimeFormat = (timeUs) => String(Math.floor(timeUs / 1_000_000));
export const microsecondsTime: TimeFormat = (timeUs) => String(Math.floor(timeUs));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controlCharacters = /[\u0000-\u001f\u007f]+/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const needsEscape = /[@\\\u0000-\u001f\u007f]/;

/** On one line. */
export function onOneLine(text: string): string {
  return text.replace(controlCharacters, ' ');
}

type Value = string | number | undefined;

function field(value: Value): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  return needsEscape.test(value) ? onOneLine(value).replace(/[@\\]/g, '\\$&') : value;
}

const joined = (values: readonly Value[]): string => values.map(field).join('@');
const seconds = (value: number | undefined): string => (value ?? 0).toFixed(3);

function head(time: string, letter: string, { messageId, batchId, connectionId }: MessageRecord): Value[] {
  return [time, messageId, batchId, connectionId, letter];
}

const defaultBinding = 'default';

function bindingOf({ group = defaultBinding, binding = defaultBinding }: MessageRecord): Value[] {
  return [group, binding];
}

export function receptionLine(time: string, record: ReceptionRecord): string {
  const recipient = mailboxOf(record.recipient);
  const sender = mailboxOf(record.sender);
  return `${joined([
    ...head(time, 'R', record),
    ...[recipient.local, recipient.domain, sender.local, sender.domain],
    ...[record.address ?? 'unknown', record.bytes, record.protocol, ...bindingOf(record)],
  ])}\n`;
}

/** `X`: to another node of the cluster. */
export function deliveryLine(time: string, letter: 'D' | 'X', record: DeliveryRecord): string {
  return `${joined([
    ...head(time, letter, record),
    ...[routingDomain(record), record.bytes, ...bindingOf(record)],
    ...[record.retries ?? 0, seconds(record.queuedS), record.address],
  ])}\n`;
}

export function failureLine(time: string, letter: 'T' | 'P', record: FailureRecord): string {
  const fields = joined([
    ...head(time, letter, record),
    ...[routingDomain(record), record.bytes ?? 0, ...bindingOf(record), record.stage ?? 0],
    ...[record.retries ?? 0, seconds(record.queuedS), record.address],
  ]);
  return `${fields}@${onOneLine(record.text)}\n`;
}

/** Of bounces that nobody has classified. */
const undetermined = 1;

export function bounceLine(
  time: string,
  letter: 'B' | 'T',
  record: MessageRecord & { readonly text: string },
): string {
  const recipient = mailboxOf(record.recipient);
  const sender = mailboxOf(record.sender);
  const fields = joined([
    ...head(time, letter, record),
    ...[recipient.local, recipient.domain, sender.local, sender.domain, ...bindingOf(record)],
    ...[record.stage ?? 0, record.classCode ?? undetermined, record.bytes ?? 0, record.address],
  ]);
  return `${fields}@${onOneLine(record.text)}\n`;
}

/** `1236672125: R="10.79.25.142:42601" L="10.79.25.142:25" C="..." ... relaying denied` */
export function rejectionLine(time: string, record: RejectionRecord): string {
  const { pathway = 'default', pathwayGroup = 'default', phase = '', module = '' } = record;
  const words = [
    ...[`R=${quoted(record.remote)}`, `L=${quoted(record.local)}`, `C=${quoted(record.connectionId ?? '')}`],
    ...[`PATH=${quoted(pathway)}`, `PATH_GRP=${quoted(pathwayGroup)}`, `P=${quoted(phase)}`],
    ...[`E=${record.code}`, `M=${onOneLine(module).replaceAll(' ', '_')}`],
    ...[`CTXCONN=[${contextText(record.connectionContext)}]`, `CTXMESS=[${contextText(record.context)}]`],
  ];
  return `${time}: ${words.join(' ')} ${onOneLine(record.text)}\n`;
}

const quoted = (text: string): string => `"${onOneLine(text).replace(/["\\]/g, '\\$&')}"`;

function contextText(context: Readonly<Record<string, string>> = {}): string {
  return Object.entries(context)
    .map(([name, value]) => onOneLine(`${name}=${value}`).replace(/[\]\\,]/g, '\\$&'))
    .join(',');
}

export function accountLine(time: string, record: AccountRecord): string {
  const { kind, listener, peer, user, result, command = '', role = '' } = record;
  const more = kind === 'Z' ? [command, role] : [];
  return `${[time, kind, ...[listener, peer, user, String(result), ...more].map(escapedControls)].join('@')}\n`;
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Nothing is dropped: who may have done what must be seen as it was typed. */
function escapedControls(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    /[@\\\u0000-\u001f\u007f]/g,
    (char) =>
      named[char] ??
      (char === '@' || char === '\\'
        ? `\\${char}`
        : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
}

/** Of a front listener, which knows no messages: `C`, so that nobody takes a connection for a reception. */
export function sessionLine(time: string, record: SessionRecord): string {
  return `${joined([
    ...head(time, 'C', record),
    ...[record.listener, record.address, record.port],
    ...[record.bytesIn, record.bytesOut, seconds(record.seconds)],
  ])}\n`;
}

export function panicLine(time: string, text: string): string {
  return `${time}:${onOneLine(text)}\n`;
}

/** Of mainlog and bouncelog. */
export const heartbeatLine = (time: string): string => `${time}@@@@M1\n`;
export const rejectHeartbeatLine = (time: string): string => `${time}: Marker 1\n`;
