/** Random tables of numbers, for properties of election and balancing. */
import fc from 'fast-check';
import { nobody, type VipFacts } from '../../../src/core/duravip/vip-facts.ts';
import { address } from './fleet.ts';

export interface ArbitraryTable {
  readonly memberCount: number;
  readonly vips: readonly VipFacts[];
}

/** Unequal participation, preferences, holds, broken and immature addresses, owners that may not own. */
export const anyTable: fc.Arbitrary<ArbitraryTable> = fc.integer({ min: 1, max: 6 }).chain((memberCount) =>
  fc.array(factsOf(memberCount), { maxLength: 24 }).map((vips) => ({
    memberCount,
    vips: vips.map((facts, i) => ({ ...facts, ip: address(i + 1) })),
  })),
);

/** Everybody may own everything, nothing is preferred, held or broken, all is mature. */
export const fullTable: fc.Arbitrary<ArbitraryTable> = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 60 }))
  .chain(([memberCount, count]) =>
    fc
      .array(fc.integer({ min: 0, max: memberCount - 1 }), { minLength: count, maxLength: count })
      .map((owners) => ({ memberCount, vips: owners.map((owner, i) => plain(i, owner, memberCount)) })),
  );

export function plain(index: number, owner: number, memberCount: number): VipFacts {
  return {
    ip: address(index + 1),
    owner,
    preferred: nobody,
    eligible: Array.from({ length: memberCount }, (_, member) => member),
    broken: false,
    held: false,
    mature: true,
  };
}

function factsOf(memberCount: number): fc.Arbitrary<Omit<VipFacts, 'ip'>> {
  const member = fc.integer({ min: 0, max: memberCount - 1 });
  const rarely = fc.integer({ min: 0, max: 9 }).map((number) => number === 9);
  return fc
    .record({
      owner: fc.integer({ min: nobody, max: memberCount - 1 }),
      wish: fc.option(member, { freq: 5 }),
      eligible: fc.uniqueArray(member, { maxLength: memberCount }),
      broken: rarely,
      held: rarely,
      mature: rarely.map((immature) => !immature),
    })
    .map(({ wish, eligible, held, ...rest }) => {
      const sorted = eligible.sort((a, b) => a - b);
      return {
        ...rest,
        held: held && rest.owner !== nobody,
        eligible: sorted,
        preferred: wish !== null && sorted.includes(wish) ? wish : nobody,
      };
    });
}
