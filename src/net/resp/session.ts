/**
 * One connection of a Redis client: commands in, replies out in the same order, transactions.
 *
 * Bounded: while a reply is awaited, or the client does not read, nothing more is read from it. A transaction is what it
 * says only on this node: nothing comes between its commands here.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { isFlotillaError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { turnAway } from '../turn-away.ts';
import { RespError } from './arguments.ts';
import { CommandParser } from './command-parser.ts';
import { findCommand, type RespCommand, unknownCommand } from './commands.ts';
import { encodeReply, ok, type Reply } from './reply.ts';
import type { RespState, RespStore } from './store.ts';

interface Queued {
  readonly command: RespCommand;
  readonly words: readonly Buffer[];
}

/** Replies gathered before they are written. */
const maxGatheredBytes = 256 * 1024;
const maxQueued = 128;

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
  #isAwaited = false;
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

  /** After the reply it is at. */
  finish(): void {
    this.#state.isEnding = true;
    if (!this.#isAwaited) this.#end();
  }

  get #isWaiting(): boolean {
    return this.#isAwaited || this.#isFull;
  }

  #run(): void {
    while (!this.#isWaiting && !this.#state.isEnding) {
      const command = this.#parser.next();
      if (!command) break;
      if ('error' in command) {
        this.#state.isEnding = true;
        this.#gather({ error: command.error });
        break;
      }
      const reply = this.#answer(command.words);
      if (reply instanceof Promise) this.#await(reply);
      else this.#gather(reply);
    }
    this.#write();
    if (this.#state.isEnding && !this.#isAwaited) this.#end();
    else if (this.#isWaiting) this.#socket.pause();
    else this.#socket.resume();
  }

  #end(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    turnAway(this.#socket, undefined, this.#clock, lingerMs);
  }

  #await(reply: Promise<Reply>): void {
    this.#isAwaited = true;
    void reply.then((value) => {
      this.#isAwaited = false;
      this.#gather(value);
      this.#run();
    });
  }

  #gather(reply: Reply): void {
    const bytes = encodeReply(reply, this.#state.version);
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
    for (const queued of queue) {
      const reply = this.#carryOut(queued);
      replies.push(reply instanceof Promise ? await reply : reply);
    }
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
