/** What a commit prints (CONF-11.3). */
import { sortedPaths, type Tree, type TreeChanges } from '../config/repository/tree.ts';

/** As Subversion shows it, with a dot for each file sent. */
export function commitText(rev: number, sent: TreeChanges, base: Tree): string {
  const verb = (path: string) => (sent.get(path) ? (base.has(path) ? 'Sending ' : 'Adding  ') : 'Deleting');
  const lines = sortedPaths(sent).map((path) => `${verb(path)}       ${path}\n`);
  const files = [...sent.values()].filter((entry) => entry !== undefined).length;
  const transmitted = files > 0 ? `Transmitting file data${'.'.repeat(files)}\n` : '';
  return `${lines.join('')}${transmitted}Committed revision ${rev}.\n`;
}
