/**
 * What an operator or a node does with a working copy: pull, commit, and the local bookkeeping in between (CONF-11.2, 11.3).
 *
 * Invariants: one at a time; a pull that meets a conflict, or is killed, has changed nothing; a commit sends global files
 * first, because those of a subcluster may need them.
 */
import { readFile, realpath } from 'node:fs/promises';
import {
  changesBetween,
  emptyTree,
  globalName,
  hashOf,
  isGlobalPath,
  pathProblem,
  sameEntry,
  type Tree,
  type TreeChanges,
  type TreeEntry,
  withChanges,
} from '../../config/repository/tree.ts';
import {
  type Conflict,
  type MergedFile,
  mergeTrees,
  type Resolution,
} from '../../config/repository/tree-merge.ts';
import { FlotillaError } from '../../core/errors.ts';
import type { Surroundings } from '../surroundings.ts';
import { Checkout, replaceCheckout, tidy } from './checkout.ts';
import { baseOf, type CheckedOut, type CheckoutRecord } from './checkout-record.ts';
import { contentReader } from './contents.ts';
import { type LocalChange, localChanges } from './local-changes.ts';
import { withLock } from './lock.ts';
import { type CommitStore, type Head, Repository } from './repository.ts';
import { type Scan, scanDirectory } from './scan.ts';

export type RepositoryAround = Pick<Surroundings, 'clock' | 'random'>;

/** Where the repositories are; ConfigBus of the bus. */
export interface RepositoryBus {
  open(name: string): Promise<CommitStore | undefined>;
  create(name: string): Promise<CommitStore>;
  /** To as many servers as there are. */
  spread(name: string): Promise<void>;
}

export interface WorkingCopyOptions {
  /** `<conf>`. */
  readonly conf: string;
  readonly around: RepositoryAround;
  /** How long to wait for another program that has the working copy. */
  readonly patienceMs: number;
}

export type Pulled =
  | { readonly kind: 'current'; readonly own: number; readonly global: number }
  | { readonly kind: 'updated'; readonly conflicts: readonly Conflict[] }
  /** Nothing was changed. */
  | { readonly kind: 'conflict'; readonly conflicts: readonly Conflict[] }
  /** Nothing was changed, because there are local changes. */
  | { readonly kind: 'left alone' };

export interface CommitWish {
  readonly author: string;
  readonly message: string;
  /** What is to be done about a file that is not under control, or is missing. */
  readonly includes: (change: LocalChange) => boolean;
  /** Throws when what is to be committed must not be. */
  readonly validate: (root: string) => void;
  /** Called for each repository when its commit has been taken. */
  readonly committed: (rev: number, changes: TreeChanges, base: Tree) => void;
}

const mostMerges = 5;
const nothing: CheckedOut = { repository: undefined, rev: 0, tree: emptyTree };

export class WorkingCopy {
  readonly #options: WorkingCopyOptions;

  constructor(options: WorkingCopyOptions) {
    this.#options = options;
  }

