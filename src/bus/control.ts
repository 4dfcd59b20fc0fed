/**
 * The console for any NATS client (design: bus): a request's body is a command line, on the subject of all nodes, of
 * one node or of its subcluster. A request without reply subject is executed and not answered; one whose answer is to go
 * where only nodes may publish is dropped.
 *
 * Invariants: whatever a request holds and whatever a command does, the node goes on; each request that is answered at
 * all ends in exactly one status; requests, their size and their time are bounded.
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import { ControlAnswer } from './control-answer.ts';
import { type EndpointDescription, serveDiscovery } from './discovery.ts';
import { type GroupNames, isReserved, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

/** Yields the answer as text and returns its status (0 ok, 1 failed ... 5 too late; CON-7). */
export type Execute = (line: string, signal: AbortSignal) => AsyncGenerator<string, number, void>;

export interface ControlSelf {
  readonly node: string;
  readonly subcluster: string;
  readonly version: string;
  readonly incarnation: Incarnation;
}

export interface ControlOptions {
  readonly wire: Wire;
  readonly groups: GroupNames;
  readonly self: ControlSelf;
  readonly execute: Execute;
  readonly log: Log;
  readonly counters: Counters;
  readonly clock: Clock;
  /** What the node serves besides, for discovery. */
  readonly otherEndpoints?: readonly EndpointDescription[];
  /** Time for one command and its answer; default 60 s. */
  readonly timeLimitMs?: number;
}

export const serviceName = 'flotilla-node';

const maxRequestBytes = 1024 * 1024;
const maxRunning = 32;
const defaultTimeLimitMs = 60_000;
const failedStatus = 1;
const tooLateStatus = 5;

export interface Control extends Subscription {
  /**
   * Resolves when no command runs, at the latest after the limit. To be awaited before the end: a command may be the
   * reason for it, and its answer has to leave first.
   */
  idle(limitMs: number): Promise<void>;
}

/** Serves until it is unsubscribed; commands that run then are aborted. */
export function serveControl(options: ControlOptions): Control {
  const service = new ControlService(options);
  return { unsubscribe: () => service.end(), idle: (limitMs) => service.idle(limitMs) };
}

class ControlService {
  readonly #options: ControlOptions;
  readonly #subscriptions: readonly Subscription[];
  readonly #running = new Set<AbortController>();
  #onIdle: () => void = () => {};
  readonly #statistics = { requests: 0, errors: 0, lastError: '', processingMs: 0 };

  constructor(options: ControlOptions) {
    this.#options = options;
    const { wire, groups, self, clock, otherEndpoints = [] } = options;
    const endpoints = [
      { name: 'all', subject: subjects.control(groups) },
      { name: 'node', subject: subjects.controlNode(groups, self.node) },
      { name: 'subcluster', subject: subjects.controlSubcluster(groups, self.subcluster) },
    ];
    const description = {
      name: serviceName,
      id: self.incarnation,
      version: self.version,
      description: 'Console of a Flotilla node',
      metadata: { node: self.node, subcluster: self.subcluster },
      endpoints: [...endpoints, ...otherEndpoints],
      startedMs: clock.wallMs(),
    };
    this.#subscriptions = [
      ...endpoints.map(({ subject }) => wire.subscribe(subject, (message) => this.#receive(message))),
      serveDiscovery(wire, groups, description, () => this.#statistics),
    ];
  }

  end(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const controller of this.#running) controller.abort();
  }

  async idle(limitMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    const timer = this.#options.clock.after(limitMs, () => this.#onIdle());
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    timer.cancel();
  }

  #receive({ data, reply, subject }: WireMessage): void {
    const { wire, groups, self, counters, log } = this.#options;
    if (isReserved(reply, groups)) {
      counters.add('control_requests_dropped');
      log.debug('a console request whose answer nobody may ask for was dropped', { subject, reply });
      return;
    }
    const line = decodeLine(data);
    if (line === undefined) {
      counters.add('control_requests_malformed');
      log.debug('a malformed console request was dropped', { subject, bytes: data.length });
      return;
    }
    counters.add('control_requests');
    this.#statistics.requests++;
    const answer = reply ? new ControlAnswer(wire, reply, self.node) : undefined;
    if (this.#running.size < maxRunning) this.#run(line, answer);
    else {
      this.#countError(`more than ${maxRunning} commands at once`);
      answer?.add(`The node runs ${maxRunning} commands already; try again.\n`);
      answer?.end(failedStatus);
    }
  }

  async #run(line: string, answer: ControlAnswer | undefined): Promise<void> {
    const { clock, timeLimitMs = defaultTimeLimitMs, log } = this.#options;
    const controller = new AbortController();
    const timer = clock.after(timeLimitMs, () => controller.abort());
    const startedMs = clock.nowMs();
    this.#running.add(controller);
    try {
      const status = await this.#pass(line, answer, controller.signal);
      if (status !== 0) this.#countError(`status ${status}`);
      answer?.end(status);
    } catch (error) {
      log.error('a console command failed', { line: line.slice(0, 200), error });
      this.#countError(String(error));
      answer?.add('Internal error; the log of the node has the details.\n');
      answer?.end(failedStatus);
    }
    this.#running.delete(controller);
    if (this.#running.size === 0) this.#onIdle();
    timer.cancel();
    this.#statistics.processingMs += clock.nowMs() - startedMs;
  }

  /** Passes on the parts of the answer; returns its status. */
  async #pass(line: string, answer: ControlAnswer | undefined, signal: AbortSignal): Promise<number> {
    const aborted = new Promise<'aborted'>((resolve) => {
      signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    const parts = this.#options.execute(line, signal);
    for (;;) {
      const next = await Promise.race([parts.next(), aborted]);
      if (next === 'aborted') {
        // Not awaited: the command may be stuck in the part it is working on.
        parts.return(tooLateStatus).catch(() => {});
        answer?.add('The command took too long; it may still have an effect.\n');
        return tooLateStatus;
      }
      if (next.done) return next.value;
      if (answer && !answer.add(next.value)) {
        this.#options.counters.add('control_answers_lost');
        await parts.return(failedStatus);
        return failedStatus;
      }
      await this.#turn();
    }
  }

  /** A long answer leaves room for beats between its parts. */
  #turn(): Promise<void> {
    return new Promise((resume) => this.#options.clock.after(0, resume));
  }

  #countError(text: string): void {
    this.#options.counters.add('control_requests_failed');
    this.#statistics.errors++;
    this.#statistics.lastError = text;
  }
}

/** Undefined when it is too large or not UTF-8. */
function decodeLine(data: Uint8Array): string | undefined {
  if (data.length > maxRequestBytes) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}
