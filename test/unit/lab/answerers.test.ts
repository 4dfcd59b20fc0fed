import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Answerers, type Sighting } from '../../../lab/answerers.ts';

const ip = '10.84.0.1';

/** Rounds of five milliseconds, each with who answers, in the order of the questions. */
function see(...rounds: readonly string[]): string[] {
  const seen: Sighting[] = [];
  const answerers = new Answerers('icmp', (sighting) => seen.push(sighting));
  for (const [round, answers] of rounds.entries())
    for (const [at, machine] of [...answers].entries())
      answerers.answered(ip, machine, round * 5 + at * 0.01);
  return seen.map((sighting) =>
    sighting.what === 'owner' ? sighting.machine : `double ${sighting.machines.join('')}`,
  );
}

describe('who answers for an address', () => {
  it('R2 a hand-over in the middle of a round is none of two that answer at one time', () => {
    expect(see('aa', 'aa', 'ab', 'b', 'bb')).toEqual(['a', 'b']);
    expect(see('aa', 'bb', 'bb')).toEqual(['a', 'b']);
  });

  it('R2 two that answer in one round are seen, whoever is asked first', () => {
    expect(see('aa', 'abba', 'bb')).toContain('double ba');
    expect(see('bb', 'abba', 'aa')).toContain('double ab');
    expect(see('bb', 'aba', 'bb', 'bb')).toContain('double ab');
  });

  it('R2 the one who goes on after a double time is the owner, and no double', () => {
    const seen = see('aa', 'abba', ...Array<string>(40).fill('bb'));
    expect(seen.filter((each) => each.startsWith('double'))).toHaveLength(1);
    expect(seen.filter((each) => !each.startsWith('double')).at(-1)).toBe('b');
  });

  it('R2 an address that comes back after a while is at its owner again', () => {
    const elsewhere = Array<string>(30).fill('bb');
    expect(see('aa', ...elsewhere, 'aa')).toEqual(['a', 'b', 'a']);
  });

  it('R2 answers of one after the other are never double', () => {
    const reigns = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
    fc.assert(
      fc.property(reigns, fc.array(fc.nat(6), { minLength: 4, maxLength: 4 }), (machines, lengths) => {
        const seen: Sighting[] = [];
        const answerers = new Answerers('arp', (sighting) => seen.push(sighting));
        const answers = machines.flatMap((machine, at) => Array<string>(lengths[at]! + 1).fill(machine));
        for (const [at, machine] of answers.entries()) answerers.answered(ip, machine, at);
        expect(seen.map(({ what }) => what)).toEqual(machines.map(() => 'owner'));
      }),
    );
  });
});
