/**
 * Shared objects on connection `s`: batches to everybody, snapshots to one incarnation.
 *
 * Invariant: nothing that arrives can throw into the connection. What is malformed is counted, logged once a minute for
 * each sender, and dropped (replication 4.16); so is what belongs to an object nobody has here, with one warning for each
 * sender and object (3.12).
 */
import type { SharedChannel } from '../actors/ports.ts';
import type { Incarnation } from '../core/identity.ts';
import { LogGate } from '../core/log-gate.ts';
import type { ObjectMessage } from '../core/shared-object.ts';
import type { ChannelOptions } from './channel.ts';
import { Fragmenter, Reassembler } from './fragments.ts';
import { Inbox } from './inbox.ts';
import { decodeObjectMessage, encodeObjectMessage, unknownObjectFormat } from './object-codec.ts';
import { sharedSenderOf } from './shared-header.ts';
import { subjects } from './subjects.ts';
import type { Subscription, Wire } from './wire.ts';

export interface SharedOptions extends ChannelOptions {
  /** Receives what nodes tell managers only (replication 4.17). */
  readonly isManager?: boolean;
}

export type SharedListener = (message: ObjectMessage) => void;

/** Memory for messages that arrive in fragments, and how long to wait for the rest. */
const reassembly = { maxBytes: 64 * 1_048_576, maxAgeMs: 5_000 };
/** Memory for messages that wait for their turn. */
const maxInboxBytes = 64 * 1_048_576;
const complaintPeriodMs = 60_000;
/** Senders and objects remembered for complaints; strangers beyond that are complained of again. */
const maxRemembered = 1024;

export class SharedBus implements SharedChannel {
  readonly #wire: Wire;
  readonly #options: SharedOptions;
  readonly #fragmenter: Fragmenter;
  readonly #reassembler = new Reassembler(reassembly);
  readonly #inbox: Inbox;
  readonly #subscriptions: Subscription[];
  readonly #listeners = new Map<string, SharedListener>();
  readonly #complainedMs = new Map<string, number>();
  readonly #unknown = new Set<string>();
  readonly #formats: LogGate;

  constructor(wire: Wire, options: SharedOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#formats = new LogGate(options.clock, complaintPeriodMs);
    this.#fragmenter = new Fragmenter(options.random.hex(8));
    this.#inbox = new Inbox({
      clock: options.clock,
      maxBytes: maxInboxBytes,
      handle: (data) => this.#receiveGuarded(data),
      dropped: () => options.counters.add('shared_late_messages_total'),
    });
    const receive = ({ data }: { readonly data: Uint8Array }) => this.#inbox.push(data);
    this.#subscriptions = [
      wire.subscribe(subjects.allShared(options.groups), receive),
      wire.subscribe(subjects.privateShared(options.groups, options.self), receive),
      ...(options.isManager ? [wire.subscribe(subjects.allCollected(options.groups), receive)] : []),
    ];
  }

  broadcast(message: ObjectMessage): boolean {
    const subjectOf = message.type === 'eccmgr_metrics' ? subjects.collected : subjects.shared;
    return this.#publish(subjectOf(this.#options.groups, message.object), message);
  }

  send(to: Incarnation, message: ObjectMessage): boolean {
    return this.#publish(subjects.privateShared(this.#options.groups, to), message);
  }

  /** One listener for each object, the last one set. */
  onMessage(object: string, listener: SharedListener): () => void {
    this.#listeners.set(object, listener);
    return () => {
      if (this.#listeners.get(object) === listener) this.#listeners.delete(object);
    };
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#inbox.close();
    this.#listeners.clear();
  }

  #publish(subject: string, message: ObjectMessage): boolean {
    if (this.#wire.state !== 'up') return false;
    const payloads = this.#fragmenter.split(encodeObjectMessage(message), this.#wire.maxPayloadBytes);
    return payloads.every((payload) => this.#wire.publish(subject, payload));
  }

  /** In a turn of its own there is no connection around it that would log it. */
  #receiveGuarded(data: Uint8Array): void {
    try {
      this.#receive(data);
    } catch (error) {
      this.#options.counters.add('bus_handler_errors');
      this.#options.log.error('a handler of replication messages failed', { error });
    }
  }

  #receive(data: Uint8Array): void {
    const body = this.#reassembler.accept(data, this.#options.clock.nowMs());
    if (body === undefined) return;
    const sender = body === null ? undefined : sharedSenderOf(body);
    // Own batches come back from the server, too.
    if (sender === this.#options.self) return;
    const message = body === null ? undefined : decodeObjectMessage(body);
    if (message) this.#deliver(message);
    else this.#complain(sender, body === null ? undefined : unknownObjectFormat(body));
  }

  #deliver(message: ObjectMessage): void {
    const listener = this.#listeners.get(message.object);
    if (listener) listener(message);
    else this.#complainOfUnknown(message);
  }

  #complain(sender: Incarnation | undefined, unknownFormat: string | undefined): void {
    this.#options.counters.add('shared_malformed_messages_total');
    if (unknownFormat === undefined) this.#complainOfMalformed(sender ?? 'somebody unknown');
    else this.#complainOfFormat(unknownFormat);
  }

  /** Who sent it cannot be told: in another format that may stand elsewhere. */
  #complainOfFormat(unknownFormat: string): void {
    const { counters, log } = this.#options;
    counters.add('bus_unknown_format_messages_total');
    this.#formats.pass((heldBack) =>
      log.warning(`replication message dropped: ${unknownFormat}`, { code: 'FLT-1209', heldBack }),
    );
  }

  #complainOfMalformed(sender: string): void {
    const { clock, log } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - (this.#complainedMs.get(sender) ?? Number.NEGATIVE_INFINITY) < complaintPeriodMs) return;
    if (this.#complainedMs.size >= maxRemembered) this.#complainedMs.clear();
    this.#complainedMs.set(sender, nowMs);
    log.error(`malformed replication message from ${sender} dropped`, { code: 'FLT-1205', sender });
  }

  #complainOfUnknown({ object, from }: ObjectMessage): void {
    const { counters, log } = this.#options;
    counters.add('shared_unknown_object_messages_total');
    const source = `${from} ${object}`;
    if (this.#unknown.has(source)) return;
    if (this.#unknown.size >= maxRemembered) this.#unknown.clear();
    this.#unknown.add(source);
    log.warning(`${from} replicates '${object}', which is not configured here`, { object, from });
  }
}
