/**
 * The log services of all nodes, as who pulls asks them (logging 9.2, 9.3). An interval comes in parts; a gap, silence or a
 * wrong sum discards all of it, and the puller asks again.
 *
 * Invariants: every request ends, by an answer or by silence of `silenceMs`; what arrives for nobody is dropped; a part
 * is counted in once and in its place.
 */
import type { LogServices } from '../actors/log-ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import { crc32c } from '../core/logs/crc32c.ts';
import { hex8, type LogId } from '../core/logs/log-id.ts';
import type {
  FetchedInterval,
  FetchRequest,
  NodeListing,
  NothingNew,
  OpenedLog,
  OpenRequest,
  Refusal,
} from '../core/logs/service-messages.ts';
import type { Random } from '../core/random.ts';
import {
  decodeJson,
  decodeNames,
  decodeNothing,
  decodeOpened,
  decodeRefusal,
  decodeStored,
  encodeAck,
  encodeClose,
  encodeFetch,
  encodeList,
  encodeOpen,
  intervalOf,
  type JsonObject,
  wholeNumber,
} from './log-codec.ts';
import { decodeListing } from './log-listing-codec.ts';
import { decodeToken, type GroupNames, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export interface LogClientOptions {
  readonly wire: Wire;
  readonly groups: GroupNames;
  readonly clock: Clock;
  readonly random: Random;
}

/** Longest silence before an answer and within it. */
const silenceMs = 10_000;
/** Of one answer: an interval is 4 MiB, but a single larger record comes as a whole. */
const maxAnswerBytes = 256 * 1024 * 1024;
const maxRequests = 4096;

interface Pending {
  /** True: that was the last of it. */
  take(message: WireMessage): boolean;
  fail(reason: string): void;
  timer: Timer;
}

export class LogClient implements LogServices {
  readonly #options: LogClientOptions;
  readonly #name: string;
  readonly #subscriptions: Subscription[];
  readonly #pending = new Map<string, Pending>();
  readonly #unwatch: () => void;
  #onReady: (node: string, log: string) => void = () => {};
  #requests = 0;

  constructor(options: LogClientOptions) {
    this.#options = options;
    const { wire, groups, random } = options;
    this.#name = random.hex(8);
    this.#subscriptions = [
      wire.subscribe(subjects.logAnswers(this.#name, '*'), (message) => this.#receive(message)),
      wire.subscribe(subjects.allLogsReady(groups), (message) => this.#ready(message)),
    ];
    // What was under way on the old link does not arrive any more.
    this.#unwatch = wire.onState((state) => {
      if (state !== 'up') this.#failAll(`the link is ${state}`);
    });
  }

  open(node: string, request: OpenRequest): Promise<OpenedLog | Refusal> {
    return this.#ask(node, 'open', encodeOpen(request), decodeOpened);
  }

  async ack(node: string, lease: string, id: LogId): Promise<{ readonly checkpoint: LogId } | Refusal> {
    return this.#ask(node, 'ack', encodeAck(lease, id), (answer) => {
      const checkpoint = decodeStored(answer);
      return checkpoint && { checkpoint };
    });
  }

  names(node: string): Promise<readonly string[] | Refusal> {
    return this.#ask(node, 'list', encodeList('names'), decodeNames);
  }

  /** Everything a node says of its logs. */
  list(node: string): Promise<NodeListing | Refusal> {
    return this.#ask(node, 'list', encodeList(), decodeListing);
  }

  close(node: string, lease: string): void {
    const { wire, groups } = this.#options;
    wire.publish(subjects.log(groups, node, 'close'), encodeClose(lease));
  }

  fetch(node: string, request: FetchRequest): Promise<FetchedInterval | NothingNew | Refusal> {
    return new Promise((resolve, reject) => {
      const parts = new Parts();
      const fail = (reason: string) => reject(noAnswer(node, reason));
      this.#request(node, 'fetch', encodeFetch(request), fail, (message) => {
        if (message.header('Flotilla-Part') === undefined) {
          const answer = decodeJson(message.data);
          const decoded = answer && (decodeRefusal(answer) ?? decodeNothing(answer));
          if (decoded) resolve(decoded);
          else fail('an answer that makes no sense');
          return true;
        }
        const outcome = parts.add(message);
        if (outcome === 'more') return false;
        if (typeof outcome === 'string') fail(outcome);
        else resolve(outcome);
        return true;
      });
    });
  }

  onReady(listener: (node: string, log: string) => void): () => void {
    this.#onReady = listener;
    return () => {
      this.#onReady = () => {};
    };
  }

  end(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#unwatch();
    this.#failAll('the link is closed');
  }

  #ask<Answer>(
    node: string,
    op: string,
    body: Uint8Array,
    decode: (answer: JsonObject) => Answer | undefined,
  ): Promise<Answer | Refusal> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(noAnswer(node, reason));
      this.#request(node, op, body, fail, ({ data }) => {
        const answer = decodeJson(data);
        const decoded = answer && (decodeRefusal(answer) ?? decode(answer));
        if (decoded) resolve(decoded);
        else fail(data.length === 0 ? 'it offers no logs' : 'an answer that makes no sense');
        return true;
      });
    });
  }

  #request(
    node: string,
    op: string,
    body: Uint8Array,
    fail: (reason: string) => void,
    take: (message: WireMessage) => boolean,
  ): void {
    const { wire, groups } = this.#options;
    if (this.#pending.size >= maxRequests) {
      fail(`${maxRequests} requests are under way`);
      return;
    }
    const id = String(this.#requests++);
    this.#pending.set(id, { take, fail, timer: this.#silenceTimer(id) });
    const reply = subjects.logAnswers(this.#name, id);
    if (!wire.publish(subjects.log(groups, node, op), body, { reply }))
      this.#fail(id, 'the link takes nothing');
  }

  #silenceTimer(id: string): Timer {
    return this.#options.clock.after(silenceMs, () => this.#fail(id, `silence of ${silenceMs / 1000} s`));
  }

  #receive(message: WireMessage): void {
    const id = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.timer.cancel();
    if (pending.take(message)) this.#pending.delete(id);
    else pending.timer = this.#silenceTimer(id);
  }

  #ready({ subject, data }: WireMessage): void {
    const token = subject.split('.').at(-2) ?? '';
    try {
      this.#onReady(decodeToken(token), new TextDecoder('utf-8', { fatal: true }).decode(data));
    } catch {
      // No name of a node, or no name of a log: a hint that is lost does no harm.
    }
  }

  #fail(id: string, reason: string): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.timer.cancel();
    pending?.fail(reason);
  }

  #failAll(reason: string): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, reason);
  }
}

/** The parts of one interval as they come. */
class Parts {
  readonly #bodies: Uint8Array[] = [];
  #bytes = 0;
  #checksum = 0;

  /** What is wrong, or the whole of it. */
  add(message: WireMessage): FetchedInterval | 'more' | string {
    const { data } = message;
    const header = (name: string) => message.header(name);
    if (wholeNumber(header('Flotilla-Part')) !== this.#bodies.length + 1) return 'a part is missing';
    this.#bodies.push(data);
    this.#bytes += data.length;
    if (this.#bytes > maxAnswerBytes) return `more than ${maxAnswerBytes} bytes`;
    this.#checksum = crc32c(data, this.#checksum);
    if (header('Flotilla-End') !== 'true') return 'more';
    if (header('Flotilla-Crc32c') !== hex8(this.#checksum)) return 'a wrong sum';
    const interval = intervalOf(header);
    return interval ? { ...interval, bytes: joined(this.#bodies, this.#bytes) } : 'parts that make no sense';
  }
}

function joined(bodies: readonly Uint8Array[], length: number): Uint8Array {
  if (bodies.length === 1) return bodies[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

function noAnswer(node: string, reason: string): FlotillaError {
  return new FlotillaError('FLT-2601', `${node}: ${reason}`);
}
