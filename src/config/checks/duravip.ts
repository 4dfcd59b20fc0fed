/** DuraVIP marks on bindings and listeners, and the topology they need (DVC, NET-1 to NET-6; CFG-2301 to 2323). */
import { Topology } from '../../core/duravip/topology.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import {
  DuravipMarks,
  type FloatingAddress,
  isDefaultBinding,
  type Leader,
  type PlacedBinding,
  type PlacedListen,
  preferenceOf,
} from '../duravip-marks.ts';
import { topologyOf } from '../duravip-settings.ts';
import type { Findings } from '../finding.ts';
import type { Scope, Setting } from '../scope-tree.ts';
import { type CheckContext, valueSpan } from './check.ts';

/** The limit the manual documents; beyond it things only get slower. */
const mostAddresses = 10_240;

export function checkDuravip({ root, findings }: CheckContext): void {
  checkTopologies(root, findings);
  const marks = new DuravipMarks(root);
  for (const binding of marks.bindings) checkMarkedBinding(binding, marks, findings);
  for (const listen of marks.listens) checkListen(listen, marks, findings);
  checkFollowers(marks, findings);
  for (const address of marks.floating.values()) checkAddress(address, findings);
  checkCovered(marks, new Topology(topologyOf(root)), findings);
}

function checkTopologies(root: Scope, findings: Findings): void {
  for (const topology of root.child('cluster', '')?.children('topology') ?? []) {
    if (topology.get('interface') === undefined) {
      const message = `Topology '${topology.instance}' names no interface: this node cannot take its addresses`;
      findings.add('CFG-2302', topology.span, message, { severity: 'warning' });
    }
    const mask = topology.get('cidrmask');
    if (mask === undefined) continue;
    const full = topology.key.includes(':') ? 128 : 32;
    if (Number(mask.value) > full) {
      findings.add('CFG-2103', valueSpan(mask), `cidrmask ${mask.value} is out of range: from 0 to ${full}`);
    } else if (mask.value !== full) {
      const message = `cidrmask ${mask.value} makes addresses depend on each other: taking one off can take off others`;
      findings.add('CFG-2302', valueSpan(mask), message, { hint: `use ${full}`, severity: 'warning' });
    }
  }
}

function checkMarkedBinding({ scope, ip, mark }: PlacedBinding, marks: DuravipMarks, findings: Findings) {
  if (mark === undefined) return;
  const name = `binding '${scope.instance}'`;
  const problem = isDefaultBinding(scope)
    ? `the ${name} cannot float`
    : ip === undefined
      ? `${name} has no address that could float`
      : addressProblem(name, ip, marks);
  if (problem !== undefined) findings.add('CFG-2321', mark.nameSpan, problem);
}

function addressProblem(name: string, ip: Ip, marks: DuravipMarks): string | undefined {
  return marks.isNodeAddress(ip)
    ? `${name} is on the node's own address ${ip}, which cannot float`
    : undefined;
}

function checkListen(listen: PlacedListen, marks: DuravipMarks, findings: Findings): void {
  const { scope, mark, follow } = listen;
  const preference = scope.get('duravip_preference');
  checkListenAddress(listen, marks, findings);
  if (mark !== undefined && follow !== undefined) {
    const message = `Listen '${scope.instance}' has both enable_duravip and duravip_follow`;
    findings.add('CFG-2308', follow.nameSpan, message, { hint: 'leave one of them out' });
  }
  if (preference !== undefined && follow !== undefined) {
    findings.add('CFG-2310', preference.nameSpan, 'duravip_preference is ignored beside duravip_follow');
  } else if (preference !== undefined && mark !== undefined) {
    const message = 'duravip_preference on a listener with enable_duravip: better on the binding';
    findings.add('CFG-2311', preference.nameSpan, message);
  }
}

/** Marked or following, it needs an address that can come and go. */
function checkListenAddress(
  { scope, ip, isWildcard, mark, follow }: PlacedListen,
  marks: DuravipMarks,
  findings: Findings,
): void {
  const setting = mark ?? follow;
  if (setting === undefined) return;
  const name = `Listen '${scope.instance}'`;
  const problem = isWildcard
    ? `${name} is on a wildcard address, which cannot float`
    : ip === undefined
      ? `${name} has no address that could float`
      : addressProblem(name, ip, marks);
  if (problem !== undefined) findings.add('CFG-2321', setting.nameSpan, problem);
}

