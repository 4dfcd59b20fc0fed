/** `flotilla console`: chooses the transport and the mode, and turns what happened into an exit code (CON-17). */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isFlotillaError } from '../../core/errors.ts';
import type { Format } from '../answer.ts';
import { quoteWord } from '../words.ts';
import { runBatch } from './batch.ts';
import { type ConnectOverNats, type ConsoleConnection, connectToSocket } from './connection.ts';
import type { Credentials } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { runInteractive } from './interactive.ts';
import type { TlsFiles } from './transport.ts';

/** Beyond the statuses of commands, 0 to 5. */
const connectionFailedExitCode = 10;
const loginFailedExitCode = 11;

export interface ConsoleOptions {
  readonly endpoint: Endpoint;
  /** Words after the endpoint: one command. */
  readonly words: readonly string[];
  /** Commands of `-e`, run after it. */
  readonly commands: readonly string[];
  readonly format: Format;
  readonly timeoutMs: number;
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly rows?: number };
  readonly errors: Writable;
  readonly historyPath: string;
  readonly pager: string;
  readonly connectOverNats: ConnectOverNats;
  readonly credentials: Credentials;
  readonly tls: TlsFiles;
  /** Whether the output is a terminal, and whether it takes colours. */
  readonly isScreen: boolean;
  readonly hasColours: boolean;
}

/** The exit code. Never throws for what goes wrong with the connection. */
export async function runConsole(options: ConsoleOptions): Promise<number> {
  try {
    const given = givenLines(options);
    if (given) return await batch(options, given);
    if (options.input.isTTY) return await interactive(options);
    return await batch(options, linesOf(options.input));
  } catch (error) {
    if (!isFlotillaError(error)) throw error;
    options.errors.write(`flotilla: ${error.message}. ${error.advice} [${error.code}]\n`);
    return error.code === 'FLT-1505' ? loginFailedExitCode : connectionFailedExitCode;
  }
}

/**
 * A single word is taken as the whole line, so that `'cluster info'` in quotes of the shell works; several were split
 * by the shell and get back the quotes they need.
 */
function givenLines({ words, commands }: ConsoleOptions): string[] | undefined {
  const line = words.length > 1 ? words.map(quoteWord).join(' ') : words[0];
  const lines = line === undefined ? [...commands] : [line, ...commands];
  return lines.length > 0 ? lines : undefined;
}

/** Begins to read when the first line is asked for: what comes while nobody listens, as until the login, would be lost. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

async function batch(
  options: ConsoleOptions,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  const connection = await connect(options);
  try {
    return await runBatch(connection, lines, options.format, options.output);
  } finally {
    connection.close();
  }
}

async function interactive(options: ConsoleOptions): Promise<number> {
  await runInteractive({ ...options, connect: () => connect(options), label: options.endpoint.label });
  return 0;
}

function connect(options: ConsoleOptions): Promise<ConsoleConnection> {
  const { endpoint, timeoutMs, connectOverNats, credentials, tls } = options;
  return endpoint.kind === 'socket'
    ? connectToSocket(endpoint, { timeoutMs, credentials, tls })
    : connectOverNats(endpoint, { timeoutMs });
}
