/**
 * The console for any NATS client (design: bus): a request's body is a command line, on the subject of all nodes, of
 * one node or of its subcluster. A request without reply subject is executed and not answered; one whose answer is to go
 * where only nodes may publish is dropped.
 *
 * Invariants: whatever a request holds and whatever a command does, the node goes on; each request that is answered at
 * all ends in exactly one status; requests, their size and their time are bounded. Commands of one manager run one after
 * the other, each at most once (MGR-23, INV-36).
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import { withoutSecrets } from '../core/secrets.ts';
import { type Answerer, ControlAnswer } from './control-answer.ts';
import { type EndpointDescription, serveDiscovery } from './discovery.ts';
import { type GroupNames, isReserved, subjects } from './subjects.ts';
import type { Subscription, Wire, WireMessage } from './wire.ts';

/** Yields the answer as text and returns its status (0 ok, 1 failed ... 5 too late; CON-7). */
export type Execute = (line: string, signal: AbortSignal) => AsyncGenerator<string, number, void>;

export interface ControlSelf extends Answerer {
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
  readonly timeLimitMs?: () => number;
}

export const serviceName = 'flotilla-node';

/** Name of the manager that sends the command. */
export const managerHeader = 'Flotilla-Manager';

const maxRequestBytes = 1024 * 1024;
/** Running, and waiting for the one before. */
const maxRunning = 32;
/** Of managers, that one which comes again is known. */
const rememberedCommands = 1024;
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
  /** By manager: settles when its last command is done. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #known = new Set<string>();
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

  #receive(message: WireMessage): void {
    const { data, reply, subject } = message;
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
    const manager = message.header(managerHeader);
    if (manager !== undefined && reply !== '' && !this.#isNew(reply)) return;
    counters.add('control_requests');
    this.#statistics.requests++;
    const answer = reply ? new ControlAnswer(wire, reply, self) : undefined;
    if (this.#running.size < maxRunning) this.#admit(line, answer, manager);
    else {
      this.#countError(`more than ${maxRunning} commands at once`);
      answer?.add(`The node runs ${maxRunning} commands already; try again.\n`);
      const nowMs = this.#options.clock.wallMs();
      answer?.end(failedStatus, { beganMs: nowMs, endedMs: nowMs });
    }
  }

  /** Each command of a manager has an inbox of its own. */
  #isNew(inbox: string): boolean {
    if (this.#known.has(inbox)) return false;
    this.#known.add(inbox);
    const [oldest] = this.#known;
    if (this.#known.size > rememberedCommands && oldest !== undefined) this.#known.delete(oldest);
    return true;
  }

  #admit(line: string, answer: ControlAnswer | undefined, manager: string | undefined): void {
    const controller = new AbortController();
    this.#running.add(controller);
    if (manager === undefined) {
      void this.#run(line, answer, controller);
      return;
    }
    const before = this.#last.get(manager) ?? Promise.resolve();
    const done = before.then(() => this.#run(line, answer, controller));
    this.#last.set(manager, done);
    void done.then(() => this.#last.get(manager) === done && this.#last.delete(manager));
  }

  /** Does not reject. */
  async #run(line: string, answer: ControlAnswer | undefined, controller: AbortController): Promise<void> {
    const { clock, timeLimitMs, log } = this.#options;
    const timer = clock.after(timeLimitMs?.() ?? defaultTimeLimitMs, () => controller.abort());
    const [startedMs, beganMs] = [clock.nowMs(), clock.wallMs()];
    const end = (status: number) => answer?.end(status, { beganMs, endedMs: clock.wallMs() });
    try {
      // It waited for another one, and this life ends.
      const status = controller.signal.aborted
        ? tooLateStatus
        : await this.#pass(line, answer, controller.signal);
      if (status !== 0) this.#countError(`status ${status}`);
      end(status);
    } catch (error) {
      log.error('a console command failed', {
        line: withoutSecrets(line.slice(0, 1000)).slice(0, 200),
        error,
      });
      this.#countError(String(error));
      answer?.add('Internal error; the log of the node has the details.\n');
      end(failedStatus);
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
