import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elect } from '../../../src/core/duravip/election.ts';
import { loadsOf, nobody, type VipFacts } from '../../../src/core/duravip/vip-facts.ts';
import { anyTable, plain } from './arbitrary-facts.ts';

/** Owners by place after an election about all addresses. */
function owners(
  memberCount: number,
  vips: readonly VipFacts[],
  policy: 'release' | 'freeze' = 'release',
): number[] {
  return elect(
    memberCount,
    vips,
    vips.map((_, vip) => vip),
    policy,
  ).map(({ owner }) => owner);
}

describe('election', () => {
  it('OWN-12 a preferred node gets the address, also from another owner', () => {
    const vips = [
      { ...plain(0, 0, 3), preferred: 2 },
      { ...plain(1, nobody, 3), preferred: 1 },
    ];
    expect(owners(3, vips)).toEqual([2, 1]);
  });

  it('OWN-13 an owner that may stay stays, whatever the loads', () => {
    expect(owners(3, [plain(0, 0, 3), plain(1, 0, 3), plain(2, 0, 3)])).toEqual([0, 0, 0]);
  });

  it('OWN-14 unowned addresses go to the smallest load, ties to the first member, counting preferred ones', () => {
    const vips = [plain(0, nobody, 3), { ...plain(1, nobody, 3), preferred: 0 }, plain(2, nobody, 3)];
    expect(owners(3, vips)).toEqual([1, 0, 2]);
  });

  it('OWN-14 loads count the whole table, not only the addresses of the message', () => {
    const vips = [plain(0, 0, 2), plain(1, 0, 2), plain(2, nobody, 2), plain(3, nobody, 2)];
    expect(elect(2, vips, [2, 3], 'release').map(({ owner }) => owner)).toEqual([1, 1]);
  });

  it('OWN-16 without an eligible participant nobody owns it', () => {
    expect(owners(2, [{ ...plain(0, 1, 2), eligible: [] }])).toEqual([nobody]);
  });

  it('OWN-19 without its preferred node the next best one gets it', () => {
    expect(owners(2, [plain(0, 0, 2), { ...plain(1, nobody, 2), preferred: nobody }])).toEqual([0, 1]);
  });

  it('OWN-31 a hold keeps an address from its preferred node, as long as the owner may stay', () => {
    const held = { ...plain(0, 0, 3), held: true, preferred: 2 };
    expect(owners(3, [held])).toEqual([0]);
    expect(owners(3, [{ ...held, eligible: [1, 2] }])).toEqual([2]);
  });

  it('STA-13 a broken address loses its owner, or keeps it under the policy freeze', () => {
    const broken = { ...plain(0, 1, 2), broken: true };
    expect(owners(2, [broken], 'release')).toEqual([nobody]);
    expect(owners(2, [broken], 'freeze')).toEqual([1]);
    expect(owners(2, [{ ...broken, owner: nobody }], 'freeze')).toEqual([nobody]);
  });

  it('INV-13 INV-29 INV-2 always: broken ones get no new owner, preferred ones their node, others one that may own them', () => {
    fc.assert(
      fc.property(
        anyTable,
        fc.constantFrom('release' as const, 'freeze' as const),
        ({ memberCount, vips }, policy) => {
          for (const [vip, owner] of owners(memberCount, vips, policy).entries()) {
            const facts = vips[vip]!;
            const stays = facts.owner !== nobody && facts.eligible.includes(facts.owner);
            if (facts.broken) expect([facts.owner, nobody]).toContain(owner);
            else if (facts.held && stays) expect(owner).toBe(facts.owner);
            else if (facts.preferred !== nobody) expect(owner).toBe(facts.preferred);
            else if (stays) expect(owner).toBe(facts.owner);
            else if (facts.eligible.length === 0) expect(owner).toBe(nobody);
            else expect(facts.eligible).toContain(owner);
          }
        },
      ),
    );
  });

  it('OWN-14 always: each elected one had the smallest load among those that could be elected', () => {
    fc.assert(
      fc.property(anyTable, ({ memberCount, vips }) => {
        const results = elect(
          memberCount,
          vips,
          vips.map((_, vip) => vip),
          'release',
        );
        const decided = results.filter(({ cause }) => cause !== 'chosen');
        const load = loadsOf(
          memberCount,
          decided.map(({ owner }) => owner),
        );
        for (const { vip, owner, cause } of results) {
          if (cause !== 'chosen') continue;
          const best = Math.min(...vips[vip]!.eligible.map((member) => load[member]!));
          expect(owner).toBe(vips[vip]!.eligible.find((member) => load[member] === best));
          load[owner]!++;
        }
      }),
    );
  });
});
