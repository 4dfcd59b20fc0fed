/** Commands of a manager for nodes: sent to all, to one or to a subcluster, and what was answered (MGR-6 .. MGR-12). */
import type { CommandTarget } from '../../core/command-target.ts';
import { withoutSecrets } from '../../core/secrets.ts';
import { type Answer, failed, said, status, type Text, usage } from '../answer.ts';
import type { DispatchFacts, NodeAnswer } from '../facts.ts';
import type { Command } from '../registry.ts';
import { quoteWord } from '../words.ts';
import { escapeXml } from '../xml.ts';
import { wholeNumber } from './arguments.ts';

const usualWaitS = 5;
/** The console gives a command 60 s. */
const longestWaitS = 55;
const wait = '[-w [<seconds>]]';

type Dispatches = { readonly dispatch: () => DispatchFacts };

export function dispatchCommands(facts: Dispatches): readonly Command[] {
  return [
    {
      words: 'broadcast',
      carries: { names: 0 },
      usage: `broadcast ${wait} <command>`,
      help: 'send a command to all nodes; -w waits for the answers, 5 s, and prints them',
      impact: 'write',
      run: (args) => send(facts, `broadcast ${wait} <command>`, args, () => ({ kind: 'all' })),
    },
    {
      words: 'unicast',
      carries: { names: 1 },
      usage: `unicast ${wait} <node> <command>`,
      help: 'send a command to one node',
      impact: 'write',
      run: (args) => send(facts, `unicast ${wait} <node> <command>`, args, toNode),
    },
    {
      words: 'subcluster broadcast',
      carries: { names: 1 },
      usage: `subcluster broadcast ${wait} <subcluster> <command>`,
      help: 'send a command to the nodes of a subcluster',
      impact: 'write',
      run: (args) => send(facts, `subcluster broadcast ${wait} <subcluster> <command>`, args, toSubcluster),
    },
    {
      words: 'retrieve',
      carries: { names: 0 },
      usage: 'retrieve <command>',
      help: 'what the nodes answered to a command, spelled as it was sent',
      impact: 'read',
      run: (args) => retrieve(facts, 'retrieve <command>', args, () => ({ kind: 'all' })),
    },
    {
      words: 'retrieve_node',
      carries: { names: 1 },
      usage: 'retrieve_node <node> <command>',
      help: 'what one node answered to a command',
      impact: 'read',
      run: (args) => retrieve(facts, 'retrieve_node <node> <command>', args, toNode),
    },
    {
      words: 'subcluster retrieve',
      carries: { names: 1 },
      usage: 'subcluster retrieve <subcluster> <command>',
      help: 'what the nodes of a subcluster answered to a command',
      impact: 'read',
      run: (args) => retrieve(facts, 'subcluster retrieve <subcluster> <command>', args, toSubcluster),
    },
    {
      words: 'flush control cache',
      usage: 'flush control cache',
      help: 'forget all answers of nodes',
      impact: 'write',
      run: async (args) => {
        if (args.length > 0) return usage('flush control cache');
        await facts.dispatch().flush();
        return said('Control cache flushed.');
      },
    },
  ];
}

/** Takes the words that say to whom from the front. */
type TakeTarget = (words: string[]) => CommandTarget | undefined;

const toNode: TakeTarget = (words) => {
  const node = words.shift();
  return node === undefined ? undefined : { kind: 'node', node };
};

const toSubcluster: TakeTarget = (words) => {
  const subcluster = words.shift();
  return subcluster === undefined ? undefined : { kind: 'subcluster', subcluster };
};

async function send(
  facts: Dispatches,
  syntax: string,
  args: readonly string[],
  take: TakeTarget,
): Promise<Answer> {
  const words = [...args];
  const waitS = takeWait(words);
  const to = take(words);
  if (waitS === 'wrong' || to === undefined || words.length === 0) return usage(syntax);
  const line = lineOf(words);
  const sent = await facts.dispatch().send(to, line);
  if ('problem' in sent) return failed(sent.problem);
  if (waitS === undefined) return said(`${announced(to, sent.nodes)}: ${withoutSecrets(line)}`);
  await facts.dispatch().settled(sent, waitS * 1000);
  const answers = await facts.dispatch().answers(line, { command: sent.command });
  const isDone = answers.every((answer) => answer.state === 'whole' && answer.status === status.ok);
  return shown(line, answers, isDone ? status.ok : status.failed);
}

