import { describe, expect, it } from 'vitest';
import { effectivePreference } from '../../../src/core/duravip/preference.ts';

const anybody = () => true;

describe('effective preference', () => {
  it('OWN-11 one distinct name among all participants counts', () => {
    expect(effectivePreference([['b'], [], ['b']], anybody)).toEqual({ preferred: 'b', conflict: false });
    expect(effectivePreference([[], []], anybody)).toEqual({ preferred: undefined, conflict: false });
  });

  it('STA-10 OWN-11 two names that count are a conflict and none is preferred', () => {
    expect(effectivePreference([['a'], ['b'], ['b']], anybody)).toEqual({
      preferred: undefined,
      conflict: true,
    });
  });

  it('OWN-11 a name that could not take the address does not count, nor does it make a conflict', () => {
    const counts = (name: string) => name === 'a';
    expect(effectivePreference([['a'], ['b'], ['x']], counts)).toEqual({ preferred: 'a', conflict: false });
  });

  it('EXT-6 of an ordered list the first name that counts stands for the list', () => {
    const counts = (name: string) => name !== 'a';
    expect(
      effectivePreference(
        [
          ['a', 'b', 'c'],
          ['b', 'c'],
        ],
        counts,
      ),
    ).toEqual({ preferred: 'b', conflict: false });
    expect(
      effectivePreference(
        [
          ['a', 'b'],
          ['c', 'b'],
        ],
        counts,
      ),
    ).toEqual({ preferred: undefined, conflict: true });
  });
});
