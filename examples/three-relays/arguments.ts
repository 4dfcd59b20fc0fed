/** What can be typed after `npm start --`, and after the other demonstrations. Pure: text in, a decision out. */
import { parseArgs } from 'node:util';

export type Arguments =
  /** Without `durationMs` it runs until it is stopped. */
  | { readonly wants: 'run'; readonly durationMs: number | undefined }
  | { readonly wants: 'help' }
  | { readonly wants: 'nothing'; readonly problem: string };

export const usage = `Three relays on this machine: one NATS server, three Flotilla nodes, a mail server behind
each of them, mail clients on many addresses, and a manager that collects the logs. Every
few seconds what the nodes count is compared with what the kernel holds. One node is killed
and started again. At the end each line of the logs has to be in the manager's files once.

  npm start                  until Ctrl-C
  npm start -- --for 30      for 30 seconds; exit code 1 if anything was wrong
  npm start -- --help        this text
`;

/** Less is not enough to kill a node, start it again and look at the sums in between. */
const usualMinSeconds = 10;
const maxSeconds = 7 * 24 * 3600;

export function parseArguments(argv: readonly string[], minSeconds = usualMinSeconds): Arguments {
  const options = { for: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } } as const;
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  let durationMs: number | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') return wrong(`unexpected argument '${token.value}'`);
    if (token.name === 'help') return { wants: 'help' };
    if (token.name !== 'for') return wrong(`unknown option '${token.rawName}'`);
    const seconds = Number(token.value || Number.NaN);
    if (!(seconds >= minSeconds && seconds <= maxSeconds))
      return wrong(`--for needs a number of seconds from ${minSeconds} to ${maxSeconds}`);
    durationMs = seconds * 1000;
  }
  return { wants: 'run', durationMs };
}

function wrong(problem: string): Arguments {
  return { wants: 'nothing', problem };
}
