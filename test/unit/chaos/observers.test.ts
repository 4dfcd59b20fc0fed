import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grant, Hold, Write } from '../../chaos/storm/notes.ts';
import { CacheModel } from '../../chaos/storm/observers/cache-model.ts';
import { CapModel } from '../../chaos/storm/observers/cap-model.ts';
import { missing, wrongLines } from '../../chaos/storm/observers/numbered-lines.ts';
import { strangers } from '../../chaos/storm/observers/owners.ts';
import { ThrottleModel } from '../../chaos/storm/observers/throttle-model.ts';
import { TimeLine } from '../../chaos/storm/time-line.ts';

function wholeLine(): TimeLine {
  const timeLine = new TimeLine(0, ['a', 'b']);
  timeLine.isWhole(0);
  return timeLine;
}

function kill(timeLine: TimeLine, atMs: number, victim: string): void {
  timeLine.strikes(atMs, { fault: 'kill', victims: [victim], leaves: 'all but one' });
}

const farMs = 1_000_000;

describe('the model of a throttle', () => {
  const rate = { units: 3, windowMs: 1_000 };
  const grant = (askedMs: number, answeredMs = askedMs, node = 'a'): Grant => ({ node, askedMs, answeredMs });

  function judged(grants: readonly Grant[], timeLine = wholeLine()): string[] {
    const model = new ThrottleModel(rate);
    model.add(grants);
    return model.judge(farMs, timeLine);
  }

  it('R4 sees one unit too many in a window', () => {
    expect(judged([10_100, 10_200, 10_300].map((ms) => grant(ms)))).toEqual([]);
    expect(judged([10_100, 10_200, 10_300, 10_400].map((ms) => grant(ms)))).toHaveLength(1);
  });

  it('R4 a unit may be from any window between the question and the answer', () => {
    const inFirst = [10_100, 10_200, 10_300].map((ms) => grant(ms));
    expect(judged([...inFirst, grant(10_900, 11_100)])).toEqual([]);
    const inSecond = [11_100, 11_200, 11_300].map((ms) => grant(ms));
    expect(judged([...inFirst, grant(10_900, 11_100), ...inSecond])).toHaveLength(1);
  });

  it('R4 never blames what some order of windows explains', () => {
    const granted = fc.record({
      window: fc.nat({ max: 8 }),
      beforeMs: fc.nat({ max: 2_500 }),
      afterMs: fc.nat({ max: 2_500 }),
      inMs: fc.nat({ max: 999 }),
    });
    fc.assert(
      fc.property(fc.array(granted, { maxLength: 60 }), (all) => {
        const used = new Map<number, number>();
        const grants = all.flatMap(({ window, beforeMs, afterMs, inMs }) => {
          used.set(window, (used.get(window) ?? 0) + 1);
          const atMs = 10_000 + window * 1_000 + inMs;
          return used.get(window)! > rate.units ? [] : [grant(atMs - beforeMs, atMs + afterMs)];
        });
        expect(judged(grants)).toEqual([]);
      }),
    );
  });

  it('R4 judges no window in which members may be divided, nor the share of one that is gone', () => {
    const timeLine = wholeLine();
    kill(timeLine, 10_000, 'b');
    const others = [12_100, 12_200, 12_300].map((ms) => grant(ms));
    expect(judged([...others, grant(12_400, 12_400, 'b')], timeLine)).toEqual([]);
    expect(judged([...others, grant(12_400)], timeLine)).toHaveLength(1);
    timeLine.strikes(20_000, { fault: 'split', victims: [], leaves: 'parts' });
    expect(
      judged(
        [21_100, 21_200, 21_300, 21_400].map((ms) => grant(ms)),
        timeLine,
      ),
    ).toEqual([]);
  });
});

describe('the model of a strict cap', () => {
  const hold = (fromMs: number, untilMs: number, node = 'a'): Hold => ({ node, fromMs, untilMs });

  function judged(holds: readonly Hold[], timeLine = wholeLine()): string[] {
    const model = new CapModel(2, 1_000);
    model.add(holds);
    return model.judge(farMs, timeLine);
  }

  it('R4 sees a third connection under a cap of two', () => {
    expect(judged([hold(10_000, 10_900), hold(10_100, 10_500), hold(10_500, 10_900)])).toEqual([]);
    expect(judged([hold(10_000, 10_900), hold(10_100, 10_600), hold(10_500, 10_900)])).toHaveLength(1);
  });

  it('R4 what a node gave out when it was about to end ends with the node', () => {
    const timeLine = wholeLine();
    kill(timeLine, 10_300, 'b');
    const others = [hold(10_000, 10_900), hold(10_500, 10_900)];
    expect(judged([...others, hold(10_320, 10_900, 'b')], timeLine)).toEqual([]);
    expect(judged([...others, hold(10_320, 10_900, 'c')], timeLine)).toHaveLength(1);
  });

  it('R4 what a node gave out ends with the node', () => {
    const timeLine = wholeLine();
    kill(timeLine, 10_300, 'b');
    expect(judged([hold(10_000, 10_900), hold(10_100, 10_900, 'b'), hold(10_500, 10_900)], timeLine)).toEqual(
      [],
    );
  });
});

