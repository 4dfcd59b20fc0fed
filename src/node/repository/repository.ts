/**
 * One configuration repository: revisions and their trees over the store on the bus.
 *
 * Invariants: a commit is refused when somebody else changed one of its files since the tree that its author knew; what
 * others changed elsewhere is kept, and the commit goes on top of it. Nothing is stored for a commit that is refused before
 * its contents could be.
 */
import type { StoredCommit } from '../../bus/config-store.ts';
import {
  decodeRevision,
  encodeRevision,
  listChanges,
  type Revision,
} from '../../config/repository/revision.ts';
import {
  changesBetween,
  clashIn,
  emptyTree,
  formatTree,
  hashOf,
  parseTree,
  sameEntry,
  type Tree,
  type TreeChanges,
  withChanges,
} from '../../config/repository/tree.ts';
import type { Clock } from '../../core/clock.ts';
import { FlotillaError, isFlotillaError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';

/** What keeps the commits; ConfigStore of the bus. */
export interface CommitStore {
  head(): Promise<StoredCommit | undefined>;
  commit(sequence: number): Promise<StoredCommit | undefined>;
  append(data: Uint8Array, behind: number): Promise<number | undefined>;
  put(hash: string, content: Uint8Array): Promise<void>;
  get(hash: string): Promise<Uint8Array>;
}

export interface Head {
  readonly revision: Revision;
  readonly tree: Tree;
}

export interface Wish {
  /** Of the working copy; undefined: whichever it is. */
  readonly repository: string | undefined;
  readonly author: string;
  readonly message: string;
  /** What the author knew. */
  readonly base: Tree;
  readonly changes: TreeChanges;
  readonly read: (hash: string) => Promise<Uint8Array>;
  /** Put into, or taken out of, CONFLICT. */
  readonly frozen?: boolean;
}

export interface Seed extends Pick<Wish, 'author' | 'read'> {
  readonly repository: string;
  readonly rev: number;
  readonly tree: Tree;
}

export type Outcome =
  | { readonly kind: 'committed'; readonly head: Head; readonly parent: number }
  | { readonly kind: 'nothing'; readonly head: Head | undefined }
  /** Somebody else changed these files. */
  | { readonly kind: 'out of date'; readonly paths: readonly string[]; readonly rev: number };

/** Others commit at the same moment; then it is tried again behind them. */
const mostAttempts = 20;
const longestPauseMs = 50;
/** Contents that are sent or fetched at once. */
const atOnce = 8;

export class Repository {
  readonly name: string;
  readonly #store: CommitStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(name: string, store: CommitStore, around: { readonly clock: Clock; readonly random: Random }) {
    this.name = name;
    this.#store = store;
    this.#clock = around.clock;
    this.#random = around.random;
  }

  /** Undefined: nothing was ever committed. */
  async head(): Promise<Head | undefined> {
    const newest = await this.#newest();
    return newest && { revision: newest.revision, tree: await this.tree(newest.revision) };
  }

  /** Without its tree. */
  async headRevision(): Promise<Revision | undefined> {
    return (await this.#newest())?.revision;
  }

  async tree(revision: Revision): Promise<Tree> {
    return parseTree(await this.#store.get(revision.tree));
  }

  /** By hash; checked. */
  content(hash: string): Promise<Uint8Array> {
    return this.#store.get(hash);
  }

  /** Throws FLT-2312. */
  async revision(rev: number): Promise<Revision> {
    for await (const revision of this.revisions()) {
      if (revision.rev === rev) return revision;
      if (revision.rev < rev) break;
    }
    throw new FlotillaError('FLT-2312', `r${rev} of ${this.name}`);
  }

  /** Newest first. */
  async *revisions(): AsyncGenerator<Revision, void, void> {
    const newest = await this.#newest();
    if (!newest) return;
    yield newest.revision;
    for (let sequence = newest.sequence - 1; sequence > 0; sequence--) {
      const commit = await this.#store.commit(sequence);
      if (commit) yield decodeRevision(commit.data);
    }
  }

  async commit(wish: Wish): Promise<Outcome> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const newest = await this.#newest();
      const head = newest && { revision: newest.revision, tree: await this.tree(newest.revision) };
      this.#requireSame(wish, head?.revision);
      const tree = head?.tree ?? emptyTree;
      const overtaken = [...wish.changes].filter(
        ([path, wanted]) =>
          !sameEntry(tree.get(path), wish.base.get(path)) && !sameEntry(tree.get(path), wanted),
      );
      const next = withChanges(tree, wish.changes);
      const clash = clashIn(next);
      const paths = [...overtaken.map(([path]) => path), ...(clash === undefined ? [] : [clash])];
      if (paths.length > 0) return { kind: 'out of date', paths, rev: head?.revision.rev ?? 0 };
      const isNothing = changesBetween(tree, next).size === 0 && wish.frozen === undefined;
      // The first commit of a repository makes it, even when it holds nothing.
      if (isNothing && head) return { kind: 'nothing', head };
      const parent = head?.revision ?? { repository: wish.repository ?? this.#random.hex(16), rev: 0 };
      const committed = await this.#append(wish, parent, tree, newest?.sequence ?? 0, next);
      if (committed) return { kind: 'committed', head: committed, parent: committed.revision.parent };
      await this.#pause(this.#random.next() * longestPauseMs);
    }
    throw new FlotillaError('FLT-2303', `others commit to ${this.name} all the time`);
  }

  /** What a working copy knows of a repository that was lost. False: there is something else, or as much. */
  async seed(from: Seed): Promise<boolean> {
    const { repository, rev, tree, author, read } = from;
    const newest = await this.#newest();
    const isOlder = !newest || (newest.revision.repository === repository && newest.revision.rev < rev);
    if (!isOlder) return false;
    const wish = { author, message: `Filled again from the working copy of ${author}`, read };
    const earlier = { repository, rev: rev - 1 };
    return (await this.#append(wish, earlier, emptyTree, newest?.sequence ?? 0, tree)) !== undefined;
  }

  /** Undefined: somebody was faster. */
  async #append(
    wish: Pick<Wish, 'author' | 'message' | 'read' | 'frozen'>,
    parent: Pick<Revision, 'repository' | 'rev'>,
    known: Tree,
    sequence: number,
    tree: Tree,
  ): Promise<Head | undefined> {
    const text = formatTree(tree);
    const revision: Revision = {
      repository: parent.repository,
      rev: parent.rev + 1,
      parent: parent.rev,
      id: this.#random.hex(16),
      author: wish.author,
      time: new Date(this.#clock.wallMs()).toISOString(),
      message: wish.message,
      changes: listChanges(known, tree),
      tree: hashOf(text),
      frozen: wish.frozen ?? false,
    };
    const data = encodeRevision(revision);
    const fresh = new Set([...changesBetween(known, tree).values()].flatMap((entry) => entry?.hash ?? []));
    await inParallel([...fresh], async (hash) => this.#store.put(hash, await wish.read(hash)));
    await this.#store.put(revision.tree, text);
    return (await this.#appended(data, sequence, revision.id)) ? { revision, tree } : undefined;
  }

  /** An answer that got lost is asked for once more: by its id a commit is known. */
  async #appended(data: Uint8Array, sequence: number, id: string): Promise<boolean> {
    try {
      return (await this.#store.append(data, sequence)) !== undefined;
    } catch (error) {
      if (!isFlotillaError(error) || error.code !== 'FLT-2315') throw error;
      const stored = await this.#store.commit(sequence + 1).catch(() => {
        throw error;
      });
      if (!stored) throw error;
      return decodeRevision(stored.data).id === id;
    }
  }

  #requireSame(wish: Wish, head: Revision | undefined): void {
    if (wish.repository !== undefined && head && head.repository !== wish.repository)
      throw new FlotillaError('FLT-2306', this.name);
    if (head?.frozen && wish.frozen === undefined) throw new FlotillaError('FLT-2309', this.name);
  }

  async #newest(): Promise<{ readonly sequence: number; readonly revision: Revision } | undefined> {
    const commit = await this.#store.head();
    return commit && { sequence: commit.sequence, revision: decodeRevision(commit.data) };
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resume) => this.#clock.after(pauseMs, resume));
  }
}

/** Runs `work` for all, some at once. After a failure nothing more is begun; it throws when nothing is under way. */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const item of rest) {
      if (failures.length > 0) return;
      await work(item).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
