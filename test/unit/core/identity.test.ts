import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  groupNameProblem,
  isIncarnation,
  newIncarnation,
  nodeNameProblem,
  privateName,
  privateNumber,
  subclusterProblem,
} from '../../../src/core/identity.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';

const free = () => false;

describe('node names', () => {
  it.each(['relay-1', 'a', '0', 'mx.example.com', 'relay_1', 'x'.repeat(63)])('ID-5 %s is usable', (name) => {
    expect(nodeNameProblem(name)).toBeUndefined();
  });

  it('ID-3, ID-5 a refusal names the offending value and says what is wrong with it', () => {
    expect(
      ['', 'Relay-1', 'relay 1', '-relay', 'relay.', 'größe', 'global', 'default'].map(nodeNameProblem),
    ).toEqual([
      `'' must have 1 to 63 characters`,
      `'Relay-1' must be lower case`,
      `'relay 1' may hold only a-z, 0-9, '.', '_' and '-', and must begin and end with a letter or digit`,
      `'-relay' may hold only a-z, 0-9, '.', '_' and '-', and must begin and end with a letter or digit`,
      `'relay.' may hold only a-z, 0-9, '.', '_' and '-', and must begin and end with a letter or digit`,
      `'größe' may hold only a-z, 0-9, '.', '_' and '-', and must begin and end with a letter or digit`,
      `'global' is reserved for a directory of the configuration working copy`,
      `'default' is reserved for a directory of the configuration working copy`,
    ]);
    expect(nodeNameProblem('x'.repeat(64))).toMatch(/must have 1 to 63 characters/);
  });

  it('ID-5 always: a name with a control character, a blank or a line break is refused', () => {
    const bad = fc.constantFrom('\n', '\0', ' ', '\t', '/', '*', '>', '%');
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,5}$/), bad, (word, char) => {
        for (const name of [`${char}${word}`, `${word}${char}`, `${word}${char}${word}`]) {
          expect(nodeNameProblem(name)).toBeDefined();
        }
      }),
    );
  });
});

describe('subcluster and group names', () => {
  it('ID-11 a subcluster is one lower-case word without dots; `default` is one, `global` is the shared repository', () => {
    expect(['default', 'east', 'east-1'].map(subclusterProblem)).toEqual([undefined, undefined, undefined]);
    expect(subclusterProblem('east.1')).toBe(`'east.1' must not contain '.'`);
    expect(subclusterProblem('East')).toBe(`'East' must be lower case`);
    expect(subclusterProblem('global')).toMatch(/reserved/);
  });

  it('BUS-27 a group name holds only letters, digits, _ and -, so that it is one subject token', () => {
    expect(['ec_cluster', 'EC-2', '7'].map(groupNameProblem)).toEqual([undefined, undefined, undefined]);
    for (const name of ['', 'a.b', 'a b', 'a*', '>', 'a\n', 'ä'])
      expect(groupNameProblem(name)).toBeDefined();
  });
});

describe('incarnations', () => {
  it('ID-14 an incarnation is 128 random bits, another one for each life', () => {
    const random = new SeededRandom(1);
    const lives = Array.from({ length: 1000 }, () => newIncarnation(random));
    expect(lives.every(isIncarnation)).toBe(true);
    expect(lives[0]).toHaveLength(32);
    expect(new Set(lives).size).toBe(1000);
  });

  it('ID-14 only 32 lower-case hexadecimal digits are an incarnation', () => {
    for (const text of [
      '',
      'a'.repeat(31),
      'a'.repeat(33),
      'A'.repeat(32),
      `${'a'.repeat(32)}\n`,
      'g'.repeat(32),
    ]) {
      expect(isIncarnation(text)).toBe(false);
    }
  });
});

describe('private names', () => {
  it('ID-18 REP-1.4 a node: connection index, process id with at least five digits, node name', () => {
    expect(privateName('m', 'Momentum', 8422, 'uhalehe')).toBe('#ec0-08422#uhalehe');
    expect(privateName('s', 'Momentum', 22787, 'labrat-1')).toBe('#ec1-22787#labrat-1');
  });

  it('ID-19 a manager: its node name twice, on either connection', () => {
    expect(privateName('m', 'Manager', 8422, 'barca')).toBe('#barca#barca');
    expect(privateName('s', 'Manager', 8422, 'barca')).toBe('#barca#barca');
  });

  it('ID-18 a process id above 99999 counts modulo 100000', () => {
    expect(privateNumber(99_999, new SeededRandom(1), free)).toBe(99_999);
    expect(privateNumber(123_456, new SeededRandom(1), free)).toBe(23_456);
  });

  it('ID-20 process id 1, as in a container, is replaced by a random number', () => {
    const numbers = [1, 2, 3, 4].map((seed) => privateNumber(1, new SeededRandom(seed), free));
    expect(new Set(numbers).size).toBe(4);
  });

  it('ID-20 always: the number is not taken, and has at most five digits', () => {
    const taken = fc.uniqueArray(fc.integer({ min: 0, max: 99_999 }), { maxLength: 50 });
    fc.assert(
      fc.property(fc.nat({ max: 4_194_304 }), taken, fc.integer(), (processId, numbers, seed) => {
        const number = privateNumber(processId, new SeededRandom(seed), (n) => numbers.includes(n));
        expect(numbers).not.toContain(number);
        expect(number).toBeGreaterThan(1);
        expect(number).toBeLessThan(100_000);
      }),
    );
    const own = privateNumber(4711, new SeededRandom(1), (n) => n === 4711);
    expect(own).not.toBe(4711);
  });
});
