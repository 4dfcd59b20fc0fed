/**
 * The program as it was at an earlier commit, compiled beside this one: what a node runs whose neighbours were upgraded.
 *
 * It is taken out of the history with `git archive` and kept in `.cache/upgrade/COMMIT`; the npm packages are those of this
 * tree, through a link. By default it is the commit before the last one that changed `src`, or, when `src` has changes that
 * are not committed, the last commit. Invariant: what a test compares with stands in `title`. Where history begins or is cut
 * off before that commit, it is this tree itself, and a warning says so.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Tree {
  /** Its launcher. */
  readonly program: string;
  readonly title: string;
}

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const cacheFolder = join(root, '.cache/upgrade');
/** What a launcher needs. */
const parts = ['bin', 'src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
const compiler = join(root, 'node_modules/typescript/bin/tsc');
/** Only what runs is wanted; the commit was checked when it was made. */
const compilerOptions = ['--noCheck', '--declaration', 'false', '--sourceMap', 'false'];

/** `revision` as git understands it; the environment's FLOTILLA_UPGRADE_FROM by default. */
export async function earlierTree(revision = process.env.FLOTILLA_UPGRADE_FROM): Promise<Tree> {
  const commit = revision ? await commitOf(revision) : await earlierCommit();
  if (commit === undefined) {
    console.warn(
      'There is no earlier commit here, so the cluster is made of this release alone. A shallow clone gets it with: git fetch --deepen=1',
    );
    return {
      program: join(root, 'bin/flotilla'),
      title: 'this release itself, for want of an earlier commit',
    };
  }
  const folder = join(cacheFolder, commit);
  if (!existsSync(folder)) await makeTree(commit, folder);
  return { program: join(folder, 'bin/flotilla'), title: await git('log', '-1', '--format=%h (%s)', commit) };
}

async function commitOf(revision: string): Promise<string> {
  return await git('rev-parse', '--verify', `${revision}^{commit}`).catch(() => {
    throw new Error(
      `git knows no revision '${revision}' here; a shallow clone gets more with: git fetch --unshallow`,
    );
  });
}

/** Undefined: without git, with a single commit, or in a clone that is cut off there, there is none. */
async function earlierCommit(): Promise<string | undefined> {
  if (!existsSync(join(root, '.git'))) return undefined;
  const changes = await git('status', '--porcelain', '--', 'src');
  if (changes !== '') return await git('rev-parse', 'HEAD');
  const last = await git('log', '-1', '--format=%H', '--', 'src');
  const parent = await git('rev-parse', '--verify', '--quiet', `${last}^`).catch(() => undefined);
  return parent;
}

async function makeTree(commit: string, folder: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  await removeOthers();
  const unfinished = await mkdtemp(join(cacheFolder, 'unfinished-'));
  await run('sh', [
    '-c',
    'git -C "$0" archive "$1" -- $2 | tar -x -C "$3"',
    root,
    commit,
    parts.join(' '),
    unfinished,
  ]);
  await symlink(join(root, 'node_modules'), join(unfinished, 'node_modules'));
  const words = [compiler, '-p', 'tsconfig.build.json', ...compilerOptions];
  await run(process.execPath, words, { cwd: unfinished }).catch(({ stdout }: { stdout: string }) => {
    throw new Error(`${commit} does not compile with the packages that are installed here:\n${stdout}`);
  });
  await rename(unfinished, folder);
}

/** One commit follows the other, and each tree is asked for by the next few runs only. */
async function removeOthers(): Promise<void> {
  for (const name of await readdir(cacheFolder)) await rm(join(cacheFolder, name), { recursive: true });
}

async function git(...words: string[]): Promise<string> {
  return (await run('git', ['-C', root, ...words])).stdout.trim();
}
