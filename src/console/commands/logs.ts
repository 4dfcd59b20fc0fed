/** Logs that a node offers to the aggregator, and where their subscribers stand (logging 13). The text is fixed. */
import { formatId, type LogId } from '../../core/logs/log-id.ts';
import type { LogListing, SubscriberListing } from '../../core/logs/service-messages.ts';
import { type Answer, failed, said, structured, usage } from '../answer.ts';
import type { LogFacts, NodeLogs, PulledLogFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';

const showSyntax = 'cluster show logs [verbose]';
const dropSyntax = 'cluster logs drop-subscriber <name>';

export function logCommands(facts: { readonly logs: LogFacts }): readonly Command[] {
  return [
    {
      words: 'cluster show logs',
      usage: showSyntax,
      help: 'logs offered to the aggregator: bytes on disk and where each subscriber stands; verbose adds the rest',
      impact: 'read',
      run: async (args) => {
        const isVerbose = args.length === 1 && args[0]!.toLowerCase() === 'verbose';
        if (args.length > 0 && !isVerbose) return usage(showSyntax);
        return logsAnswer((await facts.logs.list()).logs, isVerbose);
      },
    },
    {
      words: 'cluster logs drop-subscriber',
      usage: dropSyntax,
      help: 'remove a subscriber from every log of this node, for good; what only it needed is deleted',
      impact: 'write',
      run: async ([name, ...more]) => {
        if (name === undefined || more.length > 0) return usage(dropSyntax);
        const { dropped, problems } = await facts.logs.dropSubscriber(name);
        if (problems.length > 0) return failed(problems.join('\n'));
        return dropped.length > 0
          ? said(`Dropped '${name}' from ${dropped.join(', ')}.`)
          : failed(`No such subscriber: ${name}`);
      },
    },
  ];
}

/** On a manager: the same for each node, as the nodes tell it, and what the pullers do. */
export function pulledLogCommands(facts: PulledLogFacts): readonly Command[] {
  const syntax = 'show logs [verbose]';
  return [
    {
      words: 'show logs',
      usage: syntax,
      help: 'logs of all nodes: bytes on disk and where each subscriber stands; verbose adds the rest, and the pullers',
      impact: 'read',
      run: async (args) => {
        const isVerbose = args.length === 1 && args[0]!.toLowerCase() === 'verbose';
        if (args.length > 0 && !isVerbose) return usage(syntax);
        const nodes = await facts.list();
        const stateOf = new Map(facts.pullers().map(({ node, log, state }) => [`${node} ${log}`, state]));
        return structured({
          text: () => nodes.map((node) => nodeText(node, stateOf, isVerbose)).join('\n'),
          xml: () => element('Nodes', nodes.map(nodeElement)),
          json: () => ({
            nodes: nodes.map(({ logs, ...node }) => ({ ...node, logs: logs.map(logObject) })),
            pullers: facts.pullers(),
          }),
        });
      },
    },
  ];
}

function nodeText(
  { node, logs, problem }: NodeLogs,
  stateOf: Map<string, string>,
  isVerbose: boolean,
): string {
  const blocks = logs.map((log) => {
    const state = stateOf.get(`${node} ${log.name}`);
    return logText(log, isVerbose) + (isVerbose && state !== undefined ? `\t[puller: ${state}]\n` : '');
  });
  return `Node: ${node}\n${problem === undefined ? '' : `${problem}\n`}${blocks.join('')}`;
}

function nodeElement({ node, logs, problem }: NodeLogs): string {
  return element('Node', [
    textElement('Node_Name', node),
    ...(problem === undefined ? [] : [textElement('Problem', problem)]),
    ...logs.map(logElement),
  ]);
}

function logsAnswer(logs: readonly LogListing[], isVerbose: boolean): Answer {
  return structured({
    text: () => logs.map((log) => logText(log, isVerbose)).join(''),
    xml: () => element('Logs', logs.map(logElement)),
    json: () => ({ logs: logs.map(logObject) }),
  });
}

function logText(log: LogListing, isVerbose: boolean): string {
  const lines = [log.name, `\t[on disk: ${log.onDisk} bytes]`];
  if (isVerbose) lines.push(...logDetails(log));
  for (const subscriber of log.subscribers) {
    lines.push(`\t[subscriber: '${subscriber.name}' @ ${formatId(subscriber.checkpoint)}]`);
    if (isVerbose) lines.push(...subscriberDetails(subscriber));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function logDetails({ path, first, last, problem }: LogListing): string[] {
  return [
    `\t[path: ${path}]`,
    `\t[records: ${idText(first)} to ${idText(last)}]`,
    ...(problem === undefined ? [] : [`\t[problem: ${problem}]`]),
  ];
}

function subscriberDetails(subscriber: SubscriberListing): string[] {
  const { lagRecords, lagBytes, oldestMs, state, holder, contactMs } = subscriber;
  const age = oldestMs === undefined ? '' : `, oldest ${Math.floor(oldestMs / 1000)}s`;
  const lease =
    holder === undefined ? state : `${state} by ${holder}, ${Math.floor((contactMs ?? 0) / 1000)}s ago`;
  return [`\t\t[lag: ${lagRecords ?? 'unknown'} records, ${lagBytes} bytes${age}]`, `\t\t[lease: ${lease}]`];
}

const idText = (id: LogId | undefined): string => (id ? formatId(id) : 'none');

function logElement(log: LogListing): string {
  const { name, path, onDisk, first, last, subscribers, problem } = log;
  return element('Log', [
    textElement('Name', name),
    textElement('Path', path),
    textElement('On_Disk', onDisk),
    ...(first ? [textElement('First', formatId(first))] : []),
    ...(last ? [textElement('Last', formatId(last))] : []),
    ...(problem === undefined ? [] : [textElement('Problem', problem)]),
    ...subscribers.map(subscriberElement),
  ]);
}

function subscriberElement(subscriber: SubscriberListing): string {
  const { name, checkpoint, lagRecords, lagBytes, oldestMs, state, holder } = subscriber;
  return element('Subscriber', [
    textElement('Name', name),
    textElement('Checkpoint', formatId(checkpoint)),
    ...(lagRecords === undefined ? [] : [textElement('Lag_Records', lagRecords)]),
    textElement('Lag_Bytes', lagBytes),
    ...(oldestMs === undefined ? [] : [textElement('Oldest', Math.floor(oldestMs / 1000))]),
    textElement('State', state),
    ...(holder === undefined ? [] : [textElement('Lease_Holder', holder)]),
  ]);
}

function logObject({ first, last, subscribers, ...log }: LogListing): unknown {
  return {
    ...log,
    first: first ? formatId(first) : null,
    last: last ? formatId(last) : null,
    subscribers: subscribers.map((subscriber) => ({
      ...subscriber,
      checkpoint: formatId(subscriber.checkpoint),
      lagRecords: subscriber.lagRecords ?? null,
      oldestMs: subscriber.oldestMs ?? null,
      holder: subscriber.holder ?? null,
      contactMs: subscriber.contactMs ?? null,
    })),
  };
}
