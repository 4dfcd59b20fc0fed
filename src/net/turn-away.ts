/** How a client that gets no session, or no more of it, is sent off. */
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

/**
 * Sends `answer`, if any, then closes; a client that does not close too is cut off after `lingerMs`. What it goes on
 * sending until then is read and thrown away: closing with unread bytes in the socket would make the kernel send a
 * reset, which can overtake the answer.
 */
export function turnAway(client: Socket, answer: string | undefined, clock: Clock, lingerMs: number): void {
  client.unpipe();
  if (answer === undefined) client.end();
  else client.end(answer);
  client.resume();
  const timer = clock.after(lingerMs, () => client.destroy());
  client.once('close', () => timer.cancel());
}
