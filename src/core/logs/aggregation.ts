/** `Logs` of a manager: which stanza counts for the logs of a node (CONF-8.7). */
import type { LogsOptions, LogsSettings } from '../settings.ts';

export interface NodeLogs extends LogsOptions {
  /** Names tried in order; none: do not pull. */
  readonly subscribers: readonly string[];
}

/** What everybody takes who names no manager of his own. */
const commonSubscriber = 'master';

/** Option by option: Manager::Node, Manager::Subcluster, Manager, Node, Subcluster, Logs, the default. */
export function logsOf(
  { base, stanzas }: LogsSettings,
  manager: string,
  node: string,
  subcluster: string,
): NodeLogs {
  const fits = (wanted: string | undefined, name: string): boolean => wanted === undefined || wanted === name;
  const stated = stanzas
    .filter((at) => fits(at.manager, manager) && fits(at.node, node) && fits(at.subcluster, subcluster))
    .sort((a, b) => rank(a) - rank(b))
    .map(({ options }) => options);
  const options: LogsOptions = Object.assign({}, base, ...stated);
  return { ...options, subscribers: options.subscribers ?? [...new Set([manager, commonSubscriber])] };
}

/** The higher, the more specific. */
function rank({ manager, node, subcluster }: LogsSettings['stanzas'][number]): number {
  return (manager === undefined ? 0 : 3) + (node !== undefined ? 2 : subcluster !== undefined ? 1 : 0);
}
