/**
 * Sends commands to nodes and keeps what they answer (MGR-6 .. MGR-12). A manager has one for all its lives.
 *
 * Invariant: what is sent has its place in the cache before, so that no answer comes for nobody.
 */
import { ControlSender } from '../bus/control-sender.ts';
import type { DispatchFacts, NodeAnswer, Sent } from '../console/facts.ts';
import type { Clock } from '../core/clock.ts';
import type { CommandTarget } from '../core/command-target.ts';
import type { Random } from '../core/random.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { ClusterLife } from '../node/cluster-life.ts';
import { membersOf } from '../node/facts.ts';
import type { AnswerChoice, AskedNode, ControlCache } from './control-cache.ts';

export interface DispatchOptions {
  readonly cache: ControlCache;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
}

export class Dispatch implements DispatchFacts {
  readonly #options: DispatchOptions;
  #life: ClusterLife | undefined;
  #sender: ControlSender | undefined;
  /** Called when something of an answer has been stored. */
  readonly #waiting = new Set<() => void>();

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** Another life in the cluster; answers to commands of the one before do not come any more. */
  follow(life: ClusterLife): void {
    const { settings, cache } = this.#options;
    this.#sender?.close();
    this.#life = life;
    this.#sender = new ControlSender({
      wire: life.links.m,
      groups: settings,
      self: { node: settings.nodename, incarnation: life.incarnation },
      receive: async (part) => {
        await cache.add({ ...part, subcluster: this.#subclusterOf(part.node) });
        for (const wake of this.#waiting) wake();
      },
    });
  }

  async send(to: CommandTarget, line: string): Promise<Sent | { readonly problem: string }> {
    const { cache, random } = this.#options;
    const nodes = this.#nodes.filter(({ node, subcluster }) => {
      if (to.kind === 'all') return true;
      return to.kind === 'node' ? to.node === node : to.subcluster === subcluster;
    });
    if (!this.#sender?.isUp) return { problem: 'Not connected to the cluster.' };
    if (nodes.length === 0) return { problem: unknown(to) };
    const { mostBytes } = this.#sender;
    if (Buffer.byteLength(line) > mostBytes) return { problem: `A command has at most ${mostBytes} bytes.` };
    const command = random.hex(8);
    await cache.begin(command, line, { nodes, isForAll: to.kind === 'all' });
    if (this.#sender.send(command, to, line)) return { command, nodes: nodes.length };
    await cache.forget(command);
    return { problem: 'Not connected to the cluster.' };
  }

  async settled({ command }: Sent, waitMs: number): Promise<void> {
    const { cache, clock } = this.#options;
    let isLate = false;
    let wake = () => {};
    const woken = () => wake();
    const timer = clock.after(waitMs, () => {
      isLate = true;
      wake();
    });
    this.#waiting.add(woken);
    try {
      for (;;) {
        // Before the question, so that what comes meanwhile is not missed.
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if ((await cache.unfinished(command)) === 0 || isLate) return;
        await next;
      }
    } finally {
      timer.cancel();
      this.#waiting.delete(woken);
    }
  }

  async answers(line: string, choice: AnswerChoice): Promise<readonly NodeAnswer[]> {
    const { cache } = this.#options;
    const kept = await cache.answers(line, choice);
    return kept.map((answer) => ({ ...answer, text: () => cache.text(answer) }));
  }

  knows(to: CommandTarget): boolean {
    if (to.kind === 'all') return true;
    return this.#nodes.some((each) =>
      to.kind === 'node' ? each.node === to.node : each.subcluster === to.subcluster,
    );
  }

  flush(): Promise<void> {
    return this.#options.cache.flush();
  }

  close(): void {
    this.#sender?.close();
  }

  get #nodes(): AskedNode[] {
    return membersOf(this.#life).flatMap(({ type, node, subcluster }) =>
      type === 'Momentum' && node !== undefined ? [{ node, subcluster: subcluster ?? '' }] : [],
    );
  }

  #subclusterOf(node: string): string {
    return this.#nodes.find((each) => each.node === node)?.subcluster ?? '';
  }
}

function unknown(to: CommandTarget): string {
  if (to.kind === 'node') return `No such node: ${to.node}`;
  return to.kind === 'all' ? 'There is no node in the cluster.' : `No such subcluster: ${to.subcluster}`;
}
