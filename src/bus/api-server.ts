/**
 * Shared objects for any NATS client (design: bus): the subject of a request ends in the verb, its body is a JSON object,
 * and so is the answer. A request without reply subject is carried out and not answered.
 *
 * Invariants: whatever a request holds, the node goes on; who asked with a reply subject gets one answer, unless the life of
 * the node ends before; what is refused has changed nothing; requests that wait, their size and their time are bounded.
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { errorCatalogue, FlotillaError, isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { EndpointDescription } from './discovery.ts';
import { type GroupNames, isReserved, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

export type ApiFields = Readonly<Record<string, unknown>>;
export type ApiAnswer = Readonly<Record<string, unknown>>;

/**
 * Does what a request says; a promise when that waits for others. Errors are the answer: FLT-2102 for an unknown verb. When
 * `signal` is aborted nobody reads the answer any more, and what was taken has to be given back.
 */
export type ApiHandler = (
  verb: string,
  fields: ApiFields,
  signal: AbortSignal,
) => ApiAnswer | Promise<ApiAnswer>;

export interface ApiServerOptions {
  readonly wire: Wire;
  readonly groups: GroupNames;
  readonly node: string;
  readonly handle: ApiHandler;
  /** Requests that wait at once; while there are so many, none is taken. */
  readonly maxRequests: () => number;
  readonly log: Log;
  readonly counters: Counters;
  readonly clock: Clock;
}

const maxRequestBytes = 2 * 1024 * 1024;
const timeLimitMs = 30_000;
/** What headers and protocol need beside the answer. */
const headerRoomBytes = 1_024;

export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #subject: string;
  readonly #subscription: Subscription;
  readonly #waiting = new Map<AbortController, Timer>();
  readonly #statistics = { requests: 0, errors: 0, lastError: '', processingMs: 0 };

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { wire, groups, node } = options;
    this.#subject = subjects.api(groups, node, '>');
    this.#subscription = wire.subscribe(this.#subject, (message) => this.#receive(message));
  }

  /** Requests that wait for others. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get endpoint(): EndpointDescription {
    return { name: 'api', subject: this.#subject, statistics: () => this.#statistics };
  }

  /** Whoever waits is not answered any more. */
  end(): void {
    this.#subscription.unsubscribe();
    for (const [controller, timer] of this.#waiting) {
      timer.cancel();
      controller.abort();
    }
    this.#waiting.clear();
  }

  #receive({ subject, data, reply }: WireMessage): void {
    const { groups, counters, log, clock, handle, maxRequests } = this.#options;
    if (isReserved(reply, groups)) {
      counters.add('api_requests_dropped_total');
      log.debug('a request of the API whose answer nobody may ask for was dropped', { subject, reply });
      return;
    }
    counters.add('api_requests_total');
    this.#statistics.requests++;
    const startedMs = clock.nowMs();
    const controller = new AbortController();
    try {
      if (this.#waiting.size >= maxRequests()) {
        counters.add('api_requests_refused_total');
        throw new FlotillaError('FLT-2104', `${maxRequests()}`);
      }
      const verb = subject.slice(this.#subject.length - 1);
      const answer = handle(verb, fieldsOf(data), controller.signal);
      if (answer instanceof Promise) void this.#wait(answer, controller, reply, startedMs);
      else this.#answer(reply, answer, startedMs);
    } catch (error) {
      this.#fail(reply, error, startedMs);
    }
  }

  /** For as long as the limit allows, and not beyond the end. */
  async #wait(
    answer: Promise<ApiAnswer>,
    controller: AbortController,
    reply: string,
    startedMs: number,
  ): Promise<void> {
    const timer = this.#options.clock.after(timeLimitMs, () => {
      this.#fail(reply, new FlotillaError('FLT-2106', `${timeLimitMs / 1000} s`), startedMs);
      controller.abort();
      this.#waiting.delete(controller);
    });
    this.#waiting.set(controller, timer);
    try {
      const found = await answer;
      if (!controller.signal.aborted) this.#answer(reply, found, startedMs);
    } catch (error) {
      if (!controller.signal.aborted) this.#fail(reply, error, startedMs);
    }
    timer.cancel();
    this.#waiting.delete(controller);
  }

  #answer(reply: string, answer: ApiAnswer, startedMs: number): void {
    const body = Buffer.from(JSON.stringify({ ok: true, ...answer }));
    const mostBytes = this.#options.wire.maxPayloadBytes - headerRoomBytes;
    if (reply !== '' && body.length > mostBytes) {
      const detail = `the answer has ${body.length} bytes, at most ${mostBytes}`;
      this.#fail(reply, new FlotillaError('FLT-1204', detail), startedMs);
    } else {
      this.#statistics.processingMs += this.#options.clock.nowMs() - startedMs;
      this.#send(reply, body, {});
    }
  }

  #fail(reply: string, cause: unknown, startedMs: number): void {
    const { counters, log, clock } = this.#options;
    const error = isFlotillaError(cause) ? cause : new FlotillaError('FLT-2107', 'see the log of the node');
    if (error !== cause)
      log.error('a request of the API over NATS failed', { code: error.code, error: cause });
    counters.add('api_requests_failed_total');
    this.#statistics.errors++;
    this.#statistics.lastError = error.message;
    this.#statistics.processingMs += clock.nowMs() - startedMs;
    const { code, message, advice } = error;
    const body = Buffer.from(JSON.stringify({ ok: false, code, error: message, advice }));
    // As clients of NATS micro-services look for them. The title alone: what follows it may hold what was sent.
    this.#send(reply, body, {
      'Nats-Service-Error-Code': code.slice(4),
      'Nats-Service-Error': errorCatalogue[code].title,
    });
  }

  #send(reply: string, body: Uint8Array, more: Readonly<Record<string, string>>): void {
    const { wire, node } = this.#options;
    if (reply !== '') wire.publish(reply, body, { headers: { 'Flotilla-Node': node, ...more } });
  }
}

/** @throws FlotillaError FLT-2101 */
function fieldsOf(data: Uint8Array): ApiFields {
  if (data.length > maxRequestBytes) throw new FlotillaError('FLT-2101', `it has ${data.length} bytes`);
  if (data.length === 0) return {};
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (error) {
    throw new FlotillaError('FLT-2101', `it is not JSON in UTF-8: ${(error as Error).message}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new FlotillaError('FLT-2101', 'it is not a JSON object');
  return body as ApiFields;
}
