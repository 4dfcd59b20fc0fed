/**
 * Which limits apply to one outbound connection, and which count each of them is compared with (replication 6.1-6.9).
 * Nothing is decided here: outbound-caps.ts takes the first check that is reached.
 */
import type { OutboundLimitName, OutboundObject } from './outbound-settings.ts';
import { type Containers, emptyContainer, type Stanza } from './outbound-stanzas.ts';
import { sumNames } from './outbound-totals.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

/** Where counts come from. An object is asked for only when the settings list it. */
export interface OutboundCounts {
  /** Connections of this node in one of `sumNames`. */
  own(sum: string): number;
  /** The same of all nodes, from the rows of `outbound_binding_domains`. */
  rows(sum: string): number;
  /** Connections of all nodes to a domain, from an object of type `outbound_domains`. */
  domain(object: string, domain: string): number;
  /** Connections of all nodes to an address, from an object of type `outbound_cidr`. */
  address(object: string, address: string): number;
  /** All connections in an object of type `outbound_cidr`. */
  total(object: string): number;
}

/** A limit beside the count it limits, and the stanza that sets it (`default` for a built-in value). */
export interface Check {
  readonly limit: OutboundLimitName;
  readonly value: number;
  readonly count: number;
  readonly scope: string;
}

/** `counted` names what is counted: checks of one limit and stanza with the same name share their count. */
export interface ClusterCheck extends Check {
  readonly counted: string;
  readonly partition: PartitionPolicy;
}

/** A connection that is to be opened, with everything that is looked up once. */
export interface Subject {
  readonly group: string;
  readonly binding: string;
  readonly domain: string;
  readonly host: string | undefined;
  readonly ips: readonly string[];
  readonly around: Containers;
}

/** Names of the objects that exist. A missing one makes its caps hold for this node alone (replication 6.13). */
export interface CountingObjects {
  readonly addresses: string | undefined;
  readonly domains: string | undefined;
  readonly rows: string | undefined;
  readonly addressesOfGroup: ReadonlyMap<string, string>;
  readonly domainsOfGroup: ReadonlyMap<string, string>;
}

/** Built-in values (replication 6.1); every other option is unset. */
export const outboundDefaults = {
  max_outbound_connections: 32,
  server_max_outbound_connections: 75_000,
  server_reserve_outbound_connections: 200,
} as const;

/** A stanza that sets the option for the subject, and what it limits there. */
interface Step {
  readonly limit: OutboundLimitName;
  readonly value: number;
  readonly stanza: Stanza;
  readonly within: 'binding' | 'group' | 'global';
  readonly names: 'all' | 'domain' | 'host';
}

export function countingObjects(objects: readonly OutboundObject[]): CountingObjects {
  const named = (type: OutboundObject['type']) => objects.filter((object) => object.type === type);
  const plain = (type: OutboundObject['type']) =>
    named(type).find((object) => object.bindingGroup === undefined)?.name;
  const byGroup = (type: OutboundObject['type']) =>
    new Map(
      named(type).flatMap(({ bindingGroup, name }) =>
        bindingGroup === undefined ? [] : [[bindingGroup, name]],
      ),
    );
  return {
    addresses: plain('outbound_cidr'),
    domains: plain('outbound_domains'),
    rows: plain('outbound_binding_domains'),
    addressesOfGroup: byGroup('outbound_cidr'),
    domainsOfGroup: byGroup('outbound_domains'),
  };
}

export function localChecks(subject: Subject, counts: OutboundCounts): Check[] {
  return [...maxChecks(subject, counts), ...serverChecks(subject, counts), ...scopeChecks(subject, counts)];
}

export function clusterChecks(
  subject: Subject,
  counts: OutboundCounts,
  objects: CountingObjects,
): ClusterCheck[] {
  return [
    ...clusterMaxChecks(subject, counts, objects),
    ...clusterServerChecks(subject, counts, objects),
    ...clusterScopeChecks(subject, counts, objects),
  ];
}

