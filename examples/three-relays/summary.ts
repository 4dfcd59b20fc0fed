/** What the demonstration came to, on one screen. */
import type { Checker } from './check.ts';
import type { RunningFleet } from './fleet.ts';
import type { LogCheck } from './log-check.ts';
import { columns, counted, milliseconds, seconds } from './screen.ts';

export interface Kill {
  readonly victim: string;
  /** Until the dead node's share was gone from a relay that lived; undefined when it stayed. */
  readonly goneMs: readonly { readonly relay: string; readonly afterMs: number | undefined }[];
  /** From its start until it served again; undefined when it was not started again. */
  readonly backMs: number | undefined;
}

export interface SummaryFacts {
  readonly fleet: RunningFleet;
  readonly checker: Checker;
  readonly kill: Kill | undefined;
  /** Undefined: it ended before there was anything to check. */
  readonly logs: LogCheck | undefined;
  readonly durationMs: number;
}

export async function summary(facts: SummaryFacts): Promise<{ text: string; hasFailed: boolean }> {
  const { fleet, checker, kill, logs, durationMs } = facts;
  const { clients, mailServers } = fleet;
  const delivered = sum(mailServers, ({ messages }) => messages);
  const mistaken = sum(mailServers, ({ mistaken }) => mistaken);
  const lost = Math.max(0, clients.messages - delivered);
  const sessions = [...clients.sessions.values()].reduce((total, count) => total + count, 0);
  const stayed = kill?.goneMs.some(({ afterMs }) => afterMs === undefined) ?? false;
  const problems = [
    ...(checker.failed > 0 ? [`${counted(checker.failed, 'check')} found a wrong sum`] : []),
    ...(stayed ? ['the share of the dead node stayed'] : []),
    ...(lost > 0 ? [`${counted(lost, 'message')} lost`] : []),
    ...(logs && logs.twice > 0 ? [`${counted(logs.twice, 'line')} twice in the files of the manager`] : []),
    ...(logs && logs.missing > 0 ? [`${counted(logs.missing, 'line')} missing there`] : []),
    ...(mistaken > 0 ? [`${counted(mistaken, 'message')} with a wrong client address`] : []),
  ];
  const lines = [
    ['mail', `${counted(delivered, 'message')} in ${counted(sessions, 'session')}`],
    [
      '',
      `${counted(mistaken, 'wrong client address', 'wrong client addresses')} behind the relays (PROXY protocol)`,
    ],
    [
      '',
      `${counted(clients.cut, 'session')} cut off; ${counted(clients.refused, 'attempt')} went on to the next relay`,
    ],
    ['sums', `${counted(checker.made, 'check')}, ${checker.failed} wrong`],
    ['', `the slowest agreed with the kernel after ${milliseconds(checker.slowestMs)}`],
    ...(logs ? logLines(logs) : []),
    ...(kill ? killLines(kill) : []),
  ];
  const text = `
Summary of ${seconds(durationMs)}

${columns(lines)}
${columns([['node', 'state', 'view', 'sessions', 'messages'], ...(await nodeLines(fleet))])}
${conclusion(checker.made, problems)}
`;
  return { text, hasFailed: problems.length > 0 };
}

function conclusion(checks: number, problems: readonly string[]): string {
  if (problems.length > 0) return `WRONG: ${problems.join('; ')}.`;
  return checks === 0 ? 'It ended before a sum was checked.' : 'Every sum was right.';
}

function logLines({ lines, twice, missing, arrivedMs }: LogCheck): string[][] {
  return [
    [
      'logs',
      `${counted(lines, 'line')} of all nodes in the files of the manager, ${twice} twice, ${missing} missing`,
    ],
    ['', `the last of them was there after ${milliseconds(arrivedMs)}`],
  ];
}

function killLines({ victim, goneMs, backMs }: Kill): string[][] {
  const gone = goneMs.map(
    ({ relay, afterMs }) => `${afterMs === undefined ? 'stayed' : milliseconds(afterMs)} on ${relay}`,
  );
  const back = backMs === undefined ? 'not started again' : `served again ${seconds(backMs)} after its start`;
  return [
    ['kill -9', `${victim}: time until its share was gone: ${gone.join(', ')}`],
    ['', back],
  ];
}

async function nodeLines({ relays, clients, mailServers }: RunningFleet): Promise<string[][]> {
  return await Promise.all(
    relays.map(async (relay) => {
      const view = relay.isRunning ? await relay.view() : undefined;
      return [
        relay.name,
        relay.isRunning ? (view ? 'serves' : 'no answer') : 'dead',
        view ? `${counted(view.nodeCount, 'node')}, ${view.state}` : '-',
        String(clients.sessions.get(relay.name) ?? 0),
        String(mailServers.get(relay)?.messages ?? 0),
      ];
    }),
  );
}

function sum<T>(map: ReadonlyMap<unknown, T>, figure: (value: T) => number): number {
  return [...map.values()].reduce((total, value) => total + figure(value), 0);
}
