/** Commands of `flotilla cfg` about the working copy: what they do, and what they print (CONF-11.3). */
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { formatClusterBoot } from '../config/repository/cluster-boot.ts';
import { sortedPaths } from '../config/repository/tree.ts';
import type { Conflict, Resolution } from '../config/repository/tree-merge.ts';
import { defaultEndpoint } from '../console/client/endpoint.ts';
import { FlotillaError } from '../core/errors.ts';
import { subclusterProblem } from '../core/identity.ts';
import { baseOf } from '../node/repository/checkout-record.ts';
import { type LocalChange, localChanges } from '../node/repository/local-changes.ts';
import { deleteFiles, resolveFiles, revertFiles } from '../node/repository/local-files.ts';
import { commitText } from './cfg-commit-text.ts';
import type { Place } from './cfg-place.ts';
import { createSubcluster, headOn } from './cfg-repository.ts';
import { requireValid } from './cfg-validate.ts';

export interface BootstrapFlags {
  readonly clustername?: string;
  readonly singlenode?: true;
  readonly keepLocal?: true;
}

export async function bootstrap(
  place: Place,
  server: string | undefined,
  flags: BootstrapFlags,
): Promise<number> {
  const { conf, workingCopy } = place;
  const subcluster = flags.clustername ?? 'default';
  const problem = subclusterProblem(subcluster);
  if (problem !== undefined) throw new FlotillaError('FLT-2320', problem);
  if (existsSync(conf) && !flags.keepLocal)
    throw new FlotillaError('FLT-2310', `${conf}; with --keep-local its files stay, as local changes`);
  await mkdir(dirname(conf), { recursive: true });
  const bus = await place.connect(server === undefined ? [] : [server]);
  try {
    if (flags.singlenode && !(await headOn(bus, subcluster))) await createSubcluster(place, bus, subcluster);
    const { record } = await workingCopy.bootstrap(bus, {
      clusterGroup: await place.clusterGroup(),
      subcluster,
      keepLocal: flags.keepLocal ?? false,
    });
    const boot = {
      clusterName: subcluster,
      nodeName: process.env.EC_NODE_NAME,
      autoupdate: 'true' as const,
      repo: server === undefined ? (place.flags.servers ?? ['auto']) : [server],
      reloadOnUpdate: true,
    };
    // After the checkout: a machine with this file, and without the checkout, would look set up.
    await writeFile(`${place.bootFile}.new`, formatClusterBoot(boot));
    await rename(`${place.bootFile}.new`, place.bootFile);
    place.print(
      sortedPaths(baseOf(record))
        .map((path) => `A    ${path}\n`)
        .join(''),
    );
    return 0;
  } finally {
    await bus.close();
  }
}

export interface PullFlags {
  readonly auto?: true;
  readonly mine?: true;
  readonly theirs?: true;
  readonly manual?: true;
}

const decided = 'Look at the result, then commit it and run `config reload` on the console.\n';

export async function pull(place: Place, flags: PullFlags): Promise<number> {
  const resolution: Resolution = flags.mine
    ? 'mine'
    : flags.theirs
      ? 'theirs'
      : flags.manual
        ? 'manual'
        : 'none';
  const autoupdate = flags.auto ? (place.boot()?.autoupdate ?? 'true') : 'true';
  if (autoupdate === 'false') return 0;
  const bus = await place.connect();
  try {
    const onlyUnchanged = autoupdate === 'ifunchanged';
    const pulled = await place.workingCopy.pull(bus, { resolution, onlyUnchanged });
    if (pulled.kind === 'conflict') return warnOf(pulled.conflicts);
    if (pulled.kind === 'left alone') {
      process.stderr.write(
        'flotilla: there are local changes, and autoupdate=ifunchanged: nothing was changed\n',
      );
      return 0;
    }
    place.print('OK\n');
    if (pulled.kind === 'current') return 0;
    place.print(`${place.conf} is another directory now: a shell that stands in it has to cd again.\n`);
    if (pulled.conflicts.length === 0) return 0;
    place.print(pulled.conflicts.map(conflictLine).join(''));
    place.print(
      resolution === 'manual' ? `Edit these files, then run \`flotilla cfg resolve\`. ${decided}` : decided,
    );
    return 0;
  } finally {
    await bus.close();
  }
}

function warnOf(conflicts: readonly Conflict[]): number {
  process.stderr.write(
    [
      'flotilla: local and upstream changes conflict; nothing was changed:\n',
      ...conflicts.map(conflictLine),
      'Run `flotilla cfg pull --mine` to keep the local text where both changed, `--theirs` for the upstream text,\n',
      'or `--manual` to edit the files and `flotilla cfg resolve` them; then commit and reload. [FLT-2305]\n',
    ].join(''),
  );
  return 1;
}

