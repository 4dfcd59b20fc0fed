/** The two ends of the way to the leader: the outbox of a sender and the sequencer that takes its submissions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { HighWater } from '../../../src/core/multicast/high-water.ts';
import type { Item } from '../../../src/core/multicast/messages.ts';
import { Outbox, type Submission } from '../../../src/core/multicast/outbox.ts';
import { Sequencer } from '../../../src/core/multicast/sequencer.ts';

const from = '0'.repeat(32) as Incarnation;
const other = '1'.repeat(32) as Incarnation;
const message = (id: number, bytes = 1): Item => ({
  kind: 'message',
  id,
  group: 'g',
  payload: new Uint8Array(bytes),
});
const idsOf = (items: readonly Item[]) => items.map((item) => (item.kind === 'message' ? item.id : 'groups'));

describe('the way to the leader', () => {
  it('API-11 BUS-8 always: whatever is lost, repeated, late or refused, each item gets one place, in the order of its sender', () => {
    const step = fc.oneof(
      fc.constant('say' as const),
      fc.constant('again' as const),
      fc.record({ deliver: fc.nat({ max: 5 }), refuses: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new Outbox();
        const sequencer = new Sequencer();
        const onTheWay: Submission[] = [];
        const places: (number | string)[] = [];
        let said = 0;
        const send = (submission: Submission | undefined) => submission && onTheWay.push(submission);
        const take = (submission: Submission | undefined, refuses: boolean) => {
          if (!submission) return;
          let room = refuses ? 1 : Number.POSITIVE_INFINITY;
          sequencer.take({ from, ...submission }, ({ item }) => {
            if (room-- <= 0) return false;
            places.push(...idsOf([item]));
            outbox.ordered();
            return true;
          });
        };
        for (const each of steps) {
          if (each === 'say') outbox.add(message(++said));
          if (each === 'say') send(outbox.next());
          else if (each === 'again') send(outbox.again());
          else take(onTheWay[each.deliver], each.refuses);
        }
        while (outbox.size > 0) take(outbox.again(), false);
        expect(places).toEqual(Array.from({ length: said }, (_, i) => i + 1));
      }),
    );
  });

  it('API-11 BUS-11 in a new view all that is left is submitted again, after the groups', () => {
    const outbox = new Outbox();
    const groups: Item = { kind: 'groups', groups: [] };
    for (const id of [1, 2, 3]) outbox.add(message(id));
    expect(outbox.next()).toMatchObject({ first: 1 });
    outbox.ordered();
    outbox.viewInstalled(groups);
    const { first, items } = outbox.next()!;
    expect([first, idsOf(items)]).toEqual([1, ['groups', 2, 3]]);
    outbox.viewInstalled(groups);
    expect(idsOf(outbox.next()!.items)).toEqual(['groups', 2, 3]);
    outbox.viewInstalled(undefined);
    expect(idsOf(outbox.next()!.items)).toEqual([2, 3]);
    expect(outbox.next()).toBeUndefined();
  });

  it('API-11 what is on its way at a time has a bound in number and bytes, and one item always fits', () => {
    const outbox = new Outbox();
    for (let id = 1; id <= 100; id++) outbox.add(message(id));
    expect(outbox.next()!.items).toHaveLength(64);
    expect(outbox.next()).toBeUndefined();
    outbox.ordered();
    expect(outbox.next()).toMatchObject({ first: 65, items: [{ id: 65 }] });
    const heavy = new Outbox();
    for (const [id, bytes] of [300_000, 200_000, 60_000, 10_000].entries()) heavy.add(message(id, bytes));
    expect(idsOf(heavy.next()!.items)).toEqual([0]);
    heavy.ordered();
    expect(idsOf(heavy.next()!.items)).toEqual([1, 2]);
    expect(heavy.bytes).toBe(270_000);
  });

  it('API-11 senders do not wait for each other, and a new view begins from one', () => {
    const sequencer = new Sequencer();
    const taken: (string | number)[] = [];
    const order = ({ item }: { item: Item }) => taken.push(...idsOf([item])) > 0;
    sequencer.take({ from, first: 2, items: [message(2)] }, order);
    sequencer.take({ from: other, first: 1, items: [message(7)] }, order);
    sequencer.viewInstalled();
    sequencer.take({ from: other, first: 1, items: [message(8)] }, order);
    expect(taken).toEqual([7, 8]);
  });
});

describe('what was heard of whom', () => {
  it('BUS-8 only what is above all before passes; those heard last are remembered', () => {
    const heard = new HighWater(2);
    expect([1, 3, 2, 3, 4].map((number) => heard.passes(from, number))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    heard.passes(other, 1);
    heard.passes(from, 5);
    heard.passes('2'.repeat(32) as Incarnation, 1);
    expect([heard.passes(from, 5), heard.passes(other, 1)]).toEqual([false, true]);
  });
});
