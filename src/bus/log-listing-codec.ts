/** What a node says of its logs, as JSON for people, programs and managers (`list` of the log service). */
import { formatId, type LogId, parseId } from '../core/logs/log-id.ts';
import type { LogListing, NodeListing, SubscriberListing } from '../core/logs/service-messages.ts';
import { encodeJson, type JsonObject } from './log-codec.ts';

export function encodeListing({ node, subcluster, logs }: NodeListing): Uint8Array {
  return encodeJson({
    ok: true,
    node,
    subcluster,
    logs: logs.map(({ first, last, problem, subscribers, ...log }) => ({
      ...log,
      first: first ? formatId(first) : null,
      last: last ? formatId(last) : null,
      ...(problem !== undefined && { problem }),
      subscribers: subscribers.map((subscriber) => ({
        name: subscriber.name,
        checkpoint: formatId(subscriber.checkpoint),
        lagRecords: subscriber.lagRecords ?? null,
        lagBytes: subscriber.lagBytes,
        oldestMs: rounded(subscriber.oldestMs),
        state: subscriber.state,
        leaseHolder: subscriber.holder ?? null,
        contactMs: rounded(subscriber.contactMs),
      })),
    })),
  });
}

/** Undefined: malformed. */
export function decodeListing({ ok, node, subcluster, logs }: JsonObject): NodeListing | undefined {
  if (ok !== true || typeof node !== 'string' || typeof subcluster !== 'string' || !Array.isArray(logs))
    return undefined;
  const read = logs.map((log) => (isObject(log) ? logOf(log) : undefined));
  return read.every((log) => log !== undefined) ? { node, subcluster, logs: read } : undefined;
}

function logOf({
  name,
  path,
  onDisk,
  first,
  last,
  problem,
  subscribers,
}: JsonObject): LogListing | undefined {
  if (typeof name !== 'string' || typeof path !== 'string' || typeof onDisk !== 'number') return undefined;
  if (!Array.isArray(subscribers)) return undefined;
  const read = subscribers.map((subscriber) => (isObject(subscriber) ? subscriberOf(subscriber) : undefined));
  if (!read.every((subscriber) => subscriber !== undefined)) return undefined;
  return {
    name,
    path,
    onDisk,
    first: idOf(first),
    last: idOf(last),
    problem: textOf(problem),
    subscribers: read,
  };
}

function subscriberOf(fields: JsonObject): SubscriberListing | undefined {
  const { name, state, lagBytes } = fields;
  const checkpoint = idOf(fields.checkpoint);
  if (typeof name !== 'string' || typeof state !== 'string' || typeof lagBytes !== 'number' || !checkpoint)
    return undefined;
  return {
    name,
    checkpoint,
    lagBytes,
    lagRecords: numberOf(fields.lagRecords),
    oldestMs: numberOf(fields.oldestMs),
    state,
    holder: textOf(fields.leaseHolder),
    contactMs: numberOf(fields.contactMs),
  };
}

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));
const idOf = (value: unknown): LogId | undefined => (typeof value === 'string' ? parseId(value) : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
