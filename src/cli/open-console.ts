/** `flotilla console`: the client of src/console with this terminal, this environment and the bus behind it. */
import { connectControl } from '../bus/control-client.ts';
import { isStatus, status } from '../console/answer.ts';
import type { ConnectOverNats, RemoteReply } from '../console/client/connection.ts';
import { runConsole } from '../console/client/console.ts';
import { defaultEndpoint, parseEndpoint } from '../console/client/endpoint.ts';
import { historyPath } from '../console/client/history.ts';

export interface ConsoleFlags {
  readonly e?: readonly string[];
  readonly x?: true;
  readonly j?: true;
  readonly t: number;
}

/** The exit code; undefined when the endpoint is none. */
export async function openConsole(
  endpointText: string | undefined,
  words: readonly string[],
  flags: ConsoleFlags,
): Promise<number | undefined> {
  const endpoint = parseEndpoint(endpointText ?? defaultEndpoint);
  if (!endpoint) return undefined;
  // `flotilla console ... | head` ends the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  return await runConsole({
    endpoint,
    words,
    commands: flags.e ?? [],
    format: flags.x ? 'xml' : flags.j ? 'json' : 'text',
    timeoutMs: flags.t * 1000,
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    historyPath: historyPath(),
    pager: process.env.PAGER ?? 'less',
    connectOverNats,
  });
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
