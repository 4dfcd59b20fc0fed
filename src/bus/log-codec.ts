/**
 * The log service as bytes (logging 9.2, 9.3): requests and answers are JSON objects, an interval is its raw bytes in parts
 * with headers. Decoders never throw: undefined is malformed, and what is too long is malformed as well.
 */
import { formatId, hex8, type LogId, parseId } from '../core/logs/log-id.ts';
import {
  type FetchRequest,
  type NothingNew,
  type OpenedLog,
  type OpenRequest,
  type Refusal,
  type RefusalName,
  refusalNames,
  type SentInterval,
} from '../core/logs/service-messages.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Of the requests. Answers are in the version of their request, so they do not say one. */
const serviceVersion = 1;

export const maxRequestBytes = 64 * 1024;
export const maxPartBytes = 512 * 1024;
const longestName = 255;
const mostSubscribers = 64;

// Requests

export const encodeOpen = (request: OpenRequest): Uint8Array => encodeRequest({ ...request });
export const encodeAck = (lease: string, id: LogId): Uint8Array => encodeRequest({ lease, id: formatId(id) });
export const encodeClose = (lease: string): Uint8Array => encodeRequest({ lease });
export const encodeFetch = ({ lease, maxBytes, after }: FetchRequest): Uint8Array =>
  encodeRequest({ lease, maxBytes, ...(after && { after: formatId(after) }) });
/** `names`: no more than what they are called. */
export const encodeList = (only?: 'names'): Uint8Array => encodeRequest(only === undefined ? {} : { only });

const encodeRequest = (fields: JsonObject): Uint8Array => encodeJson({ version: serviceVersion, ...fields });

/** What to say to a request of a later version; who says none means the first. Fields that are not known are ignored. */
export function versionRefusal({ version = serviceVersion }: JsonObject): Refusal | undefined {
  if (version === serviceVersion) return undefined;
  return { refused: 'version', text: `this node speaks version ${serviceVersion} of the log service` };
}

export function decodeOpen({
  log,
  subscribers,
  consumer,
  instance,
  job,
}: JsonObject): OpenRequest | undefined {
  if (!isName(log) || !isName(consumer) || !isName(instance) || !Array.isArray(subscribers)) return undefined;
  if (subscribers.length > mostSubscribers || !subscribers.every(isName)) return undefined;
  if (job !== undefined && !isJobId(job)) return undefined;
  return { log, subscribers, consumer, instance, ...(job !== undefined && { job }) };
}

export function decodeFetch({ lease, maxBytes, after }: JsonObject): FetchRequest | undefined {
  const size = maxBytes ?? 4 * 1024 * 1024;
  if (!isName(lease) || !isCount(size) || size === 0) return undefined;
  const id = after === undefined ? undefined : idOf(after);
  return after !== undefined && !id ? undefined : { lease, maxBytes: size, after: id };
}

export function decodeAck({ lease, id }: JsonObject): { lease: string; id: LogId } | undefined {
  const parsed = idOf(id);
  return isName(lease) && parsed ? { lease, id: parsed } : undefined;
}

export const decodeClose = ({ lease }: JsonObject): string | undefined => (isName(lease) ? lease : undefined);

// Answers

export function encodeRefusal({ refused, text, by, retryMs }: Refusal, wallMs: number): Uint8Array {
  const until = retryMs === undefined ? {} : { retryMs, until: new Date(wallMs + retryMs).toISOString() };
  return encodeJson({ ok: false, error: refused, text, ...(by !== undefined && { by }), ...until });
}

export function decodeRefusal({ ok, error, text, by, retryMs }: JsonObject): Refusal | undefined {
  if (ok !== false || typeof error !== 'string') return undefined;
  // Of a newer node, perhaps.
  const refused = (refusalNames as readonly string[]).includes(error)
    ? (error as RefusalName)
    : 'unavailable';
  return {
    refused,
    text: typeof text === 'string' ? text : error,
    ...(typeof by === 'string' && { by }),
    ...(isCount(retryMs) && { retryMs }),
  };
}

