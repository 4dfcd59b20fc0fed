/**
 * A console without a person in front of it (CON-17): runs lines one after the other and prints the answers as they
 * are. No banner, no prompt, no history.
 */
import type { Writable } from 'node:stream';
import { type Format, type Status, status } from '../answer.ts';
import type { ConsoleConnection, RemoteReply } from './connection.ts';

/** The first status that was not ok, or ok. Blank lines are skipped, so that scripts may have them; `quit` ends. */
export async function runBatch(
  connection: ConsoleConnection,
  lines: Iterable<string> | AsyncIterable<string>,
  format: Format,
  output: Writable,
): Promise<Status> {
  let first: Status = status.ok;
  for await (const line of lines) {
    const words = line.trim();
    if (words === '') continue;
    if (words === 'quit') break;
    const result = await print(connection.request(line, format), output);
    if (first === status.ok) first = result;
    // What a late answer would still say belongs to no later line, so the connection is not used again.
    if (result === status.timedOut) break;
  }
  return first;
}

/** Waits for the output to take each part: a pipe to a slow reader must slow the server down, not fill memory here. */
export async function print(reply: RemoteReply, output: Writable): Promise<Status> {
  for (;;) {
    const next = await reply.next();
    if (next.done) return next.value;
    await new Promise<void>((resolve, reject) => {
      output.write(next.value, (error) => (error ? reject(error) : resolve()));
    });
  }
}
