/** `docs/reference/commands.md`, from the commands themselves. */
import { status } from './answer.ts';
import { managerRegistry, nodeRegistry } from './commands/all.ts';
import type { ManagerFacts, NodeFacts } from './facts.ts';
import type { Command } from './registry.ts';

export function renderCommandReference(): string {
  // Which commands there are does not depend on the node; its facts are only read when one runs.
  const commands = nodeRegistry({} as NodeFacts).list();
  const known = new Set(commands.map(({ words }) => words));
  const ofManager = managerRegistry({} as ManagerFacts).list();
  const isShared = ({ words }: Command) => known.has(words);
  return `# Console commands

Every node answers these on its \`Control_Listener\` endpoints and over NATS. Generated from the source; do not edit.

Words are separated by blanks; double quotes group, and within them \`\\"\`, \`\\\\\`, \`\\n\`, \`\\r\`, \`\\t\` are escapes. Fixed
words may be typed in upper or lower case. A line that begins with \`xml\` or \`json\` is answered in that form; a command
without a form of its own answers \`<Response><![CDATA[text]]></Response>\` or \`{"response":"text"}\`.

| command | changes something | meaning |
|---|---|---|
${commands.map(row).join('')}
A manager answers, on its own endpoints,
${ofManager
  .filter(isShared)
  .map(({ words }) => `\`${words}\``)
  .join(', ')}, and:

| command | changes something | meaning |
|---|---|---|
${ofManager
  .filter((command) => !isShared(command))
  .map(row)
  .join('')}
## Status

Each request ends with one status; \`flotilla console\` exits with the first that is not 0, with 10 when the connection
fails, or with 11 when the login does.

| status | meaning |
|---|---|
${Object.values(status)
  .map((value) => `| ${value} | ${meanings[value]} |\n`)
  .join('')}
## Protocol on sockets

A connection carries one exchange after the other. Each message is a 4-byte big-endian length and that many bytes of
JSON in UTF-8. A request is \`{"id": 1, "cmd": "cluster info", "format": "text"}\` and at most 1 MiB long; \`format\` may be
left out. The answer is any number of \`{"id": 1, "out": "..."}\`, whose texts are at most 64 KiB each and belong
together, and then \`{"id": 1, "end": true, "status": 0}\`. A request that cannot be read as far as its id is answered
with id 0. A client that neither sends nor reads for the \`timeout\` of the endpoint is disconnected.

Where a login is needed, a request is answered with
\`{"id": 1, "end": true, "status": 3, "login": "Authorization required for console session"}\`, and nothing is done. The login is
\`{"id": 2, "login": {"user": "tom", "password": "..."}}\`, answered with status 0, or with \`Login incorrect\` and status 3; the
third wrong one, and a client that has no way in, is disconnected behind the answer. Before the login a request is at most
64 KiB long.
`;
}

const meanings = {
  [status.ok]: 'done',
  [status.failed]: 'understood, but it could not be done; the text says why',
  [status.unknownCommand]: 'unknown command',
  [status.notAuthorised]: 'not authorised: no role allows the command, or nobody has logged in',
  [status.badSyntax]: 'bad syntax: nothing to run, a quotation mark that is not closed, wrong arguments',
  [status.timedOut]: 'the command took too long',
} as const;

function row({ usage, help, impact }: Command): string {
  return `| \`${usage}\` | ${impact === 'read' ? 'no' : 'yes'} | ${help} |\n`;
}
