/** A demonstration, run by its script as a newcomer runs it. A test that fails leaves none behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const scripts = join(import.meta.dirname, '../../scripts');

export interface DemoRun {
  readonly exited: Promise<number | null>;
  output(): string;
  readonly process: ChildProcess;
}

export function startDemo(script: string, ...argv: readonly string[]): DemoRun {
  return runDemo(['bash', join(scripts, script), ...argv]);
}

/** With fewer rights: the words of `setpriv` go in front. */
export function startDemoWith(through: readonly string[], script: string): DemoRun {
  return runDemo([...through, 'bash', join(scripts, script)]);
}

function runDemo([command = '', ...words]: readonly string[]): DemoRun {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  return { exited, output: () => output, process: child };
}

/** Empty when there is no such process. */
export function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
