/** Where files named without a directory are looked for (CONF-6.1). */
import { dirname, join } from 'node:path';
import type { ConfigurationFiles } from './files.ts';

/** `<etc>`; `<conf>`, the working copy of managed configuration, lies in it. */
export const etcDirectory = '/etc/flotilla';
export const confDirectory = `${etcDirectory}/conf`;
/** Console changes that have no other home, in `<etc>`. */
export const changesName = 'local_changes.conf';

/** `EC_CONF_SEARCH_PATH` replaces the built-in list as a whole; `{NODENAME}` in it stands for the node's name. */
export function searchPathOf(nodename: string, override: string | undefined): string[] {
  return (override ?? workingCopySearchPath(confDirectory))
    .split(':')
    .filter((directory) => directory !== '')
    .map((directory) => directory.replaceAll('{NODENAME}', nodename));
}

/** The list for another working copy than the usual one. */
export function workingCopySearchPath(conf: string): string {
  return [dirname(conf), `${conf}/global`, `${conf}/{NODENAME}`, `${conf}/default`].join(':');
}

/** The existing files of a name, in order of preference: the first counts, the others are shadowed by it. */
export function candidatesOf(
  name: string,
  directories: readonly string[],
  files: ConfigurationFiles,
): string[] {
  const paths = directories.map((directory) => join(directory, name));
  return [...new Set(paths)].filter((path) => files.facts(path).kind !== 'none');
}
