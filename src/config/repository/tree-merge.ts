/**
 * Local and upstream changes of a whole working copy into one tree (CONF-11.2): file by file, and where both changed a file,
 * line by line.
 *
 * Invariant: what one side changed and the other did not is in the result; where they cannot both be, it is a conflict, and
 * without a word of the operator there is no result at all.
 */
import { bytesOfLines, isBinary, linesOf } from './line-diff.ts';
import { hasConflict, markLines, mergeLines, type Piece, resolveLines } from './text-merge.ts';
import { directoriesOf, sameEntry, sortedPaths, type Tree, type TreeEntry } from './tree.ts';

export type Resolution = 'none' | 'mine' | 'theirs' | 'manual';

export interface Conflict {
  readonly path: string;
  readonly kind:
    | 'both edited'
    | 'both edited, binary'
    | 'both added'
    | 'deleted here, edited upstream'
    | 'edited here, deleted upstream'
    | 'a file here, a directory upstream'
    | 'a directory here, a file upstream';
  /** Files beside it that hold the texts of both sides, when it is to be resolved by hand. */
  readonly aside: readonly string[];
}

/** A file of the result: as it is somewhere already, or new. */
export type MergedFile =
  | { readonly mode: number; readonly from: 'mine' | 'theirs'; readonly hash: string }
  | { readonly mode: number; readonly content: Uint8Array };

export interface Merged {
  readonly files: ReadonlyMap<string, MergedFile>;
  /** All that were met, also those that the resolution decided. */
  readonly conflicts: readonly Conflict[];
}

export interface MergeInput {
  readonly base: Tree;
  readonly mine: Tree;
  readonly theirs: Tree;
  /** The content of a hash that one of the trees names. */
  readonly read: (hash: string) => Promise<Uint8Array>;
  readonly resolution: Resolution;
  /** Numbers of the revisions that conflict files are named after. */
  readonly revisions: (path: string) => { readonly old: number; readonly new: number };
}

export async function mergeTrees(input: MergeInput): Promise<Merged> {
  const merge = new TreeMerge(input);
  const { base, mine, theirs } = input;
  for (const path of sortedPaths(new Map([...base, ...mine, ...theirs]))) await merge.file(path);
  merge.settleClashes();
  return merge;
}

class TreeMerge implements Merged {
  readonly files = new Map<string, MergedFile>();
  readonly conflicts: (Conflict & { readonly aside: string[] })[] = [];
  readonly #input: MergeInput;

  constructor(input: MergeInput) {
    this.#input = input;
  }

  async file(path: string): Promise<void> {
    const [base, mine, theirs] = [
      this.#input.base.get(path),
      this.#input.mine.get(path),
      this.#input.theirs.get(path),
    ];
    if (sameEntry(base, theirs) || sameEntry(mine, theirs)) this.#keep(path, 'mine', mine);
    else if (sameEntry(base, mine)) this.#keep(path, 'theirs', theirs);
    else if (mine && theirs) await this.#bothChanged(path, base, mine, theirs);
    else await this.#oneDeleted(path, base, mine, theirs);
  }

