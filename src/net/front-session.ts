/**
 * One client of a front listener and the connection to the service behind it: connects, sends the PROXY header, then
 * carries bytes both ways until both sides are closed.
 *
 * Invariants: bytes arrive unchanged and in order; a side that does not read stops the other from being read, so only
 * a few buffers ever wait in memory; the end of one direction ends that direction only; a reset on one side becomes a
 * reset on the other; whatever happens, `onOver` is called once, when both sockets are closed.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import { turnAway } from './turn-away.ts';

export interface FrontSessionOptions {
  readonly client: Socket;
  /** Begins to connect to the service. */
  readonly dial: () => Socket;
  /** First bytes for the service. */
  readonly header: Buffer | undefined;
  /** What the client reads when the service is not there; undefined: its connection just ends. */
  readonly unavailable: string | undefined;
  readonly connectTimeoutMs: number;
  /** How long a service that speaks first may take for its first byte; 0: it does not speak first. */
  readonly greetingTimeoutMs: number;
  /** Silence in both directions after which the session is ended; 0: never. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  /** The service could not be reached, or went away before it said anything. At most once. */
  readonly onUpstreamFailure: (cause: Error) => void;
  readonly onIdle: () => void;
  readonly onOver: () => void;
}

/** For a client to read its one line of refusal. Short, so that clients turned away do not pile up. */
export const refusalLingerMs = 2000;
/** For the last bytes to reach one side when the other is gone. */
const drainMs = 30_000;

export class FrontSession {
  readonly #options: FrontSessionOptions;
  readonly #client: Socket;
  readonly #upstream: Socket;
  /** `greeting`: connected, but a service that should speak first has not done so. */
  #stage: 'connecting' | 'greeting' | 'relaying' | 'over' = 'connecting';
  #timer: Timer;
  #openSockets = 2;

  constructor(options: FrontSessionOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#upstream = options.dial();
    this.#timer = this.#failAfter(options.connectTimeoutMs, 'no connection');
    this.#watchClient();
    this.#watchUpstream();
  }

  /** Ends both connections now. */
  destroy(): void {
    this.#stage = 'over';
    this.#timer.cancel();
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #watchClient(): void {
    this.#client.on('error', () => reset(this.#upstream));
    this.#client.on('close', () => {
      this.#stage = 'over';
      this.#timer.cancel();
      // The last bytes of an orderly end may still be on their way.
      this.#timer = this.#after(drainMs, () => this.#upstream.destroy());
      this.#socketClosed();
    });
  }

  #watchUpstream(): void {
    this.#upstream.on('connect', () => this.#relay());
    this.#upstream.on('end', () => this.#upstreamEnded());
    this.#upstream.on('error', (cause) => {
      if (this.#stage === 'over') return;
      if (this.#isUnserved()) this.#fail(cause);
      // It had said all it wanted: a reset now could overtake the last of it.
      else if (this.#upstream.readableEnded) turnAway(this.#client, undefined, this.#options.clock, drainMs);
      else reset(this.#client);
    });
    this.#upstream.on('close', () => this.#socketClosed());
  }

  #relay(): void {
    const { header, greetingTimeoutMs } = this.#options;
    this.#timer.cancel();
    if (header !== undefined) this.#upstream.write(header);
    this.#client.pipe(this.#upstream);
    this.#upstream.pipe(this.#client, { end: false });
    if (greetingTimeoutMs === 0) {
      this.#established();
      return;
    }
    this.#stage = 'greeting';
    this.#timer = this.#failAfter(greetingTimeoutMs, 'no greeting');
    this.#upstream.once('data', () => this.#established());
  }

  #established(): void {
    const { idleTimeoutMs, onIdle } = this.#options;
    this.#stage = 'relaying';
    this.#timer.cancel();
    // All bytes of both directions pass the client's socket, so its silence is the silence of the session.
    this.#client.setTimeout(idleTimeoutMs, () => {
      onIdle();
      this.destroy();
    });
  }

  #upstreamEnded(): void {
    if (this.#isUnserved()) this.#fail(new Error('closed without a greeting'));
    else this.#client.end();
  }

  /** The client waits for a service that has not shown itself. One that left need not be greeted. */
  #isUnserved(): boolean {
    return this.#stage === 'connecting' || (this.#stage === 'greeting' && !this.#client.readableEnded);
  }

  #fail(cause: Error): void {
    this.#stage = 'over';
    this.#timer.cancel();
    this.#upstream.destroy();
    this.#options.onUpstreamFailure(cause);
    turnAway(this.#client, this.#options.unavailable, this.#options.clock, refusalLingerMs);
  }

  #failAfter(delayMs: number, what: string): Timer {
    return this.#after(delayMs, () => this.#fail(new Error(`${what} within ${delayMs} ms`)));
  }

  #after(delayMs: number, run: () => void): Timer {
    return this.#options.clock.after(delayMs, run);
  }

  #socketClosed(): void {
    this.#openSockets -= 1;
    if (this.#openSockets === 0) {
      this.#timer.cancel();
      this.#options.onOver();
    }
  }
}

/** Resets where that is possible, else closes. */
function reset(socket: Socket): void {
  const connected = !socket.connecting && socket.remoteAddress !== undefined;
  // While its own end is still being sent, a reset fails in libuv, and Node then leaks the socket: it never closes.
  const ending = socket.writableEnded && !socket.writableFinished;
  if (connected && !ending && !socket.destroyed) socket.resetAndDestroy();
  else socket.destroy();
}
