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
    expect(office.at('a').diary).toEqual(['view [a b] join, with a', 'view [a] leave, with a']);
  });

  it('BUS-21 closed evidence acts at once', () => {
    const office = PostOffice.settled('a b c');
    office.kill('c');
    office.reportClosed('a', 'c');
    office.reportClosed('b', 'c');
    expect(office.share('a b')).toBe(true);
    expect(office.at('b').diary.at(-1)).toBe('view [a b] disconnect, with a b');
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
    expect(office.at('a').diary).toEqual(['view [a b] join, with a', 'view [a] disconnect, with a']);
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
