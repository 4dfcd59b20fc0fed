/** Replies to Redis clients as values, and their bytes in both versions of the protocol. */

export type RespVersion = 2 | 3;

export type Reply =
  | { readonly status: string }
  /** Begins with a word in capitals: `ERR ...`, `WRONGTYPE ...`. */
  | { readonly error: string }
  /** A whole number up to 2^53-1. */
  | number
  | string
  | Buffer
  /** No value. */
  | null
  | readonly Reply[]
  /** In version 2 an array of keys and values by turns. */
  | ReadonlyMap<string, Reply>;

export const ok: Reply = { status: 'OK' };

export function encodeReply(reply: Reply, version: RespVersion): Buffer {
  const parts: Buffer[] = [];
  write(reply, version, parts);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function write(reply: Reply, version: RespVersion, parts: Buffer[]): void {
  if (reply === null) parts.push(Buffer.from(version === 3 ? '_\r\n' : '$-1\r\n'));
  else if (typeof reply === 'number') parts.push(Buffer.from(`:${reply}\r\n`));
  else if (typeof reply === 'string') writeBulk(Buffer.from(reply), parts);
  else if (Buffer.isBuffer(reply)) writeBulk(reply, parts);
  else if (isMap(reply)) {
    parts.push(Buffer.from(version === 3 ? `%${reply.size}\r\n` : `*${reply.size * 2}\r\n`));
    for (const [key, value] of reply) {
      writeBulk(Buffer.from(key), parts);
      write(value, version, parts);
    }
  } else if (isArray(reply)) {
    parts.push(Buffer.from(`*${reply.length}\r\n`));
    for (const item of reply) write(item, version, parts);
  } else
    parts.push(Buffer.from('status' in reply ? `+${line(reply.status)}\r\n` : `-${line(reply.error)}\r\n`));
}

function writeBulk(bytes: Buffer, parts: Buffer[]): void {
  parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
}

/** What a client sent may be quoted in an error: a line end in it would begin a reply of the client's making. */
function line(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}

function isMap(reply: object): reply is ReadonlyMap<string, Reply> {
  return reply instanceof Map;
}

function isArray(reply: object): reply is readonly Reply[] {
  return Array.isArray(reply);
}
