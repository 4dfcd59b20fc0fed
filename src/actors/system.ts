/**
 * Starts root actors and looks after them: injected clock, error observer, supervision.
 *
 * Invariant: an exception in an action never ends the process. xstate stops the actor and, if nobody observes it,
 * throws from a timer; here it is observed, logged with the actor's last event, and the actor is started anew from its
 * input, or given up and escalated when it keeps failing.
 */
import {
  type ActorOptions,
  type AnyActor,
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
} from 'xstate';
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Counters } from './ports.ts';

/** An actor that failed this often within the window is given up. */
const maxRestarts = 5;
const restartWindowMs = 60_000;

export interface SupervisedActor<TLogic extends AnyStateMachine> {
  readonly id: string;
  /** State names as the machine spells them; parallel regions joined by a blank. */
  readonly state: string;
  send(event: EventFromLogic<TLogic>): void;
  stop(): void;
}

/** What an actor brings along besides its machine. */
export interface ActorExtras {
  /** It has failed, before it is started anew: what it held is in nobody's care. `givenUp`: it will not be. */
  readonly onFailure?: (givenUp: boolean) => void;
  /** The machine was started anew after a failure and has to be told what it missed. */
  readonly onRestart?: () => void;
  readonly pulse?: Pulse;
}

/**
 * Work at a fixed interval for as long as the actor lives. It changes no state, so it does not pass through the machine,
 * where each beat would cost a transition over all regions. A failure of it is a failure of the actor.
 */
export interface Pulse {
  readonly everyMs: number;
  run(): void;
}

export interface SystemWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

export class ActorSystem {
  readonly #world: SystemWorld;
  readonly #actors = new Map<string, Supervisor<AnyStateMachine>>();
  /** Called when an actor is given up: the node decides what to do without it. */
  onEscalation: (actorId: string, error: FlotillaError) => void = () => {};

  constructor(world: SystemWorld) {
    this.#world = world;
  }

  start<TLogic extends AnyStateMachine>(
    id: string,
    logic: TLogic,
    input: InputFrom<TLogic>,
    { onFailure = () => {}, onRestart = () => {}, pulse }: ActorExtras = {},
  ): SupervisedActor<TLogic> {
    if (this.#actors.has(id)) throw new FlotillaError('FLT-1901', `two actors with the id ${id}`);
    const supervisor = new Supervisor(id, logic, input, this.#world, {
      pulse,
      onFailure,
      onRestart,
      onStop: () => this.#actors.delete(id),
      onEscalation: (error) => this.onEscalation(id, error),
    });
    this.#actors.set(id, supervisor as unknown as Supervisor<AnyStateMachine>);
    return supervisor;
  }

