/**
 * Messages about floating addresses on connection `m`: to everybody or to one incarnation.
 *
 * Invariant: nothing that arrives can throw into the connection. What is foreign or malformed is counted, logged once a
 * minute, and dropped (MSG-1).
 */
import type { VipChannel } from '../actors/ports.ts';
import type { Decision, VipMessage } from '../core/duravip/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { Fragmenter, Reassembler } from './fragments.ts';
import type { GroupOptions } from './group.ts';
import { subjects } from './subjects.ts';
import {
  decodeDecision,
  decodeVipMessage,
  encodeDecision,
  encodeVipMessage,
  vipSenderOf,
} from './vip-codec.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

/** Memory for messages that arrive in fragments, and how long to wait for the rest: 10,240 addresses are 1 MB. */
const reassembly = { maxBytes: 64 * 1_048_576, maxAgeMs: 5_000 };
const complaintPeriodMs = 60_000;

export class VipBus implements VipChannel {
  readonly #wire: Wire;
  readonly #options: GroupOptions;
  readonly #fragmenter: Fragmenter;
  readonly #reassembler = new Reassembler(reassembly);
  readonly #subscriptions: Subscription[];
  #listener: (message: VipMessage) => void = () => {};
  #complainedMs = Number.NEGATIVE_INFINITY;

  constructor(wire: Wire, options: GroupOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#fragmenter = new Fragmenter(options.random.hex(8));
    const receive = (message: WireMessage) => this.#receive(message);
    this.#subscriptions = [
      wire.subscribe(subjects.allVips(options.groups), receive),
      wire.subscribe(subjects.privateVips(options.groups, options.self), receive),
    ];
  }

  encode(decision: Decision): Uint8Array {
    return encodeDecision(decision);
  }

  decode(bytes: Uint8Array): Decision | undefined {
    return decodeDecision(bytes);
  }

  broadcast(message: VipMessage): boolean {
    return this.#publish(subjects.vips(this.#options.groups, message.kind), message);
  }

  send(to: Incarnation, message: VipMessage): boolean {
    return this.#publish(subjects.privateVips(this.#options.groups, to), message);
  }

  onMessage(listener: (message: VipMessage) => void): void {
    this.#listener = listener;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#listener = () => {};
  }

  #publish(subject: string, message: VipMessage): boolean {
    const payloads = this.#fragmenter.split(encodeVipMessage(message), this.#wire.maxPayloadBytes);
    return payloads.every((payload) => this.#wire.publish(subject, payload));
  }

  #receive({ subject, data }: WireMessage): void {
    const body = this.#reassembler.accept(data, this.#options.clock.nowMs());
    if (body === undefined) return;
    // Own messages come back from the server, too.
    if (body !== null && vipSenderOf(body) === this.#options.self) return;
    const message = body === null ? undefined : decodeVipMessage(body);
    if (message) this.#listener(message);
    else this.#complain(subject);
  }

  #complain(subject: string): void {
    this.#options.counters.add('vip_malformed_messages_total');
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#complainedMs < complaintPeriodMs) return;
    this.#complainedMs = nowMs;
    this.#options.log.error(`malformed or foreign message on ${subject} dropped`, { code: 'FLT-1205' });
  }
}
