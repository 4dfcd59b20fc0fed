import { describe, expect, it } from 'vitest';
import { beatMs, is, PostOffice, timeoutMs } from './post-office.ts';

describe('leaving', () => {
  it('LIFE-10 a goodbye needs no failure detection: the others have a new view at once', () => {
    const office = PostOffice.settled('a b c');
    office.leave('c');
    expect(office.share('a b')).toBe(true);
    expect(office.at('b').diary.at(-1)).toBe('view [a b] leave, with a b');
  });

  it('LIFE-10 the leader leaves: the next in member order leads at once', () => {
    const office = PostOffice.settled('a b c');
    office.leave('a');
    expect(office.share('b c')).toBe(true);
    expect(office.at('b').agreement.isLeader).toBe(true);
    // Neither takes itself for the lonely one because the other's last beat still names a.
    for (const name of ['b', 'c']) expect(office.at(name).diary).toEqual(['view [b c] leave, with b c']);
  });

  it('LIFE-10 a beat that arrives behind the goodbye does not bring the process back', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('beat', { from: 'b' }));
    office.tick('b');
    office.deliverNormally();
    office.leave('b');
    office.hand(office.taken[0]!);
    office.pass(timeoutMs);
    expect(office.views()).toEqual({ a: 'a' });
    expect(office.at('a').diary).toEqual(['view [a] leave, with a']);
  });

  it('BUS-21 closed evidence acts at once', () => {
    const office = PostOffice.settled('a b c');
    office.kill('c');
    office.reportClosed('b', 'c');
    office.reportClosed('a', 'c');
    expect(office.share('a b')).toBe(true);
    for (const name of ['a', 'b']) expect(office.at(name).diary).toEqual(['view [a b] disconnect, with a b']);
  });

  it('BUS-21 closed evidence of the leader, which one of the others hears of first, gives one new view', () => {
    const office = PostOffice.settled('a b c');
    office.kill('a');
    office.reportClosed('b', 'a');
    expect(office.at('b').diary).toEqual(['view [b c] disconnect, with b c']);
    office.reportClosed('c', 'a');
    office.pass(2 * timeoutMs);
    expect(office.at('b').diary).toHaveLength(1);
    expect(office.at('c').diary).toHaveLength(1);
  });

  it('BUS-21 when the leader falls silent the others go on together, whoever notices first', () => {
    const office = PostOffice.settled('a b c d');
    office.kill('a');
    office.pass(3 * timeoutMs);
    for (const name of ['b', 'c', 'd'])
      expect(office.at(name).diary).toEqual(['view [b c d] network, with b c d']);
  });

  it('BUS-21 nor does it matter when one of them had been told of the end long before', () => {
    const office = PostOffice.settled('a b c d');
    // The last beat reaches only b, so c notices first.
    office.intercept(({ from, to }) => from === 'a' && to !== 'b');
    office.tick('a');
    office.kill('a');
    office.reportClosed('d', 'a');
    office.pass(3 * timeoutMs);
    for (const name of ['b', 'c', 'd'])
      expect(office.at(name).diary).toEqual([expect.stringContaining('view [b c d]')]);
  });

  it('BUS-21 silence acts after the failure timeout and not before', () => {
    const office = PostOffice.settled('a b c');
    office.kill('c');
    office.pass(timeoutMs - 2 * beatMs);
    expect(office.views()).toEqual({ a: 'a b c', b: 'a b c' });
    office.pass(4 * beatMs);
    expect(office.share('a b')).toBe(true);
    expect(office.at('a').diary.at(-1)).toBe('view [a b] network, with a b');
  });

  it('BUS-10 closed evidence stays the cause when the new view takes several beats to agree on', () => {
    const office = PostOffice.settled('a b c');
    office.kill('c');
    office.intercept(is('propose'));
    office.reportClosed('a', 'c');
    office.reportClosed('b', 'c');
    office.pass(3 * beatMs);
    office.deliverNormally();
    office.pass(3 * beatMs);
    expect(office.at('a').diary.at(-1)).toBe('view [a b] disconnect, with a b');
  });

  it('BUS-10 of several losses the one with the weakest evidence is the cause', () => {
    const office = PostOffice.settled('a b c d');
    office.intercept(is('propose'));
    office.leave('c');
    office.kill('d');
    office.reportClosed('a', 'd');
    office.deliverNormally();
    office.reportClosed('b', 'd');
    office.pass(3 * beatMs);
    expect(office.at('a').diary.at(-1)).toBe('view [a b] disconnect, with a b');
  });

  it('BUS-21 a report about a process that lives is corrected by its beats', () => {
    const office = PostOffice.settled('a b c');
    office.reportClosed('a', 'c');
    office.reportClosed('b', 'c');
    office.pass(2 * timeoutMs);
    expect(office.share('a b c')).toBe(true);
  });

  it('BUS-21 what was under way when a process was reported ended is not taken for life', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('beat', { from: 'b' }));
    office.tick('b');
    office.deliverNormally();
    office.kill('b');
    office.reportClosed('a', 'b');
    office.hand(office.taken[0]!);
    office.pass(timeoutMs);
    expect(office.at('a').diary).toEqual(['view [a] disconnect, with a']);
  });

  it('LIFE-3 a process that comes back in another life joins as a newcomer, once the old life is known to be over', () => {
    const office = PostOffice.settled('a b');
    office.kill('a');
    office.open("a'");
    office.pass(3 * timeoutMs);
    expect(office.share("b a'")).toBe(true);
    expect(office.at('b').agreement.isLeader).toBe(true);
  });
});
