/**
 * Moves messages to other nodes, and takes in what others move here (MOV-3).
 *
 *     this node                         the other one
 *       offer  ------------------------>  writes it to `held`
 *              <------------------------  held
 *       renames it from `queue` to `moved`: now it is the other node's
 *       yours  ------------------------>  renames it from `held` to `queue`
 *              <------------------------  done
 *
 * The rename on this side decides. Whatever breaks before it, this node still has the message and may give it to somebody
 * else; the other node asks about what it holds, and drops it. Whatever breaks after it, the other node asks, hears that
 * it is its own, and nobody else will have it. While this node cannot be asked, a message in `held` waits.
 */
import type { PeerStream, RunningNode } from '../../src/index.ts';
import { Conversation, keyOf, mostBodyBytes, type Words } from './conversation.ts';
import { type Message, moveKey } from './message.ts';
import type { Held, Spool } from './spool.ts';

export const mostHops = 3;
/** The name that the original's nodes use, too. */
const moveService = 'ECmmove2';
/** After a failure; doubled with each further one. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export interface MoverOptions {
  readonly node: RunningNode;
  readonly spool: Spool;
  /** The next message that has to go to this node; undefined: none. A message that was refused comes again later. */
  readonly nextFor: (target: string, refused: ReadonlySet<string>) => Message | undefined;
  /** Why a message that is offered must not come here. */
  readonly refusal: (message: Message) => string | undefined;
  readonly taken: () => void;
  readonly movesPerSecond: number;
}

interface Target {
  failures: number;
  pausedUntilMs: number;
  isBusy: boolean;
}

export class Mover {
  readonly #options: MoverOptions;
  readonly #targets = new Map<string, Target>();
  /** Offered, and neither given nor kept yet. */
  readonly #offering = new Set<string>();
  /** Held for the other end of a stream that is open. */
  readonly #settling = new Set<Held>();
  #nextMoveMs = 0;
  #isAsking = false;

  constructor(options: MoverOptions) {
    this.#options = options;
    options.node.servePeer(moveService, (stream) => this.#serve(stream));
  }

  /** Moves what has to go there; nothing while a stream to it is open, or after a failure not long ago. */
  async moveTo(target: string): Promise<void> {
    const state = this.#targets.get(target) ?? { failures: 0, pausedUntilMs: 0, isBusy: false };
    this.#targets.set(target, state);
    if (state.isBusy || performance.now() < state.pausedUntilMs) return;
    state.isBusy = true;
    try {
      await this.#withStream(target, (talk) => this.#moveAll(talk, target));
      state.failures = 0;
    } catch {
      // The node has logged what failed. The messages wait, at most until they expire.
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** state.failures++);
      state.pausedUntilMs = performance.now() + pauseMs;
    } finally {
      state.isBusy = false;
    }
  }

  /** Asks about what is held and belongs to no stream any more. */
  async settle(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const open = [...this.#options.spool.held.values()].filter((held) => !this.#settling.has(held));
      for (const source of new Set(open.map((held) => held.source))) {
        const own = open.filter((held) => held.source === source);
        await this.#withStream(source, (talk) => this.#askAll(talk, own)).catch(() => {});
      }
    } finally {
      this.#isAsking = false;
    }
  }

  async #withStream(node: string, converse: (talk: Conversation) => Promise<void>): Promise<void> {
    const { socket } = await this.#options.node.openPeer(node, moveService);
    const talk = new Conversation(socket);
    try {
      await converse(talk);
      talk.end();
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  // --- giving --------------------------------------------------------------------------------------------------------

  async #moveAll(talk: Conversation, target: string): Promise<void> {
    const refused = new Set<string>();
    for (;;) {
      const message = this.#options.nextFor(target, refused);
      if (!message) return;
      await this.#inTurn();
      if (!(await this.#move(talk, target, message))) refused.add(message.id);
    }
  }

  /** False: the other node does not want it. */
  async #move(talk: Conversation, target: string, message: Message): Promise<boolean> {
    const { spool } = this.#options;
    const moved = { ...message, hops: message.hops + 1 };
    const key = moveKey(moved);
    this.#offering.add(key);
    try {
      const body = (await spool.body(message.id)).toString('base64');
      talk.say({ say: 'offer', message: moved, body });
      const answer = await heard(talk, key, 'held', 'refused');
      if (answer === 'refused') return false;
      if (!(await spool.give(message, key, target))) return true;
    } finally {
      this.#offering.delete(key);
    }
    talk.say({ say: 'yours', key });
    await heard(talk, key, 'done');
    await spool.forget(key, target);
    return true;
  }

  /** Spread evenly, so that a move of many thousands leaves room for mail that comes in. */
  async #inTurn(): Promise<void> {
    const nowMs = performance.now();
    this.#nextMoveMs = Math.max(nowMs, this.#nextMoveMs) + 1_000 / this.#options.movesPerSecond;
    const waitMs = this.#nextMoveMs - nowMs - 1_000 / this.#options.movesPerSecond;
    if (waitMs > 0) await new Promise((resume) => setTimeout(resume, waitMs));
  }

  // --- taking --------------------------------------------------------------------------------------------------------

  async #serve({ socket, node: source }: PeerStream): Promise<void> {
    const talk = new Conversation(socket);
    const holding = new Set<Held>();
    try {
      for (;;) {
        const words = await talk.hear();
        if (!words) return;
        await this.#answer(talk, source, words, holding);
      }
    } finally {
      for (const held of holding) this.#settling.delete(held);
      talk.end();
    }
  }

  async #answer(talk: Conversation, source: string, words: Words, holding: Set<Held>): Promise<void> {
    const { spool, taken } = this.#options;
    const key = keyOf(words);
    if (words.say === 'offer') {
      const body = Buffer.from(words.body, 'base64');
      const reason = body.length > mostBodyBytes ? 'it is too long' : this.#options.refusal(words.message);
      if (reason !== undefined) return talk.say({ say: 'refused', key, reason });
      const held = await spool.hold(source, words.message, body);
      holding.add(held);
      this.#settling.add(held);
      talk.say({ say: 'held', key });
    } else if (words.say === 'yours') {
      await spool.release(key, source);
      talk.say({ say: 'done', key });
      taken();
    } else if (words.say === 'ask') {
      const kept = this.#offering.has(key) ? 'busy' : 'mine';
      talk.say({ say: spool.isGiven(key, source) ? 'yours' : kept, key });
    } else if (words.say === 'done') await spool.forget(key, source);
  }

  async #askAll(talk: Conversation, all: readonly Held[]): Promise<void> {
    const { spool, taken } = this.#options;
    for (const held of all) {
      const { key, source } = held;
      talk.say({ say: 'ask', key });
      const answer = await heard(talk, key, 'yours', 'mine', 'busy');
      if (answer === 'mine') await spool.drop(held);
      if (answer !== 'yours') continue;
      await spool.release(key, source);
      talk.say({ say: 'done', key });
      taken();
    }
  }
}

/** One of these about this move, or the conversation is over. */
async function heard(talk: Conversation, key: string, ...expected: Words['say'][]): Promise<Words['say']> {
  const words = await talk.hear();
  if (words && keyOf(words) === key && expected.includes(words.say)) return words.say;
  throw new Error(`heard ${words?.say ?? 'nothing'} about ${key}`);
}
