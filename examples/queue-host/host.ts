/**
 * The queue of a node: takes messages in, delivers those whose binding is here, and moves those whose binding is on
 * another node (MOV-1, MOV-4). It judges the whole queue again after each change of an owner, in slices.
 *
 * Invariant: nothing is delivered from a binding that is not online here.
 */
import { randomUUID } from 'node:crypto';
import type { RunningNode } from '../../src/index.ts';
import type { Message } from './message.ts';
import { Mover, mostHops } from './mover.ts';
import type { Spool } from './spool.ts';

export interface QueueHostOptions {
  readonly node: RunningNode;
  readonly spool: Spool;
  /** Throws when it did not succeed: the next attempt is after `retryMs`. */
  readonly deliver: (message: Message) => Promise<void>;
  /** How long a message may wait. */
  readonly lifeMs: number;
  readonly retryMs: number;
  readonly movesPerSecond: number;
}

/** What to do with a message now. */
export type Verdict =
  | { readonly to: 'deliver' | 'wait' }
  | { readonly to: 'move'; readonly node: string }
  | { readonly to: 'rebind'; readonly binding: string };

const judgeEveryMs = 500;
/** Judged between two turns of the event loop. */
const sliceSize = 100;

export class QueueHost {
  /** Nothing is delivered, and nothing is moved either (MOV-6). */
  suspended = false;
  readonly #options: QueueHostOptions;
  readonly #mover: Mover;
  readonly #online = new Set<string>();
  /** When a delivery that failed may be tried again. */
  readonly #retryAtMs = new Map<string, number>();
  #unconditionalRebind: boolean;
  #round: Promise<void> | undefined;
  #again = false;

  /** In `beforeJoin`, so that it misses no change. */
  constructor(options: QueueHostOptions) {
    this.#options = options;
    const { node, spool, movesPerSecond } = options;
    this.#unconditionalRebind = node.settings.duravip.services.unconditionalRebind;
    this.#mover = new Mover({
      node,
      spool,
      movesPerSecond,
      nextFor: (target, refused) => this.#nextFor(target, refused),
      refusal: (message) => this.#refusal(message),
      taken: () => this.judge(),
    });
    void node.registerBindings({
      online: (names) => {
        for (const name of names) this.#online.add(name);
        this.judge();
      },
      offline: (names) => {
        for (const name of names) this.#online.delete(name);
      },
    });
    node.onOwnershipChange(({ unconditionalRebind }) => {
      this.#unconditionalRebind = unconditionalRebind;
      this.judge();
    });
    setInterval(() => this.#tick(), judgeEveryMs).unref();
  }

  /** It is safe here when this resolves. Undefined: there is no such group of bindings. */
  async take(group: string, from: string, to: readonly string[], body: Buffer): Promise<string | undefined> {
    const { spool, lifeMs } = this.#options;
    const [first] = this.#bindingsOf(group);
    const binding = this.#localBindingOf(group) ?? first;
    if (binding === undefined) return undefined;
    const id = randomUUID();
    await spool.accept(
      { id, group, binding, hops: 0, attempts: 0, expiresAtMs: Date.now() + lifeMs, from, to },
      body,
    );
    this.judge();
    return id;
  }

  /** Messages by group and binding; those that have to go to another node are in `default/#mmove` (MOV-2). */
  listing(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const message of this.#options.spool.queue.values()) {
      const isMoving = this.#judged(message).to === 'move';
      const name = isMoving ? 'default/#mmove' : `${message.group}/${message.binding}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  /** Soon, once, however often it is asked for. */
  judge(): void {
    this.#again = true;
    this.#round ??= this.#judgeAll().finally(() => {
      this.#round = undefined;
    });
  }

  /** What is under way comes to its end. */
  async stop(): Promise<void> {
    this.suspended = true;
    await this.#round;
  }

  #tick(): void {
    void this.#options.spool.sweep(Date.now());
    void this.#mover.settle();
    this.judge();
  }

  async #judgeAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const targets = new Set<string>();
      let judged = 0;
      for (const message of [...this.#options.spool.queue.values()]) {
        if (this.suspended) return;
        const verdict = this.#judged(message);
        if (verdict.to === 'move') targets.add(verdict.node);
        if (verdict.to === 'rebind') this.#rebind(message, verdict.binding);
        if (verdict.to === 'deliver') await this.#deliver(message);
        if (++judged % sliceSize === 0) await new Promise((resume) => setImmediate(resume));
      }
      for (const target of targets) void this.#mover.moveTo(target);
    }
  }

  #judged(message: Message): Verdict {
    const { binding, group, hops } = message;
    const place = this.#options.node.locate(binding);
    if (place === undefined) return { to: 'wait' };
    if (place.local) return { to: this.#isDue(message) ? 'deliver' : 'wait' };
    const nearer = this.#unconditionalRebind || hops >= mostHops ? this.#localBindingOf(group) : undefined;
    if (nearer !== undefined) return { to: 'rebind', binding: nearer };
    // An owner that may change again in a moment is not worth a move.
    if (!place.mature || place.owner === undefined || hops >= mostHops) return { to: 'wait' };
    return { to: 'move', node: place.owner };
  }

  #isDue({ id, binding }: Message): boolean {
    return this.#online.has(binding) && (this.#retryAtMs.get(id) ?? 0) <= performance.now();
  }

  async #deliver(message: Message): Promise<void> {
    const { deliver, spool, retryMs } = this.#options;
    try {
      await deliver(message);
      this.#retryAtMs.delete(message.id);
    } catch {
      this.#retryAtMs.set(message.id, performance.now() + retryMs);
      await spool.replace({ ...message, attempts: message.attempts + 1 });
    }
  }

  /** Only in memory: after a restart it is judged again. */
  #rebind(message: Message, binding: string): void {
    this.#options.spool.queue.set(message.id, { ...message, binding });
    this.#again = true;
  }

  #nextFor(target: string, refused: ReadonlySet<string>): Message | undefined {
    if (this.suspended) return undefined;
    for (const message of this.#options.spool.queue.values()) {
      if (refused.has(message.id)) continue;
      const verdict = this.#judged(message);
      if (verdict.to === 'move' && verdict.node === target) return message;
    }
    return undefined;
  }

  #refusal({ id, binding, hops, expiresAtMs }: Message): string | undefined {
    const { node, spool } = this.#options;
    if (this.suspended) return 'delivery is suspended';
    if (hops > mostHops) return `it has been moved ${mostHops} times`;
    if (expiresAtMs <= Date.now()) return 'it has expired';
    if (spool.queue.has(id)) return 'it is here';
    return node.locate(binding)?.local ? undefined : `${binding} is not here`;
  }

  #localBindingOf(group: string): string | undefined {
    return this.#bindingsOf(group).find((binding) => this.#online.has(binding));
  }

  #bindingsOf(group: string): readonly string[] {
    const { caps, duravip } = this.#options.node.settings;
    const names = duravip.vips.flatMap(({ announcement }) => announcement.names);
    return names.filter((name) => (caps.groupOfBinding.get(name) ?? 'default') === group);
  }
}
