import { describe, expect, it } from 'vitest';
import { beatMs, is, PostOffice, timeoutMs } from './post-office.ts';

/**
 * a and b share a view, c and d another. They promise one of all four, but c and d never hear its commit. Then c loses a
 * and b; d still hears everybody.
 */
function promisedAndLost(): PostOffice {
  const office = new PostOffice();
  for (const name of 'abcd') office.open(name);
  office.partition('a b', 'c d');
  office.pass(3 * timeoutMs);
  office.intercept((letter) => is('ask')(letter) || (is('commit')(letter) && 'cd'.includes(letter.to)));
  office.heal();
  office.pass(2 * beatMs);
  expect(office.views()).toEqual({ a: 'a b c d', b: 'a b c d', c: 'c d', d: 'c d' });
  office.cut('a', 'c');
  office.cut('b', 'c');
  return office;
}

describe('laggards', () => {
  it('BUS-21 who missed a view and went on in its old one, which is whole, follows those whom it promised', () => {
    const office = promisedAndLost();
    // The promise runs out, and the old view goes on.
    for (let beats = 0; !office.order('c', 'in the old view') && beats < 20; beats++) office.pass(beatMs);
    office.pass(timeoutMs);
    expect(office.at('d').diary.at(-1)).toBe('1 in the old view');
    office.deliverNormally();
    office.pass(3 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b d', b: 'a b d', c: 'c', d: 'a b d' });
  });

  it('BUS-21 a view that is whole is not torn for one that none of its members promised', () => {
    const office = new PostOffice();
    for (const name of 'abcd') office.open(name);
    office.partition('a b', 'c d');
    office.pass(3 * timeoutMs);
    office.heal();
    office.cut('a', 'c');
    office.cut('b', 'c');
    office.pass(5 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', c: 'c d', d: 'c d' });
  });
});