describe('the model of a replicated cache', () => {
  const write = (
    value: string,
    askedMs: number,
    answeredMs: number | undefined = askedMs + 10,
    node = 'a',
  ): Write => ({ node, key: 'k', value, askedMs, answeredMs });

  function judged(
    value: string | null,
    writes: readonly Write[],
    timeLine = wholeLine(),
    isOff = false,
  ): string[] {
    const model = new CacheModel();
    model.add(writes);
    return model.judge(new Map([['k', value]]), timeLine, () => isOff);
  }

  it('REP-13.6 differences between nodes are named', () => {
    const shown = (value: string | null) => new Map([['k', value]]);
    const model = new CacheModel();
    expect(
      model.differences(
        new Map([
          ['a', shown('1')],
          ['b', shown('1')],
        ]),
      ),
    ).toEqual([]);
    expect(
      model.differences(
        new Map([
          ['a', shown('1')],
          ['b', shown('2')],
        ]),
      ),
    ).toHaveLength(1);
    expect(
      model.differences(
        new Map([
          ['a', shown('1')],
          ['b', shown(null)],
        ]),
      ),
    ).toHaveLength(1);
  });

  it('REP-13.7 the last write wins, of those that cannot have been at the same time', () => {
    const [one, two] = [write('1', 1_000), write('2', 2_000, 2_010, 'b')];
    expect(judged('2', [one, two])).toEqual([]);
    expect(judged('1', [one, two])).toHaveLength(1);
    expect(judged(null, [one, two])).toHaveLength(1);
    expect(judged('1', [write('1', 1_000, 2_005), two])).toEqual([]);
    expect(judged('1', [one, two], wholeLine(), true)).toEqual([]);
  });

  it('REP-13.6 nothing is there that nobody wrote, and what was not answered may be there', () => {
    expect(judged('3', [write('1', 1_000)])).toHaveLength(1);
    const unanswered: Write = { ...write('2', 2_000), answeredMs: undefined };
    expect(judged('2', [write('1', 1_000), unanswered, write('3', 3_000)])).toEqual([]);
    expect(judged('1', [write('1', 1_000), unanswered])).toEqual([]);
  });

  it('REP-13.10 what a node wrote just before it was struck may be lost with it', () => {
    const timeLine = wholeLine();
    kill(timeLine, 2_500, 'b');
    const writes = [write('1', 1_000), write('2', 2_000, 2_010, 'b')];
    expect(judged('1', writes, timeLine)).toEqual([]);
    kill(timeLine, 9_000, 'a');
    expect(judged('0', [write('0', 500), write('1', 1_000)], timeLine)).toHaveLength(1);
  });
});

describe('owners of addresses', () => {
  const ip = '10.84.0.1';
  const reigns = [
    { ip, machine: 'a', fromMs: 0, untilMs: 10_000 },
    { ip, machine: 'b', fromMs: 11_000, untilMs: Number.POSITIVE_INFINITY },
  ];
  const banner = (machine: string, askedMs: number) => ({ ip, machine, askedMs, answeredMs: askedMs + 100 });

  it('R2 a client that is let in by a machine which does not answer for the address is named', () => {
    expect(strangers([banner('a', 5_000), banner('b', 12_000), banner('a', 10_500)], reigns)).toEqual([]);
    expect(strangers([banner('a', 15_000)], reigns)).toHaveLength(1);
    expect(strangers([banner('b', 5_000)], reigns)).toHaveLength(1);
    expect(strangers([{ ...banner('b', 12_000), ip: '10.84.0.2' }], reigns)).toHaveLength(1);
  });
});

describe('numbered lines', () => {
  const text = (number: number) => `a ${number} ${'.'.repeat(60)}`;
  const told = { acknowledged: new Set([0, 1, 3]), attempted: 4 };

  it('LOG-15 what was acknowledged is there, what was refused may be', () => {
    expect(missing('a', told, [0, 1, 3].map(text))).toEqual([]);
    expect(missing('a', told, [0, 1, 2, 3].map(text))).toEqual([]);
    expect(missing('a', told, [0, 3].map(text))).toEqual([1]);
    expect(missing('a', told, [text(0), text(1), text(3).slice(0, 20)])).toEqual([3]);
  });

  it('LOG-15 no line is there twice, out of order, torn, or of somebody else', () => {
    expect(wrongLines('a', told, [0, 1, 2, 3].map(text))).toEqual([]);
    expect(wrongLines('a', told, [0, 1, 1].map(text))).toHaveLength(1);
    expect(wrongLines('a', told, [0, 3, 1].map(text))).toHaveLength(1);
    expect(wrongLines('a', told, [text(9)])).toHaveLength(1);
    expect(wrongLines('a', told, [text(1).slice(0, 20), text(1).replace('a', 'b')])).toHaveLength(2);
  });
});
