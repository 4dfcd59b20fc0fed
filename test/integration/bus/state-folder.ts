/** State directories for tests. Removing one also ends the server that a killed node left in it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../until.ts';

const folders = new Set<string>();

export function stateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-state-'));
  folders.add(folder);
  return folder;
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0;
}

/** For afterEach, when all nodes are gone. */
export async function removeStateFolders(): Promise<void> {
  for (const folder of folders) {
    const pidFile = join(folder, 'nats/server.pid');
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    if (pid > 0 && isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) {
      process.kill(pid, 'SIGKILL');
      await until(() => !isAlive(pid));
    }
    rmSync(folder, { recursive: true, force: true });
  }
  folders.clear();
}
