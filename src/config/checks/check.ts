/** What a cross-check gets: the tree, and where to report. Checks run only on a tree without errors. */
import type { ConfigurationFiles } from '../files.ts';
import type { Findings } from '../finding.ts';
import type { LoadedConfiguration } from '../load.ts';
import type { Scope, Setting } from '../scope-tree.ts';
import type { Span } from '../source.ts';

export interface CheckContext {
  readonly root: Scope;
  readonly loaded: LoadedConfiguration;
  readonly files: ConfigurationFiles;
  readonly findings: Findings;
  readonly identity: Identity;
}

/** Who the node is, and which sentence says where that comes from. */
export interface Identity {
  readonly nodename: string;
  readonly nodenameFrom: string;
  readonly subcluster: string;
}

export type Check = (context: CheckContext) => void;

/** The place of a setting's value. */
export function valueSpan(setting: Setting): Span {
  return setting.raw.span;
}

/** Replicate stanzas by effective type (replication 3.3). */
export function replicatedTypes(root: Scope): Set<string> {
  const stanzas = root.child('cluster', '')?.children('replicate') ?? [];
  return new Set(stanzas.map(effectiveType));
}

export function effectiveType(replicate: Scope): string {
  const stated = replicate.get('class') ?? replicate.get('type');
  return stated === undefined ? replicate.instance : String(stated.value);
}

export interface Binding {
  readonly scope: Scope;
  readonly group: Scope | undefined;
}

/** All bindings, inside groups and outside. */
export function bindingsOf(root: Scope): Binding[] {
  const outside = root.children('binding').map((scope) => ({ scope, group: undefined }));
  const inside = root
    .children('binding_group')
    .flatMap((group) => group.children('binding').map((scope) => ({ scope, group })));
  return [...outside, ...inside];
}

export const listenerKinds = [
  'esmtp_listener',
  'tcp_listener',
  'control_listener',
  'eccluster_listener',
  'msgcserver_listener',
  'redis_listener',
];
export const frontListenerKinds = ['esmtp_listener', 'tcp_listener'];

/** All `Listen` scopes of listeners of some kinds. */
export function listensOf(root: Scope, kinds: readonly string[] = listenerKinds): Scope[] {
  return kinds.flatMap((kind) => root.child(kind, '')?.children('listen') ?? []);
}
