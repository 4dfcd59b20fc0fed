/**
 * `cluster.boot`: what a machine must know to find its configuration, before it has any (CONF-7.2). `key=value` lines, `#`
 * comments, no quoting.
 */
import { FlotillaError } from '../../core/errors.ts';

export interface ClusterBoot {
  /** The subcluster whose repository is used. */
  readonly clusterName: string;
  readonly nodeName: string | undefined;
  /** `ifunchanged`: only while the working copy holds no local changes. */
  readonly autoupdate: 'true' | 'ifunchanged' | 'false';
  /** `auto` and `local`: the bus of this node; else NATS servers. */
  readonly repo: readonly string[];
  readonly reloadOnUpdate: boolean;
}

/** Keys of the original that mean nothing here are passed over. Throws FLT-2316. */
export function parseClusterBoot(text: string, file: string): ClusterBoot {
  const values = new Map<string, string>();
  text.split('\n').forEach((line, index) => {
    const statement = line.replace(/#.*/, '').trim();
    if (statement === '') return;
    const [, key, value] = /^([\w.]+)\s*=\s*(.*)$/.exec(statement) ?? [];
    if (key === undefined || value === undefined)
      throw new FlotillaError('FLT-2316', `${file}:${index + 1}: '${statement}' is not key=value`);
    values.set(key, value);
  });
  const word = <Word extends string>(key: string, words: readonly Word[], usual: Word): Word => {
    const value = values.get(key) ?? usual;
    const known = words.find((each) => each === value);
    if (known !== undefined) return known;
    throw new FlotillaError('FLT-2316', `${file}: ${key} is '${value}', not one of ${words.join(', ')}`);
  };
  const clusterName = values.get('cluster_name');
  if (!clusterName) throw new FlotillaError('FLT-2316', `${file}: cluster_name is missing`);
  return {
    clusterName,
    nodeName: values.get('node_name') || undefined,
    autoupdate: word('autoupdate', ['true', 'ifunchanged', 'false'], 'true'),
    repo: (values.get('repo') ?? 'auto').split(',').map((place) => place.trim()),
    reloadOnUpdate: word('reload_config_on_update', ['true', 'false'], 'true') === 'true',
  };
}

export function formatClusterBoot(boot: ClusterBoot): string {
  return [
    '# Written by flotilla cfg bootstrap.',
    `cluster_name=${boot.clusterName}`,
    ...(boot.nodeName === undefined ? [] : [`node_name=${boot.nodeName}`]),
    `autoupdate=${boot.autoupdate}`,
    `repo=${boot.repo.join(',')}`,
    `reload_config_on_update=${boot.reloadOnUpdate}`,
    '',
  ].join('\n');
}
