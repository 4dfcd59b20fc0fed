/**
 * P6: what becomes of all floating addresses when a cluster begins, loses a node, or doubles: time of the plan, how even
 * it is, and how many moves it takes above the fewest possible.
 */
import { type Plan, planFinal } from '../src/core/duravip/plan.ts';
import { loadsOf, nobody, type VipFacts } from '../src/core/duravip/vip-facts.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { type Figure, median } from './report.ts';

interface Size {
  readonly nodes: number;
  readonly addresses: number;
}

interface Occasion {
  readonly what: string;
  /** Who has an address before; `nobody` for an orphan. */
  readonly ownerOf: (size: Size, random: SeededRandom) => (vip: number) => number;
}

const sizes: readonly Size[] = [
  { nodes: 16, addresses: 640 },
  { nodes: 32, addresses: 2_560 },
  { nodes: 64, addresses: 10_240 },
];
const rounds = 9;

const occasions: readonly Occasion[] = [
  { what: 'nobody has anything yet', ownerOf: () => () => nobody },
  {
    what: 'one node is lost',
    // Of one node more than there is now, the last is gone.
    ownerOf:
      ({ nodes }) =>
      (vip) =>
        vip % (nodes + 1) === nodes ? nobody : vip % (nodes + 1),
  },
  {
    what: 'half of the nodes are new',
    // The old ones have unequal loads, as after many changes.
    ownerOf:
      ({ nodes }, random) =>
      () =>
        Math.floor(random.next() * (nodes / 2)),
  },
];

export function planFigures(): Figure[] {
  return occasions.flatMap((occasion) => sizes.flatMap((size) => figuresOf(occasion, size)));
}

function figuresOf({ what, ownerOf }: Occasion, size: Size): Figure[] {
  const eligible = Array.from({ length: size.nodes }, (_, member) => member);
  const owner = ownerOf(size, new SeededRandom(1));
  const vips = Array.from(
    { length: size.addresses },
    (_, vip): VipFacts => ({
      ip: `10.${vip >> 16}.${(vip >> 8) & 255}.${vip & 255}`,
      owner: owner(vip),
      preferred: nobody,
      eligible,
      broken: false,
      held: false,
      mature: true,
    }),
  );
  const timesMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    plan(vips, size);
    timesMs.push(performance.now() - startedMs);
  }
  const planned = plan(vips, size);
  const loads = [...loadsOf(size.nodes, planned.owners)];
  const common = {
    goal: 'P6',
    size: `${size.addresses.toLocaleString('en-US')} addresses, ${size.nodes} nodes`,
  };
  const moved = vips.filter(({ owner: before }, vip) => before !== nobody && planned.owners[vip] !== before);
  const fewest = fewestMoves(vips, size.nodes);
  return [
    { ...common, what: `plan, ${what}`, value: median(timesMs), unit: 'ms', target: { value: 50 } },
    {
      ...common,
      what: `plan, ${what}: imbalance`,
      value: Math.max(...loads) - Math.min(...loads),
      unit: 'addresses',
      target: { value: 1 },
    },
    {
      ...common,
      what: `plan, ${what}: moves, beside the fewest possible`,
      value: moved.length,
      unit: 'moves',
      target: { value: fewest },
    },
  ];
}

function plan(vips: readonly VipFacts[], { nodes }: Size): Plan {
  return planFinal(nodes, vips, (vip) => vips[vip]!.owner === nobody, 'release');
}

/**
 * Loads end at most 1 apart only where so many members have one more than the others, and whoever has more than that
 * now has to give the rest away. It is fewest when those with the largest loads are the ones that keep one more.
 */
function fewestMoves(vips: readonly VipFacts[], nodes: number): number {
  const loads = [
    ...loadsOf(
      nodes,
      vips.map(({ owner }) => owner),
    ),
  ].sort((a, b) => b - a);
  const [share, withOneMore] = [Math.floor(vips.length / nodes), vips.length % nodes];
  return loads.reduce((sum, load, i) => sum + Math.max(0, load - share - (i < withOneMore ? 1 : 0)), 0);
}
