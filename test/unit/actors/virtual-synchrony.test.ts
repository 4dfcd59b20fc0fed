/**
 * What the membership promises whatever happens to it: extended virtual synchrony, seen by the checker of the simulator,
 * under schedules of faults that shrink to the few that matter.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { compareViewIds, memberOf, sameViewId, type View } from '../../../src/core/view.ts';
import { ViewChecker } from '../../sim/view-checker.ts';
import { senderOf } from '../agreement/post-office.ts';
import { Fleet, type Sailor } from './fleet.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const bytes = (text: string) => new TextEncoder().encode(text);

interface Install {
  readonly view: View;
  readonly survivors: readonly Incarnation[];
}

/** Four places, each with a process, whose every install and delivery is checked. */
class Drill {
  readonly fleet = new Fleet();
  readonly checker = new ViewChecker();
  readonly installs = new Map<Incarnation, Install[]>();
  readonly #places: Sailor[];
  /** `0>2`: nothing of place 0 reaches place 2. */
  readonly #cuts = new Set<string>();
  /** `ordered>2`: messages of this kind are lost on the way to place 2. */
  readonly #losses = new Set<string>();
  #ordered = 0;

  constructor() {
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

  lose(kind: ViewMessage['kind'], to: number): void {
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
    const place = names.indexOf(name);
    sailor.ignores = (message) => {
      // There is always somebody with something to say while a view is being formed.
      if (message.kind === 'propose') this.fleet.clock.after(1, () => this.order());
      return (
        this.#losses.has(`${message.kind}>${place}`) || this.#cuts.has(`${this.#placeOf(message)}>${place}`)
      );
    };
    return sailor;
  }

  #placeOf(message: ViewMessage): number {
    return this.#places.findIndex(({ incarnation }) => incarnation === senderOf(message));
  }
}

type Step = (drill: Drill) => void;

const place = fc.nat({ max: names.length - 1 });
/** Prints as what it does, so that a counterexample can be read. */
const described = (words: string, step: Step): Step => Object.assign(step, { toString: () => words });
const lossy = fc.constantFrom('ordered', 'ordered', 'commit', 'ok', 'resend');
const passing = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 1_500 }));
const steps: fc.Arbitrary<Step> = fc.oneof(
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
const schedules = fc.array(steps, { maxLength: 40, size: 'max' });

function performed(schedule: readonly Step[]): Drill {
  const drill = new Drill();
  for (const step of schedule) step(drill);
  drill.makeWhole();
  return drill;
}

describe('whatever fails', () => {
  it('BUS-5 BUS-9 to BUS-12 always: views and ordered messages are those of extended virtual synchrony', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const drill = performed(schedule);
        expect(drill.checker.violations).toEqual([]);
        const views = drill.living.map(({ membership }) => membership.view);
        for (const view of views) expect(sameViewId(view.id, views[0]!.id)).toBe(true);
        expect(views[0]!.members).toHaveLength(names.length);
        drill.order();
        drill.fleet.pass(1_000);
        drill.checker.quiet(
          drill.living.map(({ incarnation, membership: { view, applied, table, leader } }) => ({
            incarnation,
            view,
            applied,
            table,
            leader: leader?.node,
          })),
        );
        expect(drill.living[0]!.membership.applied).toBeGreaterThan(0);
        expect(drill.checker.violations).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it('MEM-18 never: a member is told that it comes along with one that was in a newer view without it', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const { installs } = performed(schedule);
        for (const [self, own] of installs) {
          for (const [index, { view, survivors }] of own.entries()) {
            const before = own[index - 1]?.view;
            const companions = survivors.filter((other) => other !== self);
            if (!before) expect(companions).toEqual([]);
            for (const other of companions) {
              const meanwhile = installs
                .get(other)!
                .map((install) => install.view)
                .filter(({ id }) => compareViewIds(id, before!.id) > 0 && compareViewIds(id, view.id) < 0);
              expect(meanwhile.filter((elsewhere) => !memberOf(elsewhere, self))).toEqual([]);
            }
          }
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('who orders', () => {
  it('MEM-8 INV-8 never: a message that is not from the leader, or not of this view, changes anything', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    const old = a.membership.view.id;
    const d = fleet.start('d');
    fleet.pass(3_000);
    expect(a.members).toBe('a b c d');
    const { id } = b.membership.view;
    const foreign = { epoch: id.epoch, coordinator: d.incarnation, nonce: id.nonce };
    const state = () => [a, b, c].map(({ membership: { applied, table } }) => `${applied} ${table}`);
    const before = state();
    const said = fc
      .record({
        from: fc.constantFrom(a.incarnation, b.incarnation, c.incarnation, 'f'.repeat(32) as Incarnation),
        view: fc.constantFrom(id, old, foreign, { ...id, nonce: id.nonce + 1 }),
        number: fc.integer({ min: 0, max: 5 }),
      })
      .filter(({ from, view }) => from !== a.incarnation || view !== id);
    fc.assert(
      fc.property(said, ({ from, view, number }) => {
        d.say({ kind: 'ordered', from, view, entry: { number, payload: bytes('mine') } });
        fleet.pass(10);
        expect(state()).toEqual(before);
      }),
      { numRuns: 100 },
    );
    expect([b, c, d].map(({ membership }) => membership.order(bytes('mine')))).toEqual([false, false, false]);
    expect(a.membership.order(bytes('ours'))).toBe(true);
    fleet.pass(100);
    const heard = [a, b, c, d].map((sailor: Sailor) => sailor.told.at(-1));
    expect(heard).toEqual(['1 ours', '1 ours', '1 ours', '1 ours']);
  });
});
