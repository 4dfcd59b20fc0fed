/**
 * Program on the client's machine: asks addresses every other millisecond, and tells its parent (gap-watch.ts) for how
 * long each of them did not answer. All times are those of the questions, so that it does not matter how late this
 * process gets to see an answer.
 */
import { constants, setPriority } from 'node:os';
import { ipBytes } from '../src/net/linux/ip-bytes.ts';
import { EchoSocket } from './echo-protocol.ts';
import type { Answers, GapOrder } from './gap-watch.ts';

const askEveryMs = 2;

class Watched {
  readonly #bytes: Uint8Array;
  #answeredMs = performance.now();
  #gapMs = 0;
  #by = -1;

  constructor(ip: string) {
    this.#bytes = ipBytes(ip);
  }

  ask(socket: EchoSocket, place: number): void {
    socket.ask(this.#bytes, { askedMs: performance.now(), place });
  }

  answered(askedMs: number, machine: number): void {
    this.#gapMs = Math.max(this.#gapMs, askedMs - this.#answeredMs);
    this.#answeredMs = Math.max(this.#answeredMs, askedMs);
    this.#by = machine;
  }

  take(): Answers {
    const answers = { gapMs: this.#gapMs, silentMs: performance.now() - this.#answeredMs, by: this.#by };
    return answers;
  }

  forget(): void {
    this.#gapMs = 0;
  }
}

// On a machine of its own nobody would compete with it for the processor.
setPriority(constants.priority.PRIORITY_HIGHEST);
const socket = new EchoSocket();
let watched: readonly Watched[] = [];

setInterval(() => {
  hear();
  for (const [place, each] of watched.entries()) each.ask(socket, place);
}, askEveryMs);
process.on('message', ({ watch, forget }: GapOrder) => {
  if (watch) watched = watch.map((ip) => new Watched(ip));
  if (forget) for (const each of watched) each.forget();
  process.send?.(watched.map((each) => each.take()));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

/** Often enough: when an answer is heard does not matter. */
function hear(): void {
  for (let echo = socket.take(); echo; echo = socket.take()) {
    watched[echo.place]?.answered(echo.askedMs, echo.machine);
  }
}