/** `-w`, or `-w SECONDS`, from the front. */
function takeWait(words: string[]): number | 'wrong' | undefined {
  if (words[0]?.toLowerCase() !== '-w') return undefined;
  words.shift();
  const [next = ''] = words;
  if (!/^\d+$/.test(next)) return usualWaitS;
  words.shift();
  return wholeNumber(next, 1, longestWaitS) ?? 'wrong';
}

function announced(to: CommandTarget, nodes: number): string {
  if (to.kind === 'node') return `Sent to ${to.node}`;
  const count = `Broadcast to ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
  return to.kind === 'all' ? count : `${count} of ${to.subcluster}`;
}

/** One spelling for what a node takes for the same words, so that an answer is found again (MGR-8). */
function lineOf(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

async function retrieve(
  facts: Dispatches,
  syntax: string,
  args: readonly string[],
  take: TakeTarget,
): Promise<Answer> {
  const words = [...args];
  const of = take(words);
  if (of === undefined || words.length === 0) return usage(syntax);
  const line = lineOf(words);
  const { kind: _, ...choice } = of;
  const answers = await facts.dispatch().answers(line, choice);
  if (answers.length > 0) return shown(line, answers, status.ok);
  if (of.kind === 'node' && !facts.dispatch().knows(of)) return failed(`No such node: ${of.node}`);
  if (of.kind === 'subcluster' && !facts.dispatch().knows(of))
    return failed(`No such subcluster: ${of.subcluster}`);
  return failed(`No responses for: ${withoutSecrets(line)}`);
}

/** The answers go where the line was not typed: into logs, over shoulders. */
function shown(line: string, answers: readonly NodeAnswer[], outcome: Answer['status']): Answer {
  return {
    status: outcome,
    text: () => asText(answers),
    xml: () => asXml(withoutSecrets(line), answers),
    json: () => asJson(withoutSecrets(line), answers),
  };
}

async function* asText(answers: readonly NodeAnswer[]): Text & AsyncGenerator<string> {
  for (const answer of answers) {
    yield `== ${header(answer)}\n`;
    let last = '\n';
    for await (const piece of answer.text()) {
      yield piece;
      last = piece.at(-1) ?? last;
    }
    if (last !== '\n') yield '\n';
  }
}

function header({ node, privateName, state, status, timeMs }: NodeAnswer): string {
  if (state === 'waiting') return `${node} (no response yet)`;
  const outcome = state === 'whole' ? String(status) : 'incomplete';
  return `${node} (${privateName ?? ''}) ${timeText(timeMs)} [${outcome}]`;
}

const timeText = (timeMs: number | undefined): string =>
  timeMs === undefined ? '' : new Date(timeMs).toISOString();

const outcomes = {
  waiting: 'none',
  arriving: 'incomplete',
  broken: 'incomplete',
  whole: 'complete',
} as const;

async function* asXml(line: string, answers: readonly NodeAnswer[]): AsyncGenerator<string> {
  yield `<Responses command="${escapeXml(line)}">`;
  for (const answer of answers) {
    const { node, privateName = '', status = '', timeMs, state } = answer;
    const who = `node="${escapeXml(node)}" private_name="${escapeXml(privateName)}"`;
    yield `<Response ${who} response="${outcomes[state]}" status="${status}" time="${timeText(timeMs)}">`;
    for await (const piece of answer.text()) yield escapeXml(piece);
    yield '</Response>';
  }
  yield '</Responses>';
}

async function* asJson(line: string, answers: readonly NodeAnswer[]): AsyncGenerator<string> {
  yield `{"command":${JSON.stringify(line)},"responses":[`;
  for (const [at, answer] of answers.entries()) {
    const { node, privateName = null, status = null, timeMs, state } = answer;
    const time = timeMs === undefined ? null : timeText(timeMs);
    const facts = JSON.stringify({ node, privateName, response: outcomes[state], status, time });
    yield `${at === 0 ? '' : ','}${facts.slice(0, -1)},"text":"`;
    for await (const piece of answer.text()) yield JSON.stringify(piece).slice(1, -1);
    yield '"}';
  }
  yield ']}';
}
