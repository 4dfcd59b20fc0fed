import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flushFor, type OkSummary } from '../../../src/core/agreement/flush.ts';
import type { OrderedEntry } from '../../../src/core/agreement/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { ViewId } from '../../../src/core/view.ts';
import { incarnationOf } from './post-office.ts';

const viewOf = (name: string): ViewId => ({ epoch: 1, coordinator: incarnationOf(name), nonce: 1 });
const entry = (number: number): OrderedEntry => ({ number, payload: Uint8Array.of(number) });
const range = (first: number, last: number) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => entry(first + i));
const summary = (view: string, applied: number, keptFrom: number): OkSummary => ({
  view: viewOf(view),
  applied,
  unstable: range(keptFrom, applied),
});
const oks = (summaries: Record<string, OkSummary>) =>
  new Map(Object.entries(summaries).map(([name, ok]) => [incarnationOf(name) as Incarnation, ok]));

describe('flush of old views', () => {
  it('BUS-11 the survivors deliver up to the highest that one of them has; the lowest needs the most entries', () => {
    const [flush, ...others] = flushFor(
      oks({ a: summary('a', 7, 4), b: summary('a', 5, 4), c: summary('a', 6, 4) }),
    );
    expect(others).toEqual([]);
    expect(flush).toEqual({
      view: viewOf('a'),
      upTo: 7,
      survivors: ['a', 'b', 'c'].map(incarnationOf),
      entries: [entry(6), entry(7)],
    });
  });

  it('BUS-11 survivors that are all equally far need nothing', () => {
    expect(flushFor(oks({ a: summary('a', 7, 4), b: summary('a', 7, 7) }))[0]?.entries).toEqual([]);
  });

  it('BUS-10 each old view has its own flush and its own survivors', () => {
    const flushes = flushFor(oks({ a: summary('a', 2, 1), b: summary('a', 1, 1), c: summary('c', 9, 8) }));
    expect(flushes.map(({ upTo, survivors }) => ({ upTo, survivors }))).toEqual([
      { upTo: 2, survivors: [incarnationOf('a'), incarnationOf('b')] },
      { upTo: 9, survivors: [incarnationOf('c')] },
    ]);
  });

  it('BUS-11 always: with the entries of the flush every survivor reaches the same number without a gap', () => {
    const survivors = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat({ max: 9 })), {
      minLength: 1,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(survivors, fc.nat({ max: 9 }), (list, stable) => {
        // Stable is what all members of the old view have, so nobody has less.
        const members = list.map(([name, ahead]) => [name, stable + ahead] as const);
        const flush = flushFor(
          oks(
            Object.fromEntries(members.map(([name, applied]) => [name, summary('a', applied, stable + 1)])),
          ),
        )[0]!;
        expect(flush.upTo).toBe(Math.max(...members.map(([, applied]) => applied)));
        for (const [, applied] of members) {
          const held = new Set(flush.entries.map(({ number }) => number));
          for (let number = applied + 1; number <= flush.upTo; number++) expect(held).toContain(number);
        }
      }),
    );
  });
});
