/**
 * The log service of a node over NATS, on connection `s` (logging 9.2): requests of the aggregators, hints for them.
 *
 * Invariants: whatever a request holds, the node goes on, and who asked with a reply subject gets one answer; requests under
 * way are bounded; an interval leaves in parts, and the event loop gets a turn after each.
 */
import type { LogService } from '../actors/log-service.ts';
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { LogGate } from '../core/log-gate.ts';
import { crc32c } from '../core/logs/crc32c.ts';
import { isRefusal, type ReadInterval, type Refusal } from '../core/logs/service-messages.ts';
import {
  decodeAck,
  decodeClose,
  decodeFetch,
  decodeJson,
  decodeOpen,
  encodeJson,
  encodeNames,
  encodeNothing,
  encodeOpened,
  encodeRefusal,
  encodeStored,
  finalHeaders,
  firstHeaders,
  type JsonObject,
  maxPartBytes,
  maxRequestBytes,
  versionRefusal,
} from './log-codec.ts';
import { encodeListing } from './log-listing-codec.ts';
import { type GroupNames, isReserved, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export interface LogServerOptions {
  readonly wire: Wire;
  readonly groups: GroupNames;
  readonly node: string;
  readonly service: LogService;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

const maxRequests = 256;
/** Intervals of up to 4 MiB that are read or sent at once. */
const maxIntervals = 16;
/** What the protocol needs beside the bytes of a part. */
const headerRoomBytes = 1_024;
/** While too much waits in the connection. */
const retryMs = 20;
const maxRetries = 250;
const complaintPeriodMs = 60_000;

const malformed: Refusal = {
  refused: 'malformed',
  text: 'see docs/guides/log-service.md for the fields',
};

const ops = ['list', 'open', 'fetch', 'ack', 'close'] as const;

export class LogServer {
  readonly #options: LogServerOptions;
  readonly #subscriptions: Subscription[];
  readonly #versions: LogGate;
  #requests = 0;
  #intervals = 0;
  #closed = false;

  constructor(options: LogServerOptions) {
    this.#options = options;
    this.#versions = new LogGate(options.clock, complaintPeriodMs);
    const { wire, groups, node, service } = options;
    this.#subscriptions = service.offersAny
      ? ops.map((op) =>
          wire.subscribe(subjects.log(groups, node, op), (message) => void this.#receive(op, message)),
        )
      : [];
    const body = (log: string) => new TextEncoder().encode(log);
    service.onReady = (log) => void wire.publish(subjects.logReady(groups, node), body(log));
  }

  close(): void {
    this.#closed = true;
    this.#options.service.onReady = () => {};
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  async #receive(op: (typeof ops)[number], { data, reply }: WireMessage): Promise<void> {
    const { groups, counters, log } = this.#options;
    if (isReserved(reply, groups)) {
      counters.add('log_requests_refused_total');
      log.debug('a request for logs whose answer nobody may ask for was dropped', { op, reply });
      return;
    }
    counters.add('log_requests_total');
    if (this.#requests >= maxRequests) {
      this.#refuse(reply, { refused: 'busy', text: `${maxRequests} requests are under way`, retryMs: 1000 });
      return;
    }
    this.#requests++;
    try {
      await this.#answer(op, data, reply);
    } catch (error) {
      log.error('a request for logs failed', { op, error });
      this.#refuse(reply, { refused: 'unavailable', text: 'see the log of the node' });
    } finally {
      this.#requests--;
    }
  }

  async #answer(op: (typeof ops)[number], data: Uint8Array, reply: string): Promise<void> {
    const body = data.length > maxRequestBytes ? undefined : decodeJson(data);
    const otherVersion = body && versionRefusal(body);
    if (otherVersion) return this.#refuseVersion(op, body, otherVersion, reply);
    if (op === 'fetch') return this.#fetch(body, reply);
    const answer = body && (await this.#do(op, body));
    if (answer === undefined) this.#refuse(reply, malformed);
    else if (answer instanceof Uint8Array) this.#send(reply, answer);
    else this.#refuse(reply, answer);
  }

  #refuseVersion(op: string, { version }: JsonObject, refusal: Refusal, reply: string): void {
    const { counters, log } = this.#options;
    counters.add('log_requests_refused_total');
    counters.add('bus_unknown_format_messages_total');
    this.#versions.pass((heldBack) =>
      log.warning(`a request for logs was refused: ${refusal.text}`, {
        code: 'FLT-1209',
        op,
        version,
        heldBack,
      }),
    );
    this.#refuse(reply, refusal);
  }

  async #fetch(body: JsonObject | undefined, reply: string): Promise<void> {
    const request = body && decodeFetch(body);
    if (!request) return this.#refuse(reply, malformed);
    // Nobody would get the bytes.
    if (reply === '') return;
    if (this.#intervals >= maxIntervals) {
      this.#refuse(reply, { refused: 'busy', text: `${maxIntervals} transfers are under way`, retryMs: 100 });
      return;
    }
    this.#intervals++;
    try {
      const answer = await this.#options.service.fetch(request);
      if (isRefusal(answer)) this.#refuse(reply, answer);
      else if ('runs' in answer) await this.#sendInterval(reply, answer).finally(answer.release);
      else this.#send(reply, encodeNothing(answer));
    } finally {
      this.#intervals--;
    }
  }

  /** Undefined: the fields are not what they should be. */
  async #do(op: (typeof ops)[number], body: JsonObject): Promise<Uint8Array | Refusal | undefined> {
    const { service } = this.#options;
    if (op === 'list')
      return body.only === 'names' ? encodeNames(service.names) : encodeListing(await service.list());
    if (op === 'open') {
      const request = decodeOpen(body);
      const answer = request && (await service.open(request));
      return answer && (isRefusal(answer) ? answer : encodeOpened(answer));
    }
    if (op === 'ack') {
      const request = decodeAck(body);
      const answer = request && (await service.ack(request.lease, request.id));
      return answer && (isRefusal(answer) ? answer : encodeStored(answer.checkpoint));
    }
    const lease = decodeClose(body);
    return lease === undefined ? undefined : ((await service.close(lease)) ?? encodeJson({ ok: true }));
  }

  async #sendInterval(reply: string, interval: ReadInterval): Promise<void> {
    const { wire, clock } = this.#options;
    const partBytes = Math.max(1, Math.min(maxPartBytes, wire.maxPayloadBytes - headerRoomBytes));
    const constant = firstHeaders(interval);
    let checksum = 0;
    let part = 1;
    let left = interval.length;
    for (const body of partsOf(interval.runs, partBytes)) {
      checksum = crc32c(body, checksum);
      left -= body.length;
      const headers = {
        ...constant,
        'Flotilla-Part': String(part++),
        ...(left === 0 && finalHeaders(interval, checksum)),
      };
      if (!(await this.#sendPart(reply, body, headers))) return;
      if (left > 0) await new Promise<void>((resolve) => clock.after(0, resolve));
    }
  }

  /** Waits while too much is on its way; whoever asked gives up when a part does not come. */
  async #sendPart(reply: string, body: Uint8Array, headers: Record<string, string>): Promise<boolean> {
    const { wire, clock } = this.#options;
    for (let tries = 0; tries < maxRetries && !this.#closed && wire.state === 'up'; tries++) {
      if (this.#send(reply, body, headers)) return true;
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
    return false;
  }

  #refuse(reply: string, refusal: Refusal): void {
    this.#send(reply, encodeRefusal(refusal, this.#options.clock.wallMs()));
  }

  #send(reply: string, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): boolean {
    const { wire, node } = this.#options;
    if (reply === '' || this.#closed) return false;
    return wire.publish(reply, body, { headers: { 'Flotilla-Node': node, ...headers } });
  }
}

function* partsOf(runs: readonly Uint8Array[], partBytes: number): Generator<Uint8Array> {
  for (const run of runs)
    for (let at = 0; at < run.length; at += partBytes) yield run.subarray(at, at + partBytes);
}