function conflictLine({ path, kind }: Conflict): string {
  return `C       ${path} (${kind})\n`;
}

export interface CommitFlags {
  readonly addAll?: true;
  readonly deleteAll?: true;
  readonly message?: string;
  readonly validate: boolean;
  /** Console endpoint; true: the usual one. */
  readonly reload?: string | true;
}

export async function commit(place: Place, flags: CommitFlags): Promise<number> {
  const checkout = await place.workingCopy.open();
  const changes = localChanges(checkout.record, (await checkout.scan()).tree);
  const chosen = await choose(changes, flags);
  const message = flags.message ?? (chosen.size > 0 ? await ask('Message: ') : '');
  const bus = await place.connect();
  try {
    const isCommitted = await place.workingCopy.commit(bus, {
      author: place.author,
      message,
      includes: ({ path }) => chosen.has(path),
      validate: () => {
        if (flags.validate) requireValid(checkout, place.conf);
      },
      committed: (rev, sent, base) => place.print(commitText(rev, sent, base)),
    });
    if (!isCommitted) place.print('Nothing to commit\n');
    return flags.reload ? await reload(flags.reload) : 0;
  } finally {
    await bus.close();
  }
}

/** Everything scheduled or edited, and of the rest what the operator says. */
async function choose(changes: readonly LocalChange[], flags: CommitFlags): Promise<ReadonlySet<string>> {
  const chosen = new Set<string>();
  for (const { letter, path } of changes) {
    const [all, question] =
      letter === '?'
        ? [flags.addAll, `'${path}' is not under control. Add it?`]
        : [letter === '!' ? flags.deleteAll : true, `'${path}' is missing. Delete it in the repository?`];
    if (all ?? (await confirmed(question))) chosen.add(path);
    else process.stderr.write(`flotilla: '${path}' is left out\n`);
  }
  return chosen;
}

async function confirmed(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}

/** Without a person there is no answer. */
async function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) return '';
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

async function reload(endpoint: string | true): Promise<number> {
  const { openConsole } = await import('./open-console.ts');
  const where = endpoint === true ? (process.env.CONTROL ?? defaultEndpoint) : endpoint;
  const exitCode = await openConsole(where, ['config', 'reload'], { t: 60 });
  if (exitCode === undefined) throw new FlotillaError('FLT-1502', `'${where}' is no console endpoint`);
  return exitCode;
}

export async function status(place: Place, files: readonly string[]): Promise<number> {
  const checkout = await place.workingCopy.open();
  const wanted = files.map((file) => place.pathIn(file));
  const isWanted = (path: string) =>
    wanted.length === 0 || wanted.some((each) => each === '' || path === each || path.startsWith(`${each}/`));
  const changes = localChanges(checkout.record, (await checkout.scan()).tree);
  place.print(
    changes
      .filter(({ path }) => isWanted(path))
      .map(({ letter, path }) => `${letter}       ${path}\n`)
      .join(''),
  );
  return 0;
}

export async function remove(place: Place, files: readonly string[]): Promise<number> {
  const paths = files.map((file) => place.pathIn(file));
  const removed = await place.workingCopy.change((checkout) => deleteFiles(checkout, paths));
  place.print(removed.map((path) => `D         ${path}\n`).join(''));
  return 0;
}

export async function revert(place: Place, files: readonly string[]): Promise<number> {
  const paths = files.map((file) => place.pathIn(file));
  const reverted = await place.workingCopy.change((checkout) => revertFiles(checkout, paths));
  place.print(reverted.map((path) => `Reverted '${path}'\n`).join(''));
  const isDone = (path: string) =>
    reverted.some((each) => path === '' || each === path || each.startsWith(`${path}/`));
  for (const path of paths.filter((each) => !isDone(each)))
    process.stderr.write(`flotilla: there is nothing to revert in '${path}'\n`);
  return 0;
}

export async function resolveConflicts(
  place: Place,
  files: readonly string[],
  { revert: isReverted = false }: { readonly revert?: boolean },
): Promise<number> {
  const paths = files.map((file) => place.pathIn(file));
  const resolved = await place.workingCopy.change((checkout) =>
    resolveFiles(checkout, paths, { revert: isReverted }),
  );
  place.print(resolved.map((path) => `Resolved conflicted state of '${path}'\n`).join(''));
  return 0;
}
