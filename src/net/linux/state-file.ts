/**
 * What this node put on the machine, on disk before it is put there (LIFE-2): the next life removes what it finds, and
 * the guardian removes it the moment we are gone. Hence its form: commands for `ip -batch`, one a line.
 *
 * The lock beside it belongs to the process and to its guardian together. Who holds it knows that neither a second
 * node nor the guardian of an earlier life will touch these addresses.
 */
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { PlumbedAddress } from '../../actors/kernel-port.ts';
import type { Clock } from '../../core/clock.ts';
import { libcCalls } from './libc.ts';

/** A guardian needs milliseconds; a second node with this folder never ends. */
const patienceMs = 5_000;
const lookAgainMs = 5;

export class StateFile {
  readonly path: string;
  /** Shared with the guardian. */
  readonly lockFd: number;
  /** Name of the tables of the earlier life. */
  readonly earlierTable: string | undefined;
  readonly #addresses = new Map<string, PlumbedAddress>();

  private constructor(path: string, lockFd: number, table: string) {
    this.path = path;
    this.lockFd = lockFd;
    const tablePath = `${path}.table`;
    this.earlierTable = readText(tablePath).trim() || undefined;
    for (const address of parseCommands(readText(path))) this.#addresses.set(keyOf(address), address);
    writeFileSync(tablePath, `${table}\n`, { mode: 0o600 });
  }

  /** Waits for the guardian of an earlier life. @throws Error when another node holds the folder */
  static async open(folder: string, table: string, clock: Clock): Promise<StateFile> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'plumbed');
    const lockPath = `${path}.lock`;
    const lockFd = openSync(lockPath, 'a+', 0o600);
    const deadlineMs = clock.nowMs() + patienceMs;
    while (libcCalls.lock(lockFd) !== 0) {
      if (clock.nowMs() > deadlineMs) {
        closeSync(lockFd);
        throw new Error(`${lockPath} is held by another node or its guardian`);
      }
      await new Promise<void>((resume) => clock.after(lookAgainMs, resume));
    }
    return new StateFile(path, lockFd, table);
  }

  get addresses(): readonly PlumbedAddress[] {
    return [...this.#addresses.values()];
  }

  /**
   * Appended: replacing the file may write it out to the disk at once (8 ms for each batch of a take-over). On a new
   * line, since an attempt before may have ended in the middle of one when the disk was full.
   */
  add(addresses: readonly PlumbedAddress[]): void {
    const added = addresses.filter((address) => !this.#addresses.has(keyOf(address)));
    if (added.length === 0) return;
    appendFileSync(this.path, `\n${formatCommands(added)}`, { mode: 0o600 });
    for (const address of added) this.#addresses.set(keyOf(address), address);
  }

  remove(addresses: readonly PlumbedAddress[]): void {
    const before = this.#addresses.size;
    for (const address of addresses) this.#addresses.delete(keyOf(address));
    if (this.#addresses.size !== before) this.#write();
  }

  /** The lock lasts for as long as the guardian lives. */
  close(): void {
    closeSync(this.lockFd);
  }

  /**
   * Not synced: it is for the next process on this machine, and the addresses do not survive a crash of the machine
   * either.
   */
  #write(): void {
    const next = openSync(`${this.path}.next`, 'w', 0o600);
    try {
      writeSync(next, formatCommands(this.#addresses.values()));
    } finally {
      closeSync(next);
    }
    renameSync(`${this.path}.next`, this.path);
  }
}

export function formatCommands(addresses: Iterable<PlumbedAddress>): string {
  let text = '';
  for (const { ip, prefixBits, interface: name } of addresses)
    text += `address del ${ip}/${prefixBits} dev ${name}\n`;
  return text;
}

/** Lines of another form are left out: a torn or foreign file must not stop a node. */
export function parseCommands(text: string): PlumbedAddress[] {
  return [...text.matchAll(/^address del ([0-9a-f.:]+)\/(\d{1,3}) dev (\S+)$/gm)].map(
    ([, ip, bits, name]) => ({
      ip: ip!,
      prefixBits: Number(bits),
      interface: name!,
    }),
  );
}

export function keyOf({ ip, prefixBits, interface: name }: PlumbedAddress): string {
  return `${ip}/${prefixBits} ${name}`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
