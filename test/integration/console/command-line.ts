/** bin/flotilla as a person runs it, with a folder of its own as home. It runs what was built. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = new URL('../../..', import.meta.url).pathname;
export const bin = join(root, 'bin/flotilla');

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class CommandLine {
  readonly directory = mkdtempSync(join(tmpdir(), 'flotilla-cli-'));

  constructor() {
    if (!existsSync(join(root, 'dist/cli.js')))
      throw new Error('run `npm run build` first: these tests run bin/flotilla');
  }

  readonly run = (args: readonly string[], input?: string): Promise<Outcome> => {
    const child = spawn(bin, args, { env: { ...process.env, HOME: this.directory } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.stdin.end(input);
    return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
  };

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
