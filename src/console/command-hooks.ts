/**
 * What programs want to do before and after each console line (CON-13).
 *
 * Invariant: a line runs only when every hook in front of it agreed. One that fails refuses it, because it may be there
 * to forbid something; one after it changes nothing any more, so its failure is only logged.
 */
import type { Log } from '../core/log.ts';
import type { Answer, Format, Status } from './answer.ts';

/** A line that can be read, without the prefix that chose the form. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly format: Format;
}

/** With an answer the command is skipped. */
export type BeforeCommand = (line: CommandLine) => Answer | undefined | Promise<Answer | undefined>;
/** The answer has been taken as a whole, or its reader has gone. */
export type AfterCommand = (line: CommandLine, status: Status) => void;

export class CommandHooks {
  readonly #log: Log;
  readonly #before = new Set<BeforeCommand>();
  readonly #after = new Set<AfterCommand>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Returns how to take it away. */
  addBefore(hook: BeforeCommand): () => void {
    this.#before.add(hook);
    return () => void this.#before.delete(hook);
  }

  addAfter(hook: AfterCommand): () => void {
    this.#after.add(hook);
    return () => void this.#after.delete(hook);
  }

  /** In the order in which they were added, up to the first that answers. Without any, the command runs at once. */
  before(line: CommandLine): Promise<Answer | undefined> | undefined {
    return this.#before.size === 0 ? undefined : this.#ask(line);
  }

  after(line: CommandLine, status: Status): void {
    for (const hook of this.#after) {
      try {
        hook(line, status);
      } catch (error) {
        this.#log.error(`a hook after console commands failed: ${String(error)}`, { error });
      }
    }
  }

  async #ask(line: CommandLine): Promise<Answer | undefined> {
    for (const hook of this.#before) {
      const answer = await hook(line);
      if (answer) return answer;
    }
    return undefined;
  }
}
