/** `flotilla console`: the client of src/console with this terminal, this environment and the bus behind it. */
import { userInfo } from 'node:os';
import type { Writable } from 'node:stream';
import { connectControl } from '../bus/control-client.ts';
import { isStatus, status } from '../console/answer.ts';
import type { ConnectOverNats, RemoteReply } from '../console/client/connection.ts';
import { runConsole } from '../console/client/console.ts';
import {
  askedPassword,
  type Credentials,
  fixedPassword,
  passwordInFile,
} from '../console/client/credentials.ts';
import { defaultEndpoint, parseEndpoint } from '../console/client/endpoint.ts';
import { historyPath } from '../console/client/history.ts';

export interface ConsoleFlags {
  readonly e?: readonly string[];
  readonly x?: true;
  readonly j?: true;
  readonly t: number;
  readonly tls?: true;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passwordFile?: string;
}

/** The exit code; undefined when the endpoint is none. `output` takes the answers. */
export async function openConsole(
  endpointText: string | undefined,
  words: readonly string[],
  flags: ConsoleFlags,
  output: Writable = process.stdout,
): Promise<number | undefined> {
  const endpoint = parseEndpoint(endpointText ?? defaultEndpoint);
  if (!endpoint) return undefined;
  // `flotilla console ... | head` ends the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  const { stdout, env } = process;
  return await runConsole({
    endpoint,
    words,
    commands: flags.e ?? [],
    format: flags.x ? 'xml' : flags.j ? 'json' : 'text',
    timeoutMs: flags.t * 1000,
    input: process.stdin,
    output,
    errors: process.stderr,
    historyPath: historyPath(),
    pager: process.env.PAGER ?? 'less',
    connectOverNats,
    credentials: credentialsFor('user' in endpoint ? endpoint.user : undefined, flags),
    tls: {
      always: flags.tls ?? false,
      ...(flags.ca === undefined ? {} : { ca: flags.ca }),
      ...(flags.cert === undefined ? {} : { cert: flags.cert }),
      ...(flags.key === undefined ? {} : { key: flags.key }),
    },
    isScreen: stdout.isTTY ?? false,
    hasColours: stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb',
  });
}

/** A password for scripts comes before the question on the terminal. */
function credentialsFor(given: string | undefined, { passwordFile }: ConsoleFlags): Credentials {
  const user = given ?? userInfo().username;
  const { EC_CONSOLE_PASSWORD: password } = process.env;
  if (passwordFile !== undefined) return fixedPassword(user, passwordInFile(passwordFile));
  if (password !== undefined) return fixedPassword(user, password);
  if (process.stdin.isTTY) return askedPassword(user, process.stdin, process.stderr);
  return { user, password: async () => undefined };
}

const connectOverNats: ConnectOverNats = async ({ url, node, controlGroup }, { timeoutMs }) => {
  const client = await connectControl({ url, node, controlGroup, timeoutMs });
  return {
    get isOpen() {
      return client.isOpen;
    },
    async *request(line, format): RemoteReply {
      const result = yield* client.request(line, format);
      return isStatus(result) ? result : status.failed;
    },
    close: () => client.close(),
  };
};