  /** Every actor with its state, for the console. */
  list(): { readonly id: string; readonly state: string }[] {
    return [...this.#actors.values()].map(({ id, state }) => ({ id, state }));
  }

  /** Actors that were given up. */
  get failed(): number {
    return [...this.#actors.values()].filter((actor) => actor.failed).length;
  }

  stop(): void {
    for (const actor of [...this.#actors.values()].reverse()) actor.stop();
  }
}

interface SupervisorHooks {
  readonly pulse: Pulse | undefined;
  readonly onFailure: (givenUp: boolean) => void;
  readonly onRestart: () => void;
  readonly onStop: () => void;
  readonly onEscalation: (error: FlotillaError) => void;
}

class Supervisor<TLogic extends AnyStateMachine> implements SupervisedActor<TLogic> {
  readonly id: string;
  readonly #logic: TLogic;
  readonly #input: InputFrom<TLogic>;
  readonly #world: SystemWorld;
  readonly #hooks: SupervisorHooks;
  #actor: AnyActor;
  #pulseTimer: Timer | undefined;
  #lastEvent = 'start';
  #failuresMs: number[] = [];
  #stopped = false;
  failed = false;

  constructor(
    id: string,
    logic: TLogic,
    input: InputFrom<TLogic>,
    world: SystemWorld,
    hooks: SupervisorHooks,
  ) {
    this.id = id;
    this.#logic = logic;
    this.#input = input;
    this.#world = world;
    this.#hooks = hooks;
    this.#actor = this.#spawn();
    this.#begin();
  }

  get state(): string {
    if (this.failed) return 'failed';
    return stateText(this.#actor.getSnapshot().value);
  }

  send(event: EventFromLogic<TLogic>): void {
    // Between a failure and the restart, and after a final state, there is nobody to tell.
    if (this.#stopped || this.#actor.getSnapshot().status !== 'active') return;
    this.#lastEvent = event.type;
    this.#actor.send(event);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#pulseTimer?.cancel();
    this.#actor.stop();
    this.#hooks.onStop();
  }

  #begin(): void {
    this.#actor.start();
    this.#schedulePulse();
  }

  #schedulePulse(): void {
    const { pulse } = this.#hooks;
    if (!pulse || this.#stopped || this.#actor.getSnapshot().status !== 'active') return;
    this.#pulseTimer = this.#world.clock.after(pulse.everyMs, () => this.#beat(pulse));
  }

  #beat(pulse: Pulse): void {
    const actor = this.#actor;
    // Failed since the last beat: the pulse starts again with the next actor.
    if (actor.getSnapshot().status !== 'active') return;
    try {
      pulse.run();
    } catch (error) {
      this.#lastEvent = 'its pulse';
      actor.stop();
      this.#onFailure(error);
      return;
    }
    if (actor === this.#actor) this.#schedulePulse();
  }

  #spawn(): AnyActor {
    const options = {
      input: this.#input,
      clock: this.#actorClock(),
    } as unknown as ActorOptions<TLogic>;
    const actor = createActor(this.#logic, options);
    actor.subscribe({ error: (error) => this.#onFailure(error) });
    return actor;
  }

  /** Our clock in the shape xstate asks for. A timer that fires is an event too, and the last one if it fails. */
  #actorClock() {
    return {
      setTimeout: (run: () => void, delayMs: number): Timer =>
        this.#world.clock.after(delayMs, () => {
          this.#lastEvent = `a timer of ${delayMs} ms`;
          run();
        }),
      clearTimeout: (timer: Timer | undefined): void => timer?.cancel(),
    };
  }

  #onFailure(cause: unknown): void {
    const { log, counters, clock } = this.#world;
    const nowMs = clock.nowMs();
    const error = new FlotillaError('FLT-1901', `${this.id} failed on ${this.#lastEvent}`, cause);
    counters.add('actor_failures_total');
    log.critical(error.message, {
      code: error.code,
      actor: this.id,
      event: this.#lastEvent,
      cause: describe(cause),
    });
    this.#failuresMs = [...this.#failuresMs.filter((atMs) => nowMs - atMs < restartWindowMs), nowMs];
    const givenUp = this.#failuresMs.length > maxRestarts;
    if (givenUp) this.failed = true;
    this.#tellOfFailure(givenUp);
    if (givenUp) {
      this.#hooks.onEscalation(error);
      return;
    }
    // A later turn: the failed actor is still unwinding, and a failure at start would recurse.
    clock.after(0, () => {
      if (this.#stopped) return;
      this.#pulseTimer?.cancel();
      this.#actor = this.#spawn();
      this.#begin();
      this.#hooks.onRestart();
    });
  }

  /** What failed may fail again while it lets go; the restart must come all the same. */
  #tellOfFailure(givenUp: boolean): void {
    try {
      this.#hooks.onFailure(givenUp);
    } catch (error) {
      this.#world.log.critical(`${this.id} could not let go: ${describe(error)}`, { actor: this.id });
    }
  }
}

function stateText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.values(value as Record<string, unknown>)
    .map(stateText)
    .join(' ');
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
