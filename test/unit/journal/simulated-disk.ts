/**
 * A disk in memory that forgets. What was written is seen at once; after a power loss only what was synced is certain:
 * of the other writes to a file the first few have arrived, the last of them perhaps in part (an overwrite within one
 * sector never is), and of the changes of a directory the first few. It can also stop at the n-th operation, as a killed
 * process does, in the midst of a write too, and be full.
 */
import { dirname } from 'node:path';
import type { JournalFile, JournalFiles } from '../../../src/journal/files.ts';

interface Inode {
  data: Content;
  readonly durable: Content;
  /** Since the last sync. */
  changes: ((content: Content) => void)[];
  lock: object | undefined;
}

interface NameChange {
  readonly directory: string;
  apply(names: Map<string, Inode>): void;
}

const sectorBytes = 512;

export class Killed extends Error {}

export class SimulatedDisk {
  /** Bytes that still fit; writes beyond fail with ENOSPC after what fits. */
  room = Number.POSITIVE_INFINITY;
  operations = 0;
  /** The operation at which everything stops. */
  stopAt = Number.POSITIVE_INFINITY;
  /** Fails the next sync of a file. */
  failSync = false;
  /** What was done, for tests that ask for it: a long run would fill the memory. */
  trace: string[] | undefined;
  #directories = new Set<string>(['/']);
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];
  /** Which process lives now: what one that is gone still tries fails. */
  #life = 1;

  /** The disk as the process that lives now sees it. */
  process(): JournalFiles {
    const life = this.#life;
    return {
      locks: true,
      processId: 4711,
      isProcessAlive: () => false,
      open: async (path) => this.#open(life, path),
      create: async (path) => this.#create(life, path),
      list: async (path) => this.#list(life, path),
      makeDirectory: async (path) => this.#makeDirectory(life, path),
      rename: async (from, to) => this.#rename(life, from, to),
      remove: async (path) => this.#remove(life, path),
      syncDirectory: async (path) => this.#syncDirectory(life, path),
    };
  }

  #open(life: number, path: string): JournalFile | undefined {
    this.#step(life, `open ${path}`);
    const inode = this.#names.get(path);
    return inode && this.#file(life, inode, path);
  }

  #create(life: number, path: string): JournalFile {
    this.#step(life, `create ${path}`);
    let inode = this.#names.get(path);
    if (!this.#directories.has(dirname(path)))
      throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
    if (!inode) {
      inode = { data: new Content(), durable: new Content(), changes: [], lock: undefined };
      const made = inode;
      this.#change(path, (names) => names.set(path, made));
    }
    return this.#file(life, inode, path);
  }

  #list(life: number, path: string): readonly string[] | 'file' | undefined {
    this.#step(life, `list ${path}`);
    if (!this.#directories.has(path)) return undefined;
    const inside = [...this.#names.keys()].filter((name) => dirname(name) === path);
    return inside.map((name) => name.slice(path.length + 1));
  }

  #makeDirectory(life: number, path: string): void {
    this.#step(life, `mkdir ${path}`);
    for (let at = path; at !== '/'; at = dirname(at)) this.#directories.add(at);
  }

  #rename(life: number, from: string, to: string): void {
    this.#step(life, `rename ${from} ${to}`);
    this.#change(from, (names) => {
      const inode = names.get(from);
      names.delete(from);
      if (inode) names.set(to, inode);
    });
  }

  #remove(life: number, path: string): void {
    this.#step(life, `remove ${path}`);
    if (this.#names.has(path)) this.#change(path, (names) => names.delete(path));
  }

  #syncDirectory(life: number, path: string): void {
    this.#step(life, `sync ${path}`);
    const isHere = (change: NameChange): boolean => change.directory === path;
    for (const change of this.#nameChanges.filter(isHere)) change.apply(this.#durableNames);
    this.#nameChanges = this.#nameChanges.filter((change) => !isHere(change));
  }

  /** The process is gone, and its locks; the disk stays. */
  endProcess(): void {
    this.#life++;
    this.stopAt = Number.POSITIVE_INFINITY;
    this.operations = 0;
    for (const inode of this.#names.values()) inode.lock = undefined;
  }

  /** `next`: a number in [0, 1) for each choice. */
  losePower(next: () => number): void {
    const below = (bound: number): number => Math.floor(next() * bound);
    const inodes = new Set([...this.#names.values(), ...this.#durableNames.values()]);
    for (const change of this.#nameChanges.slice(0, below(this.#nameChanges.length + 1)))
      change.apply(this.#durableNames);
    this.#nameChanges = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of inodes) {
      for (const change of inode.changes.slice(0, below(inode.changes.length + 1))) change(inode.durable);
      inode.data = new Content(inode.durable.bytes);
      inode.changes = [];
    }
    this.endProcess();
  }

  /** Of the files whose path begins so. */
  paths(prefix: string): string[] {
    return [...this.#names.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  content(path: string): Buffer | undefined {
    const inode = this.#names.get(path);
    return inode && Buffer.from(inode.data.bytes);
  }

  /** What a bad disk does to a file. */
  damage(path: string, bytes: string, position: number): void {
    this.#names.get(path)!.data.write(Buffer.from(bytes, 'latin1'), position);
  }

  #file(life: number, inode: Inode, path: string): JournalFile {
    const me = {};
    return {
      size: async () => {
        this.#step(life, `size ${path}`);
        return inode.data.length;
      },
      read: async (into, position) => {
        this.#step(life, `read ${path}`);
        return position >= inode.data.length ? 0 : inode.data.bytes.copy(into, 0, position);
      },
      write: async (bytes, position) => this.#write(life, inode, path, Buffer.from(bytes), position),
      truncate: async (length) => {
        this.#step(life, `truncate ${path} ${length}`);
        this.#apply(inode, (content) => content.resize(length));
      },
      sync: async () => {
        this.#step(life, `sync ${path}`);
        if (this.failSync) {
          this.failSync = false;
          throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        }
        for (const change of inode.changes) change(inode.durable);
        inode.changes = [];
      },
      tryLock: () => {
        // Else what a process had begun before its end would lock its files for good.
        if (life !== this.#life) throw new Killed('this process is gone');
        if (inode.lock) return undefined;
        inode.lock = me;
        return () => {
          if (inode.lock === me) inode.lock = undefined;
        };
      },
      close: async () => {
        if (inode.lock === me) inode.lock = undefined;
      },
    };
  }

  #write(life: number, inode: Inode, path: string, bytes: Buffer, position: number): void {
    const isOverwrite = position + bytes.length <= inode.data.length;
    const isAtomic =
      isOverwrite && bytes.length <= 64 && position % sectorBytes <= sectorBytes - bytes.length;
    const half = isAtomic ? 0 : Math.floor(bytes.length / 2);
    if (life === this.#life && this.operations + 1 === this.stopAt && half > 0)
      this.#apply(inode, (content) => content.write(bytes.subarray(0, half), position));
    this.#step(life, `write ${path} ${position}+${bytes.length}`);
    const grown = Math.max(position + bytes.length - inode.data.length, 0);
    if (grown > this.room) {
      const fits = bytes.subarray(0, bytes.length - grown + this.room);
      this.#apply(inode, (content) => content.write(fits, position));
      this.room = 0;
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    this.room -= grown;
    if (half > 0) this.#apply(inode, (content) => content.write(bytes.subarray(0, half), position));
    this.#apply(inode, (content) => content.write(bytes.subarray(half), position + half));
  }

  #apply(inode: Inode, change: (content: Content) => void): void {
    change(inode.data);
    inode.changes.push(change);
  }

  #change(path: string, apply: NameChange['apply']): void {
    apply(this.#names);
    this.#nameChanges.push({ directory: dirname(path), apply });
  }

  #step(life: number, what: string): void {
    if (life !== this.#life) throw new Killed('this process is gone');
    this.operations++;
    if (this.operations >= this.stopAt) throw new Killed(`stopped at operation ${this.stopAt}: ${what}`);
    this.trace?.push(what);
  }
}

/** Bytes of a file, with room to grow. */
class Content {
  #room: Buffer;
  #length: number;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#room = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  write(bytes: Uint8Array, position: number): void {
    if (position + bytes.length > this.#length) this.resize(position + bytes.length);
    this.#room.set(bytes, position);
  }

  resize(length: number): void {
    if (length > this.#room.length) {
      const room = Buffer.alloc(2 * length);
      this.bytes.copy(room);
      this.#room = room;
    } else if (length > this.#length) this.#room.fill(0, this.#length, length);
    this.#length = length;
  }
}
