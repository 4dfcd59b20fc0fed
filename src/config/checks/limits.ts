/** Cluster limits and the objects they are enforced with (CFG-2313), and names in two containers (CFG-2320). */
import type { Scope } from '../scope-tree.ts';
import { bindingsOf, type CheckContext, replicatedTypes } from './check.ts';

export function checkLimits(context: CheckContext): void {
  checkReplicated(context);
  checkDoubleNames(
    bindingsOf(context.root).map(({ scope }) => scope),
    context,
  );
  const { root } = context;
  const inGroups = root.children('pathway_group').flatMap((group) => group.children('pathway'));
  checkDoubleNames([...root.children('pathway'), ...inGroups], context);
}

/** What each cluster limit reads; in a host scope cluster_max has other sources (replication 6.8). */
const neededType: Readonly<Record<string, string>> = {
  cluster_max_outbound_connections: 'outbound_domains',
  cluster_server_max_outbound_connections: 'outbound_cidr',
  cluster_scope_max_outbound_connections: 'outbound_binding_domains',
  cluster_outbound_throttle_messages: 'OBTM',
  cluster_outbound_throttle_connections: 'OBTC',
  cluster_service_sessions: 'inbound_cidr',
};

function checkReplicated({ root, findings }: CheckContext): void {
  const replicated = replicatedTypes(root);
  for (const scope of root.all()) {
    for (const [name, { nameSpan, raw, value }] of scope.settings) {
      const type = neededType[name];
      const isUnlimited = value === -1 || (name === 'cluster_service_sessions' && value === 0);
      if (type === undefined || replicated.has(type) || isUnlimited) continue;
      if (name === 'cluster_max_outbound_connections' && scope.schema.name === 'Host') continue;
      const limit = raw.kind === 'scalar' ? `${name} ${raw.text}` : name;
      const message = `${limit} counts this node's own sessions only: there is no Replicate "${type}"`;
      findings.add('CFG-2313', nameSpan, message, { hint: `add Replicate "${type}" {} to cluster { }` });
    }
  }
}

/** A name stands for one binding or pathway wherever it is used, so it must have one container. */
function checkDoubleNames(scopes: readonly Scope[], { findings }: CheckContext): void {
  const seen = new Map<string, Scope>();
  for (const scope of scopes) {
    const other = seen.get(scope.key);
    seen.set(scope.key, other ?? scope);
    if (other === undefined) continue;
    const kind = scope.schema.name;
    const message = `${kind} '${scope.instance}' stands both ${containerOf(other)} and ${containerOf(scope)}`;
    findings.add('CFG-2320', scope.span, message);
  }
}

function containerOf({ parent }: Scope): string {
  return parent?.parent === undefined ? 'outside of groups' : `in ${parent.schema.name} '${parent.instance}'`;
}