/** One binding to one domain; and, only where a Host stanza says so, all connections to that host. */
function maxChecks(subject: Subject, counts: OutboundCounts): Check[] {
  const limit = 'max_outbound_connections';
  const steps = stepsTo(limit, subject);
  const count = counts.own(sumNames.pair(subject.binding, subject.domain));
  const forDomain = steps.find(({ names }) => names !== 'host');
  const forHost = steps.find(({ names }) => names === 'host');
  return [
    forDomain === undefined
      ? { limit, value: outboundDefaults[limit], count, scope: 'default' }
      : check(forDomain, count),
    ...(forHost === undefined ? [] : [check(forHost, ownHostCount(subject, counts))]),
  ];
}

function serverChecks(subject: Subject, counts: OutboundCounts): Check[] {
  const steps = stepsTo('server_max_outbound_connections', subject).filter(({ names }) => names === 'all');
  return [
    ...steps
      .filter(({ within }) => within !== 'global')
      .map((step) => check(step, counts.own(scopeSum(step, subject)))),
    ceiling(subject, counts),
  ];
}

/** The ceiling of the node. Its reserve serves only a domain that has no connection yet (replication 6.11). */
function ceiling({ around, domain }: Subject, counts: OutboundCounts): Check {
  const { limits, label } = around.global.own;
  const limit = 'server_max_outbound_connections';
  const value = limits[limit] ?? outboundDefaults[limit];
  const reserve =
    limits.server_reserve_outbound_connections ?? outboundDefaults.server_reserve_outbound_connections;
  // A limit of 0 blocks: with a reserve on top, every domain would still get a connection.
  const opensReserve = value > 0 && counts.own(sumNames.domain(domain)) === 0;
  return {
    limit,
    value: opensReserve ? value + Math.max(reserve, 0) : value,
    count: counts.own(sumNames.all),
    scope: limits[limit] === undefined ? 'default' : label,
  };
}

/** Every stanza on the path counts, not only the most specific one (replication 6.6). */
function scopeChecks(subject: Subject, counts: OutboundCounts): Check[] {
  const steps = stepsTo('scope_max_outbound_connections', subject);
  return steps.map((step) => check(step, counts.own(scopeSum(step, subject))));
}

/** The value for hosts and the value for domains are two limits, for they count different things (replication 6.3). */
function clusterMaxChecks(
  subject: Subject,
  counts: OutboundCounts,
  objects: CountingObjects,
): ClusterCheck[] {
  // Neither a binding group nor a binding inside one can set it (replication 6.2).
  const around = { ...subject.around, bindingInGroup: emptyContainer, group: emptyContainer };
  const steps = stepsTo('cluster_max_outbound_connections', { ...subject, around });
  const forHost = steps.find(({ names }) => names === 'host');
  const forDomain = steps.find(({ names }) => names !== 'host');
  return [
    ...(forHost === undefined
      ? []
      : [
          clusterCheck(
            forHost,
            clusterHostCount(subject, counts, objects),
            sumNames.host(subject.host ?? ''),
          ),
        ]),
    ...(forDomain === undefined
      ? []
      : [clusterCheck(forDomain, clusterDomainCount(subject, counts, objects), domainSum(subject, objects))]),
  ];
}

function clusterServerChecks(
  subject: Subject,
  counts: OutboundCounts,
  objects: CountingObjects,
): ClusterCheck[] {
  const groupObject = objects.addressesOfGroup.get(subject.group);
  const countOf = (step: Step): number => {
    if (step.within === 'global') {
      return objects.addresses === undefined ? counts.own(sumNames.all) : counts.total(objects.addresses);
    }
    if (step.within === 'group' && groupObject !== undefined) return counts.total(groupObject);
    return rowSum(scopeSum(step, subject), counts, objects);
  };
  const steps = stepsTo('cluster_server_max_outbound_connections', subject).filter(
    ({ names }) => names === 'all',
  );
  return steps.map((step) => clusterCheck(step, countOf(step), scopeSum(step, subject)));
}

