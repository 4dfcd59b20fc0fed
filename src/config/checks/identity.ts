/** Names and addresses of the node and its groups (ID-1 to ID-11, BUS-27): CFG-2315. */
import { nodeNameProblem, subclusterProblem } from '../../core/identity.ts';
import { hostOfServer, isLoopback, isLoopbackHost, isUnspecified } from '../address.ts';
import { ScopeReader } from '../reader.ts';
import type { Scope } from '../scope-tree.ts';
import { type CheckContext, valueSpan } from './check.ts';

export function checkIdentity(context: CheckContext): void {
  checkNames(context);
  checkGroups(context);
  checkAddress(context);
}

/** A name stated in the file was checked with its type; here it is about what comes from outside. */
function checkNames({ root, loaded, findings, identity }: CheckContext): void {
  const place = loaded.main.source.span(0, 0);
  const problem = nodeNameProblem(identity.nodename);
  if (problem !== undefined) {
    findings.add(
      'CFG-2315',
      root.child('cluster', '')?.span ?? place,
      `the node name from ${identity.nodenameFrom} is not usable: ${problem}`,
      {
        hint: 'set nodename in cluster { }',
      },
    );
  }
  const subcluster = subclusterProblem(identity.subcluster);
  if (subcluster !== undefined)
    findings.add('CFG-2315', place, `the subcluster from EC_SUB_CLUSTER is not usable: ${subcluster}`);
}

function checkGroups({ root, findings }: CheckContext): void {
  const cluster = root.child('cluster', '');
  const reader = ScopeReader.ofTop(root, 'cluster');
  const seen = new Map<string, string>();
  for (const option of ['cluster_group', 'control_group', 'log_group']) {
    const group = reader.text(option);
    if (group === undefined) continue;
    const other = seen.get(group);
    const setting = cluster?.get(option) ?? (other === undefined ? undefined : cluster?.get(other));
    if (other !== undefined && setting !== undefined) {
      findings.add(
        'CFG-2315',
        valueSpan(setting),
        `${option} and ${other} are both '${group}'; groups must differ`,
      );
    }
    seen.set(group, option);
  }
}

/** Loopback is allowed only for a whole fleet on one machine (ID-7). */
function checkAddress({ root, findings }: CheckContext): void {
  const setting = root.child('cluster', '')?.get('nodeaddr');
  if (setting === undefined) return;
  const address = String(setting.value);
  const place = valueSpan(setting);
  if (isUnspecified(address)) {
    findings.add('CFG-2315', place, `nodeaddr ${address} is no address of this node`);
  } else if (isLoopback(address) && hostsOfBus(root).every(isLoopbackHost)) {
    findings.add(
      'CFG-2315',
      place,
      `nodeaddr ${address} is loopback: only nodes on this machine can reach it`,
      { severity: 'warning' },
    );
  } else if (isLoopback(address)) {
    findings.add(
      'CFG-2315',
      place,
      `nodeaddr ${address} is loopback, but servers or peers are not: other nodes cannot reach it`,
      {
        hint: 'name an address on the cluster network',
      },
    );
  }
}

/** Hosts of servers and peers; none of them for an embedded server without peers. */
function hostsOfBus(root: Scope): string[] {
  const servers = [
    ...ScopeReader.ofTop(root, 'cluster').texts('servers'),
    ...ScopeReader.ofTop(root, 'msgc_client').texts('server'),
  ];
  const peers = ScopeReader.ofTop(root, 'msgc_server').value('peers');
  const peerHosts =
    peers instanceof Map ? [...peers.values()].map((peer: { host: string }) => peer.host) : [];
  return [...servers.map(hostOfServer), ...peerHosts];
}
