/**
 * Four places, each with a process whose every install and delivery is checked, and the faults that can happen to them,
 * as steps of schedules that shrink.
 */
import fc from 'fast-check';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { View } from '../../../src/core/view.ts';
import { ViewChecker } from '../../sim/view-checker.ts';
import { senderOf } from '../agreement/post-office.ts';
import { Fleet, type Sailor } from './fleet.ts';

export const names = ['a', 'b', 'c', 'd'] as const;
export const bytes = (text: string) => new TextEncoder().encode(text);

export interface Install {
  readonly view: View;
  readonly survivors: readonly Incarnation[];
}

export class Drill {
  readonly fleet = new Fleet();
  readonly checker = new ViewChecker();
  readonly installs = new Map<Incarnation, Install[]>();
  readonly #places: Sailor[];
  /** `0>2`: nothing of place 0 reaches place 2. */
  readonly #cuts = new Set<string>();
  /** `ordered>2`: messages of this kind are lost on the way to place 2. */
  readonly #losses = new Set<string>();
  readonly #prepare: (sailor: Sailor, drill: Drill) => void;
  #ordered = 0;

  /** `prepare` is called with each process before anything happens to it. */
  constructor(prepare: (sailor: Sailor, drill: Drill) => void = () => {}) {
    this.#prepare = prepare;
    this.#places = names.map((name) => this.#start(name));
    this.fleet.pass(3_000);
  }

  get living(): readonly Sailor[] {
    return this.#places;
  }

  order(): void {
    for (const { membership } of this.#places) membership.order(bytes(`message ${++this.#ordered}`));
  }

  cutOneWay(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  lose(kind: string, to: number): void {
    this.#losses.add(`${kind}>${to}`);
  }

  stopLosing(): void {
    this.#losses.clear();
  }

  link(place: number, state: 'up' | 'down'): void {
    this.#places[place]!.wire.setState(state);
  }

  /** Ends one life, with or without a goodbye, and begins the next. */
  restart(place: number, says: 'goodbye' | 'nothing'): void {
    const old = this.#places[place]!;
    if (says === 'nothing') old.wire.setState('down');
    old.membership.leave();
    old.system.stop();
    void old.wire.close();
    this.#places[place] = this.#start(names[place]!);
  }

  makeWhole(): void {
    this.#cuts.clear();
    this.#losses.clear();
    for (const place of names.keys()) this.link(place, 'up');
    this.fleet.pass(12_000);
  }

  #start(name: (typeof names)[number]): Sailor {
    const sailor = this.fleet.start(name);
    const { incarnation, membership } = sailor;
    const own: Install[] = [];
    this.installs.set(incarnation, own);
    this.checker.start(incarnation, name);
    membership.listen({
      viewInstalled: (view, _cause, survivors) => {
        own.push({ view, survivors });
        this.checker.installed(incarnation, view, survivors);
      },
      delivered: (payload, number, view) => this.checker.delivered(incarnation, payload, number, view),
    });
    this.#prepare(sailor, this);
    sailor.ignores = (message) => {
      // There is always somebody with something to say while a view is being formed.
      if (message.kind === 'propose') this.fleet.clock.after(1, () => this.order());
      return this.loses(message.kind, senderOf(message), incarnation);
    };
    return sailor;
  }

  /** Whether a message of this kind gets lost on its way. */
  loses(kind: string, from: Incarnation, to: Incarnation): boolean {
    const place = this.#placeOf(to);
    return this.#losses.has(`${kind}>${place}`) || this.#cuts.has(`${this.#placeOf(from)}>${place}`);
  }

  #placeOf(sought: Incarnation): number {
    return this.#places.findIndex(({ incarnation }) => incarnation === sought);
  }
}

export type Step = (drill: Drill) => void;

export const place = fc.nat({ max: names.length - 1 });
/** Prints as what it does, so that a counterexample can be read. */
export const described = (words: string, step: Step): Step => Object.assign(step, { toString: () => words });
const lossy = fc.constantFrom('ordered', 'ordered', 'commit', 'ok', 'resend');
const passing = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 1_500 }));
export const steps: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.constant(described('order', (drill) => drill.order())), weight: 6 },
  { arbitrary: passing.map((ms) => described(`pass ${ms} ms`, (drill) => drill.fleet.pass(ms))), weight: 8 },
  {
    arbitrary: fc
      .tuple(lossy, place)
      .map(([kind, to]) => described(`lose ${kind}>${to}`, (drill) => drill.lose(kind, to))),
    weight: 5,
  },
  { arbitrary: fc.constant(described('stop losing', (drill) => drill.stopLosing())), weight: 1 },
  {
    arbitrary: fc
      .tuple(place, place)
      .map(([from, to]) => described(`cut ${from}>${to}`, (drill) => drill.cutOneWay(from, to))),
    weight: 2,
  },
  {
    arbitrary: fc
      .tuple(place, fc.constantFrom('up', 'down'))
      .map(([at, state]) => described(`link ${at} ${state}`, (drill) => drill.link(at, state))),
    weight: 3,
  },
  {
    arbitrary: fc
      .tuple(place, fc.constantFrom('goodbye', 'nothing'))
      .map(([at, says]) => described(`restart ${at}, says ${says}`, (drill) => drill.restart(at, says))),
    weight: 3,
  },
  { arbitrary: fc.constant(described('make whole', (drill) => drill.makeWhole())), weight: 1 },
);