  #keep(path: string, from: 'mine' | 'theirs', entry: TreeEntry | undefined): void {
    if (entry) this.files.set(path, { ...entry, from });
  }

  async #bothChanged(
    path: string,
    base: TreeEntry | undefined,
    mine: TreeEntry,
    theirs: TreeEntry,
  ): Promise<void> {
    const mode = mergedMode(base, mine, theirs);
    if (mine.hash === theirs.hash || theirs.hash === base?.hash)
      return void this.files.set(path, { mode, from: 'mine', hash: mine.hash });
    if (mine.hash === base?.hash)
      return void this.files.set(path, { mode, from: 'theirs', hash: theirs.hash });
    const { read } = this.#input;
    const [ours, others] = [await read(mine.hash), await read(theirs.hash)];
    const old = base ? await read(base.hash) : undefined;
    if ([ours, others].some(isBinary) || (old && isBinary(old))) {
      this.#conflict(path, 'both edited, binary', mode, mine, theirs);
      return this.#asideIfManual(path, old, ours, others);
    }
    const pieces = mergeLines(linesOf(old ?? new Uint8Array()), linesOf(ours), linesOf(others));
    if (!hasConflict(pieces))
      return void this.files.set(path, { mode, content: bytesOfLines(resolveLines(pieces, 'mine')) });
    this.conflicts.push({ path, kind: base ? 'both edited' : 'both added', aside: [] });
    this.files.set(path, { mode, content: this.#decided(path, pieces) });
    this.#asideIfManual(path, old, ours, others);
  }

  #decided(path: string, pieces: readonly Piece[]): Uint8Array {
    const { resolution, revisions } = this.#input;
    if (resolution === 'manual') return bytesOfLines(markLines(pieces, revisions(path).new));
    return bytesOfLines(resolveLines(pieces, resolution === 'theirs' ? 'theirs' : 'mine'));
  }

  async #oneDeleted(
    path: string,
    base: TreeEntry | undefined,
    mine: TreeEntry | undefined,
    theirs: TreeEntry | undefined,
  ): Promise<void> {
    const entry = (mine ?? theirs)!;
    const kind = mine ? 'edited here, deleted upstream' : 'deleted here, edited upstream';
    this.#conflict(path, kind, entry.mode, mine, theirs);
    if (this.#input.resolution !== 'manual') return;
    const content = async (of: TreeEntry | undefined) => of && (await this.#input.read(of.hash));
    this.#asideIfManual(path, await content(base), await content(mine), await content(theirs));
  }

  /** By hand the local state stays, until the operator has decided. */
  #conflict(
    path: string,
    kind: Conflict['kind'],
    mode: number,
    mine: TreeEntry | undefined,
    theirs: TreeEntry | undefined,
  ): void {
    this.conflicts.push({ path, kind, aside: [] });
    const from = this.#input.resolution === 'theirs' ? 'theirs' : 'mine';
    const entry = from === 'theirs' ? theirs : mine;
    if (entry) this.files.set(path, { mode, from, hash: entry.hash });
  }

  #asideIfManual(
    path: string,
    base: Uint8Array | undefined,
    mine: Uint8Array | undefined,
    theirs: Uint8Array | undefined,
  ): void {
    const { resolution, revisions } = this.#input;
    if (resolution !== 'manual') return;
    const mode = (this.#input.mine.get(path) ?? this.#input.theirs.get(path))!.mode;
    const names = asideNames(path, revisions(path));
    const aside = [
      [names.mine, mine],
      [names.old, base],
      [names.new, theirs],
    ] as const;
    for (const [name, content] of aside) if (content) this.#setAside(path, name, { mode, content });
  }

  /** Under a name that nobody has, or somebody's file would be gone. */
  #setAside(path: string, wanted: string, file: MergedFile): void {
    const { base, mine, theirs } = this.#input;
    let name = wanted;
    while ([this.files, base, mine, theirs].some((tree) => tree.has(name))) name += '~';
    this.files.set(name, file);
    this.conflicts.find((conflict) => conflict.path === path)?.aside.push(name);
  }

  /** A path that is a file on one side and a directory on the other; by hand, the local file is put aside. */
  settleClashes(): void {
    for (const path of sortedPaths(this.files)) {
      const file = directoriesOf(path).find((directory) => this.files.has(directory));
      if (file === undefined) continue;
      const isFileHere = this.#input.mine.has(file);
      const kind = isFileHere ? 'a file here, a directory upstream' : 'a directory here, a file upstream';
      if (!this.conflicts.some((conflict) => conflict.path === file))
        this.conflicts.push({ path: file, kind, aside: [] });
      const { resolution } = this.#input;
      if (resolution === 'theirs' || resolution === 'manual') this.#drop(isFileHere, file);
      else this.#drop(!isFileHere, file);
    }
  }

  /** The file, or what is in the directory of its name. By hand, local text keeps a name of its own. */
  #drop(theFile: boolean, file: string): void {
    const dropped = theFile ? [file] : [...this.files.keys()].filter((path) => path.startsWith(`${file}/`));
    for (const path of dropped) {
      const content = this.files.get(path)!;
      this.files.delete(path);
      if (this.#input.resolution !== 'manual') continue;
      const name = theFile ? path : path.replaceAll('/', '_');
      this.#setAside(file, `${name}.mine`, content);
    }
  }
}

/** Beside a file that is in conflict, until it is resolved. */
export function asideNames(
  path: string,
  revisions: { readonly old: number; readonly new: number },
): { readonly mine: string; readonly old: string; readonly new: string } {
  return { mine: `${path}.mine`, old: `${path}.r${revisions.old}`, new: `${path}.r${revisions.new}` };
}

/** Where both changed it, nobody gets a right that one of them took away. */
function mergedMode(base: TreeEntry | undefined, mine: TreeEntry, theirs: TreeEntry): number {
  if (base?.mode === theirs.mode) return mine.mode;
  if (base?.mode === mine.mode) return theirs.mode;
  return mine.mode & theirs.mode;
}
