import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClaimFacts, mergeClaims } from '../../../src/core/duravip/merge.ts';
import type { Claims, Ip } from '../../../src/core/duravip/vip.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { address, incarnation } from './fleet.ts';

const [a, b, c] = ['a', 'b', 'c'].map((name) => incarnation(name)) as [Incarnation, Incarnation, Incarnation];
const members = [a, b, c];

function claims(from: Incarnation, numbers: readonly number[], changes: Partial<Claims> = {}): Claims {
  return { from, announced: 1, claims: numbers.map(address), stuck: [], holds: [], leaseMs: 0, ...changes };
}

const facts: ClaimFacts = {
  participants: members,
  claimable: () => true,
  preferred: undefined,
  void: false,
};

describe('merging claims', () => {
  it('OWN-6 one claimant keeps the address, none leaves it unowned', () => {
    const { owners, losses } = mergeClaims(members, [claims(b, [1])], () => facts);
    expect([...owners]).toEqual([[address(1), b]]);
    expect(losses).toEqual([]);
  });

  it('OWN-6 a claim of a draining node, or of one that is no participant, is void', () => {
    const only = (member: Incarnation) => ({ ...facts, claimable: (other: Incarnation) => other === member });
    expect(mergeClaims(members, [claims(b, [1])], () => only(a)).losses).toEqual([
      { ip: address(1), claimant: b, winner: undefined },
    ]);
    expect(mergeClaims(members, [claims(a, [1]), claims(b, [1])], () => only(b)).owners.get(address(1))).toBe(
      b,
    );
    expect(mergeClaims(members, [claims(b, [1])], () => undefined).owners.size).toBe(0);
  });

  it('OWN-7 of several claimants the preferred one wins', () => {
    const all = [claims(a, [1]), claims(b, [1]), claims(c, [1])];
    const { owners, losses } = mergeClaims(members, all, () => ({ ...facts, preferred: c }));
    expect(owners.get(address(1))).toBe(c);
    expect(losses.map(({ claimant, winner }) => [claimant, winner])).toEqual([
      [a, c],
      [b, c],
    ]);
  });

  it('OWN-7 a preferred node that does not claim gets nothing yet', () => {
    const { owners } = mergeClaims(members, [claims(a, [1]), claims(b, [1])], () => ({
      ...facts,
      preferred: c,
    }));
    expect(owners.get(address(1))).toBe(a);
  });

  it('OWN-7 otherwise the one with the fewest so far, then the first in member order', () => {
    const { owners } = mergeClaims(members, [claims(a, [1, 2, 3]), claims(b, [2, 3])], () => facts);
    expect([...owners.values()]).toEqual([a, b, a]);
  });

  it('OWN-9 claims for a broken address under the policy release are void', () => {
    const { owners, losses } = mergeClaims(members, [claims(a, [1])], () => ({ ...facts, void: true }));
    expect(owners.size).toBe(0);
    expect(losses).toEqual([{ ip: address(1), claimant: a, winner: undefined }]);
  });

  it('OWN-31 a hold goes on only when all participants know it and its owner keeps the address', () => {
    const holds = [{ ip: address(1), owner: a }];
    const pair = { ...facts, participants: [a, b] };
    const held = (others: Partial<Claims>, owned = [1]) =>
      mergeClaims(members, [claims(a, owned, { holds }), claims(b, [], others), claims(c, [])], () => pair)
        .held;
    expect([...held({ holds })]).toEqual([address(1)]);
    expect([...held({})]).toEqual([]);
    expect([...held({ holds }, [])]).toEqual([]);
  });

  const someClaims = fc
    .array(fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }), { minLength: 3, maxLength: 3 })
    .map((numbers) =>
      numbers.map((each, i) =>
        claims(
          members[i]!,
          each.sort((x, y) => x - y),
        ),
      ),
    );
  const someFacts = fc
    .array(
      fc.record({
        drains: fc.subarray(members),
        preferred: fc.option(fc.constantFrom(...members)),
        void: fc.boolean(),
      }),
      {
        minLength: 13,
        maxLength: 13,
      },
    )
    .map((all) => (ip: Ip): ClaimFacts => {
      const { drains, preferred, void: isVoid } = all[Number(ip.split('.')[3])]!;
      return {
        participants: members,
        claimable: (member) => !drains.includes(member),
        preferred: preferred ?? undefined,
        void: isVoid,
      };
    });

  it('INV-15 OWN-10 always: the result is the same in whatever order claims came', () => {
    fc.assert(
      fc.property(
        someClaims,
        someFacts,
        fc.constantFrom([2, 1, 0], [1, 2, 0], [0, 2, 1]),
        (all, factsOf, order) => {
          const shuffled = order.map((i) => all[i]!);
          expect(mergeClaims(members, shuffled, factsOf)).toEqual(mergeClaims(members, all, factsOf));
        },
      ),
    );
  });

  it('INV-21 INV-2 always: the winner is one of the claimants, each other claimant loses, and nobody else owns', () => {
    fc.assert(
      fc.property(someClaims, someFacts, (all, factsOf) => {
        const { owners, losses } = mergeClaims(members, all, factsOf);
        for (const { from, claims: ips } of all) {
          for (const ip of ips) {
            const lost = losses.filter((loss) => loss.ip === ip && loss.claimant === from);
            if (owners.get(ip) === from) expect(lost).toEqual([]);
            else expect(lost).toEqual([{ ip, claimant: from, winner: owners.get(ip) }]);
          }
        }
        for (const [ip, owner] of owners) {
          expect(all.find(({ from }) => from === owner)!.claims).toContain(ip);
          expect(factsOf(ip).claimable(owner) && !factsOf(ip).void).toBe(true);
        }
      }),
    );
  });
});
