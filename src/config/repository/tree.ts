/**
 * What a revision of the configuration repository holds: files by path, each named by the SHA-256 of its content. A tree is
 * immutable; its text is stored under its own hash.
 *
 * Invariants: two equal trees have one text; a tree that was read holds only paths that stay inside the working copy,
 * whoever wrote it: it comes from the network and names files to be written.
 */
import { createHash } from 'node:crypto';
import { FlotillaError } from '../../core/errors.ts';

export interface TreeEntry {
  /** SHA-256 of the content, 64 hexadecimal digits. */
  readonly hash: string;
  /** Permission bits; a file with passwords stays unreadable for others everywhere. */
  readonly mode: number;
}

/** By path, relative to the working copy. */
export type Tree = ReadonlyMap<string, TreeEntry>;

/** The repository that all subclusters share, and its directory in the working copy. */
export const globalName = 'global';

export const emptyTree: Tree = new Map();

const longestPath = 1024;
const longestName = 200;
const permissionBits = 0o777;

export function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

export function isHash(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}

export function sameEntry(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.hash === b?.hash && a?.mode === b?.mode;
}

/** Which repository a path belongs to. */
export function isGlobalPath(path: string): boolean {
  return path === globalName || path.startsWith(`${globalName}/`);
}

export function repositoryOf(path: string, subcluster: string): string {
  return isGlobalPath(path) ? globalName : subcluster;
}

/** Why a path cannot be under control, or undefined. Hidden names are not: editors and this program make them. */
export function pathProblem(path: string): string | undefined {
  if (path === '' || path.length > longestPath) return `must have 1 to ${longestPath} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(path)) return 'holds a control character';
  for (const name of path.split('/')) {
    if (name === '') return 'has an empty name in it';
    if (name.startsWith('.')) return `has a hidden name in it ('${name}')`;
    if (Buffer.byteLength(name) > longestName) return `has a name of more than ${longestName} bytes in it`;
  }
  return undefined;
}

/** The directories above a path, the nearest last. */
export function directoriesOf(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/** A path that is a file here and a directory there, which no disk can hold. */
export function clashIn(paths: ReadonlySet<string> | Tree): string | undefined {
  for (const path of paths.keys()) {
    const clash = directoriesOf(path).find((directory) => paths.has(directory));
    if (clash !== undefined) return clash;
  }
  return undefined;
}

/** `HASH MODE PATH`, a line for each file, in byte order of the paths. */
export function formatTree(tree: Tree): Uint8Array {
  const lines = sortedPaths(tree).map((path) => {
    const { hash, mode } = tree.get(path)!;
    return `${hash} ${mode.toString(8).padStart(4, '0')} ${path}\n`;
  });
  return Buffer.from(lines.join(''));
}

/** Throws FLT-2311 for anything that `formatTree` would not have written. */
export function parseTree(text: Uint8Array): Tree {
  const tree = new Map<string, TreeEntry>();
  const decoded = Buffer.from(text).toString('utf8');
  for (const line of decoded.split('\n').slice(0, -1)) {
    const [, hash = '', mode = '', path = ''] = /^([0-9a-f]{64}) ([0-7]{4}) (.+)$/.exec(line) ?? [];
    const problem = hash === '' ? 'is no entry of a tree' : pathProblem(path);
    if (problem !== undefined) throw new FlotillaError('FLT-2311', `the line '${line}' of a tree ${problem}`);
    tree.set(path, { hash, mode: Number.parseInt(mode, 8) & permissionBits });
  }
  if (!Buffer.from(text).equals(formatTree(tree)) || clashIn(tree) !== undefined)
    throw new FlotillaError('FLT-2311', 'a tree is not in its own form');
  return tree;
}

export function sortedPaths(paths: { keys(): Iterable<string> }): string[] {
  return [...paths.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** What is different; `undefined`: deleted. */
export type TreeChanges = ReadonlyMap<string, TreeEntry | undefined>;

export function changesBetween(from: Tree, to: Tree): TreeChanges {
  const changes = new Map<string, TreeEntry | undefined>();
  for (const path of sortedPaths(new Map([...from, ...to])))
    if (!sameEntry(from.get(path), to.get(path))) changes.set(path, to.get(path));
  return changes;
}

export function withChanges(tree: Tree, changes: TreeChanges): Tree {
  const next = new Map(tree);
  for (const [path, entry] of changes) {
    if (entry) next.set(path, entry);
    else next.delete(path);
  }
  return next;
}

/** The files at a path: one, or all below a directory. `''` stands for everything. */
export function pathsBelow(tree: { keys(): Iterable<string> }, path: string): string[] {
  const prefix = path === '' ? '' : `${path}/`;
  return sortedPaths(tree).filter((each) => each === path || each.startsWith(prefix));
}
