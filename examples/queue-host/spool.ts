/**
 * The queue on disk. A message is one file: a line of JSON, then its bytes. Which folder it is in says what it is:
 *
 *     queue      this node's own; it may be delivered or moved
 *     held       offered by another node, which has not let go of it yet: NAME@SOURCE
 *     moved      given to another node, which has not said yet that it knows: NAME@TARGET
 *     delivered, expired
 *
 * Invariant: a message goes from one folder to the other by a rename, so it is in one of them whatever crashes when, and
 * of two who want to take it out of the queue only one can.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Message, messageOf, moveKey } from './message.ts';

const folders = ['queue', 'held', 'moved', 'delivered', 'expired'] as const;
type Folder = (typeof folders)[number];

/** A message that another node offers; a new offer of the same move is another object. */
export interface Held {
  readonly key: string;
  readonly source: string;
  readonly message: Message;
}

export class Spool {
  readonly queue = new Map<string, Message>();
  readonly held = new Map<string, Held>();
  /** Names in `moved`, with the time at which nobody can ask for them any more. */
  readonly #moved = new Map<string, number>();
  readonly #folder: string;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** With what an earlier process left. */
  static async open(folder: string): Promise<Spool> {
    const spool = new Spool(folder);
    for (const name of folders) await mkdir(join(folder, name), { recursive: true });
    for (const { message } of await spool.#read('queue')) spool.queue.set(message.id, message);
    for (const { name, message } of await spool.#read('moved')) spool.#moved.set(name, message.expiresAtMs);
    for (const { name, message } of await spool.#read('held')) {
      const [key = '', source = ''] = name.split('@');
      spool.held.set(name, { key, source, message });
    }
    return spool;
  }

  /** On disk for good when it resolves. */
  async accept(message: Message, body: Buffer): Promise<void> {
    await this.#write('queue', message.id, message, body);
    this.queue.set(message.id, message);
  }

  async body(id: string): Promise<Buffer> {
    const bytes = await readFile(this.#path('queue', id));
    return bytes.subarray(bytes.indexOf('\n') + 1);
  }

  /** Another attempt has failed. */
  replace(message: Message): Promise<void> {
    return this.#inTurn(async () => {
      if (this.queue.has(message.id)) await this.accept(message, await this.body(message.id));
    });
  }

  /** False, here and below: it was not in the queue any more. */
  delivered(id: string): Promise<boolean> {
    return this.#takeFromQueue(id, 'delivered', id);
  }

  expired(id: string): Promise<boolean> {
    return this.#takeFromQueue(id, 'expired', id);
  }

  // --- what others offer ---------------------------------------------------------------------------------------------

  hold(source: string, message: Message, body: Buffer): Promise<Held> {
    const held = { key: moveKey(message), source, message };
    return this.#inTurn(async () => {
      await this.#write('held', nameOf(held), message, body);
      this.held.set(nameOf(held), held);
      return held;
    });
  }

  /** It is this node's now. Nothing held under this name: it has been for some time. */
  release(key: string, source: string): Promise<void> {
    return this.#inTurn(async () => {
      const held = this.held.get(`${key}@${source}`);
      if (!held) return;
      await this.#rename('held', nameOf(held), 'queue', held.message.id);
      this.held.delete(nameOf(held));
      this.queue.set(held.message.id, held.message);
    });
  }

  /** Its source kept it. Nothing happens when it was offered again meanwhile. */
  drop(held: Held): Promise<void> {
    return this.#inTurn(async () => {
      if (this.held.get(nameOf(held)) !== held) return;
      this.held.delete(nameOf(held));
      await rm(this.#path('held', nameOf(held)), { force: true });
    });
  }

  // --- what is given to others ---------------------------------------------------------------------------------------

  /** From here on it is the other node's, whatever happens. */
  async give(message: Message, key: string, target: string): Promise<boolean> {
    const given = await this.#takeFromQueue(message.id, 'moved', `${key}@${target}`);
    if (given) this.#moved.set(`${key}@${target}`, message.expiresAtMs);
    return given;
  }

  isGiven(key: string, target: string): boolean {
    return this.#moved.has(`${key}@${target}`);
  }

  /** The other node knows that it is its own. */
  async forget(key: string, target: string): Promise<void> {
    this.#moved.delete(`${key}@${target}`);
    await rm(this.#path('moved', `${key}@${target}`), { force: true });
  }

  /** What its other end never settled ends here, and so does a message that waited too long. */
  async sweep(nowMs: number): Promise<void> {
    for (const { id, expiresAtMs } of [...this.queue.values()])
      if (expiresAtMs <= nowMs) await this.expired(id);
    for (const held of [...this.held.values()])
      if (held.message.expiresAtMs <= nowMs) await this.#giveUp(held);
    for (const [name, expiresAtMs] of [...this.#moved]) {
      const [key = '', target = ''] = name.split('@');
      if (expiresAtMs <= nowMs) await this.forget(key, target);
    }
  }

  #giveUp(held: Held): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.held.delete(nameOf(held))) return;
      await this.#rename('held', nameOf(held), 'expired', held.message.id);
    });
  }

  #takeFromQueue(id: string, to: Folder, name: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.queue.has(id)) return false;
      await this.#rename('queue', id, to, name);
      return this.queue.delete(id);
    });
  }

  /** A file that is removed while one of the same name is written would take that one with it. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => {});
    return result;
  }

  async #read(folder: Folder): Promise<{ readonly name: string; readonly message: Message }[]> {
    const found = [];
    for (const name of (await readdir(join(this.#folder, folder))).sort()) {
      if (name.startsWith('.')) {
        await rm(this.#path(folder, name));
        continue;
      }
      const text = await readFile(this.#path(folder, name), 'utf8');
      const message = messageOf(JSON.parse(text.slice(0, text.indexOf('\n'))));
      if (!message) throw new Error(`${this.#path(folder, name)} is not a message`);
      found.push({ name, message });
    }
    return found;
  }

  /** Under another name first: a file with its name is whole. */
  async #write(folder: Folder, name: string, message: Message, body: Buffer): Promise<void> {
    const file = await open(this.#path(folder, `.${name}`), 'w');
    try {
      await file.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), body]));
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#rename(folder, `.${name}`, folder, name);
  }

  async #rename(from: Folder, name: string, to: Folder, newName: string): Promise<void> {
    await rename(this.#path(from, name), this.#path(to, newName));
    // The order counts: in the worst case a crash leaves it in both, and not in neither.
    await this.#sync(to);
    if (from !== to) await this.#sync(from);
  }

  async #sync(folder: Folder): Promise<void> {
    const directory = await open(join(this.#folder, folder), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  #path(folder: Folder, name: string): string {
    return join(this.#folder, folder, name);
  }
}

function nameOf({ key, source }: Pick<Held, 'key' | 'source'>): string {
  return `${key}@${source}`;
}
