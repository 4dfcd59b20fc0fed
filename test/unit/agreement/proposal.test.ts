import { describe, expect, it } from 'vitest';
import type { Ok } from '../../../src/core/agreement/messages.ts';
import { Proposal } from '../../../src/core/agreement/proposal.ts';
import { incarnationOf, processOf } from './post-office.ts';

const ballot = { epoch: 7, coordinator: incarnationOf('a'), nonce: 1 };
const oldView = { epoch: 6, coordinator: incarnationOf('a'), nonce: 1 };
const members = ['a', 'b', 'c'].map((name) => processOf(name));
const ok = (name: string, applied = 0): Ok => ({
  kind: 'ok',
  from: incarnationOf(name),
  ballot,
  oldView,
  applied,
  unstable: [],
});

function proposalOfA(): Proposal {
  return new Proposal(ballot, members, incarnationOf('a'), { view: oldView, applied: 0, unstable: [] }, 0);
}
const asked = (proposal: Proposal) =>
  proposal.requests().map((effect) => (effect.kind === 'send' ? effect.to : effect.kind));

describe('a proposal', () => {
  it('BUS-21 asks everybody but its proposer, and again those who have not answered', () => {
    const proposal = proposalOfA();
    expect(asked(proposal)).toEqual([incarnationOf('b'), incarnationOf('c')]);
    proposal.accept(ok('b'));
    expect(asked(proposal)).toEqual([incarnationOf('c')]);
  });

  it('BUS-21 is committed when all members have agreed, and not before', () => {
    const proposal = proposalOfA();
    proposal.accept(ok('b'));
    expect(proposal.commit()).toBeUndefined();
    proposal.accept(ok('b'));
    expect(proposal.commit()).toBeUndefined();
    proposal.accept(ok('c'));
    expect(proposal.commit()).toMatchObject({ kind: 'commit', ballot, members });
  });

  it('BUS-10 an answer of somebody who was not asked counts for nothing', () => {
    const proposal = proposalOfA();
    for (const name of ['b', 'x', 'c']) proposal.accept(ok(name, name === 'x' ? 99 : 0));
    expect(proposal.commit()?.flush).toEqual([
      { view: oldView, upTo: 0, entries: [], survivors: ['a', 'b', 'c'].map(incarnationOf) },
    ]);
  });

  it('BUS-11 a later answer of one member replaces its earlier one: it went on in between', () => {
    const proposal = proposalOfA();
    proposal.accept(ok('b', 1));
    proposal.accept(ok('b', 4));
    proposal.accept(ok('c', 2));
    expect(proposal.commit()?.flush[0]?.upTo).toBe(4);
  });
});
