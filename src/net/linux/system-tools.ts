/** Programs of the machine, for what happens once (loading tables) or after our end (the guardian). */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Full path, since services often run without sbin in their path. Undefined: it is not installed. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Undefined when it succeeded, else what it said. In a session of its own, so that Ctrl-C does not end it half-way. */
export function runTool(path: string, words: readonly string[], input: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(path, words, { detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < maxSaid) said += text;
    });
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : said.trim() || `${path} ended with ${code ?? signal}`);
    });
    // A tool that dies early closes its end; its exit code says more.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

const maxSaid = 4_000;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
