/**
 * From start to stop of a process in the cluster, a node or a manager: its duties in the order of the node actor, one at a
 * time, and what whoever started it awaits.
 */
import { type NodeDuties, nodeMachine } from '../actors/node.ts';
import type { ActorSystem, SupervisedActor } from '../actors/system.ts';
import type { NodeInfo } from '../core/agreement/messages.ts';
import type { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Process } from '../core/view.ts';
import type { ClusterLife } from './cluster-life.ts';

export type LifecycleDuties = Omit<NodeDuties, 'ended'>;

export interface LifecycleOptions {
  readonly system: ActorSystem;
  readonly log: Log;
  readonly duties: LifecycleDuties;
  /** At the very end; with the reason when the process had to end. */
  readonly over: (error: unknown) => void;
  /** Another live process has the name of this one. */
  readonly nameTaken: (other: Process, info: NodeInfo | undefined) => FlotillaError;
}

export class Lifecycle {
  /** Resolves when the process serves; rejects when it could not start. */
  readonly started: Promise<void>;
  /** Resolves when it has stopped as it was told; rejects with the reason when it had to end. */
  readonly ended: Promise<void>;
  readonly #options: LifecycleOptions;
  readonly #actor: SupervisedActor<typeof nodeMachine>;
  #onStarted: () => void = () => {};
  #onEnded: (error: unknown) => void = () => {};
  #stopReason: string | undefined;
  /** Duties never overlap: STOP may arrive while one is under way, and closing has to wait for what it opens. */
  #lastDuty: Promise<unknown> = Promise.resolve();

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#onEnded = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      this.ended.then(resolve, reject);
    });
    // Whoever is interested awaits them; a host program that is not must not die of it.
    this.ended.catch(() => {});
    this.started.catch(() => {});
    this.#actor = options.system.start('node', nodeMachine, { duties: this.#duties() });
  }

  /** State of the node actor: starting, joining, opening, serving, resetting, stopping, stopped, failed. */
  get state(): string {
    return this.#actor.state;
  }

  /** Why it stops; undefined when it was not asked to. */
  get stopReason(): string | undefined {
    return this.#stopReason;
  }

  /** The last duty of the start is done. */
  serves(): void {
    this.#onStarted();
  }

  reset(): void {
    this.#actor.send({ type: 'RESET' });
  }

  async stop(reason: string): Promise<void> {
    this.#stopReason ??= reason;
    this.#actor.send({ type: 'STOP' });
    await this.ended.catch(() => {});
  }

  inTurn<Result>(duty: () => Promise<Result>): Promise<Result> {
    const turn = this.#lastDuty.catch(() => {}).then(duty);
    this.#lastDuty = turn;
    return turn;
  }

  /** What happens to a life in the cluster may end it, or the process. */
  follow(life: ClusterLife): void {
    const { log, nameTaken } = this.#options;
    const { system, membership } = life.member;
    system.onEscalation = (id, error) => {
      log.critical(`${id} was given up; resetting the membership`, { actor: id });
      this.#actor.send(id === 'membership' ? { type: 'RESET' } : { type: 'FAIL', error });
    };
    membership.listen({
      resetNeeded: (reason) => {
        log.error(`resetting the membership: ${reason}`);
        this.reset();
      },
      nameTaken: (other, info) => this.#actor.send({ type: 'FAIL', error: nameTaken(other, info) }),
    });
  }

  #duties(): NodeDuties {
    const { duties, over } = this.#options;
    const inTurn = (name: keyof LifecycleDuties) => () => this.inTurn(() => duties[name]());
    return {
      openConsole: inTurn('openConsole'),
      join: inTurn('join'),
      openListeners: inTurn('openListeners'),
      rejoin: inTurn('rejoin'),
      close: inTurn('close'),
      ended: (error) => {
        this.#onEnded(error);
        over(error);
      },
    };
  }
}
