/**
 * One connection to the bus, as the layers above it see it: subjects and bytes, at most once, in order for each
 * publisher. The NATS connection and the simulator's network both implement it, so that the same groups, codecs and
 * actors run on either.
 *
 * Invariant: nothing is buffered while the link is down. The client library would keep messages and send them after
 * the reconnect, into a view that no longer exists (BUS-25); so `publish` refuses instead.
 */

export type WireState = 'connecting' | 'up' | 'down' | 'closed';

export interface WireMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Where an answer is expected, empty when none is. */
  readonly reply: string;
  header(name: string): string | undefined;
}

export interface PublishOptions {
  readonly reply?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Subscription {
  unsubscribe(): void;
}

export interface Wire {
  readonly state: WireState;
  /** Largest payload of one message; larger ones are split above this layer (BUS-15). */
  readonly maxPayloadBytes: number;
  /**
   * False when the link is not up: the message is gone, and the caller repeats by its own rules. Else `data` has been copied
   * by the time that promises go on, and may be used for something else.
   */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): boolean;
  /**
   * Subscriptions survive reconnects. An exception in `handler` is logged and counted and never reaches the client
   * library, whose reader it would kill silently.
   */
  subscribe(pattern: string, handler: (message: WireMessage) => void, queue?: string): Subscription;
  /** Called with each change of `state`; returns the way to stop listening. */
  onState(listener: (state: WireState) => void): () => void;
  /** Flushes what is queued and closes for good. */
  close(): Promise<void>;
}
