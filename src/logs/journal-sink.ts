/**
 * A journal: one record a line, with the time of the line. A journal that cannot be opened is tried again, and the node
 * runs on without it meanwhile.
 */
import { type Destination, isJournal } from '../core/logs/destination.ts';
import { systemReason } from '../journal/files.ts';
import type { JournalSet } from './journal-set.ts';
import type { LineSink, LogLine, Written } from './line-sink.ts';

export class JournalSink implements LineSink {
  readonly name: string;
  readonly #set: JournalSet;
  readonly #destination: Destination;
  readonly #mode: number;
  #isOpen = false;
  /** Written although one before them was refused; they come again with that one, and must not be written twice. */
  readonly #ahead = new Set<LogLine>();

  /** `destination` is one for which `isJournal`. */
  constructor(destination: Destination, mode: number, set: JournalSet) {
    if (!isJournal(destination)) throw new Error(`${destination.path} is no journal`);
    this.name = `${destination.scheme}://${destination.path}`;
    this.#set = set;
    this.#destination = destination;
    this.#mode = mode;
  }

  async write(lines: readonly LogLine[]): Promise<Written> {
    try {
      const journal = await this.#journal();
      // All of them at once: they go to the segment together, and one that is refused takes those behind it along.
      const wanted = lines.filter((line) => !this.#ahead.has(line));
      const results = await Promise.allSettled(
        wanted.map(({ bytes, timeUs }) => journal.appendWritten(bytes, timeUs)),
      );
      const refused = results.find((result) => result.status === 'rejected');
      if (refused === undefined) {
        this.#ahead.clear();
        return { kept: lines.length };
      }
      for (const [at, { status }] of results.entries())
        if (status === 'fulfilled') this.#ahead.add(wanted[at]!);
      let kept = 0;
      while (this.#ahead.delete(lines[kept]!)) kept++;
      return { kept, problem: systemReason(refused.reason) };
    } catch (error) {
      return { kept: 0, problem: systemReason(error) };
    }
  }

  async reopen(): Promise<void> {
    if (this.#isOpen) await this.#set.reopen(this.#destination.path).catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#isOpen) await this.#set.release(this.#destination.path);
    this.#isOpen = false;
  }

  async #journal() {
    const { path, subscribers, parameters } = this.#destination;
    const when = parameters.get('when') === 'end' ? 'end' : 'begin';
    if (!this.#isOpen) await this.#set.open(path, { mode: this.#mode, subscribers, when });
    this.#isOpen = true;
    // Reopened in vain: its directory had been removed and could not be made anew.
    if (!this.#set.get(path)) await this.#set.reopen(path);
    return this.#set.get(path)!;
  }
}
