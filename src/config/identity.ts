/** Who this node is, before anything is connected (ID-1, ID-3, ID-11). */
import type { Identity } from './checks/check.ts';
import { ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

export interface Surroundings {
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of the system, with or without domain. */
  readonly hostname: string;
}

/** The name without the configuration, which is needed to find the configuration. */
export function nodenameOutside({ environment, hostname }: Surroundings): string {
  return environment.EC_NODE_NAME || shortHostname(hostname);
}

export function identityOf(root: Scope, surroundings: Surroundings): Identity {
  const { environment } = surroundings;
  const stated = ScopeReader.ofTop(root, 'cluster').text('nodename');
  const outside = environment.EC_NODE_NAME ? 'EC_NODE_NAME' : 'the host name';
  return {
    nodename: stated ?? nodenameOutside(surroundings),
    nodenameFrom: stated === undefined ? outside : 'nodename',
    subcluster: environment.EC_SUB_CLUSTER || 'default',
  };
}

/** A host name may be written in capitals by its owner; a node name may not, so only the former is folded. */
function shortHostname(hostname: string): string {
  return (hostname.split('.', 1)[0] ?? '').toLowerCase();
}
