import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FaultTraits,
  type Gust,
  gusts,
  type Machines,
  type Strikes,
} from '../../chaos/storm/schedule.ts';

const machines: Machines = {
  nodes: ['n1', 'n2', 'n3', 'n4'],
  servers: ['s1', 's2', 's3'],
  manager: 'm',
};

const faults = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 4 }),
      strikes: fc.constantFrom<Strikes>('node', 'server', 'route', 'manager', 'fleet'),
      lastsMs: fc
        .tuple(fc.nat({ max: 5_000 }), fc.nat({ max: 5_000 }))
        .map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const),
    }),
    { minLength: 1, maxLength: 20, selector: ({ name }) => name },
  )
  .map((list): readonly FaultTraits[] => list);

function take(seed: number, list: readonly FaultTraits[], count: number): Gust[] {
  const taken: Gust[] = [];
  for (const gust of gusts(seed, list, machines)) if (taken.push(gust) === count) break;
  return taken;
}

/** Machines of a kind that are struck at a moment, by faults that do not come alone. */
function struck({ strokes }: Gust, atMs: number, kind: readonly string[]): string[] {
  const now = strokes.filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs);
  return now.flatMap(({ victims }) => victims).filter((machine) => kind.includes(machine));
}

describe('the schedule of a storm', () => {
  it('is the same for the same seed, and another one for another', () => {
    fc.assert(
      fc.property(fc.nat(), faults, (seed, list) => {
        expect(take(seed, list, 20)).toEqual(take(seed, list, 20));
      }),
    );
    const list: FaultTraits[] = [{ name: 'kill', strikes: 'node', lastsMs: [0, 5_000] }];
    expect(take(1, list, 20)).not.toEqual(take(2, list, 20));
  });

  it('ends each fault in the gust in which it begins, and leaves a calm behind it', () => {
    fc.assert(
      fc.property(fc.nat(), faults, (seed, list) => {
        for (const { strokes, calmMs } of take(seed, list, 30)) {
          const wrong = strokes.filter(({ fault, fromMs, untilMs }) => {
            const [, most] = list.find(({ name }) => name === fault)!.lastsMs;
            return fromMs < 0 || untilMs < fromMs || untilMs - fromMs > Math.max(most, 1_600);
          });
          expect(wrong).toEqual([]);
          expect(strokes.length).toBeGreaterThan(0);
          expect(calmMs).toBeGreaterThan(3_000);
        }
      }),
    );
  });

  it('leaves three of four nodes and the routes among two of three servers alone, unless a fault comes alone', () => {
    fc.assert(
      fc.property(fc.nat(), faults, (seed, list) => {
        const concernsAll = (fault: string) => list.find(({ name }) => name === fault)!.strikes === 'fleet';
        for (const gust of take(seed, list, 30)) {
          if (gust.strokes.some(({ fault }) => concernsAll(fault))) {
            expect(gust.strokes).toHaveLength(1);
            continue;
          }
          for (const { fromMs } of gust.strokes) {
            expect(struck(gust, fromMs, machines.nodes).length).toBeLessThanOrEqual(1);
            expect(struck(gust, fromMs, machines.servers).length).toBeLessThanOrEqual(2);
          }
          const serverFaults = gust.strokes.filter(({ victims }) => victims[0]!.startsWith('s'));
          expect(serverFaults.length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('strikes no machine twice in a gust, and only those that a fault can strike', () => {
    fc.assert(
      fc.property(fc.nat(), faults, (seed, list) => {
        for (const { strokes } of take(seed, list, 30)) {
          const victims = strokes.flatMap((stroke) => stroke.victims);
          expect(new Set(victims).size).toBe(victims.length);
        }
      }),
    );
    const only: FaultTraits = { name: 'clock', strikes: 'node', only: ['n4'], lastsMs: [0, 0] };
    for (const { strokes } of take(7, [only], 20)) expect(strokes[0]!.victims).toEqual(['n4']);
  });

  it('brings every fault before it brings one again', () => {
    fc.assert(
      fc.property(fc.nat(), faults, (seed, list) => {
        const names = take(seed, list, 60).flatMap(({ strokes }) => strokes.map(({ fault }) => fault));
        const kinds = list.map(({ name }) => name).sort();
        for (let from = 0; from + kinds.length <= names.length; from += kinds.length)
          expect(names.slice(from, from + kinds.length).sort()).toEqual(kinds);
      }),
    );
  });
});
