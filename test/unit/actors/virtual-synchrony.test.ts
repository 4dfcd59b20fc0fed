/**
 * What the membership promises whatever happens to it: extended virtual synchrony, seen by the checker of the simulator,
 * under schedules of faults that shrink to the few that matter.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { compareViewIds, memberOf, sameViewId } from '../../../src/core/view.ts';
import { bytes, Drill, names, type Step, steps } from './drill.ts';
import { Fleet, type Sailor } from './fleet.ts';

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
