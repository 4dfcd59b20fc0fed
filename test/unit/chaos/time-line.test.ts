import { describe, expect, it } from 'vitest';
import { type Leaves, TimeLine } from '../../chaos/storm/time-line.ts';

const struck = (leaves: Leaves, ...victims: string[]) => ({ fault: `of ${victims.join()}`, victims, leaves });

function line(): TimeLine {
  const timeLine = new TimeLine(0, ['a', 'b']);
  timeLine.isWhole(1_000);
  return timeLine;
}

describe('the time line of a storm', () => {
  it('R4 knows nothing of members before they are whole', () => {
    expect(line().standing(999, 2_000).is).toBe('unknown');
    expect(line().standing(1_000, 9_000)).toEqual({ is: 'whole', gone: [] });
  });

  it('R4 a fault that members do not notice changes nothing', () => {
    const timeLine = line();
    timeLine.strikes(2_000, struck('all', 'a'));
    timeLine.isUndone(3_000, struck('all', 'a'));
    expect(timeLine.standing(1_500, 4_000).is).toBe('whole');
  });

  it('R4 one that is gone is gone until it comes back, or another one is struck', () => {
    const timeLine = line();
    timeLine.strikes(2_000, struck('all but one', 'a'));
    expect(timeLine.standing(1_500, 4_000)).toEqual({ is: 'one gone', gone: ['a'] });
    timeLine.isUndone(5_000, struck('all but one', 'a'));
    expect(timeLine.standing(1_500, 4_000).is).toBe('one gone');
    expect(timeLine.standing(1_500, 5_000).is).toBe('unknown');
    timeLine.isWhole(7_000);
    expect(timeLine.standing(6_000, 8_000).is).toBe('unknown');
    timeLine.strikes(9_000, struck('all but one', 'a'));
    timeLine.strikes(9_500, struck('all but one', 'b'));
    expect(timeLine.standing(8_000, 9_400).is).toBe('one gone');
    expect(timeLine.standing(8_000, 9_600).is).toBe('unknown');
  });

  it('R4 says nothing of members that may be divided', () => {
    const timeLine = line();
    timeLine.strikes(2_000, struck('parts', 's'));
    expect(timeLine.standing(1_500, 1_900).is).toBe('whole');
    expect(timeLine.standing(1_500, 2_100).is).toBe('unknown');
  });

  it('R4 says nothing of members while somebody has a view without one that is not gone', () => {
    const timeLine = line();
    timeLine.hasView(1_200, 'a', ['a', 'b']);
    expect(timeLine.standing(1_100, 1_500).is).toBe('whole');
    timeLine.hasView(2_000, 'a', ['a']);
    expect(timeLine.standing(1_500, 2_500).is).toBe('unknown');
    timeLine.hasView(3_000, 'a', ['a', 'b']);
    timeLine.strikes(4_000, struck('all but one', 'b'));
    timeLine.hasView(5_000, 'a', ['a']);
    timeLine.hasView(5_000, 'b', ['b']);
    expect(timeLine.standing(3_500, 6_000)).toEqual({ is: 'one gone', gone: ['b'] });
  });

  it('knows when a machine is struck next, and prints what is near', () => {
    const timeLine = line();
    timeLine.strikes(2_000, struck('parts', 'a', 'b'));
    expect(timeLine.struckAfter('b', 1_500)).toBe(2_000);
    expect(timeLine.struckAfter('b', 2_001)).toBe(Number.POSITIVE_INFINITY);
    timeLine.note(200_000, 'much later');
    expect(timeLine.text(2_000, 60_000).split('\n')).toEqual([
      '    1.00 s  the fleet is whole',
      '    2.00 s  of a,b strikes: a, b',
    ]);
  });
});
