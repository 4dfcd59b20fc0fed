/**
 * A console with a person in front of it (CON-16, CON-19 - CON-23): banner, prompt, history, completion, pager.
 * Connects again by itself when the server has closed an idle session.
 */
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isFlotillaError } from '../../core/errors.ts';
import { type Format, type Status, status } from '../answer.ts';
import { print } from './batch.ts';
import { complete, type ServerCommands } from './completion.ts';
import type { ConsoleConnection, RemoteReply } from './connection.ts';
import { maxHistoryLines, readHistory, writeHistory } from './history.ts';
import { printPaged } from './pager.ts';

export interface InteractiveOptions {
  readonly connect: () => Promise<ConsoleConnection>;
  /** Endpoint as the prompt shows it. */
  readonly label: string;
  readonly format: Format;
  readonly input: Readable;
  readonly output: Writable & { readonly rows?: number };
  readonly errors: Writable;
  readonly historyPath: string;
  /** Command line of `$PAGER`. */
  readonly pager: string;
  /** The output is a terminal: lines are edited on it. */
  readonly isScreen: boolean;
  readonly hasColours: boolean;
}

/** The prompt is green, and red after a command that did not succeed. */
const colours = { good: '\u001b[32m', bad: '\u001b[31m', none: '\u001b[0m' } as const;

/** Returns when the user leaves. Throws FLT-1502 when the first connection fails. */
export async function runInteractive(options: InteractiveOptions): Promise<void> {
  const connection = await options.connect();
  const session = new InteractiveSession(options, connection);
  await session.run();
}

class InteractiveSession {
  readonly #options: InteractiveOptions;
  readonly #reader: Interface;
  #connection: ConsoleConnection;
  #serverName = '';
  #commands: ServerCommands = {};
  #history: string[];
  #isPaging = false;
  #lastStatus: Status = status.ok;
  #hasLeft = false;

  constructor(options: InteractiveOptions, connection: ConsoleConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#history = readHistory(options.historyPath);
    this.#reader = createInterface({
      input: options.input,
      output: options.output,
      terminal: options.isScreen,
      history: [...this.#history].reverse(),
      historySize: maxHistoryLines,
      completer: (line: string) => complete(line, this.#commands),
    });
  }

  async run(): Promise<void> {
    this.#reader.on('SIGINT', () => this.#leave());
    this.#reader.on('close', () => this.#leave());
    // Begun before the greeting: lines typed or pasted meanwhile would be lost.
    const lines = this.#reader[Symbol.asyncIterator]();
    try {
      await this.#greet();
      this.#prompt();
      for await (const line of lines) {
        await this.#handle(line);
        if (this.#hasLeft) break;
        this.#prompt();
      }
    } finally {
      this.#leave();
      writeHistory(this.#options.historyPath, this.#history);
    }
  }

  async #greet(): Promise<void> {
    await print(this.#connection.request('version', 'text'), this.#options.output);
    const version = await this.#data<{ nodeName?: string; product?: string }>('version');
    this.#commands = await this.#data<ServerCommands>('help');
    this.#serverName = version.nodeName ?? version.product ?? '';
  }

  /** The answer in JSON; an empty object when it is none, as from a server of another kind. */
  async #data<Shape extends object>(line: string): Promise<Partial<Shape>> {
    let text = '';
    for await (const part of this.#connection.request(line, 'json')) text += part;
    try {
      return JSON.parse(text) as Partial<Shape>;
    } catch {
      return {};
    }
  }

  async #handle(line: string): Promise<void> {
    const words = line.trim();
    if (words === '') return;
    this.#history.push(line);
    if (words === 'quit') this.#leave();
    else if (words === '\\pager') this.#togglePager();
    else await this.#run(line);
  }

  async #run(line: string): Promise<void> {
    try {
      if (!this.#connection.isOpen) this.#connection = await this.#options.connect();
      this.#lastStatus = await this.#show(this.#connection.request(line, this.#options.format));
    } catch (error) {
      if (this.#hasLeft) return;
      if (!isFlotillaError(error)) throw error;
      this.#lastStatus = status.failed;
      this.#options.errors.write(`${error.message}\n`);
    }
  }

  async #show(reply: RemoteReply): Promise<Status> {
    const { output, pager } = this.#options;
    const harmless = withoutControls(reply);
    if (!this.#isPaging || pager === '') return await print(harmless, output);
    this.#reader.pause();
    try {
      return await printPaged(harmless, output, output.rows ?? 24, pager);
    } finally {
      this.#reader.resume();
    }
  }

  #togglePager(): void {
    this.#isPaging = !this.#isPaging;
    this.#options.output.write(`Paging is now ${this.#isPaging ? 'on' : 'off'}.\n`);
  }

  /** `12:33:15 relay-1(/tmp/2025)> ` (CON-19) */
  #prompt(): void {
    const time = new Date().toTimeString().slice(0, 8);
    const prompt = `${time} ${this.#serverName}(${this.#options.label})> `;
    const colour = this.#lastStatus === status.ok ? colours.good : colours.bad;
    this.#reader.setPrompt(this.#options.hasColours ? `${colour}${prompt}${colours.none}` : prompt);
    this.#reader.prompt();
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#connection.close();
    this.#reader.close();
  }
}

/** Keys come from the network; one with an escape sequence in it must not reprogram the terminal. */
async function* withoutControls(reply: RemoteReply): RemoteReply {
  for (;;) {
    const next = await reply.next();
    if (next.done) return next.value;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    yield next.value.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
  }
}