  open(): Promise<Checkout> {
    return Checkout.open(this.#options.conf);
  }

  /** The first checkout. `keepLocal`: what is in the directory stays, as local changes. */
  async bootstrap(
    bus: RepositoryBus,
    into: { readonly clusterGroup: string; readonly subcluster: string; readonly keepLocal: boolean },
  ): Promise<Checkout> {
    const { conf } = this.#options;
    return await this.#alone(async () => {
      const heads = await this.#heads(bus, into.subcluster);
      const before = into.keepLocal ? await localDirectory(conf) : undefined;
      const { clusterGroup, subcluster } = into;
      const lists = { added: [], deleted: [], conflicts: [], decided: false, previous: undefined };
      const record = { clusterGroup, subcluster, global: nothing, own: nothing, ...lists };
      await this.#merge(heads, 'mine', { record, root: before });
      return await this.open();
    });
  }

  async pull(
    bus: RepositoryBus,
    { resolution, onlyUnchanged = false }: { resolution: Resolution; onlyUnchanged?: boolean },
  ): Promise<Pulled> {
    return await this.#alone(async () => {
      const checkout = await this.open();
      const { record } = checkout;
      if (record.conflicts.length > 0)
        throw new FlotillaError('FLT-2305', `not resolved yet: ${namesOf(record.conflicts)}`);
      const heads = await this.#heads(bus, record.subcluster);
      requireSame(record, heads);
      if (record.global.rev === heads.global.at.rev && record.own.rev === heads.own.at.rev)
        return { kind: 'current', own: record.own.rev, global: record.global.rev };
      return await this.#merge(heads, resolution, { record, root: checkout, onlyUnchanged });
    });
  }

  async commit(bus: RepositoryBus, wish: CommitWish): Promise<boolean> {
    return await this.#alone(async () => {
      let checkout = await this.open();
      const { conflicts, subcluster } = checkout.record;
      if (conflicts.length > 0)
        throw new FlotillaError('FLT-2305', `not resolved yet: ${namesOf(conflicts)}`);
      const scan = await checkout.scan();
      const wanted = localChanges(checkout.record, scan.tree).filter(
        (change) => (change.letter !== '?' && change.letter !== '!') || wish.includes(change),
      );
      if (wanted.length === 0) return false;
      for (const change of wanted) requireUsable(change);
      wish.validate(checkout.root);
      for (const name of [globalName, subcluster]) {
        const isGlobal = name === globalName;
        const mine = wanted.filter(({ path }) => isGlobalPath(path) === isGlobal);
        if (mine.length > 0) checkout = await this.#commitTo(bus, name, checkout, scan, mine, wish);
      }
      return true;
    });
  }

  /**
   * A repository that was lost, as when a server that stood alone joined others, or that somebody filled again from an older
   * copy, gets what was checked out here. False: it has something else, or that already.
   */
  async seed(bus: RepositoryBus, author: string): Promise<boolean> {
    return await this.#alone(async () => {
      const checkout = await this.open();
      let isSeeded = false;
      for (const key of ['global', 'own'] as const) {
        const { repository, rev, tree, isMixed } = checkout.record[key];
        if (repository === undefined || isMixed) continue;
        const name = key === 'global' ? globalName : checkout.record.subcluster;
        const to = new Repository(name, await bus.create(name), this.#options.around);
        const read = async (hash: string) => originalOf(checkout, hash);
        if (await to.seed({ repository, rev, tree, author, read })) isSeeded = true;
      }
      return isSeeded;
    });
  }

  /** Changes the record, or files, of the working copy. */
  async change<Result>(work: (checkout: Checkout) => Promise<Result>): Promise<Result> {
    return await this.#alone(async () => work(await this.open()));
  }

  async #commitTo(
    bus: RepositoryBus,
    name: string,
    checkout: Checkout,
    scan: Scan,
    wanted: readonly LocalChange[],
    { author, message, committed }: CommitWish,
  ): Promise<Checkout> {
    const { record } = checkout;
    const key = name === globalName ? 'global' : 'own';
    const from = record[key];
    const changes = new Map<string, TreeEntry | undefined>();
    for (const { path } of wanted) changes.set(path, scan.tree.get(path));
    const store = key === 'global' ? await bus.create(name) : await storeOf(bus, name);
    const repository = new Repository(name, store, this.#options.around);
    const contents = await readFiles(checkout, changes);
    const outcome = await repository.commit({
      repository: from.repository,
      author,
      message,
      base: from.tree,
      changes,
      read: async (hash) => contents.get(hash)!,
    });
    if (outcome.kind === 'out of date')
      throw new FlotillaError('FLT-2303', `r${outcome.rev} of ${name} changed ${outcome.paths.join(', ')}`);
    const rev =
      outcome.kind === 'committed' && outcome.parent === from.rev ? outcome.head.revision.rev : from.rev;
    const taken = {
      repository: outcome.head?.revision.repository,
      // With commits of others in between it is no revision yet: the next pull brings the rest.
      rev,
      tree: withChanges(from.tree, changes),
      isMixed: outcome.head?.revision.rev !== rev,
    };
    for (const [hash, content] of contents) await checkout.keepOriginal(hash, content);
    const done = new Set(changes.keys());
    const saved = await checkout.save({
      ...record,
      [key]: taken,
      added: record.added.filter((path) => !done.has(path)),
      deleted: record.deleted.filter((path) => !done.has(path)),
      decided: false,
    });
    await saved.giveAway();
    if (outcome.kind === 'committed') committed(outcome.head.revision.rev, changes, from.tree);
    await bus.spread(name);
    return saved;
  }

  async #merge(
    heads: Heads,
    resolution: Resolution,
    from: {
      readonly record: CheckoutRecord;
      readonly root: Checkout | string | undefined;
      readonly onlyUnchanged?: boolean;
    },
  ): Promise<Pulled> {
    const { record, root } = from;
    const checkout = root instanceof Checkout ? root : undefined;
    const before = root === undefined ? undefined : { root: checkout?.root ?? (root as string) };
    const next = { global: heads.global.at, own: heads.own.at };
    for (let attempt = 0; attempt < mostMerges; attempt++) {
      const scan = before && (await scanDirectory(before.root));
      const mine = scan?.tree ?? emptyTree;
      const base = baseOf(record);
      if (from.onlyUnchanged && changesBetween(base, mine).size > 0) return { kind: 'left alone' };
      const theirs = baseOf(next);
      const read = contentReader({ checkout, root: before?.root, mine, theirs, heads });
      const revisions = (path: string) => {
        const key = isGlobalPath(path) ? 'global' : 'own';
        return { old: record[key].rev, new: next[key].rev };
      };
      const merged = await mergeTrees({ base, mine, theirs, read, resolution, revisions });
      const { conflicts } = merged;
      if (conflicts.length > 0 && resolution === 'none') return { kind: 'conflict', conflicts };
      const files = new Map(merged.files);
      const kept = conflicts.filter(({ kind }) => kind === 'edited here, deleted upstream');
      const added = [...record.added, ...(resolution === 'theirs' ? [] : kept.map(({ path }) => path))];
      const isDone = await replaceCheckout(this.#options.conf, before, {
        record: {
          clusterGroup: record.clusterGroup,
          subcluster: record.subcluster,
          ...next,
          added: [...new Set(added)].filter((path) => files.has(path) && !theirs.has(path)),
          deleted: record.deleted.filter((path) => !files.has(path) && theirs.has(path)),
          // With nothing left to commit the decision is over, or nothing would ever be loaded by itself again.
          decided: conflicts.length > 0 || (record.decided && !isUpstream(files, theirs)),
          conflicts: resolution === 'manual' ? conflicts.map(({ path, aside }) => ({ path, aside })) : [],
        },
        files,
        read,
        scan,
      });
      if (isDone) return { kind: 'updated', conflicts };
    }
    throw new FlotillaError('FLT-2314', 'its files are edited all the time');
  }

  async #heads(bus: RepositoryBus, subcluster: string): Promise<Heads> {
    const [global, own] = [await bus.open(globalName), await storeOf(bus, subcluster)];
    return {
      global: await this.#headOf(globalName, global),
      own: await this.#headOf(subcluster, own),
    };
  }

  async #headOf(name: string, store: CommitStore | undefined): Promise<HeadOf> {
    const repository = store && new Repository(name, store, this.#options.around);
    const head: Head | undefined = await repository?.head();
    if (!head && name !== globalName) throw new FlotillaError('FLT-2302', `${name} holds nothing`);
    if (head?.revision.frozen) throw new FlotillaError('FLT-2309', name);
    return {
      repository,
      at: head ? { repository: head.revision.repository, rev: head.revision.rev, tree: head.tree } : nothing,
    };
  }

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const { conf, patienceMs } = this.#options;
    return await withLock(conf, patienceMs, async () => {
      await tidy(conf);
      return await work();
    });
  }
}