function clusterScopeChecks(
  subject: Subject,
  counts: OutboundCounts,
  objects: CountingObjects,
): ClusterCheck[] {
  // In a binding the option means what `cluster_max` means, in the global scope `cluster_server_max` (replication 6.4).
  const isOverBindings = (step: Step) =>
    step.names === 'domain' && step.within === 'binding' && step.stanza.pattern === undefined;
  const countOf = (step: Step): number => {
    if (step.names === 'all' && step.within === 'global' && objects.addresses !== undefined) {
      return counts.total(objects.addresses);
    }
    if (isOverBindings(step)) return clusterDomainCount(subject, counts, objects);
    return rowSum(scopeSum(step, subject), counts, objects);
  };
  const steps = stepsTo('cluster_scope_max_outbound_connections', subject);
  const sumOf = (step: Step) =>
    isOverBindings(step) ? domainSum(subject, objects) : scopeSum(step, subject);
  return steps.map((step) => clusterCheck(step, countOf(step), sumOf(step)));
}

function clusterCheck(step: Step, count: number, counted: string): ClusterCheck {
  return { ...check(step, count), counted, partition: step.stanza.partition };
}

function check({ limit, value, stanza }: Step, count: number): Check {
  return { limit, value, count, scope: stanza.label };
}

/** The stanzas around the subject that set `limit`, most specific first (configuration 5.2). */
function stepsTo(limit: OutboundLimitName, { around, domain, host }: Subject): Step[] {
  const { bindingInGroup, binding, group, global } = around;
  const steps: Step[] = [];
  const add = (stanza: Stanza | undefined, within: Step['within'], names: Step['names']) => {
    const value = stanza?.limits[limit];
    if (stanza !== undefined && value !== undefined) steps.push({ limit, value, stanza, within, names });
  };
  if (host !== undefined) {
    add(bindingInGroup.hosts.find(host, limit), 'binding', 'host');
    add(binding.hosts.find(host, limit), 'binding', 'host');
    add(group.hosts.find(host, limit), 'group', 'host');
    add(global.hosts.find(host, limit), 'global', 'host');
  }
  add(bindingInGroup.domains.find(domain, limit), 'binding', 'domain');
  add(binding.domains.find(domain, limit), 'binding', 'domain');
  add(group.domains.find(domain, limit), 'group', 'domain');
  add(bindingInGroup.own, 'binding', 'all');
  add(binding.own, 'binding', 'all');
  add(group.own, 'group', 'all');
  add(global.domains.find(domain, limit), 'global', 'domain');
  add(global.own, 'global', 'all');
  return steps;
}

/** What a stanza limits when it limits all that happens in its scope (replication 6.4, 6.5). */
function scopeSum({ limit, stanza, within, names }: Step, { group, binding, domain, host }: Subject): string {
  if (stanza.pattern !== undefined) return sumNames.shared(limit, stanza.label);
  if (names === 'host') return sumNames.host(host ?? '');
  if (names === 'all') {
    if (within === 'binding') return sumNames.binding(binding);
    return within === 'group' ? sumNames.group(group) : sumNames.all;
  }
  if (within === 'binding') return sumNames.pair(binding, domain);
  return within === 'group' ? sumNames.groupDomain(group, domain) : sumNames.domain(domain);
}

function ownHostCount({ host }: Subject, counts: OutboundCounts): number {
  return host === undefined ? 0 : counts.own(sumNames.host(host));
}

function rowSum(sum: string, counts: OutboundCounts, objects: CountingObjects): number {
  return objects.rows === undefined ? counts.own(sum) : counts.rows(sum);
}

/** What `clusterDomainCount` counts. */
function domainSum({ group, domain }: Subject, objects: CountingObjects): string {
  return objects.domainsOfGroup.has(group) ? sumNames.groupDomain(group, domain) : sumNames.domain(domain);
}

/** Over all bindings; of the binding's group where an object counts that (replication 6.8). */
function clusterDomainCount(
  { group, domain }: Subject,
  counts: OutboundCounts,
  objects: CountingObjects,
): number {
  const object = objects.domainsOfGroup.get(group) ?? objects.domains;
  return object === undefined ? counts.own(sumNames.domain(domain)) : counts.domain(object, domain);
}

function clusterHostCount(subject: Subject, counts: OutboundCounts, objects: CountingObjects): number {
  const { host, ips } = subject;
  const object = objects.addresses;
  if (host !== undefined && objects.rows !== undefined) return counts.rows(sumNames.host(host));
  if (object === undefined || ips.length === 0) return ownHostCount(subject, counts);
  return ips.reduce((sum, address) => sum + counts.address(object, address), 0);
}
