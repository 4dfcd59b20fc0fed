/** Commands of `flotilla cfg` that change a repository without a working copy: clone, overlay, put, revert --to (CONF-11.3). */
import { readFile, stat } from 'node:fs/promises';
import type { ConfigBus } from '../bus/config-bus.ts';
import type { Revision } from '../config/repository/revision.ts';
import { globalTemplates, subclusterTemplates } from '../config/repository/templates.ts';
import {
  changesBetween,
  emptyTree,
  globalName,
  hashOf,
  isGlobalPath,
  pathProblem,
  pathsBelow,
  repositoryOf,
  type Tree,
  type TreeEntry,
} from '../config/repository/tree.ts';
import { FlotillaError } from '../core/errors.ts';
import { type Head, type Outcome, Repository } from '../node/repository/repository.ts';
import { storeOf } from '../node/repository/working-copy.ts';
import { commitText } from './cfg-commit-text.ts';
import { around, type Place } from './cfg-place.ts';

/** Makes a subcluster, and what is shared by all when it is the first, from the templates. */
export async function createSubcluster(place: Place, bus: ConfigBus, name: string): Promise<void> {
  if (!(await headOn(bus, globalName))) await commitFiles(place, bus, globalName, globalTemplates);
  await commitFiles(place, bus, name, subclusterTemplates);
  await (await bus.running(name)).create();
}

/** The newest revision; undefined: there is none. */
export async function headOn(bus: ConfigBus, name: string): Promise<Revision | undefined> {
  const store = await bus.open(name);
  return store && (await new Repository(name, store, around).headRevision());
}

async function commitFiles(
  place: Place,
  bus: ConfigBus,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const contents = new Map(
    Object.values(files).map((text) => [hashOf(Buffer.from(text)), Buffer.from(text)]),
  );
  const changes = new Map(
    Object.entries(files).map(([path, text]) => [path, { hash: hashOf(Buffer.from(text)), mode: 0o644 }]),
  );
  const repository = new Repository(name, await bus.create(name), around);
  await repository.commit({
    repository: undefined,
    author: place.author,
    message: `Subcluster ${name}, from the templates`,
    base: emptyTree,
    changes,
    read: async (hash) => contents.get(hash)!,
  });
}

/** `exactly`: DST becomes SRC; otherwise what is only in DST stays. */
export async function copyInRepository(
  place: Place,
  source: string,
  target: string,
  exactly: boolean,
): Promise<number> {
  return await inRepositories(place, async (headOf) => {
    const [from, to] = [place.pathIn(source), place.pathIn(target)];
    const [left, right] = [await headOf(from), await headOf(to)];
    const files = pathsBelow(left.head.tree, from);
    if (files.length === 0) throw new FlotillaError('FLT-2312', `'${from}'`);
    const changes = new Map<string, TreeEntry | undefined>();
    if (exactly) for (const path of pathsBelow(right.head.tree, to)) changes.set(path, undefined);
    for (const path of files) changes.set(`${to}${path.slice(from.length)}`, left.head.tree.get(path)!);
    const read = (hash: string) => left.repository.content(hash);
    return await commitTo(place, right, changes, read, `${exactly ? 'clone' : 'overlay'} ${from} ${to}`);
  });
}

/** Stores one file, if it differs. */
export async function putFile(place: Place, source: string, target: string): Promise<number> {
  return await inRepositories(place, async (headOf) => {
    const path = place.pathIn(target);
    const problem = pathProblem(path);
    if (problem !== undefined) throw new FlotillaError('FLT-2308', `'${path}' ${problem}`);
    const content = await readFile(source).catch((error: Error) => {
      throw new FlotillaError('FLT-2321', error.message, error);
    });
    const entry = { hash: hashOf(content), mode: (await stat(source)).mode & 0o777 };
    return await commitTo(
      place,
      await headOf(path),
      new Map([[path, entry]]),
      async () => content,
      `put ${path}`,
    );
  });
}

/** A new commit that restores what revision `rev` held, below a path or everywhere. */
export async function revertTo(place: Place, rev: number, below: string): Promise<number> {
  return await inRepositories(place, async (headOf) => {
    const path = place.pathIn(below);
    const at = await headOf(path);
    const then = await at.repository.tree(await at.repository.revision(rev));
    const wanted = new Set(pathsBelow(new Map([...then, ...at.head.tree]), path));
    const changes = [...changesBetween(at.head.tree, then)].filter(([each]) => wanted.has(each));
    const read = (hash: string) => at.repository.content(hash);
    return await commitTo(place, at, new Map(changes), read, `Back to r${rev}`);
  });
}

interface Opened {
  readonly repository: Repository;
  readonly head: Head;
  /** Of the working copy. */
  readonly known: string | undefined;
}

/** `work` gets the repository of a path, and what it holds now. */
async function inRepositories(
  place: Place,
  work: (headOf: (path: string) => Promise<Opened>) => Promise<number>,
): Promise<number> {
  const { record } = await place.workingCopy.open();
  const bus = await place.connect();
  try {
    return await work(async (path) => {
      const name = repositoryOf(path, record.subcluster);
      const repository = new Repository(name, await storeOf(bus, name), around);
      const head = await repository.head();
      if (!head) throw new FlotillaError('FLT-2302', `${name} holds nothing`);
      return { repository, head, known: record[isGlobalPath(path) ? 'global' : 'own'].repository };
    });
  } finally {
    await bus.close();
  }
}

async function commitTo(
  place: Place,
  { repository, head, known }: Opened,
  changes: ReadonlyMap<string, TreeEntry | undefined>,
  read: (hash: string) => Promise<Uint8Array>,
  message: string,
): Promise<number> {
  const outcome = await repository.commit({
    repository: known,
    author: place.author,
    message,
    base: head.tree,
    changes,
    read,
  });
  place.print(outcomeText(outcome, head.tree, repository.name));
  return 0;
}

/** Throws FLT-2303. */
function outcomeText(outcome: Outcome, base: Tree, name: string): string {
  if (outcome.kind === 'nothing') return 'Nothing to commit\n';
  if (outcome.kind === 'out of date')
    throw new FlotillaError('FLT-2303', `r${outcome.rev} of ${name} changed ${outcome.paths.join(', ')}`);
  const { revision, tree } = outcome.head;
  return commitText(revision.rev, changesBetween(base, tree), base);
}
