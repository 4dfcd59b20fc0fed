/**
 * Keeps the working copy of a running node or manager up to date: pulls each minute, and at once when somebody commits; then
 * has the process read its configuration again (CONF-11.2).
 *
 * Invariants: one pull at a time; a node without the repository goes on with what it has. What is read again is a checkout
 * that replaced the one before without a conflict, whoever pulled it: the operator with the command, or this.
 */
import type { ConfigBus } from '../../bus/config-bus.ts';
import { subjects } from '../../bus/subjects.ts';
import type { Wire, WireMessage } from '../../bus/wire.ts';
import type { ClusterBoot } from '../../config/repository/cluster-boot.ts';
import { decodeRevision } from '../../config/repository/revision.ts';
import { globalName } from '../../config/repository/tree.ts';
import type { Timer } from '../../core/clock.ts';
import { FlotillaError, isFlotillaError } from '../../core/errors.ts';
import type { BusServer } from '../bus-server.ts';
import { readClusterBoot } from '../configuration.ts';
import type { Surroundings } from '../surroundings.ts';
import { connectFrom } from './connect.ts';
import { checkoutNow } from './loaded-checkout.ts';
import { RunningSaver } from './running-saver.ts';
import { WorkingCopy } from './working-copy.ts';

export interface PullerOptions {
  readonly conf: string;
  /** The checkout that the configuration of the node was read from. */
  readonly loaded: string | undefined;
  readonly clusterGroup: string;
  readonly subcluster: string;
  readonly nodename: string;
  readonly server: Pick<BusServer, 'urls' | 'credentials' | 'tls'>;
  /** Has the process read its configuration again. */
  readonly reload: () => Promise<unknown>;
  /** What it runs with, as text; undefined: that cannot be told now. */
  readonly running: () => Promise<string | undefined>;
  readonly around: Surroundings;
}

const everyMs = 60_000;
/** How soon a checkout that an operator made is noticed. */
const lookMs = 1_000;
/** So that the nodes of a fleet do not all read again in one moment. */
const longestDelayMs = 1_000;
/** News may come before the servers have agreed on the commit that it is about. */
const mostRetries = 3;

export class Puller {
  readonly #options: PullerOptions;
  readonly #workingCopy: WorkingCopy;
  readonly #saver: RunningSaver;
  /** The directory that the node has read its configuration from. */
  #loaded: string | undefined;
  #nextPullMs: number;
  /** A commit that somebody told of, until it is here. */
  #awaited: { readonly of: 'global' | 'own'; readonly rev: number; attempts: number } | undefined;
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  #pulling: Promise<void> = Promise.resolve();
  #isStopped = false;
  #told: string | undefined;

