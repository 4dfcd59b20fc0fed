/** TypeScript programs as processes of their own, so that tests can kill and stop them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from '../until.ts';

const running = new Set<ChildProcess>();

export interface Child {
  /** What it printed until it was ready. */
  readonly output: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  stop(): void;
}

/** Starts a program of this folder and waits until it prints a line with `ready`. */
export async function startChild(program: string, ...words: string[]): Promise<Child> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, program), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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
