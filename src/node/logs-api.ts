/** Logs of the host program: what happens to its messages, as the configured loggers write it (logging 3). */
import type {
  AccountRecord,
  BounceRecord,
  DeliveryRecord,
  FailureRecord,
  ReceptionRecord,
  RejectionRecord,
} from '../core/logs/message-record.ts';
import type { DestinationFacts } from '../logs/line-queue.ts';
import type { Loggers } from '../logs/loggers.ts';

/**
 * `node.logs`. Each call goes to every `ec_logger`, `bounce_logger` and `custom_logger` of the configuration, which write
 * what their switches and formats say; without any, nothing happens. Calls return at once and never throw: lines wait
 * in memory for slow or full destinations, up to `spill`, and are then dropped and counted.
 */
export class LogsApi {
  readonly #loggers: Loggers;

  /** @internal */
  constructor(loggers: Loggers) {
    this.#loggers = loggers;
  }

  /** A message was taken over from a client, or, with protocol `xfer`, from another node: `R` of the main log. */
  reception(record: ReceptionRecord): void {
    this.#loggers.write({ kind: 'reception', record });
  }

  /** A message was delivered to its destination: `D` of the main log. */
  delivery(record: DeliveryRecord): void {
    this.#loggers.write({ kind: 'delivery', record });
  }

  /** A message was moved to another node, which logs a reception: `X` of the main log. */
  transfer(record: DeliveryRecord): void {
    this.#loggers.write({ kind: 'transfer', record });
  }

  /** An attempt failed and will be repeated: `T` of the main log and of the bounce log. */
  transientFailure(record: FailureRecord): void {
    this.#loggers.write({ kind: 'transient-failure', record });
  }

  /** A message failed for good within the session: `P` of the main log, `B` of the bounce log. */
  permanentFailure(record: FailureRecord): void {
    this.#loggers.write({ kind: 'permanent-failure', record });
  }

  /** A bounce came as a message of its own: `B` of the bounce log. */
  bounce(record: BounceRecord): void {
    this.#loggers.write({ kind: 'bounce', record });
  }

  /** A client, a recipient or a message was turned away: a line of the reject log. */
  rejection(record: RejectionRecord): void {
    this.#loggers.write({ kind: 'rejection', record });
  }

  /** Somebody authenticated, or wanted to run a command: a line of the account log. */
  account(record: AccountRecord): void {
    this.#loggers.write({ kind: 'account', record });
  }

  /** A line of the import log, without line feed; its format is that of the program. */
  imported(text: string, timeUs?: number): void {
    this.#loggers.write({ kind: 'import', record: { text, ...(timeUs === undefined ? {} : { timeUs }) } });
  }

  /** A line of the paniclogs, beside those of the node itself. It is not broadcast. */
  panic(text: string): void {
    this.#loggers.write({ kind: 'panic', record: { text } });
  }

  /** Resolves when all lines so far were written, or their destinations cannot be written at present. */
  flush(): Promise<void> {
    return this.#loggers.flush();
  }

  /** As the console command `reopen logs`: for programs that rotate log files. */
  reopen(): Promise<void> {
    return this.#loggers.reopen();
  }

  /** What each destination has written and dropped, and why it cannot be written if it cannot. */
  destinations(): readonly DestinationFacts[] {
    return this.#loggers.facts();
  }
}
