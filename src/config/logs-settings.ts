/** `Logs` and its scopes as settings of a manager (CONF-8.7); fallback among them is `logsOf`. */
import type { Destination } from '../core/logs/destination.ts';
import type { ControlCacheSettings, LogsOptions, LogsSettings, LogsStanza } from '../core/settings.ts';
import { asFlag, asNumber, asTexts, ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';
import type { SettingValue } from './values.ts';

type Read = (value: SettingValue | undefined) => unknown;

const options: readonly (readonly [keyof LogsOptions, string, Read])[] = [
  ['logfile', 'logfile', (value) => value as Destination],
  ['fileMode', 'file_mode', asNumber],
  ['dirMode', 'dir_mode', asNumber],
  ['maxIdleMs', 'max_idle', (value) => asNumber(value) * 1000],
  ['maxOpen', 'max_open', asNumber],
  ['sync', 'sync', asFlag],
  ['subscribers', 'Subscriber', asTexts],
];

export function aggregationOf(root: Scope): LogsSettings | undefined {
  const logs = root.child('logs', '');
  const reader = ScopeReader.ofTop(root, 'logs');
  if (logs === undefined || !reader.flag('enabled')) return undefined;
  const managers = logs.children('manager');
  return {
    base: baseOf(reader),
    stanzas: [
      ...managers.map((scope) => stanza(scope, { manager: scope.instance })),
      ...[logs, ...managers].flatMap(inside),
    ],
    backlog: backlogOf(root),
  };
}

/** Also without `Logs`: a manager that pulls no logs gives commands all the same. */
export function controlCacheOf(root: Scope, manager: string): ControlCacheSettings {
  const reader = ScopeReader.ofTop(root, 'logs');
  const own = root
    .child('logs', '')
    ?.children('manager')
    .find(({ instance }) => instance === manager);
  return {
    path: (own && new ScopeReader(own.schema, own).text('control_cache')) ?? reader.text('control_cache'),
    maxBytes: reader.number('control_cache_size'),
    maxAgeMs: reader.number('control_cache_life') * 1000,
  };
}

function baseOf(reader: ScopeReader): LogsOptions {
  const values = options.map(([key, name, read]) => {
    const value = reader.value(name);
    return [key, value === undefined ? undefined : read(value)];
  });
  return Object.fromEntries(values) as LogsOptions;
}

/** The stanzas for nodes in `Logs`, or in one of its managers. */
function inside(scope: Scope): LogsStanza[] {
  const manager = scope.schema.name === 'Manager' ? scope.instance : undefined;
  return [
    ...scope.children('node').map((node) => stanza(node, { manager, node: node.instance })),
    ...scope.children('subcluster').map((inner) => stanza(inner, { manager, subcluster: inner.instance })),
  ];
}

function stanza(
  scope: Scope,
  { manager, node, subcluster }: Partial<Omit<LogsStanza, 'options'>>,
): LogsStanza {
  const stated = options.flatMap(([key, name, read]) => {
    const setting = scope.get(name);
    return setting === undefined ? [] : [[key, read(setting.value)]];
  });
  return { manager, node, subcluster, options: Object.fromEntries(stated) };
}

function backlogOf(root: Scope): number {
  const pool = root.child('threadpool', 'log_job');
  const reader = pool ? new ScopeReader(pool.schema, pool) : ScopeReader.ofTop(root, 'threadpool');
  return reader.number('backlog');
}
