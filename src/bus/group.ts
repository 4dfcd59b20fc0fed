/**
 * The cluster group on connection `m`: view-agreement messages to everybody or to one incarnation.
 *
 * Invariant: nothing that arrives can throw into the connection. Foreign or malformed messages are counted, logged once
 * a minute, and dropped (MSG-1).
 */
import type { Counters, ViewChannel } from '../actors/ports.ts';
import type { ViewMessage } from '../core/agreement/messages.ts';
import type { Clock } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import { Fragmenter, Reassembler } from './fragments.ts';
import { type GroupNames, subjects } from './subjects.ts';
import { decodeViewMessage, encodeViewMessage, viewSenderOf } from './view-codec.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export interface GroupOptions {
  readonly groups: GroupNames;
  readonly self: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  /** Of view messages. The simulator decodes a broadcast once for all its receivers. */
  readonly decode?: (bytes: Uint8Array) => ViewMessage | undefined;
}

/** Memory for messages that arrive in fragments, and how long to wait for the rest. */
const reassembly = { maxBytes: 16 * 1_048_576, maxAgeMs: 5_000 };
const complaintPeriodMs = 60_000;

export class ClusterGroup implements ViewChannel {
  readonly #wire: Wire;
  readonly #options: GroupOptions;
  readonly #fragmenter: Fragmenter;
  readonly #reassembler = new Reassembler(reassembly);
  readonly #subscriptions: Subscription[];
  #listener: (message: ViewMessage) => void = () => {};
  #echoListener: ((count: number) => void) | undefined;
  #complainedMs = Number.NEGATIVE_INFINITY;

  constructor(wire: Wire, options: GroupOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#fragmenter = new Fragmenter(options.random.hex(8));
    const receive = (message: WireMessage) => this.#receive(message);
    this.#subscriptions = [
      wire.subscribe(subjects.allViews(options.groups), receive),
      wire.subscribe(subjects.privateViews(options.groups, options.self), receive),
    ];
  }

  broadcast(message: ViewMessage): boolean {
    return this.#publish(subjects.views(this.#options.groups, message.kind), message);
  }

  send(to: Incarnation, message: ViewMessage): boolean {
    return this.#publish(subjects.privateViews(this.#options.groups, to), message);
  }

  onMessage(listener: (message: ViewMessage) => void): void {
    this.#listener = listener;
  }

  onEcho(listener: (count: number) => void): void {
    this.#echoListener = listener;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#listener = () => {};
    this.#echoListener = undefined;
  }

  #publish(subject: string, message: ViewMessage): boolean {
    const payloads = this.#fragmenter.split(encodeViewMessage(message), this.#wire.maxPayloadBytes);
    return payloads.every((payload) => this.#wire.publish(subject, payload));
  }

  #receive({ subject, data }: WireMessage): void {
    const body = this.#reassembler.accept(data, this.#options.clock.nowMs());
    if (body === undefined) return;
    // Own messages come back from the server, too.
    if (body !== null && viewSenderOf(body) === this.#options.self) {
      this.#echo(body);
      return;
    }
    const message = body === null ? undefined : (this.#options.decode ?? decodeViewMessage)(body);
    if (message) this.#listener(message);
    else this.#complain(subject);
  }

  #echo(body: Uint8Array): void {
    const message = this.#echoListener && decodeViewMessage(body);
    if (message?.kind === 'beat') this.#echoListener!(message.count);
  }

  #complain(subject: string): void {
    this.#options.counters.add('bus_malformed_messages_total');
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#complainedMs < complaintPeriodMs) return;
    this.#complainedMs = nowMs;
    this.#options.log.error(`malformed or foreign message on ${subject} dropped`, { code: 'FLT-1205' });
  }
}
