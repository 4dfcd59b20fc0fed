import { describe, expect, it } from 'vitest';
import { beatMs, PostOffice, timeoutMs } from './post-office.ts';

describe('partition and merge', () => {
  it('BUS-14 every side of a partition installs its own view and goes on working', () => {
    const office = PostOffice.settled('a b c d');
    office.partition('a b', 'c d');
    office.pass(2 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', c: 'c d', d: 'c d' });
    expect([office.order('a', 'left'), office.order('c', 'right')]).toEqual([true, true]);
    expect(office.at('b').diary.at(-1)).toBe('1 left');
    expect(office.at('d').diary.at(-1)).toBe('1 right');
  });

  it('BUS-22, LIFE-15 after the heal whole views become one, within a few beats', () => {
    const office = PostOffice.settled('a b c d');
    office.partition('a b', 'c d');
    office.pass(2 * timeoutMs);
    office.heal();
    office.pass(4 * beatMs);
    expect(office.share('a b c d')).toBe(true);
  });

  it('BUS-10 BUS-13 a cut and its heal are one view each, and each member is told who came with it', () => {
    const office = PostOffice.settled('a b c d');
    office.partition('a b', 'c d');
    office.pass(2 * timeoutMs);
    office.heal();
    office.pass(timeoutMs);
    for (const name of ['a', 'b']) {
      expect(office.at(name).diary).toEqual([
        'view [a b] network, with a b',
        'view [a b c d] join, with a b',
      ]);
    }
    for (const name of ['c', 'd']) {
      expect(office.at(name).diary).toEqual([
        'view [c d] network, with c d',
        'view [a b c d] join, with c d',
      ]);
    }
  });

  it('BUS-22 three views that heal together become one', () => {
    const office = PostOffice.settled('a b c d');
    office.partition('a', 'b', 'c d');
    office.pass(2 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a', b: 'b', c: 'c d', d: 'c d' });
    office.heal();
    office.pass(timeoutMs);
    expect(office.share('a b c d')).toBe(true);
  });

  it('MEM-10 a manager joins two sides of nodes but never coordinates them', () => {
    const office = PostOffice.settled('b c');
    office.partition('b', 'c');
    office.pass(2 * timeoutMs);
    office.open('a', { type: 'Manager' });
    office.heal();
    office.pass(timeoutMs);
    expect(office.views()).toEqual({ a: 'b c a', b: 'b c a', c: 'b c a' });
  });
});

describe('cuts that are not transitive', () => {
  it('LIFE-17 one direction is not enough: who is not heard back is in no view with the other', () => {
    const office = PostOffice.settled('a b');
    office.cutOneWay('a', 'b');
    office.pass(3 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a', b: 'b' });
  });

  it('LIFE-17 b and c lose each other, a hears both: two views, one of them with a, and then silence', () => {
    const office = PostOffice.settled('a b c');
    office.cut('b', 'c');
    office.pass(5 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', c: 'c' });
    const installs = () => ['a', 'b', 'c'].map((name) => office.at(name).diary.length);
    const before = installs();
    office.pass(60_000);
    expect(installs()).toEqual(before);
  });

  it('LIFE-17 the end that is cut from one member waits for the first of its group and then stands alone', () => {
    // c hears nobody in the group of a any more except b, and b stays with a.
    const office = PostOffice.settled('a b c');
    office.cutOneWay('a', 'c');
    office.pass(5 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', c: 'c' });
  });

  it('BUS-22 a newcomer that one member cannot hear does not tear a whole view apart', () => {
    const office = PostOffice.settled('b c d');
    office.open('a');
    office.cut('a', 'd');
    office.pass(10 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a', b: 'b c d', c: 'b c d', d: 'b c d' });
    expect(office.at('b').diary).toEqual([]);
  });

  it('MEM-9 a manager with a bad link leaves the nodes together', () => {
    const office = new PostOffice();
    office.open('a', { type: 'Manager' });
    for (const name of ['b', 'c', 'd']) office.open(name);
    office.pass(3 * timeoutMs);
    expect(office.share('a b c d')).toBe(true);
    office.cut('a', 'c');
    office.pass(5 * timeoutMs);
    expect(office.share('b c d')).toBe(true);
    expect(office.views()).toMatchObject({ a: 'a' });
  });

  it('LIFE-17 a ring of four in which nobody hears the one across ends in two pairs', () => {
    const office = PostOffice.settled('a b c d');
    office.cut('a', 'c');
    office.cut('b', 'd');
    office.pass(5 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', c: 'c d', d: 'c d' });
    office.heal();
    office.pass(timeoutMs);
    expect(office.share('a b c d')).toBe(true);
  });
});
