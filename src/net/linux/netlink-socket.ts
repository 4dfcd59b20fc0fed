/**
 * A conversation with the kernel over netlink: changes in, outcomes out; lists; and events of groups.
 *
 * The kernel carries out what is sent before `send` returns, so all outcomes can be read right after it. One exchange
 * at a time: calls in the background and lists wait for each other, at most `maxWaiting` of them.
 */
import { setImmediate } from 'node:timers/promises';
import {
  describeError,
  errorNumber,
  failure,
  family,
  lastError,
  libcCalls,
  socketLevel,
  socketType,
  whenReadable,
} from './libc.ts';
import {
  type NetlinkMessage,
  type NetlinkWriter,
  netlinkErrno,
  netlinkFlag,
  netlinkMessages,
  netlinkType,
} from './netlink-message.ts';

export const netlinkProtocol = { route: 0, netfilter: 12 } as const;

const receiveBytes = 4 << 20;
const maxWaiting = 1_000;
/** The kernel gives at most 32 KiB in one piece. */
const pieceBytes = 64 << 10;
const piecesATurn = 8;
const maxListings = 5;
/** Events handled in one turn of the event loop; the socket stays readable for the rest. */
const maxEventPieces = 64;

export class NetlinkSocket {
  readonly #fd: number;
  readonly #piece = Buffer.alloc(pieceBytes);
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #stopListening: (() => void) | undefined;
  #closed = false;

  /** `groups` is a bit mask of events to receive. */
  constructor(protocol: number, groups = 0) {
    this.#fd = libcCalls.socket(family.netlink, socketType.raw | socketType.closeOnExec, protocol);
    if (this.#fd < 0) throw failure('netlink socket');
    this.#enlarge();
    const address = Buffer.alloc(12);
    address.writeUInt16LE(family.netlink, 0);
    address.writeUInt32LE(groups, 8);
    if (libcCalls.bind(this.#fd, address) < 0) {
      const error = failure('netlink bind');
      libcCalls.close(this.#fd);
      throw error;
    }
  }

  /** Outcomes of the messages, 0 or an error number, in their order. Blocks for as long as the kernel needs. */
  exchange(messages: NetlinkWriter): number[] {
    this.#drain();
    if (libcCalls.send(this.#fd, messages.finish()) < 0) throw failure('netlink send');
    return this.#outcomes(messages);
  }

  /** The same without holding the event loop: others may hold the kernel's lock on interfaces for long. */
  exchangeInBackground(messages: NetlinkWriter): Promise<number[]> {
    return this.#inTurn(async () => {
      this.#drain();
      const sent = await libcCalls.sendInBackground(this.#fd, messages.finish());
      // The error number belongs to the thread that made the call, so it is not known here.
      if (sent < 0) throw new Error('netlink send: refused');
      return this.#outcomes(messages);
    });
  }

  /** Everything the kernel lists for a request, each item through `decode`; what gives undefined is left out. */
  list<T>(request: NetlinkWriter, decode: (message: NetlinkMessage) => T | undefined): Promise<T[]> {
    return this.#inTurn(async () => {
      for (let listing = 1; ; listing++) {
        this.#drain();
        if (libcCalls.send(this.#fd, request.finish()) < 0) throw failure('netlink send');
        const { items, interrupted } = await this.#readList(decode);
        // After so many attempts the list is as good as it gets: it changes all the time.
        if (!interrupted || listing === maxListings) return items;
      }
    });
  }

  /** Events from now on. `onLost`: more came than could be held. */
  listen(onMessage: (message: NetlinkMessage) => void, onLost: () => void): void {
    this.#stopListening = whenReadable(this.#fd, () => {
      for (let pieces = 0; pieces < maxEventPieces && !this.#closed; pieces++) {
        const piece = this.#receive();
        if (piece === 'nothing') return;
        if (piece === 'lost') onLost();
        else for (const message of netlinkMessages(piece)) onMessage(message);
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening?.();
    // A background call may still use it: closed in its turn, or a new socket of that number would get its bytes.
    void this.#last.then(() => libcCalls.close(this.#fd));
  }

  async #readList<T>(decode: (message: NetlinkMessage) => T | undefined) {
    const items: T[] = [];
    let interrupted = false;
    for (let pieces = 1; ; pieces++) {
      const piece = this.#receive();
      if (piece === 'nothing' || piece === 'lost') throw new Error(`netlink list: ${piece}`);
      for (const message of netlinkMessages(piece)) {
        if ((message.flags & netlinkFlag.interrupted) !== 0) interrupted = true;
        if (message.type === netlinkType.done) return { items, interrupted };
        if (message.type === netlinkType.error) throw new Error(describeError(netlinkErrno(message)));
        const item = decode(message);
        if (item !== undefined) items.push(item);
      }
      if (pieces % piecesATurn === 0) await setImmediate();
    }
  }

  #outcomes({ count, awaited }: NetlinkWriter): number[] {
    const outcomes = new Array<number>(count).fill(0);
    let answers = 0;
    for (;;) {
      const piece = this.#receive();
      if (piece === 'lost') throw new Error('netlink outcomes: lost');
      if (piece === 'nothing') break;
      for (const message of netlinkMessages(piece)) {
        if (message.type !== netlinkType.error) continue;
        answers++;
        outcomes[message.sequence - 1] = netlinkErrno(message);
      }
    }
    // A refused batch is answered once. But silence is no success.
    if (answers < awaited && outcomes.every((outcome) => outcome === 0)) {
      throw new Error(`netlink outcomes: ${answers} of ${awaited}`);
    }
    return outcomes;
  }

  #receive(): Buffer | 'nothing' | 'lost' {
    for (;;) {
      const length = libcCalls.receive(this.#fd, this.#piece);
      if (length >= 0) return this.#piece.subarray(0, length);
      const error = lastError();
      if (error === errorNumber.again) return 'nothing';
      if (error === errorNumber.noBuffers) return 'lost';
      if (error !== errorNumber.interrupted) throw failure('netlink receive');
    }
  }

  /** What an exchange that failed half-way may have left. */
  #drain(): void {
    while (this.#receive() !== 'nothing');
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the netlink socket is closed');
    if (this.#waiting >= maxWaiting) throw new Error(`${maxWaiting} requests wait for the kernel`);
    this.#waiting++;
    const turn = this.#last.then(run).finally(() => this.#waiting--);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Beyond the limits of the machine where we may: a batch of sets is one datagram, its outcomes come at once. */
  #enlarge(): void {
    const [sendForce, receiveForce, shortAcknowledgement] = [32, 33, 10];
    libcCalls.setOption(this.#fd, socketLevel.socket, sendForce, receiveBytes);
    libcCalls.setOption(this.#fd, socketLevel.socket, receiveForce, receiveBytes);
    libcCalls.setOption(this.#fd, socketLevel.netlink, shortAcknowledgement, 1);
  }
}
