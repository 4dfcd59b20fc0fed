/** What is in a directory that may be a working copy: files with their hashes, and what is never under control. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashOf, sameEntry, type Tree, type TreeEntry } from '../../config/repository/tree.ts';
import { inParallel } from './repository.ts';

export class Scan {
  /** Regular files whose names are not hidden. */
  readonly tree: Tree;
  /** Hidden files, and links. */
  readonly hidden: readonly string[];
  readonly directories: readonly string[];

  constructor(tree: Tree, hidden: readonly string[], directories: readonly string[]) {
    this.tree = tree;
    this.hidden = hidden;
    this.directories = directories;
  }

  equals(other: Scan): boolean {
    const { tree } = other;
    return (
      tree.size === this.tree.size &&
      [...this.tree].every(([path, entry]) => sameEntry(entry, tree.get(path)))
    );
  }
}

/** `.cfg` at its top is left out: it is the checkout's own. */
export async function scanDirectory(root: string): Promise<Scan> {
  const [files, hidden, directories]: [string[], string[], string[]] = [[], [], []];
  const open = [''];
  for (let below = open.pop(); below !== undefined; below = open.pop()) {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (path === '.cfg') continue;
      if (entry.isDirectory()) open.push(path);
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isSymbolicLink() || (entry.isFile() && isHidden(path))) hidden.push(path);
      else if (entry.isFile()) files.push(path);
    }
  }
  const tree = new Map<string, TreeEntry>();
  await inParallel(files, async (path) => {
    try {
      const { mode } = await stat(join(root, path));
      tree.set(path, { hash: hashOf(await readFile(join(root, path))), mode: mode & 0o777 });
    } catch (error) {
      // Editors make files for a moment.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  });
  return new Scan(tree, hidden, directories);
}

function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.'));
}
