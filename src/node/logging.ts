/**
 * The loggers of a process and what feeds them: the host program by `api`, the node's own log by the paniclog, and the
 * bus where `log_group` wants the paniclog. Owns the journals that loggers write.
 */
import { isDeepStrictEqual } from 'node:util';
import { type PanicOrigin, publishPanic } from '../bus/panic-bus.ts';
import type { Wire } from '../bus/wire.ts';
import type { Timer } from '../core/clock.ts';
import { EqualMessages } from '../core/logs/equal-messages.ts';
import type { PanicMessage } from '../core/logs/panic-message.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { GrowthLimits } from '../journal/retention.ts';
import { JournalSet } from '../logs/journal-set.ts';
import { LagWatch } from '../logs/lag-watch.ts';
import { Loggers } from '../logs/loggers.ts';
import { PanicBroadcast } from '../logs/panic-broadcast.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Paniclog } from '../observe/paniclog.ts';
import { localZone } from './local-zone.ts';
import { LogsApi } from './logs-api.ts';
import type { Surroundings } from './surroundings.ts';

export interface LoggingOptions {
  readonly settings: NodeSettings;
  readonly around: Surroundings;
  readonly paniclog: Paniclog;
  readonly metrics: Metrics;
  readonly subsystem: 'node' | 'manager';
  /** The server has to end (`shutdown_on_failure` of a pipe). */
  readonly fail: (reason: string) => void;
}

export class Logging {
  readonly journals: JournalSet;
  readonly loggers: Loggers;
  readonly api: LogsApi;
  readonly #options: LoggingOptions;
  #settings: NodeSettings;
  #equal: EqualMessages;
  #wire: Wire | undefined;
  readonly #broadcast: PanicBroadcast;
  readonly #lag: LagWatch;
  #periodEnd: Timer | undefined;
  #unfollow: () => void = () => {};

  constructor(options: LoggingOptions) {
    this.#options = options;
    const { settings, around, paniclog, metrics, fail } = options;
    const { logging } = settings;
    this.#settings = settings;
    const limits = limitsOf(logging.maxLag);
    this.journals = new JournalSet({ ...around, ...(limits ? { limits } : {}) });
    const { journals } = this;
    this.loggers = new Loggers({
      settings: logging,
      journals,
      zone: localZone,
      onPipeFailure: fail,
      ...around,
    });
    this.api = new LogsApi(this.loggers);
    this.#equal = new EqualMessages(logging.equalMessages);
    this.#broadcast = new PanicBroadcast({ kept: () => paniclog.messages(), ...around });
    this.#lag = new LagWatch({ maxLag: logging.maxLag, journals, ...around });
    paniclog.listen((message) => this.#take(message));
    const facts = () => this.loggers.facts();
    metrics.gauge('log_lines_waiting', () => facts().reduce((sum, { waiting }) => sum + waiting, 0));
    metrics.gauge(
      'log_destinations_failing',
      () => facts().filter(({ problem }) => problem !== undefined).length,
    );
  }

  /** Other loggers, and what is kept out of them. */
  configure(settings: NodeSettings): void {
    const { logGroup } = this.#settings;
    const { equalMessages, splitsLevels } = this.#settings.logging;
    this.#settings = settings;
    const { logging } = settings;
    this.loggers.configure(logging);
    if (!isDeepStrictEqual(equalMessages, logging.equalMessages))
      this.#equal = new EqualMessages(logging.equalMessages);
    const isElsewhere = splitsLevels !== logging.splitsLevels || logGroup !== settings.logGroup;
    if (isElsewhere && this.#wire) this.follow(this.#wire);
  }

  /** One life in the cluster, and its link to the bus. */
  follow(wire: Wire): void {
    this.#wire = wire;
    this.#unfollow();
    const { nodename: node, subcluster, logGroup, logging } = this.#settings;
    if (logGroup === undefined) {
      this.#unfollow = () => {};
      this.#broadcast.disconnected();
      return;
    }
    const { subsystem } = this.#options;
    const origin: PanicOrigin = { logGroup, splitsLevels: logging.splitsLevels, node, subcluster, subsystem };
    const changed = (): void => {
      if (wire.state === 'up')
        this.#broadcast.connected((message, isReplayed) => publishPanic(wire, origin, message, isReplayed));
      else this.#broadcast.disconnected();
    };
    this.#unfollow = wire.onState(changed);
    changed();
  }

  /** The last lines are written; a log line after this goes to standard error alone. */
  async close(): Promise<void> {
    this.#options.paniclog.listen(() => {});
    this.#unfollow();
    this.#broadcast.close();
    this.#periodEnd?.cancel();
    await this.#lag.stop();
    await this.loggers.close();
  }

  #take(message: PanicMessage): void {
    const { clock, counters } = this.#options.around;
    if (this.#equal.admit(message.text, clock.nowMs())) {
      this.#write(message);
      return;
    }
    counters.add('paniclog_repeats_total');
    const { periodMs } = this.#settings.logging.equalMessages;
    this.#periodEnd ??= clock.after(periodMs, () => {
      this.#periodEnd = undefined;
      const text = `${this.#equal.takeSuppressed()} messages like others were suppressed`;
      this.#write({ ...message, timeUs: clock.wallMs() * 1000, text });
    });
  }

  #write(message: PanicMessage): void {
    this.loggers.write({ kind: 'panic', record: message });
    this.#broadcast.add(message);
  }
}

/** The other actions are the lag watch's. */
function limitsOf({ bytes, action }: NodeSettings['logging']['maxLag']): GrowthLimits | undefined {
  return bytes > 0 && action === 'stop-writing'
    ? { maxBytes: bytes, maxAgeMs: 0, action: 'stop-writing' }
    : undefined;
}