export function encodeOpened({ checkpoint, ...opened }: OpenedLog): Uint8Array {
  return encodeJson({ ok: true, ...opened, checkpoint: formatId(checkpoint) });
}

export function decodeOpened(answer: JsonObject): OpenedLog | undefined {
  const { ok, lease, subscriber, ttlMs, checkpoint, journal, job, others } = answer;
  const at = idOf(checkpoint);
  if (ok !== true || !isName(lease) || !isName(subscriber) || !isCount(ttlMs) || !at) return undefined;
  if (!isName(journal) || !isName(job) || !Array.isArray(others) || !others.every(isName)) return undefined;
  return { lease, subscriber, ttlMs, checkpoint: at, journal, job, others };
}

export const encodeStored = (checkpoint: LogId): Uint8Array =>
  encodeJson({ ok: true, checkpoint: formatId(checkpoint) });

export function decodeStored({ ok, checkpoint }: JsonObject): LogId | undefined {
  return ok === true ? idOf(checkpoint) : undefined;
}

export const encodeNothing = ({ last, waitMs }: NothingNew): Uint8Array =>
  encodeJson({ ok: true, count: 0, last: formatId(last), wait: waitMs });

export function decodeNothing({ ok, count, last, wait }: JsonObject): NothingNew | undefined {
  const at = idOf(last);
  return ok === true && count === 0 && at && isCount(wait) ? { count: 0, last: at, waitMs: wait } : undefined;
}

export const encodeNames = (names: readonly string[]): Uint8Array => encodeJson({ ok: true, names });

export function decodeNames({ ok, names }: JsonObject): readonly string[] | undefined {
  return ok === true && Array.isArray(names) && names.every(isName) ? names : undefined;
}

// Parts of an interval

export type PartHeaders = Readonly<Record<string, string>>;

/** On all parts. */
export const firstHeaders = ({ first, format }: SentInterval): PartHeaders => ({
  'Flotilla-First': formatId(first),
  'Flotilla-Format': `${format.order} ${hex8(format.magic)}`,
});

/** On the final part; the sum is that of all bytes. */
export const finalHeaders = ({ last, count, more, waitMs }: SentInterval, checksum: number): PartHeaders => ({
  'Flotilla-Last': formatId(last),
  'Flotilla-Count': String(count),
  'Flotilla-More': String(more),
  'Flotilla-Wait': String(waitMs),
  'Flotilla-Crc32c': hex8(checksum),
  'Flotilla-End': 'true',
});

export type PartHeader = (name: string) => string | undefined;

/** Everything but the bytes, from the headers of the final part; undefined: they make no sense. */
export function intervalOf(header: PartHeader): SentInterval | undefined {
  const first = idOf(header('Flotilla-First'));
  const last = idOf(header('Flotilla-Last'));
  const count = wholeNumber(header('Flotilla-Count'));
  const waitMs = wholeNumber(header('Flotilla-Wait'));
  const format = /^(little|big) ([0-9a-f]{8})$/.exec(header('Flotilla-Format') ?? '');
  if (!first || !last || !format || count === undefined || waitMs === undefined) return undefined;
  if (first.segment !== last.segment || last.marker - first.marker + 1 !== count || count === 0)
    return undefined;
  const order = format[1] as 'little' | 'big';
  const magic = Number.parseInt(format[2]!, 16);
  return { first, last, count, waitMs, more: header('Flotilla-More') === 'true', format: { order, magic } };
}

export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

// JSON

export function encodeJson(value: JsonObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** An empty body is `{}`. */
export function decodeJson(bytes: Uint8Array): JsonObject | undefined {
  if (bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

function idOf(value: unknown): LogId | undefined {
  return typeof value === 'string' ? parseId(value) : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longestName;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** It is printed, and typed by operators. */
function isJobId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z]{1,16}-\d{5}$/.test(value);
}