interface HeadOf {
  readonly repository: Repository | undefined;
  readonly at: CheckedOut;
}

interface Heads {
  readonly global: HeadOf;
  readonly own: HeadOf;
}

/** Throws FLT-2302 and FLT-2306: what was made anew, or is older than what is here, would undo what was committed. */
function requireSame(record: CheckoutRecord, heads: Heads): void {
  for (const key of ['global', 'own'] as const) {
    const [here, there] = [record[key], heads[key].at];
    const name = key === 'global' ? globalName : record.subcluster;
    if (here.repository === undefined) continue;
    if (there.repository === undefined) throw new FlotillaError('FLT-2302', `${name} holds nothing any more`);
    if (there.repository !== here.repository) throw new FlotillaError('FLT-2306', name);
    if (there.rev < here.rev)
      throw new FlotillaError('FLT-2306', `${name} has r${there.rev}, and here is r${here.rev}`);
  }
}

/** Throws FLT-2308. */
function requireUsable({ path, letter }: LocalChange): void {
  const problem = letter === 'D' || letter === '!' ? undefined : pathProblem(path);
  if (problem !== undefined) throw new FlotillaError('FLT-2308', `'${path}' ${problem}`);
}

/** Nothing under control is different from what the repository holds. */
function isUpstream(files: ReadonlyMap<string, MergedFile>, theirs: Tree): boolean {
  return [...theirs].every(([path, entry]) => {
    const file = files.get(path);
    if (!file) return false;
    const hash = 'content' in file ? hashOf(file.content) : file.hash;
    return sameEntry({ hash, mode: file.mode }, entry);
  });
}

function namesOf(conflicts: readonly { readonly path: string }[]): string {
  return conflicts.map(({ path }) => path).join(', ');
}

/** What is at `<conf>` already. */
async function localDirectory(conf: string): Promise<string | undefined> {
  return await realpath(conf).catch(() => undefined);
}

/** The files to be sent, as they were when the changes were listed. */
async function readFiles(checkout: Checkout, changes: TreeChanges): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  for (const [path, entry] of changes) {
    if (!entry) continue;
    const content = await readFile(checkout.path(path)).catch(() => undefined);
    if (!content || hashOf(content) !== entry.hash)
      throw new FlotillaError('FLT-2314', `${path} is being edited`);
    contents.set(entry.hash, content);
  }
  return contents;
}

async function originalOf(checkout: Checkout, hash: string): Promise<Uint8Array> {
  const content = await checkout.original(hash);
  if (content) return content;
  throw new FlotillaError('FLT-2311', `the original ${hash} is missing`);
}

/** Throws FLT-2302. */
export async function storeOf(bus: RepositoryBus, name: string): Promise<CommitStore> {
  const store = await bus.open(name);
  if (store) return store;
  throw new FlotillaError('FLT-2302', name);
}
