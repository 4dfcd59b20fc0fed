/** Handles of the aggregator, whatever fails and in whatever order things end (logging 10.3). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AggregateTarget, Portion } from '../../../src/manager/aggregate-file.ts';
import { AggregateOutputs, type OutputPlace } from '../../../src/manager/aggregate-outputs.ts';
import { Recorder } from '../recorder.ts';
import { source, TestClock } from './aggregates.ts';

/** What happens to targets: how many turns each operation takes, and which ones fail. */
class Targets {
  readonly alive = new Map<string, number>();
  readonly appended = new Map<string, string[]>();
  mostOpen = 0;
  mostOfOne = 0;
  mostAtWork = 0;
  #step = 0;
  readonly #fates: readonly { readonly turns: number; readonly fails: boolean }[];

  constructor(fates: readonly { readonly turns: number; readonly fails: boolean }[]) {
    this.#fates = fates;
  }

  async #pass(): Promise<void> {
    const { turns, fails } = this.#fates[this.#step++ % this.#fates.length]!;
    for (let turn = 0; turn < turns; turn++) await new Promise((resume) => setImmediate(resume));
    if (fails) throw new Error('as it was to be');
  }

  #count(key: string, by: number): void {
    this.alive.set(key, (this.alive.get(key) ?? 0) + by);
    this.mostOfOne = Math.max(this.mostOfOne, this.alive.get(key)!);
    this.mostOpen = Math.max(
      this.mostOpen,
      [...this.alive.values()].reduce((sum, each) => sum + each, 0),
    );
  }

  place(key: string, maxOpen: number): OutputPlace {
    return { key, maxOpen, maxIdleMs: 1000, open: () => this.#open(key) };
  }

  async #open(key: string): Promise<AggregateTarget> {
    this.#count(key, 1);
    let atWork = 0;
    await this.#pass().catch((error: unknown) => {
      this.#count(key, -1);
      throw error;
    });
    return {
      append: async (portions) => {
        this.mostAtWork = Math.max(this.mostAtWork, ++atWork);
        await this.#pass().finally(() => atWork--);
        const known = this.appended.get(key) ?? [];
        this.appended.set(key, known);
        known.push(...portions.map(({ origin }) => origin.journal));
      },
      close: async () => {
        await this.#pass().finally(() => this.#count(key, -1));
      },
    };
  }
}

const portion = (name: string): Portion => ({
  origin: source('n', { journal: name }),
  records: [],
  sync: true,
});

it('never more than max_open, one handle and one job at a time for each, and every portion has an end', async () => {
  const fate = fc.record({
    turns: fc.integer({ min: 0, max: 3 }),
    fails: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  });
  const act = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      }),
    },
    fc.record({ kind: fc.constantFrom('reopen' as const, 'idle' as const, 'turn' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fate, { minLength: 1, maxLength: 12 }),
      fc.array(act, { maxLength: 40 }),
      async (maxOpen, fates, acts) => {
        const clock = new TestClock();
        const outputs = new AggregateOutputs({ clock, log: new Recorder().log });
        const targets = new Targets(fates);
        const ends: Promise<{ readonly key: string; readonly name: string; readonly kept: boolean }>[] = [];
        for (const [n, each] of acts.entries()) {
          if (each.kind === 'add') {
            const { key } = each;
            const end = (kept: boolean) => ({ key, name: String(n), kept });
            const added = outputs.add(targets.place(key, maxOpen), portion(String(n)));
            ends.push(
              added.then(
                () => end(true),
                () => end(false),
              ),
            );
          } else if (each.kind === 'reopen') void outputs.reopen();
          else if (each.kind === 'idle') clock.pass(1001);
          else await new Promise((resume) => setImmediate(resume));
        }
        await outputs.stop();
        const ended = await Promise.all(ends);
        for (const key of 'abcde') {
          const kept = ended.filter((each) => each.key === key && each.kept).map(({ name }) => name);
          expect(targets.appended.get(key) ?? []).toEqual(kept);
        }
        expect(targets.mostOpen).toBeLessThanOrEqual(maxOpen);
        expect(targets.mostOfOne).toBeLessThanOrEqual(1);
        expect(targets.mostAtWork).toBeLessThanOrEqual(1);
        expect([...targets.alive.values()].every((count) => count === 0)).toBe(true);
        expect(outputs.open).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
}, 60_000);
