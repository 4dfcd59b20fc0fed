/** TypeScript programs as processes of their own, so that tests can kill and stop them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { until } from '../until.ts';

const root = join(import.meta.dirname, '../../..');
const running = new Set<ChildProcess>();
const bundles = new Map<string, Promise<string>>();

export interface Child {
  /** What it printed until it was ready. */
  readonly output: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  stop(): void;
}

/** Starts a program of this folder and waits until it prints a line with `ready`. */
export async function startChild(program: string, ...words: string[]): Promise<Child> {
  const bundle = bundles.get(program) ?? bundled(program);
  bundles.set(program, bundle);
  const child = spawn(process.execPath, [await bundle, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    return /ready.*\n/.test(output);
  });
  return {
    output,
    kill: () => kill(child),
    stop: () => void child.kill('SIGSTOP'),
  };
}

/** Once for all of a test file: to compile it at each start takes most of the time of these tests. */
async function bundled(program: string): Promise<string> {
  // Inside of the repository, where its packages are found.
  const file = join(root, `.cache/children/${program}.mjs`);
  // Another test file may be making the same, or starting it.
  const outfile = `${file}.${process.pid}`;
  await build({
    entryPoints: [join(import.meta.dirname, program)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  await rename(outfile, file);
  return file;
}

/** For afterEach. */
export async function killChildren(): Promise<void> {
  await Promise.all([...running].map(kill));
  running.clear();
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
