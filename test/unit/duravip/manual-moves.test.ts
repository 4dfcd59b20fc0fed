import { describe, expect, it } from 'vitest';
import { decideMove, decideUnhold, moveProblem } from '../../../src/core/duravip/decisions.ts';
import { address, Fleet, incarnation, matureMs, vip } from './fleet.ts';
import { four, one, settled, view } from './settled.ts';

describe('manual moves', () => {
  it('OWN-30 STA-11 only to an eligible participant, each refusal with its reason', () => {
    const fleet = settled();
    const { table } = fleet.at('a');
    expect(moveProblem(table, address(99), fleet.id('b'))).toBe('unknown');
    expect(moveProblem(table, one, incarnation('z'))).toBe('not a participant');
    expect(moveProblem(table, one, fleet.id('a'))).toBe('already there');
    fleet.change('b', one, { capable: false });
    expect(moveProblem(table, one, fleet.id('b'))).toBe('not eligible');
    fleet.change('b', one, { names: ['other'] });
    expect(moveProblem(table, one, fleet.id('b'))).toBe('broken');
    expect(decideMove(table, [one, address(3), address(3)], fleet.id('b')).assignments).toEqual([
      { ip: address(3), owner: fleet.id('b'), reason: 'moved' },
    ]);
  });

  it('OWN-30 INV-28 nobody can have what nobody owns before its view is mature: who owns it may not be here yet', () => {
    const fleet = Fleet.of('a', four);
    const problem = () => moveProblem(fleet.at('a').table, one, fleet.id('a'));
    expect(view(fleet).owner).toBe(undefined);
    expect(problem()).toBe('not given yet');
    expect(decideMove(fleet.at('a').table, [one], fleet.id('a')).assignments).toEqual([]);
    fleet.pass(matureMs);
    expect(problem()).toBe('already there');
  });

  it('OWN-31 a hold blocks balancing and preference until the participants change', () => {
    const preferring = four.map((each) => ({ ...each, preference: each.ip === one ? ['a'] : [] }));
    const fleet = settled('a b', preferring);
    for (const ip of [one, address(3)])
      fleet.decide('a', decideMove(fleet.leaderOf('a'), [ip], fleet.id('b')));
    expect(view(fleet).labels).toEqual(['owned', 'safe', 'held']);
    fleet.change('a', one, { services: [{ kind: 'esmtp', endpoint: 'x' }] });
    expect(fleet.pass(matureMs)).toEqual([]);
    expect(fleet.balance('a')).toEqual(['2 b>a']);
    fleet.start('c', preferring);
    fleet.views('a b c');
    expect(view(fleet).labels).not.toContain('held');
    expect(fleet.pass(matureMs)).toMatchObject([{ ip: one, to: fleet.id('a'), reason: 'preferred' }]);
  });

  it('OWN-31 a hold outlives a view that leaves its participants as they are', () => {
    const fleet = settled();
    fleet.decide('a', decideMove(fleet.leaderOf('a'), [one], fleet.id('b')));
    fleet.start('c', [vip(address(9))]);
    fleet.views('a b c');
    expect(['a', 'b', 'c'].map((name) => view(fleet, one, name).labels.includes('held'))).toEqual([
      true,
      true,
      true,
    ]);
    expect(fleet.at('c').table.digest).toEqual(fleet.at('a').table.digest);
    // The newcomer hands it on like everybody.
    expect(fleet.claimsOf(fleet.at('c')).holds).toEqual([{ ip: one, owner: fleet.id('b') }]);
  });

  it('OWN-31 a hold ends when a participant leaves the view', () => {
    const fleet = settled('a b c');
    fleet.decide('a', decideMove(fleet.leaderOf('a'), [one], fleet.id('b')));
    fleet.views('a b');
    expect(view(fleet).labels).not.toContain('held');
    expect(fleet.at('b').table.digest).toEqual(fleet.at('a').table.digest);
  });

  it('OWN-31 a hold ends by an announcement that adds a participant, when the address has matured', () => {
    const fleet = settled('a b', four.slice(1));
    fleet.announce('a', four);
    fleet.pass(matureMs);
    fleet.decide('a', decideMove(fleet.leaderOf('a'), [address(2)], fleet.id('b')));
    fleet.start('c', [vip(address(9))]);
    fleet.views('a b c');
    fleet.announce('c', [vip(address(9)), ...four.slice(1)]);
    fleet.pass(matureMs);
    expect(view(fleet, address(2)).labels).toEqual(['owned', 'safe']);
  });

  it('CMD-14 INV-29 the end of a hold lets the preference take effect at the next sweep', () => {
    const fleet = settled(
      'a b',
      four.map((each) => ({ ...each, preference: ['a'] })),
    );
    fleet.decide('a', decideMove(fleet.leaderOf('a'), [one], fleet.id('b')));
    expect(fleet.pass(matureMs)).toEqual([]);
    fleet.decide('a', decideUnhold(fleet.leaderOf('a'), [one]));
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: fleet.id('a'), reason: 'preferred' }]);
  });
});
