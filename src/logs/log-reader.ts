/**
 * Reads a journal record by record for a program that is a subscriber of it, in any process, while the node writes
 * (logging 8). Owns its journal, opened for reading, and where the program stands.
 *
 * Invariant: a checkpoint covers what `read` has handed out and was not given back, and nothing else: what the program has
 * not seen stays unread, whenever it is killed.
 */
import { formatId, type LogId } from '../core/logs/log-id.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalReader } from '../journal/reader.ts';
import type { JournalRecord } from '../journal/records.ts';
import { Turns } from '../journal/turns.ts';

export interface LogRecord {
  /** Segment and number, as the tools print them: `00000000:00000001`. */
  readonly id: string;
  /** Microseconds since the Unix epoch, as the writer's clock had them. */
  readonly timeUs: number;
  readonly payload: Uint8Array;
  /** The payload as UTF-8. */
  readonly text: string;
}

export class LogReader {
  readonly subscriber: string;
  /** Each record counts as consumed as soon as it is read: one that was being worked on when the program died is not read again. */
  autoCheckpoint = false;
  readonly #journal: Journal;
  readonly #reader: JournalReader;
  /** Calls that were not waited for do not overtake each other. */
  readonly #turns = new Turns();
  /** Read ahead from the disk. */
  #ahead: JournalRecord[] = [];
  #last: JournalRecord | undefined;
  /** The last one was given back and comes again. */
  #isRewound = false;

  /** @internal Use `openLogReader`. */
  constructor(journal: Journal, reader: JournalReader) {
    this.#journal = journal;
    this.#reader = reader;
    this.subscriber = reader.subscriber;
  }

  /**
   * The next record, or undefined when there is none now: more may come. Rejects with FLT-2203 where the journal is damaged
   * and nobody has mended it, and goes on behind what was mended or dropped by its limits.
   */
  read(): Promise<LogRecord | undefined> {
    return this.#turns.run(async () => {
      if (this.#isRewound) {
        this.#isRewound = false;
      } else {
        if (this.#ahead.length === 0) this.#ahead = (await this.#reader.next()).reverse();
        const record = this.#ahead.pop();
        if (!record) return undefined;
        this.#last = record;
      }
      if (this.autoCheckpoint) await this.#store();
      return shown(this.#last!);
    });
  }

  /** What was read is consumed: it is not read again, and segments that nobody needs are deleted. Returns where it stands. */
  checkpoint(): Promise<string> {
    return this.#turns.run(async () => formatId(await this.#store()));
  }

  /** The last record was only looked at: the next `read` brings it again, and a checkpoint stands before it. Once a record. */
  rewind(): void {
    void this.#turns.run(async () => {
      this.#isRewound = this.#last !== undefined;
    });
  }

  /** Stores nothing. */
  close(): Promise<void> {
    return this.#turns.run(async () => {
      await this.#reader.close();
      await this.#journal.close();
    });
  }

  async #store(): Promise<LogId> {
    if (!this.#last) return this.#reader.stored();
    const { segment, marker } = this.#last.id;
    return this.#reader.checkpoint({ segment, marker: this.#isRewound ? marker - 1 : marker });
  }
}

function shown({ id, timeUs, payload }: JournalRecord): LogRecord {
  return {
    id: formatId(id),
    timeUs,
    payload,
    get text() {
      return payload.toString('utf8');
    },
  };
}