  /** Begins at once. */
  constructor(options: PullerOptions) {
    this.#options = options;
    const { conf, loaded, around } = options;
    this.#loaded = loaded;
    this.#workingCopy = new WorkingCopy({ conf, around, patienceMs: 0 });
    this.#saver = new RunningSaver({
      nodename: options.nodename,
      text: options.running,
      open: () => this.#openRunning(),
      around,
    });
    this.#nextPullMs = around.clock.nowMs();
    this.#look();
  }

  /** Hears of commits on another connection, as long as that lives. */
  follow(wire: Wire): void {
    const { subcluster } = this.#options;
    wire.subscribe(subjects.revisions(this.#options, globalName), (news) => this.#hear('global', news));
    wire.subscribe(subjects.revisions(this.#options, subcluster), (news) => this.#hear('own', news));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    // Not for a reload, which waits for its turn behind what ends the node.
    await this.#pulling;
    await this.#saver.stop();
  }

  async #openRunning() {
    const bus = await connectFrom(this.#options);
    const running = await bus.running(this.#options.subcluster).catch(async (error) => {
      await bus.close();
      throw error;
    });
    return {
      save: (node: string, text: Uint8Array) => running.save(node, text),
      close: () => bus.close(),
    };
  }

  #hear(of: 'global' | 'own', { data }: WireMessage): void {
    try {
      this.#awaited = { of, rev: decodeRevision(data).rev, attempts: 0 };
    } catch {
      // Not a commit: somebody else's message on this subject.
      return;
    }
    const { clock, random } = this.#options.around;
    this.#nextPullMs = Math.min(this.#nextPullMs, clock.nowMs() + random.next() * longestDelayMs);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock } = this.#options.around;
    this.#timer?.cancel();
    const delayMs = Math.max(0, Math.min(lookMs, this.#nextPullMs - clock.nowMs()));
    this.#timer = clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    const { log } = this.#options.around;
    this.#work = this.#work
      .then(() => this.#pullAndLoad())
      .catch((error) => log.error('the working copy could not be looked at', { error }))
      .finally(() => this.#schedule());
  }

  async #pullAndLoad(): Promise<void> {
    if (this.#isStopped) return;
    const { conf, around } = this.#options;
    const boot = readClusterBoot(conf);
    if (around.clock.nowMs() >= this.#nextPullMs) {
      this.#nextPullMs = around.clock.nowMs() + everyMs;
      if (boot && boot.autoupdate !== 'false') {
        this.#pulling = this.#pull(boot).then(
          () => this.#tell(undefined),
          (error) => {
            this.#expectAgain();
            this.#tell(error);
          },
        );
        await this.#pulling;
      }
    }
    const present = checkoutNow(conf);
    if (this.#isStopped || present === undefined || present === this.#loaded) return;
    this.#loaded = present;
    const { record } = await this.#workingCopy.open();
    if (boot?.reloadOnUpdate && !record.decided) await this.#options.reload();
  }

  async #pull(boot: ClusterBoot): Promise<void> {
    const bus = await connectFrom(this.#options);
    try {
      const onlyUnchanged = boot.autoupdate === 'ifunchanged';
      const pulled = await this.#workingCopy
        .pull(bus, { resolution: 'none', onlyUnchanged })
        .catch((error) => this.#seeded(bus, error));
      if (!pulled) return;
      if (pulled.kind === 'conflict')
        throw new FlotillaError(
          'FLT-2305',
          pulled.conflicts.map(({ path, kind }) => `${path} (${kind})`).join(', '),
        );
      if (pulled.kind === 'current') this.#expectMore(pulled);
      else this.#awaited = undefined;
    } finally {
      await bus.close();
    }
  }

  /** A repository that was lost is filled again by the nodes; whoever has the newest revision has the last word. */
  async #seeded(bus: ConfigBus, error: unknown): Promise<void> {
    const isLost = isFlotillaError(error) && (error.code === 'FLT-2302' || error.code === 'FLT-2306');
    const { around, nodename } = this.#options;
    if (!isLost || !(await this.#workingCopy.seed(bus, nodename))) throw error;
    around.log.warning(`the configuration repository was filled again from here: ${error.message}`);
  }

  /** Also after news of a commit that was refused. */
  #expectMore(present: { readonly own: number; readonly global: number }): void {
    if (this.#awaited && this.#awaited.rev <= present[this.#awaited.of]) this.#awaited = undefined;
    this.#expectAgain();
  }

  /** Soon, and not in a minute, when there is something that has not come. */
  #expectAgain(): void {
    const awaited = this.#awaited;
    if (!awaited || ++awaited.attempts > mostRetries) {
      this.#awaited = undefined;
      return;
    }
    const { clock } = this.#options.around;
    this.#nextPullMs = Math.min(this.#nextPullMs, clock.nowMs() + awaited.attempts * 300);
  }

  /** Each problem once, until it is over: a minute is short. */
  #tell(error: unknown): void {
    // An operator is at it; soon again.
    if (isFlotillaError(error) && error.code === 'FLT-2314') {
      this.#nextPullMs = this.#options.around.clock.nowMs() + lookMs;
      return;
    }
    const { log } = this.#options.around;
    const message = error === undefined ? undefined : error instanceof Error ? error.message : String(error);
    if (message !== undefined && message !== this.#told) {
      const more = isFlotillaError(error) ? { code: error.code, advice: error.advice } : {};
      // A bus that is away comes back by itself; what else there is waits for an operator, who reads errors.
      const level = isFlotillaError(error) && error.code === 'FLT-2301' ? 'warning' : 'error';
      log[level](`the configuration was not pulled: ${message}`, more);
    }
    if (message === undefined && this.#told !== undefined)
      log.notice('the configuration can be pulled again');
    this.#told = message;
  }
}
