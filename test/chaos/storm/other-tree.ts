/** The tree of another commit, compiled beside this one: what nodes are upgraded from. It is made once for each commit. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, '.cache/trees');

/** `commit`: as git names it. Returns its `bin/flotilla`. */
export function programOf(commit: string): string {
  const hash = git('rev-parse', '--verify', `${commit}^{commit}`).toString().trim();
  const tree = join(folder, hash);
  if (!existsSync(tree)) build(hash, tree);
  return join(tree, 'bin/flotilla');
}

function build(hash: string, tree: string): void {
  const making = `${tree}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  execFileSync('tar', ['-x', '-C', making], { input: git('archive', hash) });
  symlinkSync(join(root, 'node_modules'), join(making, 'node_modules'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(making, 'tsconfig.build.json')], { stdio: 'inherit' });
  renameSync(making, tree);
}

function git(...words: readonly string[]): Buffer {
  return execFileSync('git', ['-C', root, ...words], { maxBuffer: 1 << 28 });
}
