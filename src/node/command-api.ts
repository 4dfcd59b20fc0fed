/**
 * Console commands of the program around the node (API-12): they are listed by `help` and run from every console, over
 * sockets, NATS and the API, like those of the node.
 */
import { type Answer, type Format, formats, type Status, status } from '../console/answer.ts';
import type { CommandHooks, CommandLine } from '../console/command-hooks.ts';
import type { Registry } from '../console/registry.ts';
import { FlotillaError } from '../core/errors.ts';

/** Text, or text with a status other than 0 and with forms of its own for `xml` and `json`. */
export type CommandAnswer =
  | string
  | {
      readonly text: string;
      readonly status?: Status;
      /** One element. */
      readonly xml?: string;
      readonly json?: unknown;
    };

/** `args` are the words after the fixed ones, with their case kept. A `FlotillaError` becomes the answer. */
export type CommandHandler = (args: readonly string[]) => CommandAnswer | Promise<CommandAnswer>;

/** What `help` prints. */
export interface CommandDescription {
  /** Default: the fixed words and `...`. */
  readonly usage?: string;
  readonly help?: string;
  /** Default: `write`. */
  readonly impact?: 'read' | 'write';
}

export type { CommandLine };

const wordsPattern = /^[a-z0-9][a-z0-9_.:-]*( [a-z0-9][a-z0-9_.:-]*)*$/;

export class CommandApi {
  readonly #registry: Registry;
  readonly #hooks: CommandHooks;

  constructor(registry: Registry, hooks: CommandHooks) {
    this.#registry = registry;
    this.#hooks = hooks;
  }

  /**
   * The longest prefix of words wins; one that is there already is replaced, also one of the node.
   * @throws FlotillaError FLT-1504
   */
  register(prefix: string, handler: CommandHandler, description: CommandDescription = {}): void {
    const first = prefix.split(' ')[0] as Format;
    if (!wordsPattern.test(prefix) || formats.includes(first))
      throw new FlotillaError('FLT-1504', JSON.stringify(prefix));
    this.#registry.register({
      words: prefix,
      usage: `${prefix} ...`,
      help: 'a command of the program',
      impact: 'write',
      ...description,
      run: async (args) => answerOf(await handler(args)),
    });
  }

  /**
   * Before each line. What it answers is the answer, and the command is not run; nor is it when it fails. Returns how to
   * take it away.
   */
  before(
    hook: (line: CommandLine) => CommandAnswer | undefined | Promise<CommandAnswer | undefined>,
  ): () => void {
    return this.#hooks.addBefore(async (line) => {
      const answer = await hook(line);
      return answer === undefined ? undefined : answerOf(answer);
    });
  }

  /** After each line, with the status it ended in. Returns how to take it away. */
  after(hook: (line: CommandLine, status: Status) => void): () => void {
    return this.#hooks.addAfter(hook);
  }
}

function answerOf(answer: CommandAnswer): Answer {
  const said = typeof answer === 'string' ? { text: answer } : answer;
  const { text, xml, json } = said;
  return {
    status: said.status ?? status.ok,
    text: () => (text === '' || text.endsWith('\n') ? text : `${text}\n`),
    ...(xml === undefined ? {} : { xml: () => xml }),
    ...(json === undefined ? {} : { json: () => JSON.stringify(json) }),
  };
}
