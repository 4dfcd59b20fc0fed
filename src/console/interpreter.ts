/**
 * Runs one console line and gives its answer in parts. The same for every transport: socket, NATS, the public API.
 *
 * Invariant (INV-33): each line ends in exactly one status, the generator's return value, whatever the line holds and
 * whatever the command does.
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import { isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { withoutSecrets } from '../core/secrets.ts';
import { type Gate, openGate } from './access/gate.ts';
import { type Answer, type Format, failed, formats, type Status, status } from './answer.ts';
import { CommandHooks, type CommandLine } from './command-hooks.ts';
import { partsOf } from './forms.ts';
import type { Match, Registry } from './registry.ts';
import { quoteWord, splitWords } from './words.ts';

/** How long a command may take until its answer begins (status 5). */
const commandTimeoutMs = 60_000;

export interface InterpreterOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

/** The parts of the answer, each at most 64 KiB of UTF-8; returns the status. Never throws. */
export type Reply = AsyncGenerator<string, Status, void>;

export interface ConsoleAnswer {
  readonly text: string;
  /** 0 is success; see the console reference. */
  readonly status: number;
}

export class Interpreter {
  readonly hooks: CommandHooks;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counters: Counters;

  constructor({ registry, clock, log, counters }: InterpreterOptions) {
    this.#registry = registry;
    this.#clock = clock;
    this.#log = log;
    this.#counters = counters;
    this.hooks = new CommandHooks(log);
  }

  /** `gate` says who types; without it everything is allowed, and nothing recorded. */
  async *run(line: string, wantedFormat: Format = 'text', gate: Gate = openGate): Reply {
    this.#counters.add('console_commands_total');
    const result = yield* this.#parts(line, wantedFormat, gate);
    if (result !== status.ok) this.#counters.add('console_failures_total');
    return result;
  }

  /** The whole answer. */
  async answer(line: string, format: Format): Promise<ConsoleAnswer> {
    const reply = this.run(line, format);
    let text = '';
    for (;;) {
      const { value, done } = await reply.next();
      if (done) return { text, status: value };
      text += value;
    }
  }

  async *#parts(line: string, wantedFormat: Format, gate: Gate): Reply {
    try {
      const request = parse(line, wantedFormat);
      if (!request) return status.badSyntax;
      if ('words' in request) return yield* this.#run(request, gate);
      const answer = unreadable(request.problem);
      yield* partsOf(answer, request.format);
      return answer.status;
    } catch (error) {
      this.#log.error('a console command failed', { line: shownLine(line), error });
      yield 'Internal error; the log of the node has the details.\n';
      return status.failed;
    }
  }

  /** Nothing sees a line before the gate does, hooks neither. */
  async *#run(line: CommandLine, gate: Gate): Reply {
    const match = this.#registry.match(line.words);
    if (!gate.admits(plainLine(line.words, match))) {
      yield* partsOf(notAuthorised, line.format);
      return notAuthorised.status;
    }
    let result: Status = status.failed;
    try {
      const answer = await this.#inTime(this.#answer(line, gate));
      yield* partsOf(answer, line.format);
      result = answer.status;
      return result;
    } finally {
      this.hooks.after(line, result);
    }
  }

  async #answer(line: CommandLine, gate: Gate): Promise<Answer> {
    try {
      const asked = this.hooks.before(line);
      const instead = asked && (await asked);
      if (instead) return instead;
      const match = this.#registry.match(line.words);
      return match ? await match.command.run(match.args, gate, match.instance) : unknownCommand;
    } catch (error) {
      if (isFlotillaError(error)) return failed(`${error.message}. ${error.advice}`);
      throw error;
    }
  }

  #inTime(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(commandTimeoutMs, () => resolve(timedOut));
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** Enough to know it again. */
function shownLine(line: string): string {
  return withoutSecrets(line.slice(0, 1000)).slice(0, 200);
}

type Request = { readonly format: Format } & (
  | { readonly words: readonly string[] }
  | { readonly problem: string }
);

/** The words without a format prefix; undefined for an empty line or a bare prefix (CON-8). */
function parse(line: string, wantedFormat: Format): Request | undefined {
  const split = splitWords(line);
  if ('problem' in split) return { format: wantedFormat, problem: split.problem };
  const [first, ...rest] = split.words;
  const prefix = formats.find((format) => format !== 'text' && format === first?.toLowerCase());
  const words = prefix ? rest : split.words;
  return words.length === 0 ? undefined : { format: prefix ?? wantedFormat, words };
}

/** As roles see it: no prefix, single blanks, fixed words as they are registered, quotes only where they are needed. */
function plainLine(words: readonly string[], match: Match | undefined): string {
  const fixed = match ? match.command.words.split(' ') : [];
  return [...fixed, ...words.slice(fixed.length).map(quoteWord)].join(' ');
}

/** The text is fixed (CON-31). */
const notAuthorised: Answer = {
  status: status.notAuthorised,
  text: () => 'Not Authorized for this command\n',
};
/** The text is fixed and nothing follows it (CMD-20). */
const unknownCommand: Answer = { status: status.unknownCommand, text: () => 'Unknown command\n' };
const timedOut: Answer = {
  status: status.timedOut,
  text: () => 'The command took too long; it may still have an effect.\n',
};

function unreadable(problem: string): Answer {
  return { status: status.badSyntax, text: () => `Syntax error: ${problem}\n` };
}
