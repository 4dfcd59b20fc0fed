/**
 * The aggregator killed at any operation on its files, or losing power there: each record is in the files once, in the
 * order of its journal (logging 10.2, 17.8).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PulledRecord } from '../../../src/actors/log-ports.ts';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { aggregateOn, baseS, record, source } from './aggregates.ts';

/** A journal of a node, and how far its subscriber has acknowledged. */
interface Journal {
  readonly node: string;
  readonly records: readonly PulledRecord[];
  acked: number;
}

const patterns = ['/logs/all', '/logs/%{n}', '/logs/%d', '/logs/%Y-%m-%d/%{l}/%{n}'];
const daySeconds = 86_400;

/** Ten records of a node in two segments, from before midnight to after it; some without newline, one empty. */
function journal(node: string, length: number): Journal {
  const midnight = Math.ceil(baseS / daySeconds) * daySeconds;
  const records = Array.from({ length }, (_, n) => {
    const text = n === 3 ? '' : `${node} ${n}${n % 3 === 1 ? '' : '\n'}`;
    const segment = Math.floor(n / 6);
    return record((n % 6) + 1, text, midnight + n - Math.floor(length / 2), segment);
  });
  return { node, records, acked: 0 };
}

/** Pulls everything in intervals of the lengths given; what is rejected is delivered again. */
async function pull(
  disk: SimulatedDisk,
  pattern: string,
  journals: readonly Journal[],
  lengths: readonly number[],
) {
  const store = aggregateOn(disk.process(), `logfile = "${pattern}"  max_open = 2`);
  let step = 0;
  const pullOne = async (each: Journal) => {
    while (each.acked < each.records.length) {
      const end = each.acked + lengths[step++ % lengths.length]!;
      const interval = each.records.slice(each.acked, end);
      await store.store(source(each.node), interval);
      each.acked = Math.min(end, each.records.length);
    }
  };
  await Promise.all(journals.map(pullOne));
  await store.stop();
}

/** What must be in the files: lines of each node in each, in order. */
function expectWhole(
  disk: SimulatedDisk,
  pattern: string,
  journals: readonly Journal[],
  when: unknown,
): void {
  const pathOf = (node: string, { timeUs }: PulledRecord) => {
    const date = new Date(timeUs / 1000).toISOString();
    return pattern
      .replace('%{n}', node)
      .replace('%{l}', 'mainlog')
      .replace('%Y-%m-%d', date.slice(0, 10))
      .replace('%d', date.slice(8, 10));
  };
  const expected = new Map<string, Map<string, string>>();
  for (const { node, records } of journals)
    for (const each of records) {
      const text = Buffer.from(each.payload).toString();
      if (text === '') continue;
      const path = pathOf(node, each);
      const ofNode = expected.get(path) ?? new Map<string, string>();
      expected.set(path, ofNode);
      ofNode.set(node, `${ofNode.get(node) ?? ''}${text.replace(/\n?$/, '\n')}`);
    }
  for (const [path, ofNode] of expected) {
    const lines = (disk.content(path)?.toString() ?? '').split(/(?<=\n)/);
    const found = new Map([...ofNode.keys()].map((node) => [node, linesOf(lines, node)]));
    expect({ when, path, found }).toEqual({ when, path, found: ofNode });
    const length = [...ofNode.values()].join('').length;
    expect({ when, path, length: disk.content(path)?.length }).toEqual({ when, path, length });
  }
}

function linesOf(lines: readonly string[], node: string): string {
  return lines.filter((line) => line.startsWith(`${node} `)).join('');
}

describe('R6 exactly once in the files', () => {
  for (const pattern of patterns)
    it(`killed at each operation, or losing power there, and the other a little later: ${pattern}`, async () => {
      const begin = () => ['a', 'b'].map((node) => journal(node, 10));
      const lengths = [3, 2, 4];
      const whole = new SimulatedDisk();
      await pull(whole, pattern, begin(), lengths);
      const operations = whole.operations;
      expect(operations).toBeGreaterThan(60);
      for (const powerFirst of [false, true])
        for (let stopAt = 1; stopAt <= operations; stopAt++) {
          const disk = new SimulatedDisk();
          const journals = begin();
          for (const at of [stopAt, (stopAt % 23) + 1]) {
            disk.stopAt = at;
            await pull(disk, pattern, journals, lengths).catch(() => {});
            // One of each, in both orders: what a kill left must not be trusted before it is on the disk.
            if (powerFirst === (at === stopAt)) disk.losePower(() => (stopAt % 7) / 7);
            else disk.endProcess();
          }
          await pull(disk, pattern, journals, lengths);
          expectWhole(disk, pattern, journals, { stopAt, powerFirst });
        }
    }, 120_000);

  it('any sequence of intervals, kills, power failures, full disks and failing syncs', async () => {
    const trouble = fc.record({
      kind: fc.constantFrom('kill', 'power', 'full', 'sync'),
      at: fc.integer({ min: 1, max: 120 }),
      choices: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 5, maxLength: 5 }),
    });
    const run = fc.record({
      pattern: fc.constantFrom(...patterns),
      sizes: fc.array(fc.integer({ min: 0, max: 16 }), { minLength: 1, maxLength: 4 }),
      lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      troubles: fc.array(trouble, { maxLength: 4 }),
    });
    const choices = [0, 0, 0, 0, 0];
    /** The disk is full for one output when another one is being opened, and then the machine loses power. */
    const endedWhileOpening = {
      pattern: patterns.at(-1)!,
      sizes: [14, 8, 1],
      lengths: [7],
      troubles: [
        { kind: 'kill', at: 110, choices },
        { kind: 'full', at: 1, choices },
      ],
    };
    await fc.assert(
      fc.asyncProperty(run, async ({ pattern, sizes, lengths, troubles }) => {
        const disk = new SimulatedDisk();
        const journals = sizes.map((size, n) => journal('abcd'.charAt(n), size));
        for (const { kind, at, choices } of troubles) {
          if (kind === 'full') disk.room = at;
          else if (kind === 'sync') disk.failSync = true;
          else disk.stopAt = at;
          await pull(disk, pattern, journals, lengths).catch(() => {});
          disk.room = Number.POSITIVE_INFINITY;
          let next = 0;
          if (kind === 'kill') disk.endProcess();
          else disk.losePower(() => choices[next++ % choices.length]!);
        }
        await pull(disk, pattern, journals, lengths);
        expectWhole(disk, pattern, journals, troubles);
      }),
      { numRuns: 200, examples: [[endedWhileOpening]] },
    );
  }, 120_000);
});
