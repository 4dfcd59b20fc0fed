/** Prints long answers through `$PAGER` (CON-21), so that they do not run off the screen. */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Status } from '../answer.ts';
import { print } from './batch.ts';
import type { RemoteReply } from './connection.ts';

/** Short answers go straight to `output`; one of more than `rows` lines goes to the pager. */
export async function printPaged(
  reply: RemoteReply,
  output: Writable,
  rows: number,
  pager: string,
): Promise<Status> {
  const start: string[] = [];
  for (let lines = 0; lines < rows; ) {
    const next = await reply.next();
    if (next.done) return await print(whole(start, next.value), output);
    start.push(next.value);
    lines += next.value.split('\n').length - 1;
  }
  return await throughPager(start, reply, pager);
}

async function* whole(parts: readonly string[], result: Status): RemoteReply {
  yield* parts;
  return result;
}

async function* followed(parts: readonly string[], rest: RemoteReply): RemoteReply {
  yield* parts;
  return yield* rest;
}

/** A pager that is left early breaks the pipe; the answer is then of no further interest. */
async function throughPager(start: readonly string[], rest: RemoteReply, pager: string): Promise<Status> {
  const child = spawn('sh', ['-c', pager], { stdio: ['pipe', 'inherit', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => {});
  let result: Status | undefined;
  try {
    result = await print(followed(start, rest), child.stdin);
    child.stdin.end();
  } catch {
    // The rest is read and dropped below, so that the connection is ready for the next command.
  }
  await closed;
  return result ?? (await drained(rest));
}

async function drained(reply: RemoteReply): Promise<Status> {
  for (;;) {
    const next = await reply.next();
    if (next.done) return next.value;
  }
}
