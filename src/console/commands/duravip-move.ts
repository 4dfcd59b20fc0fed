/** Moving addresses by hand, and ending the holds that this leaves behind (CMD-13, CMD-14, OWN-29 to OWN-31). */
import type { MoveProblem } from '../../core/duravip/decisions.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { Process } from '../../core/view.ts';
import { type Answer, failed, said, status, usage } from '../answer.ts';
import type { DuravipFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { findVips, nodeNamed, unsettled, withDuravip } from './duravip-arguments.ts';

const moveSyntax = 'cluster duravip move <ip|binding|node> [to] <node>';
const unholdSyntax = 'cluster duravip release-hold <ip|all>';

export function duravipMoveCommands(facts: NodeFacts): readonly Command[] {
  return [
    withDuravip(facts, {
      words: 'cluster duravip move',
      usage: moveSyntax,
      help: 'move floating addresses to a node and hold them there',
      impact: 'write',
      run: move,
    }),
    withDuravip(facts, {
      words: 'cluster duravip release-hold',
      usage: unholdSyntax,
      help: 'end the hold of addresses that were moved by hand',
      impact: 'write',
      run: releaseHold,
    }),
  ];
}

function move(duravip: DuravipFacts, args: readonly string[]): Answer {
  const words = args.length === 3 && args[1]!.toLowerCase() === 'to' ? [args[0]!, args[2]!] : args;
  const [what, where, ...more] = words;
  if (what === undefined || where === undefined || more.length > 0) return usage(moveSyntax);
  const obstacle = unsettled(duravip);
  if (obstacle) return obstacle;
  const ips = findVips(duravip, what);
  const source = ips.length === 0 ? nodeNamed(duravip, what) : undefined;
  if (ips.length === 0 && !source) return failed(`No such VIP: ${what}`);
  const target = nodeNamed(duravip, where);
  if (!target) return failed(`No such node: ${where}`);
  return source ? moveAll(duravip, source, target) : moveEach(duravip, ips, target);
}

function moveAll(duravip: DuravipFacts, source: Process, target: Process): Answer {
  const ips = duravip.ownedBy(source.incarnation);
  return ips.length === 0 ? failed(`${source.node} owns no VIP`) : moveEach(duravip, ips, target);
}

/** The request leaves before the text is written: owners in the text are those that the addresses are moved from. */
function moveEach(duravip: DuravipFacts, ips: readonly Ip[], target: Process): Answer {
  const movable: Ip[] = [];
  const lines = ips.map((ip) => {
    const problem = duravip.moveProblem(ip, target.incarnation);
    if (problem) return problemLine(duravip, ip, target, problem);
    movable.push(ip);
    return `Moving ${ip} from ${duravip.ownerOf(ip)?.node ?? '-'} to ${target.node}.\n`;
  });
  if (movable.length > 0) duravip.move(movable, target.incarnation);
  return { status: movable.length > 0 ? status.ok : status.failed, text: () => lines };
}

function problemLine(duravip: DuravipFacts, ip: Ip, target: Process, problem: MoveProblem): string {
  switch (problem) {
    case 'unknown':
      return `No such VIP: ${ip}\n`;
    case 'broken':
      return `${ip} is broken\n`;
    case 'not a participant':
      return `${target.node} does not participate in ${ip}\n`;
    case 'already there':
      return `${ip} is already owned by ${target.node}\n`;
    case 'not given yet':
      return `${ip} has no owner before its view is mature, try again\n`;
    case 'not eligible':
      return `${target.node} cannot take ${ip} now: it is ${hindrance(duravip, ip, target)}\n`;
  }
}

function hindrance(duravip: DuravipFacts, ip: Ip, { incarnation }: Process): string {
  const participant = duravip.vip(ip)?.participants.find(({ member }) => member.incarnation === incarnation);
  if (participant?.draining) return 'draining';
  return participant?.capable ? 'suspected' : 'not capable';
}

function releaseHold(duravip: DuravipFacts, args: readonly string[]): Answer {
  const [typed, ...more] = args;
  if (typed === undefined || more.length > 0) return usage(unholdSyntax);
  const obstacle = unsettled(duravip);
  if (obstacle) return obstacle;
  const all = typed.toLowerCase() === 'all';
  const ips = all ? undefined : findVips(duravip, typed);
  if (ips?.length === 0) return failed(`No such VIP: ${typed}`);
  const held = duravip.held.filter((ip) => !ips || ips.includes(ip));
  if (held.length === 0) return all ? said('No VIP is held.') : failed(`${ips!.join(', ')} is not held`);
  duravip.unhold(held);
  return { status: status.ok, text: () => held.map((ip) => `Releasing the hold on ${ip}.\n`) };
}
