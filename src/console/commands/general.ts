/** Commands that every console has: help, version, pid, sysinfo, shutdown, paniclog (CMD-1). */
import { arch, availableParallelism, hostname, release, totalmem, type } from 'node:os';
import { type Answer, failed, said, structured } from '../answer.ts';
import type { NodeFacts, PaniclogLine } from '../facts.ts';
import type { Command, Registry } from '../registry.ts';
import { dayAndTime } from '../time.ts';
import { element, escapeXml, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';

type GeneralFacts = Pick<NodeFacts, 'nodename' | 'version' | 'processId' | 'paniclog' | 'shutdown'>;

/** `nodeCommands`: what a manager can send to nodes. */
export function generalCommands(
  facts: GeneralFacts,
  registry: Registry,
  nodeCommands: readonly string[] = [],
): readonly Command[] {
  return [
    {
      words: 'help',
      usage: 'help [<command>]',
      help: 'list the commands, or explain one',
      impact: 'read',
      run: (args) => help(registry, args, nodeCommands),
    },
    withoutArguments('version', 'the version of the node', 'read', () => version(facts)),
    withoutArguments('pid', 'the process id of the node', 'read', () =>
      structured({
        text: () => `${facts.processId}\n`,
        xml: () => textElement('Pid', facts.processId),
        json: () => ({ pid: facts.processId }),
      }),
    ),
    withoutArguments('sysinfo', 'version, runtime and machine of the node', 'read', () => sysinfo(facts)),
    withoutArguments('shutdown', 'stop the node gracefully', 'write', () => {
      facts.shutdown();
      return said('Shutting down.');
    }),
    withoutArguments('paniclog', 'the last 10 messages of each level, in UTC', 'read', () =>
      paniclog(facts.paniclog()),
    ),
  ];
}

/** The list of all commands below some words; for one command its syntax. */
export function help(
  registry: Registry,
  words: readonly string[],
  nodeCommands: readonly string[] = [],
): Answer {
  const commands = registry.list(words);
  if (commands.length === 0) return failed(`no help for '${words.join(' ')}'`);
  const [only] = commands;
  if (only && commands.length === 1 && words.length > 0) return explained(only);
  const width = Math.max(...commands.map((command) => command.words.length));
  const text = () => commands.map((command) => `${command.words.padEnd(width)}  ${command.help}\n`).join('');
  return listed(commands, text, words.length === 0 ? nodeCommands : []);
}

function explained(command: Command): Answer {
  const effect = command.impact === 'read' ? 'only reads' : 'changes something';
  return listed([command], () => `usage: ${command.usage}\n${command.help} (${effect})\n`);
}

function listed(
  commands: readonly Command[],
  text: () => string,
  nodeCommands: readonly string[] = [],
): Answer {
  return structured({
    text,
    xml: () => element('Commands', commands.map(commandElement)),
    json: () => ({
      commands: commands.map(({ words, usage, help, impact, carries }) => ({
        words,
        usage,
        help,
        impact,
        ...(carries && { carries }),
      })),
      ...(nodeCommands.length > 0 && { nodeCommands }),
    }),
  });
}

function commandElement({ words, usage, help, impact }: Command): string {
  return `<Command words="${escapeXml(words)}" impact="${impact}">${textElement('Usage', usage)}${textElement('Help', help)}</Command>`;
}

/** Four lines framed by `#` (CON-20); monitoring scripts look for `flotilla version:`. */
function version(facts: GeneralFacts): Answer {
  const lines = [`flotilla version: ${facts.version}`, `node: ${facts.nodename}`];
  const frame = '#'.repeat(Math.max(40, ...lines.map((line) => line.length + 2)));
  return structured({
    text: () => `${frame}\n${lines.map((line) => `# ${line}\n`).join('')}${frame}\n`,
    xml: () =>
      element('Version', [
        textElement('Product', 'flotilla'),
        textElement('Version', facts.version),
        textElement('Node_Name', facts.nodename),
      ]),
    json: () => ({ product: 'flotilla', version: facts.version, nodeName: facts.nodename }),
  });
}

function sysinfo({ version }: GeneralFacts): Answer {
  const figures = {
    version,
    runtime: `Node.js ${process.versions.node}`,
    system: `${type()} ${release()} ${arch()}`,
    host: hostname(),
    processors: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
  };
  const { runtime, system, host, processors, memoryMiB } = figures;
  return structured({
    text: () =>
      `Version: flotilla ${version}\nRuntime: ${runtime}\nSystem: ${system}\nHost: ${host}\n` +
      `Processors: ${processors}\nMemory: ${memoryMiB} MiB\n`,
    xml: () =>
      element('Sysinfo', [
        textElement('Version', version),
        textElement('Runtime', runtime),
        textElement('System', system),
        textElement('Host', host),
        textElement('Processors', processors),
        textElement('Memory_MiB', memoryMiB),
      ]),
    json: () => figures,
  });
}

function paniclog(lines: readonly PaniclogLine[]): Answer {
  return structured({
    text: () => lines.map((line) => `[${dayAndTime(line.wallMs)}] [${line.level}] ${line.text}\n`).join(''),
    xml: () => element('Paniclog', lines.map(paniclogElement)),
    json: () => ({
      messages: lines.map((line) => ({
        time: new Date(line.wallMs).toISOString(),
        level: line.level,
        text: line.text,
      })),
    }),
  });
}

function paniclogElement(line: PaniclogLine): string {
  return `<Message time="${new Date(line.wallMs).toISOString()}" level="${line.level}">${escapeXml(line.text)}</Message>`;
}
