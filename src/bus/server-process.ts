/**
 * The operating system's side of the embedded nats-server: finding one that an earlier life of the node left behind,
 * starting one, ending one, and the watcher that ends an orphan.
 *
 * The server must outlive a killed node by a moment, or nobody could report that the node's connections ended. So it
 * is started in a session of its own. So that it does not live for ever, each node also starts a watcher, a small `sh`
 * that blocks on a pipe from the node. When the node is gone, in whatever way, the pipe closes; the watcher then waits
 * `orphanGraceSeconds` and ends the server, unless the owner file names another process: the next life of the node.
 *
 * Invariant: no process is signalled unless its command line names our configuration file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';

export interface ServerFiles {
  readonly config: string;
  /** Written by the server. */
  readonly pid: string;
  /** Names the process of the node that is responsible for the server. */
  readonly owner: string;
  readonly log: string;
}

export function serverFiles(folder: string): ServerFiles {
  return {
    config: join(folder, 'server.conf'),
    pid: join(folder, 'server.pid'),
    owner: join(folder, 'owner'),
    log: join(folder, 'server.log'),
  };
}

/** The path of the server's binary. Throws FLT-1203 when it is not installed. */
export function findBinary(name: string): string {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/local/sbin',
  ];
  const candidates = name.includes('/') ? [name] : folders.map((folder) => join(folder, name));
  const path = candidates.find(isExecutable);
  if (!path) throw new FlotillaError('FLT-1203', `there is no ${name}`);
  return realpathSync(path);
}

/**
 * Makes this process the owner. Throws FLT-1104 when another one that lives is: two nodes with one state directory
 * would end each other's server.
 */
export function claim(files: ServerFiles): void {
  const owner = readText(files.owner);
  const other = Number.parseInt(owner, 10);
  if (owner !== '' && owner !== identityOf(process.pid) && owner === identityOf(other)) {
    throw new FlotillaError('FLT-1104', `${dirname(files.config)} is that of another node, process ${other}`);
  }
  writeFileSync(files.owner, identityOf(process.pid), { mode: 0o600 });
}

export function giveUp(files: ServerFiles): void {
  rmSync(files.owner, { force: true });
  rmSync(files.pid, { force: true });
}

/** Process id of the server that an earlier life left behind. */
export function leftOver(files: ServerFiles): number | undefined {
  const pid = Number.parseInt(readText(files.pid), 10);
  return pid > 1 && isServer(pid, files) ? pid : undefined;
}

/** True while the process runs and is a server with our configuration. */
export function isServer(pid: number, files: ServerFiles): boolean {
  return readText(`/proc/${pid}/cmdline`).split('\0').includes(files.config);
}

/** True when the process runs this very binary, not one that an upgrade has replaced. */
export function runsBinary(pid: number, binary: string): boolean {
  try {
    return realpathSync(`/proc/${pid}/exe`) === binary;
  } catch {
    return false;
  }
}

export function spawnServer(binary: string, files: ServerFiles): ChildProcess {
  // A file and not a pipe: a server that outlives the node would die of its first log line.
  const log = openSync(files.log, 'a', 0o600);
  try {
    return spawn(binary, ['-c', files.config], { detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

const patienceMs = 3_000;
const givenUpMs = 6_000;
const lookAgainMs = 10;

/** SIGTERM, then SIGKILL. Resolves when the process is gone, or cannot be ended: the kernel may hold it for a disk. */
export async function endServer(pid: number, files: ServerFiles, clock: Clock): Promise<void> {
  const startedMs = clock.nowMs();
  const waitedMs = () => clock.nowMs() - startedMs;
  signal(pid, 'SIGTERM');
  while (isServer(pid, files) && waitedMs() < givenUpMs) {
    if (waitedMs() > patienceMs) signal(pid, 'SIGKILL');
    await new Promise<void>((resume) => clock.after(lookAgainMs, resume));
  }
}

const watcherScript = `
cat >/dev/null
sleep "$1"
[ "$(cat "$2")" = "$3" ] || exit 0
pid=$(cat "$4") || exit 0
tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep -qxF -- "$5" && kill "$pid"
`;

/** Returns the way to end the watcher. It keeps no process alive and never holds back the end of this one. */
export function startWatcher(files: ServerFiles, orphanGraceSeconds: number): () => void {
  const values = [String(orphanGraceSeconds), files.owner, identityOf(process.pid), files.pid, files.config];
  const watcher = spawn('/bin/sh', ['-c', watcherScript, 'flotilla-orphan-watcher', ...values], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.on('error', () => {});
  watcher.stdin.on('error', () => {});
  watcher.unref();
  return () => {
    // Its whole group: the shell may be waiting for `cat` or `sleep`.
    if (watcher.pid && watcher.exitCode === null) signal(-watcher.pid, 'SIGKILL');
  };
}

/** Undefined when it would be possible to listen there. */
export function whyNotListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', ({ message }) => resolve(message));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

/** Process id and start time: a process id alone comes back in other lives. Empty when there is no such process. */
function identityOf(pid: number): string {
  const afterName = readText(`/proc/${pid}/stat`).split(') ').at(-1) ?? '';
  const startTime = afterName.split(' ')[19];
  return startTime ? `${pid} ${startTime}` : '';
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
