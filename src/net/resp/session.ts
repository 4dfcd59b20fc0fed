/**
 * One connection of a Redis client: commands in, replies out in the same order, transactions.
 *
 * Commands behind one that has to wait are carried out meanwhile, and their replies held: what waits is a decision of a
 * throttle, which has nothing to do with keys. Bounded: while many replies are awaited, or held, or the client does not
 * read, nothing more is read from it. A transaction is what it says only on this node: nothing comes between its commands here.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { isFlotillaError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { turnAway } from '../turn-away.ts';
import { RespError } from './arguments.ts';
import { CommandParser } from './command-parser.ts';
import { findCommand, type RespCommand, unknownCommand } from './commands.ts';
import { encodeReply, ok, type Reply, type RespVersion } from './reply.ts';
import type { RespState, RespStore } from './store.ts';

interface Queued {
  readonly command: RespCommand;
  readonly words: readonly Buffer[];
}

/** The reply to a command, in the version of the protocol it was sent in. */
interface Pending {
  readonly version: RespVersion;
  /** Undefined: awaited. */
  bytes: Buffer | undefined;
}

/** Replies gathered before they are written, and held behind one that is awaited. */
const maxGatheredBytes = 256 * 1024;
/** Of each client; the callers of all clients that throttles let wait are bounded, too. */
const maxPending = 32;
const maxQueued = 128;
/** Of commands that came together; then it is the turn of everything else. */
const turnMs = 4;

/** A client that does not go when it is told to is cut off. */
const lingerMs = 1_000;

export class RespSession {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #store: RespStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #parser = new CommandParser();
  readonly #state: RespState;
  #replies: Buffer[] = [];
  #gatheredBytes = 0;
  /** In the order of their commands; the first is awaited. */
  readonly #pending: Pending[] = [];
  #heldBytes = 0;
  /** A transaction is under way. */
  #isExecuting = false;
  /** Goes on with commands that have come. */
  #nextTurn: Timer | undefined;
  /** The client has to read first. */
  #isFull = false;
  #isLeaving = false;
  /** Commands since MULTI; 'wrong': one was refused, so none of them will be run. */
  #queue: Queued[] | 'wrong' | undefined;

  constructor(socket: Socket, id: number, store: RespStore, { clock, log }: { clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#socket = socket;
    this.#store = store;
    this.#log = log;
    this.#state = { id, version: 2, name: '', database: 0, isEnding: false };
    socket.on('data', (bytes) => {
      this.#parser.push(bytes);
      this.#run();
    });
    socket.on('drain', () => {
      this.#isFull = false;
      this.#run();
    });
    socket.on('end', () => this.finish());
    socket.on('error', () => socket.destroy());
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** After the replies that are awaited. */
  finish(): void {
    this.#state.isEnding = true;
    if (this.#pending.length === 0) this.#end();
  }

  get #isWaiting(): boolean {
    const holdsMuch = this.#pending.length >= maxPending || this.#heldBytes > maxGatheredBytes;
    return this.#isExecuting || holdsMuch || this.#isFull || this.#nextTurn !== undefined;
  }

  #run(): void {
    const endMs = this.#clock.nowMs() + turnMs;
    while (!this.#isWaiting && !this.#state.isEnding) {
      const command = this.#parser.next();
      if (!command) break;
      if ('error' in command) {
        this.#state.isEnding = true;
        this.#reply({ error: command.error });
        break;
      }
      const reply = this.#answer(command.words);
      if (reply instanceof Promise) this.#await(reply);
      else this.#reply(reply);
      if (this.#clock.nowMs() >= endMs) this.#pauseForTurn();
    }
    this.#write();
    if (this.#state.isEnding && this.#pending.length === 0) this.#end();
    else if (this.#isWaiting) this.#socket.pause();
    else this.#socket.resume();
  }

  #pauseForTurn(): void {
    this.#nextTurn = this.#clock.after(0, () => {
      this.#nextTurn = undefined;
      this.#run();
    });
  }

  #end(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    turnAway(this.#socket, undefined, this.#clock, lingerMs);
  }

  #await(reply: Promise<Reply>): void {
    const pending: Pending = { version: this.#state.version, bytes: undefined };
    this.#pending.push(pending);
    void reply.then((value) => {
      pending.bytes = encodeReply(value, pending.version);
      this.#heldBytes += pending.bytes.length;
      for (let first = this.#pending[0]; first?.bytes; first = this.#pending[0]) {
        this.#pending.shift();
        this.#heldBytes -= first.bytes.length;
        this.#gather(first.bytes);
      }
      this.#run();
    });
  }

  #reply(reply: Reply): void {
    const { version } = this.#state;
    const bytes = encodeReply(reply, version);
    if (this.#pending.length === 0) {
      this.#gather(bytes);
      return;
    }
    this.#pending.push({ version, bytes });
    this.#heldBytes += bytes.length;
  }

  #gather(bytes: Buffer): void {
    this.#replies.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes > maxGatheredBytes) this.#write();
  }

  #write(): void {
    if (this.#replies.length === 0 || this.#socket.destroyed) return;
    const bytes = this.#replies.length === 1 ? this.#replies[0]! : Buffer.concat(this.#replies);
    this.#replies = [];
    this.#gatheredBytes = 0;
    this.#isFull = !this.#socket.write(bytes);
  }

  #answer([name, ...words]: readonly Buffer[]): Reply | Promise<Reply> {
    const word = name!.toString('latin1').toLowerCase();
    switch (word) {
      case 'multi':
        if (this.#queue) return { error: 'ERR MULTI calls can not be nested' };
        this.#queue = [];
        return ok;
      case 'discard':
        if (!this.#queue) return { error: 'ERR DISCARD without MULTI' };
        this.#queue = undefined;
        return ok;
      case 'exec':
        return this.#execute();
      default:
        return this.#begin(word, words);
    }
  }

  #begin(name: string, words: readonly Buffer[]): Reply | Promise<Reply> {
    const command = findCommand(name);
    const [min, max] = command?.words ?? [0, 0];
    const isFit = command && words.length >= min && words.length <= max;
    if (isFit && !this.#queue) return this.#carryOut({ command, words });
    if (isFit && Array.isArray(this.#queue) && this.#queue.length < maxQueued) {
      this.#queue.push({ command, words });
      return { status: 'QUEUED' };
    }
    if (this.#queue) this.#queue = 'wrong';
    if (!command) return unknownCommand(name);
    if (!isFit) return { error: `ERR wrong number of arguments for '${name}' command` };
    return { error: `ERR a transaction has at most ${maxQueued} commands` };
  }

  async #execute(): Promise<Reply> {
    const queue = this.#queue;
    this.#queue = undefined;
    if (!queue) return { error: 'ERR EXEC without MULTI' };
    if (queue === 'wrong') return { error: 'EXECABORT Transaction discarded because of previous errors.' };
    const replies: Reply[] = [];
    this.#isExecuting = true;
    for (const queued of queue) {
      const reply = this.#carryOut(queued);
      replies.push(reply instanceof Promise ? await reply : reply);
    }
    this.#isExecuting = false;
    return replies;
  }

  #carryOut({ command, words }: Queued): Reply | Promise<Reply> {
    try {
      const reply = command.run(words, this.#store, this.#state);
      return reply instanceof Promise ? reply.catch((error) => this.#failed(error)) : reply;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): Reply {
    if (error instanceof RespError) return { error: error.message };
    if (isFlotillaError(error)) return { error: `ERR ${error.code} ${error.message}` };
    this.#log.error('a command of a Redis client failed', { error });
    return { error: 'ERR internal error' };
  }
}
