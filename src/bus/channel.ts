/**
 * Messages of one kind on one connection: to everybody in the cluster group, or to one incarnation.
 *
 * Invariant: nothing that arrives can throw into the connection. Foreign or malformed messages, and those of a release that
 * says more than this one knows, are counted, logged once a minute, and dropped (MSG-1, MSG-2).
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import { LogGate } from '../core/log-gate.ts';
import type { Random } from '../core/random.ts';
import { Fragmenter, Reassembler } from './fragments.ts';
import type { GroupNames } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export interface ChannelOptions {
  readonly groups: GroupNames;
  readonly self: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
}

/** How messages of this kind look and where they go. */
export interface ChannelForm<M> {
  readonly patterns: readonly string[];
  subjectOf(message: M): string;
  privateSubject(to: Incarnation): string;
  encode(message: M): Uint8Array;
  /** Undefined: malformed. Never throws. */
  decode(bytes: Uint8Array): M | undefined;
  /** Also of a message whose rest is malformed. */
  senderOf(bytes: Uint8Array): Incarnation | undefined;
  /** Why no message of this release looks like that, in words. */
  unknownFormat(bytes: Uint8Array): string | undefined;
  /** Memory for messages that arrive in fragments. */
  readonly maxBytes: number;
  /** Something was dropped. */
  countMalformed(): void;
}

/** How long to wait for the rest of a message that arrives in fragments. */
const maxAgeMs = 5_000;
const complaintPeriodMs = 60_000;

export class Channel<M> {
  readonly #wire: Wire;
  readonly #options: ChannelOptions;
  readonly #form: ChannelForm<M>;
  readonly #fragmenter: Fragmenter;
  readonly #reassembler: Reassembler;
  readonly #subscriptions: Subscription[];
  #listener: (message: M) => void = () => {};
  readonly #malformed: LogGate;
  readonly #unknown: LogGate;
  /** Own messages come back from the server, too. */
  onOwn: ((bytes: Uint8Array) => void) | undefined;

  constructor(wire: Wire, options: ChannelOptions, form: ChannelForm<M>) {
    this.#wire = wire;
    this.#options = options;
    this.#form = form;
    this.#malformed = new LogGate(options.clock, complaintPeriodMs);
    this.#unknown = new LogGate(options.clock, complaintPeriodMs);
    this.#fragmenter = new Fragmenter(options.random.hex(8));
    this.#reassembler = new Reassembler({ maxBytes: form.maxBytes, maxAgeMs });
    const receive = (message: WireMessage) => this.#receive(message);
    this.#subscriptions = form.patterns.map((pattern) => wire.subscribe(pattern, receive));
  }

  broadcast(message: M): boolean {
    return this.#publish(this.#form.subjectOf(message), message);
  }

  send(to: Incarnation, message: M): boolean {
    return this.#publish(this.#form.privateSubject(to), message);
  }

  onMessage(listener: (message: M) => void): void {
    this.#listener = listener;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#listener = () => {};
    this.onOwn = undefined;
  }

  #publish(subject: string, message: M): boolean {
    const payloads = this.#fragmenter.split(this.#form.encode(message), this.#wire.maxPayloadBytes);
    return payloads.every((payload) => this.#wire.publish(subject, payload));
  }

  #receive({ subject, data }: WireMessage): void {
    const body = this.#reassembler.accept(data, this.#options.clock.nowMs());
    if (body === undefined) return;
    if (body !== null && this.#form.senderOf(body) === this.#options.self) {
      this.onOwn?.(body);
      return;
    }
    const message = body === null ? undefined : this.#form.decode(body);
    if (message) this.#listener(message);
    else this.#complain(subject, body);
  }

  #complain(subject: string, body: Uint8Array | null): void {
    this.#form.countMalformed();
    const unknown = body === null ? undefined : this.#form.unknownFormat(body);
    if (unknown !== undefined) this.complainOfFormat(`message on ${subject}`, unknown);
    else
      this.#malformed.pass(() =>
        this.#options.log.error(`malformed or foreign message on ${subject} dropped`, { code: 'FLT-1205' }),
      );
  }

  /** Of a message of another release that was dropped, or of what was in one. */
  complainOfFormat(what: string, unknown: string): void {
    const { counters, log } = this.#options;
    counters.add('bus_unknown_format_messages_total');
    this.#unknown.pass((heldBack) =>
      log.warning(`${what} dropped: ${unknown}`, { code: 'FLT-1209', heldBack }),
    );
  }
}