/** An address goes with one other, or floats by itself (INV-7). */
function checkFollowers(marks: DuravipMarks, findings: Findings): void {
  const followed = new Map<Ip, Leader>();
  for (const listen of marks.listens) {
    const { scope, ip, mark, follow } = listen;
    if (follow === undefined) continue;
    const wanted = String(follow.value);
    const leader = marks.leader(wanted);
    const problem = followProblem(listen, wanted, leader, marks);
    if (problem !== undefined) {
      findings.add('CFG-2309', valueSpan(follow), problem);
      continue;
    }
    if (ip === undefined || leader === undefined || mark !== undefined) continue;
    if (marks.floating.has(ip)) {
      const message = `Listen '${scope.instance}' follows '${wanted}', but its address ${ip} floats by itself`;
      findings.add('CFG-2308', follow.nameSpan, message, {
        hint: 'another service on this address has enable_duravip',
      });
    }
    const other = followed.get(ip);
    if (other !== undefined && other.ip !== leader.ip)
      findings.add('CFG-2309', valueSpan(follow), `${ip} follows '${other.name}' already`);
    followed.set(ip, other ?? leader);
  }
  checkFollowersNeighbours(marks, followed, findings);
}

function followProblem(
  listen: PlacedListen,
  wanted: string,
  leader: Leader | undefined,
  marks: DuravipMarks,
): string | undefined {
  if (wanted === 'default' || leader?.name === 'default') return "the binding 'default' cannot be followed";
  if (leader === undefined) return `there is no binding '${wanted}' to follow`;
  if (leader.ip === undefined || !marks.floating.has(leader.ip))
    return `the binding '${wanted}' does not float (it lacks enable_duravip)`;
  return listen.ip === leader.ip
    ? `the listener has the address of '${wanted}', so there is nothing to follow`
    : undefined;
}

/** What else is on the address of a follower can serve only while that is on (DVC-8). */
function checkFollowersNeighbours(
  marks: DuravipMarks,
  followed: ReadonlyMap<Ip, Leader>,
  findings: Findings,
): void {
  for (const { scope, ip, mark } of [
    ...marks.bindings,
    ...marks.listens.filter(({ follow }) => follow === undefined),
  ]) {
    const leader = ip === undefined ? undefined : followed.get(ip);
    if (leader && mark === undefined)
      findings.add(
        'CFG-2322',
        scope.span,
        `${nameOf(scope)} follows '${leader.name}' with its address ${ip}`,
      );
  }
}

function checkAddress(address: FloatingAddress, findings: Findings): void {
  const { ip, mark, bindings, listens } = address;
  for (const { scope, mark: own } of [...bindings, ...listens]) {
    if (own !== undefined) continue;
    const message = `${nameOf(scope)} is upgraded to DuraVIP: another service on ${ip} is marked`;
    findings.add('CFG-2322', scope.span, message, { hint: 'give it enable_duravip = true, too' });
  }
  const { differing } = preferenceOf(address);
  if (differing) reportPreferences(ip, differing, findings);
  if (bindings.some(({ scope }) => isDefaultBinding(scope)))
    findings.add(
      'CFG-2321',
      mark.nameSpan,
      `${ip} is the address of the binding 'default', which cannot float`,
    );
}

function reportPreferences(ip: Ip, differing: Setting, findings: Findings): void {
  const message = `services on ${ip} have different preferences, so it has none`;
  findings.add('CFG-2323', valueSpan(differing), message, { hint: 'state one, on the binding' });
}

function nameOf(scope: Scope): string {
  return `${scope.schema.name} '${scope.instance}'`;
}

function checkCovered(marks: DuravipMarks, topology: Topology, findings: Findings): void {
  let count = 0;
  for (const { ip, mark } of marks.floating.values()) {
    checkPlace(ip, mark, topology, findings);
    count++;
    if (count === mostAddresses + 1)
      findings.add('CFG-2316', mark.nameSpan, `more than ${mostAddresses} DuraVIP addresses`);
  }
  const followers = new Set<Ip>();
  for (const listen of marks.listens) {
    const { ip, follow } = listen;
    if (ip === undefined || !follow || followers.has(ip) || marks.followed(listen) === undefined) continue;
    followers.add(ip);
    checkPlace(ip, follow, topology, findings);
  }
}

function checkPlace(ip: Ip, { nameSpan }: Setting, topology: Topology, findings: Findings): void {
  if (topology.find(ip)) return;
  const message = `no Topology covers the DuraVIP address ${ip}: this node cannot take it`;
  findings.add('CFG-2301', nameSpan, message, {
    hint: 'add Topology "NETWORK" { interface = "..." } to cluster { }',
  });
}
