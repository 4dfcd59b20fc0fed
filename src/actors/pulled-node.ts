/**
 * The logs of one node as a manager follows them: asks the node which ones it offers, again in each cycle, and keeps a
 * puller for each.
 */
import { fromPromise, setup } from 'xstate';
import { isRefusal } from '../core/logs/service-messages.ts';
import { LogPuller, type PullerWorld } from './log-puller.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

interface PulledNodeDuties {
  /** Never rejects. */
  ask(): Promise<'told' | 'failed'>;
  readonly cycleMs: number;
  readonly backOffMs: number;
}

const pulledNodeMachine = setup({
  types: {
    input: {} as { readonly duties: PulledNodeDuties },
    context: {} as { readonly duties: PulledNodeDuties },
    events: {} as { readonly type: 'RETRY' },
  },
  actors: { ask: fromPromise<'told' | 'failed', PulledNodeDuties>(({ input }) => input.ask()) },
  guards: { wasTold: ({ event }) => (event as { readonly output?: unknown }).output === 'told' },
  delays: {
    cycle: ({ context }) => context.duties.cycleMs,
    backOff: ({ context }) => context.duties.backOffMs,
  },
}).createMachine({
  id: 'pulledNode',
  context: ({ input }) => input,
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        src: 'ask',
        input: ({ context }) => context.duties,
        onDone: [{ guard: 'wasTold', target: 'following' }, { target: 'failing' }],
      },
    },
    following: { on: { RETRY: 'asking' }, after: { cycle: 'asking' } },
    failing: { on: { RETRY: 'asking' }, after: { backOff: 'asking' } },
  },
});

export interface NodeToPull {
  readonly node: string;
  readonly subcluster: string;
  /** Names to try in order; none: its logs are not pulled. */
  subscribers(): readonly string[];
}

const firstBackOffMs = 1_000;
const longestBackOffMs = 60_000;
/** Of one node; a node that offers more has a mistake in it. */
const maxLogs = 256;

export class PulledNode implements PulledNodeDuties {
  readonly pullers = new Map<string, LogPuller>();
  readonly #node: NodeToPull;
  readonly #system: ActorSystem;
  readonly #world: PullerWorld;
  readonly #actor: SupervisedActor<typeof pulledNodeMachine>;
  #failures = 0;
  #stopped = false;
  /** Pullers that are stopping: one for the same log has to wait. */
  #stopping: Promise<unknown> = Promise.resolve();

  constructor(system: ActorSystem, node: NodeToPull, world: PullerWorld) {
    this.#system = system;
    this.#node = node;
    this.#world = world;
    this.#actor = system.start(`pull ${node.node}`, pulledNodeMachine, { duties: this });
  }

  get state(): string {
    return this.#actor.state;
  }

  get cycleMs(): number {
    return this.#world.cycleMs;
  }

  get backOffMs(): number {
    return Math.min(firstBackOffMs * 2 ** (this.#failures - 1), longestBackOffMs);
  }

  ready(log: string): void {
    this.pullers.get(log)?.ready();
  }

  /** The node, or the bus, is back. */
  retry(): void {
    this.#failures = 0;
    this.#actor.send({ type: 'RETRY' });
    for (const puller of this.pullers.values()) puller.retry();
  }

  /** At once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#actor.stop();
    await this.#keep([]);
  }

  /** When what is being written was acknowledged. */
  async finish(): Promise<void> {
    this.#stopped = true;
    this.#actor.stop();
    await Promise.all([...this.pullers.values()].map((puller) => puller.finish()));
    await this.#stopping;
  }

  async ask(): Promise<'told' | 'failed'> {
    const { services, log } = this.#world;
    const { node } = this.#node;
    try {
      const names = this.#node.subscribers().length === 0 ? [] : await services.names(node);
      if (isRefusal(names)) throw new Error(names.text);
      if (!this.#stopped) await this.#keep(names.slice(0, maxLogs));
      this.#failures = 0;
      return 'told';
    } catch (error) {
      if (this.#failures === 0)
        log.info(`logs of ${node}: ${error instanceof Error ? error.message : error}`);
      this.#failures = Math.min(this.#failures + 1, 16);
      return 'failed';
    }
  }

  async #keep(names: readonly string[]): Promise<void> {
    const gone = [...this.pullers].filter(([name]) => !names.includes(name));
    for (const [name] of gone) this.pullers.delete(name);
    this.#stopping = Promise.all([this.#stopping, ...gone.map(([, puller]) => puller.stop())]);
    await this.#stopping;
    if (this.#stopped) return;
    for (const log of names) {
      if (this.pullers.has(log)) continue;
      const { node, subcluster } = this.#node;
      const pulled = { node, subcluster, log, subscribers: () => this.#node.subscribers() };
      this.pullers.set(log, new LogPuller(this.#system, pulled, this.#world));
    }
  }
}
