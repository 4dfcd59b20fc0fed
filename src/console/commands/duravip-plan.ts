/** Looking ahead and back: what would happen if a node died, and what has happened (EXT-7). */
import type { HistoryEntry, HistoryOwner } from '../../core/duravip/history.ts';
import type { Process } from '../../core/view.ts';
import { type Answer, failed, structured, usage } from '../answer.ts';
import type { DuravipFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { dayAndTime } from '../time.ts';
import { element, escapeXml, textElement } from '../xml.ts';
import { findVips, lackText, nodeNamed, unsettled, withDuravip } from './duravip-arguments.ts';

const planSyntax = 'cluster duravip plan <node>';
const historySyntax = 'cluster duravip history [<ip>|<name>]';

export function duravipPlanCommands(facts: NodeFacts): readonly Command[] {
  return [
    withDuravip(facts, {
      words: 'cluster duravip plan',
      usage: planSyntax,
      help: 'which floating addresses would go where if a node were gone',
      impact: 'read',
      run: plan,
    }),
    withDuravip(facts, {
      words: 'cluster duravip history',
      usage: historySyntax,
      help: 'the last 1000 changes of ownership, in UTC',
      impact: 'read',
      run: history,
    }),
  ];
}

function plan(duravip: DuravipFacts, args: readonly string[]): Answer {
  const [typed, ...more] = args;
  if (typed === undefined || more.length > 0) return usage(planSyntax);
  const obstacle = unsettled(duravip);
  if (obstacle) return obstacle;
  const gone = nodeNamed(duravip, typed);
  if (!gone) return failed(`No such node: ${typed}`);
  const lack = duravip.lackOfQuorum(gone.incarnation);
  const changes = lack ? everythingLost(duravip) : changesWithout(duravip, gone);
  return structured({
    text: () => `${lack ? `Without ${typed} there is ${lackText(lack)}.\n` : ''}${planText(typed, changes)}`,
    xml: () =>
      `<DuraVIPPlan without="${escapeXml(typed)}">${changes
        .map(({ ip, from = '', to = '' }) =>
          element('Change', [textElement('IP', ip), textElement('From', from), textElement('To', to)]),
        )
        .join('')}</DuraVIPPlan>`,
    json: () => ({
      without: typed,
      changes: changes.map(({ ip, from = null, to = null }) => ({ ip, from, to })),
    }),
  });
}

function changesWithout(duravip: DuravipFacts, { incarnation }: Process): readonly NamedChange[] {
  const nameOf = (owner: string | undefined) =>
    duravip.members.find((member) => member.incarnation === owner)?.node;
  return duravip
    .planWithout(incarnation)
    .map(({ ip, from, to }) => ({ ip, from: nameOf(from), to: nameOf(to) }));
}

/** Those that are left own nothing any more. */
function everythingLost(duravip: DuravipFacts): readonly NamedChange[] {
  return duravip.members.flatMap(({ incarnation, node }) =>
    duravip.ownedBy(incarnation).map((ip) => ({ ip, from: node, to: undefined })),
  );
}

interface NamedChange {
  readonly ip: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

function planText(node: string, changes: readonly NamedChange[]): string {
  if (changes.length === 0) return `Without ${node} nothing would move.\n`;
  const lines = changes.map(({ ip, from = '-', to = '-' }) => `\t${ip} from ${from} to ${to}\n`);
  return `Without ${node} these would move:\n${lines.join('')}`;
}

function history(duravip: DuravipFacts, args: readonly string[]): Answer {
  const [typed, ...more] = args;
  if (more.length > 0) return usage(historySyntax);
  const ips = typed === undefined ? undefined : findVips(duravip, typed);
  if (ips?.length === 0) return failed(`No such VIP: ${typed}`);
  const entries = ips ? ips.flatMap((ip) => duravip.history(ip)) : duravip.history();
  return structured({
    text: () => entries.map(historyLine).join(''),
    xml: () => element('DuraVIPHistory', entries.map(historyElement)),
    json: () => ({ changes: entries.map(historyRecord) }),
  });
}

/** `[Sat 21 Nov 2026 07:38:32] 10.9.0.1 from relay-1 to relay-2 (balanced) in view 7@relay-1` */
function historyLine(entry: HistoryEntry): string {
  const { atMs, ip, from, to, reason } = entry;
  return `[${dayAndTime(atMs)}] ${ip} from ${nodeOf(from)} to ${nodeOf(to)} (${reason}) in view ${viewName(entry)}\n`;
}

function historyElement(entry: HistoryEntry): string {
  const { atMs, ip, from, to, reason } = entry;
  return element('Change', [
    textElement('Time', new Date(atMs).toISOString()),
    textElement('IP', ip),
    textElement('From', from?.node ?? ''),
    textElement('To', to?.node ?? ''),
    textElement('Reason', reason),
    textElement('View', viewName(entry)),
  ]);
}

function historyRecord(entry: HistoryEntry) {
  const { atMs, ip, from, to, reason, view } = entry;
  return {
    time: new Date(atMs).toISOString(),
    ip,
    from: from?.node ?? null,
    to: to?.node ?? null,
    reason,
    view: { ...view, coordinatorNode: entry.coordinator ?? null },
  };
}

function nodeOf(owner: HistoryOwner | undefined): string {
  return owner?.node ?? '-';
}

/** As `cluster info -v` prints it. */
function viewName({ view, coordinator }: HistoryEntry): string {
  return `${view.epoch}@${coordinator ?? view.coordinator}`;
}
