/**
 * Lines of the paniclog on the bus, for `log_group` (logging 14): body is the line, what else is known of it stands in
 * headers. At most once; who was not there has missed it.
 */
import type { PanicMessage } from '../core/logs/panic-message.ts';
import { subjects } from './subjects.ts';
import type { Wire } from './wire.ts';

export interface PanicOrigin {
  readonly logGroup: string;
  /** `log_group_split`: a subject for each level. */
  readonly splitsLevels: boolean;
  readonly node: string;
  readonly subcluster: string;
  /** `node` or `manager`. */
  readonly subsystem: string;
}

const longestBodyBytes = 8192;

/** False: the link is down. */
export function publishPanic(
  wire: Wire,
  { logGroup, splitsLevels, node, subcluster, subsystem }: PanicOrigin,
  { timeUs, level, text, seq }: PanicMessage,
  isReplayed: boolean,
): boolean {
  const subject = subjects.paniclog(logGroup, node, splitsLevels ? level : undefined);
  const body = cutAt(Buffer.from(`${Math.floor(timeUs / 1_000_000)}:${text}`), longestBodyBytes);
  const headers = {
    Node: node,
    Subcluster: subcluster,
    Level: level,
    Subsystem: subsystem,
    Module: 'flotilla',
    Time: timeText(timeUs),
    Seq: String(seq),
    ...(isReplayed ? { Replay: 'true' } : {}),
  };
  return wire.publish(subject, body, { headers });
}

/** RFC 3339 with microseconds. */
function timeText(timeUs: number): string {
  const micros = String(Math.floor(timeUs % 1000)).padStart(3, '0');
  return new Date(Math.floor(timeUs / 1000)).toISOString().replace('Z', `${micros}Z`);
}

/** Not in the middle of a character. */
function cutAt(bytes: Buffer, limit: number): Buffer {
  if (bytes.length <= limit) return bytes;
  let end = limit;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
