/**
 * Lines typed in earlier sessions (CON-23). The file is for the user's eyes only, holds at most 1000 lines, and never
 * what begins with a blank or holds what looks like a password.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withoutSecrets } from '../../core/secrets.ts';

export const maxHistoryLines = 1000;

export function historyPath(): string {
  return join(homedir(), '.ec_console_history');
}

/** Oldest first. A file that is missing or unreadable is an empty history. */
export function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(isKept).slice(-maxHistoryLines);
  } catch {
    return [];
  }
}

/** Losing history is no reason to fail: a read-only home directory is common in containers. */
export function writeHistory(path: string, lines: readonly string[]): void {
  const kept = lines.filter(isKept).slice(-maxHistoryLines);
  try {
    writeFileSync(path, kept.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch {
    return;
  }
}

function isKept(line: string): boolean {
  const isHarmless = !/passw|secret|token/i.test(line) && withoutSecrets(line) === line;
  return line !== '' && !/^\s/.test(line) && isHarmless;
}
