/** DuraVIP marks on bindings and listeners, and the topology they need (DVC, NET-1 to NET-6; CFG-2301 to 2321). */
import { contains, isUnspecified, parseEndpoint, parsePrefix } from '../address.ts';
import type { Scope, Setting } from '../scope-tree.ts';
import { resolve } from '../scopes.ts';
import type { Span } from '../source.ts';
import { type Binding, bindingsOf, type CheckContext, listensOf, valueSpan } from './check.ts';

/** The limit the manual documents; beyond it things only get slower. */
const mostAddresses = 10_240;

interface FloatingAddress {
  readonly address: string;
  /** Where it was marked. */
  readonly span: Span;
}

export function checkDuravip(context: CheckContext): void {
  checkTopologies(context);
  const floating = [...markedBindings(context), ...markedListens(context)];
  const leaders = leadersOf(context.root, new Set(floating.map(({ address }) => address)));
  for (const listen of listensOf(context.root)) checkListen(listen, leaders, context);
  checkCovered(floating, context);
}

function checkTopologies({ root, findings }: CheckContext): void {
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

function isMarked(scope: Scope): Setting | undefined {
  const mark = scope.get('enable_duravip');
  return mark?.value === true ? mark : undefined;
}

function markedBindings(context: CheckContext): FloatingAddress[] {
  return bindingsOf(context.root).flatMap((binding) => {
    const mark = isMarked(binding.scope);
    if (mark === undefined) return [];
    const address = addressOf(binding, context.root);
    const name = `binding '${binding.scope.instance}'`;
    if (binding.scope.key === 'default') return refuse(context, mark, "the binding 'default' cannot float");
    if (address === undefined) return refuse(context, mark, `${name} has no address that could float`);
    return floatingAddress(context, mark, address, name);
  });
}

/** The literal address a binding sends from; undefined for `*` and for host names. */
function addressOf({ scope, group }: Binding, root: Scope): string | undefined {
  const option = scope.schema.options.find(({ name }) => name === 'bind_address');
  if (option === undefined) return undefined;
  const target = { binding: scope.key, ...(group === undefined ? {} : { binding_group: group.key }) };
  const value = String(resolve(root, option, target).value);
  return typeof parsePrefix(value) === 'string' ? undefined : value;
}

function markedListens(context: CheckContext): FloatingAddress[] {
  return listensOf(context.root).flatMap((listen) => {
    const mark = isMarked(listen);
    if (mark === undefined) return [];
    const endpoint = parseEndpoint(listen.key, false);
    const name = `Listen '${listen.instance}'`;
    if (typeof endpoint === 'string' || 'path' in endpoint)
      return refuse(context, mark, `${name} has no address that could float`);
    return floatingAddress(context, mark, endpoint.host, name);
  });
}

function floatingAddress(
  context: CheckContext,
  mark: Setting,
  address: string,
  name: string,
): FloatingAddress[] {
  if (isUnspecified(address))
    return refuse(context, mark, `${name} is on a wildcard address, which cannot float`);
  if (address === context.root.child('cluster', '')?.get('nodeaddr')?.value) {
    return refuse(context, mark, `${name} is on the node's own address ${address}, which cannot float`);
  }
  return [{ address, span: mark.nameSpan }];
}

function refuse({ findings }: CheckContext, mark: Setting, message: string): [] {
  findings.add('CFG-2321', mark.nameSpan, message);
  return [];
}

function checkListen(listen: Scope, leaders: Leaders, context: CheckContext): void {
  const { findings } = context;
  const mark = isMarked(listen);
  const follow = listen.get('duravip_follow');
  const preference = listen.get('duravip_preference');
  if (mark !== undefined && follow !== undefined) {
    const message = `Listen '${listen.instance}' has both enable_duravip and duravip_follow`;
    findings.add('CFG-2308', follow.nameSpan, message, { hint: 'leave one of them out' });
  }
  if (preference !== undefined && follow !== undefined) {
    findings.add('CFG-2310', preference.nameSpan, 'duravip_preference is ignored beside duravip_follow');
  } else if (preference !== undefined && mark !== undefined) {
    const message = 'duravip_preference on a listener with enable_duravip: better on the binding';
    findings.add('CFG-2311', preference.nameSpan, message);
  }
  if (follow !== undefined) checkFollow(listen, follow, leaders, context);
}

interface Leader {
  readonly name: string;
  readonly address: string | undefined;
  readonly floats: boolean;
}

/** Bindings by name and by address, as `duravip_follow` names them; a name counts before an address. */
type Leaders = ReadonlyMap<string, Leader>;

/** What is marked is the address: a binding floats, too, when another service on its address is marked (DVC-8). */
function leadersOf(root: Scope, floating: ReadonlySet<string>): Leaders {
  const all = bindingsOf(root).map((binding): Leader => {
    const address = addressOf(binding, root);
    return { name: binding.scope.key, address, floats: address !== undefined && floating.has(address) };
  });
  const byAddress = all.map((leader) => [leader.address ?? leader.name, leader] as const);
  return new Map([...byAddress, ...all.map((leader) => [leader.name, leader] as const)]);
}

function checkFollow(listen: Scope, follow: Setting, leaders: Leaders, { findings }: CheckContext): void {
  const wanted = String(follow.value);
  const problem = followProblem(listen, wanted, leaders.get(wanted));
  if (problem !== undefined) findings.add('CFG-2309', valueSpan(follow), problem);
}

function followProblem(listen: Scope, wanted: string, leader: Leader | undefined): string | undefined {
  if (wanted === 'default' || leader?.name === 'default') return "the binding 'default' cannot be followed";
  if (leader === undefined) return `there is no binding '${wanted}' to follow`;
  if (!leader.floats) return `the binding '${wanted}' does not float (it lacks enable_duravip)`;
  const endpoint = parseEndpoint(listen.key, false);
  const shares = typeof endpoint === 'object' && 'host' in endpoint && endpoint.host === leader.address;
  return shares ? `the listener has the address of '${wanted}', so there is nothing to follow` : undefined;
}

function checkCovered(floating: readonly FloatingAddress[], { root, findings }: CheckContext): void {
  const topologies = root.child('cluster', '')?.children('topology') ?? [];
  const coversAll = topologies.some((topology) => topology.key === '');
  const networks = topologies.map(({ prefix }) => prefix).filter((prefix) => prefix !== undefined);
  const seen = new Set<string>();
  for (const { address, span } of floating) {
    if (seen.has(address)) continue;
    seen.add(address);
    const prefix = parsePrefix(address);
    const isCovered =
      coversAll || (typeof prefix !== 'string' && networks.some((network) => contains(network, prefix)));
    if (!isCovered) {
      const message = `no Topology covers the DuraVIP address ${address}: this node cannot take it`;
      findings.add('CFG-2301', span, message, {
        hint: 'add Topology "NETWORK" { interface = "..." } to cluster { }',
      });
    }
    if (seen.size === mostAddresses + 1)
      findings.add('CFG-2316', span, `more than ${mostAddresses} DuraVIP addresses`);
  }
}
