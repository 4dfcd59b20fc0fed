/**
 * Over any order of lost, repeated and late messages, of restarts of node and manager, power losses, full stores and broken
 * links (R6): what was acknowledged to whoever appended it arrives at the store, in order, and the checkpoint never passes
 * what the store has confirmed.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManagerSide, PullingWorld } from './pulling-world.ts';

type Step =
  | { readonly kind: 'append'; readonly count: number; readonly size: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'killNode'; readonly power: boolean }
  | { readonly kind: 'cut'; readonly side: 'node' | 'first' | 'second'; readonly ms: number }
  | {
      readonly kind: 'weather';
      readonly loss: number;
      readonly repetition: number;
      readonly latestMs: number;
    }
  | { readonly kind: 'store'; readonly isFull: boolean; readonly delayMs: number }
  | { readonly kind: 'killManager' | 'stopManager' | 'abort' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 40 }),
      size: fc.oneof(fc.nat(60), fc.constant(900)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('killNode' as const), power: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      side: fc.constantFrom('node' as const, 'first' as const, 'second' as const),
      ms: fc.nat(40_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('weather' as const),
      loss: fc.constantFrom(0, 0.1, 0.4),
      repetition: fc.constantFrom(0, 0.3),
      latestMs: fc.constantFrom(0, 20, 12_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      isFull: fc.boolean(),
      delayMs: fc.constantFrom(1, 50, 40_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('killManager' as const, 'stopManager' as const, 'abort' as const),
    }),
  },
);

async function run(world: PullingWorld, managers: readonly ManagerSide[], next: Step): Promise<void> {
  const [first] = managers as [ManagerSide];
  if (next.kind === 'append') world.append(next.count, next.size);
  else if (next.kind === 'wait') await world.advance(next.ms);
  else if (next.kind === 'killNode') {
    world.node.kill(next.power);
    await world.node.start();
  } else if (next.kind === 'cut') {
    const wire = { node: world.node, first, second: managers[1] ?? first }[next.side].wire!;
    wire.setState('down');
    await world.advance(next.ms);
    wire.setState('up');
  } else if (next.kind === 'weather') Object.assign(world.weather, next);
  else if (next.kind === 'store') Object.assign(first.store, next);
  else if (next.kind === 'abort') for (const { id } of world.node.jobs.list()) world.node.jobs.abort(id);
  else {
    if (next.kind === 'killManager') first.kill();
    else {
      let isStopped = false;
      void first.stop().then(() => {
        isStopped = true;
      });
      // What is being written, perhaps by a store that was slower when it began, and silence instead of an answer to
      // its acknowledgement.
      await world.until(() => isStopped);
    }
    first.start();
  }
}

/** Of one store: nothing before something that came earlier, but what came already. */
function arrivedInOrder({ store }: ManagerSide): void {
  const first = store.firstArrivals;
  expect(first).toEqual([...first].sort((a, b) => a - b));
}

/** A manager is stopped while a store writes that was slower when it began. */
const slowerWhenItBegan: [number, Step[]][] = [
  [
    743_339_597,
    [
      { kind: 'store', isFull: false, delayMs: 40_000 },
      { kind: 'append', count: 26, size: 900 },
      { kind: 'wait', ms: 1_967 },
      { kind: 'store', isFull: false, delayMs: 50 },
      { kind: 'stopManager' },
    ],
  ],
];

it.each([
  { name: 'one manager', names: ['barca'], subscribers: ['master'] },
  { name: 'two managers of one subscriber', names: ['barca', 'zoe'], subscribers: ['master'] },
])(
  'R6 every record arrives, in order, before it is acknowledged: $name',
  async ({ names, subscribers }) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 20 }), async (seed, steps) => {
        const world = new PullingWorld(seed);
        world.node.subscribers = [...subscribers];
        await world.node.start();
        const managers = names.map((name) => new ManagerSide(world, name));
        for (const manager of managers) manager.start();
        const stores = managers.map(({ store }) => store);
        for (const next of steps) {
          await run(world, managers, next);
          await world.checkpointIsCovered(stores);
        }
        Object.assign(world.weather, { loss: 0, repetition: 0, latestMs: 0 });
        for (const store of stores) Object.assign(store, { isFull: false, delayMs: 5 });
        const has = (number: number) => stores.some(({ confirmed }) => confirmed.has(number));
        await world.until(() => [...world.appended.keys()].every(has), 600_000);
        await world.checkpointIsCovered(stores);
        if (managers.length === 1) arrivedInOrder(managers[0]!);
        for (const manager of managers) manager.kill();
        world.node.kill(false);
      }),
      { numRuns: Number(process.env.PULLING_RUNS ?? 40), examples: slowerWhenItBegan },
    );
  },
  120_000,
);
