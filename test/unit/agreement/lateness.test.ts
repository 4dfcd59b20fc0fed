import { describe, expect, it } from 'vitest';
import { beatMs, PostOffice, timeoutMs } from './post-office.ts';

describe('a process that was stopped or slow itself', () => {
  it('BUS-21 its own late event loop does not accuse the others', () => {
    const office = PostOffice.settled('a b c');
    office.freeze('a');
    office.pass(timeoutMs - beatMs);
    // Everything it did not hear waits in its sockets; its tick comes first.
    office.thaw('a', 'tick');
    office.pass(3 * timeoutMs);
    for (const name of ['a', 'b', 'c']) expect(office.at(name).diary).toEqual([]);
  });

  it('BUS-21 the same when it has heard nobody for longer than the failure timeout, by its own fault alone', () => {
    const office = PostOffice.settled('a b c');
    // It stops right after a beat of its own, when the last ones of the others are almost an interval old.
    office.pass(office.at('a').nextTickMs - office.nowMs);
    office.freeze('a');
    office.pass(timeoutMs - 20);
    office.at('a').mailbox.length = 0;
    office.thaw('a', 'tick');
    office.pass(3 * timeoutMs);
    for (const name of ['a', 'b', 'c']) expect(office.at(name).diary).toEqual([]);
  });

  it('BUS-21 forgiving is not a credit: a death after a long stop is noticed as fast as any other', () => {
    const office = PostOffice.settled('a b');
    office.freeze('a');
    office.pass(20 * timeoutMs);
    // Beats that were waiting are handled before the tick that notices the lateness.
    office.tick('b');
    office.thaw('a', 'mail');
    office.pass(2 * timeoutMs);
    expect(office.share('a b')).toBe(true);
    office.kill('b');
    office.pass(timeoutMs + 2 * beatMs);
    expect(office.views()).toEqual({ a: 'a' });
  });

  it('MEM-19 a process that was stopped for long finds the newer view and comes back as a newcomer would', () => {
    const office = PostOffice.settled('a b c');
    office.freeze('c');
    office.pass(3 * timeoutMs);
    expect(office.at('a').diary).toEqual(['view [a b] network, with a b']);
    office.thaw('c');
    office.pass(timeoutMs);
    expect(office.share('a b c')).toBe(true);
    expect(office.at('c').diary).toEqual(['view [c] network, with c', 'view [a b c] join, with c']);
  });

  it('BUS-22 a leader that wakes up in the view of long ago does not tear the newer view apart', () => {
    const office = PostOffice.settled('a b c d');
    office.freeze('a');
    office.pass(3 * timeoutMs);
    expect(office.at('b').diary).toEqual(['view [b c d] network, with b c d']);
    // Of the three, the first beat that reaches a again tells it that b is elsewhere; c and d still look as before.
    office.at('a').mailbox.length = 0;
    office.thaw('a');
    office.pass(timeoutMs);
    expect(office.share('a b c d')).toBe(true);
    expect(office.at('b').diary).toEqual([
      'view [b c d] network, with b c d',
      'view [a b c d] join, with b c d',
    ]);
    expect(office.at('d').diary).toEqual(office.at('b').diary);
  });
});

describe('a process that secedes', () => {
  it('LIFE-18 is alone at once, is left out by the others, and merged again', () => {
    const office = PostOffice.settled('a b c');
    office.secede('a');
    expect(office.views()).toMatchObject({ a: 'a' });
    office.pass(3 * timeoutMs);
    expect(office.share('a b c')).toBe(true);
    expect(office.at('a').diary[0]).toBe('view [a] network, with a');
    expect(office.at('b').diary[0]).not.toContain('a');
  });

  it('LIFE-18 breaks a promise it has given: nobody installs the view that was under way', () => {
    const office = PostOffice.settled('a b c');
    office.intercept((letter) => letter.message.kind === 'commit');
    office.leave('c');
    office.secede('b');
    office.deliverNormally();
    for (const letter of office.taken) office.hand(letter);
    expect(office.views()).toMatchObject({ b: 'b' });
    office.pass(4 * timeoutMs);
    expect(office.share('a b')).toBe(true);
  });

  it('LIFE-18 who is alone already stays as it is', () => {
    const office = PostOffice.settled('a');
    office.secede('a');
    expect(office.at('a').diary).toEqual([]);
  });
});
