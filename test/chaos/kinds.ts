/** The kinds of faults: what is done to the machines, who may serve while it lasts, and how it is undone. */
import type { SeededRandom } from '../sim/seeded-random.ts';
import { type Harm, type HarmOf, harms, undoable } from './harms.ts';
import { type LookoutName, lookouts, machines, type Roads, type Side } from './roads.ts';

export interface Blow extends Harm {
  /** Those who may serve while the fault lasts; nobody else may. */
  readonly sides: readonly Side[];
  /** On these nothing of an address may be left. */
  readonly bare?: readonly string[];
  /** Whose addresses it takes away: for how long nobody answers for them is what clients notice. */
  readonly victims: readonly string[];
}

export interface Kind {
  readonly name: string;
  readonly quorum: 'none' | 'majority';
  /** Each lookout here asks the nodes directly. */
  readonly asking: readonly LookoutName[];
  plan(roads: Roads, random: SeededRandom): Blow;
}

const routePort = 4_809;
const everybody: Side = { machines, lookouts };
const others = (...victims: readonly string[]) => machines.filter((machine) => !victims.includes(machine));
const without = (...victims: readonly string[]): Side => ({ machines: others(...victims), lookouts });
const nobody: Side = { machines: [], lookouts };

/** One node is the victim, and the others take over; `otherwise` is what is different. */
function ofOne(
  name: string,
  harmOf: HarmOf,
  otherwise: (victim: string) => Partial<Blow> = () => ({}),
): Kind {
  const plan = ({ shore }: Roads, random: SeededRandom): Blow => {
    const victim = random.pick(machines);
    return { sides: [without(victim)], victims: [victim], ...harmOf(shore, victim), ...otherwise(victim) };
  };
  return { name, quorum: 'majority', asking: ['east'], plan };
}

/** The nodes are cut into two sides that clients see both; the side that serves is the first, if any. */
function cutNodes(name: string, sizeOfFirst: number): Kind {
  const plan = ({ harbour }: Roads, random: SeededRandom): Blow => {
    const [first, second] = halves(random, sizeOfFirst);
    const serving = first.length > machines.length / 2 ? first : [];
    return {
      sides: [{ machines: serving, lookouts }],
      victims: machines.filter((machine) => !serving.includes(machine)),
      ...undoable(() => harbour.floating.separate(first, second)),
    };
  };
  return { name, quorum: 'majority', asking: ['east'], plan };
}

export const kinds: readonly Kind[] = [
  ofOne('kill', harms.kill, (victim) => ({ bare: [victim] })),
  ofOne('stop', harms.stop, (victim) => ({ bare: [victim] })),
  ofOne('freeze', harms.freeze),
  ofOne('freeze-machine', harms['freeze-machine']),
  ofOne('bus-client', ({ floating }, victim) => ({
    strike: () => floating.blockOwnPort(victim, 4_222),
    undo: () => floating.unblockOwnPorts(victim),
  })),
  ofOne('address', harms.address, () => ({ sides: [everybody] })),
  ofOne('cable', harms.cable),
  ofOne('interface', harms.interface),
  ofOne('silent', harms.silent),
  ofOne('mute', harms.mute),
  ofOne('deaf', harms.deaf),
  ofOne('bus-one', ({ floating }, victim) => undoable(() => floating.cutPort([victim], routePort))),
  {
    name: 'bus-all',
    quorum: 'majority',
    asking: ['east'],
    plan: ({ harbour }) => ({
      sides: [nobody],
      victims: machines,
      ...undoable(() => harbour.floating.cutPort(machines, routePort)),
    }),
  },
  cutNodes('split-2-2', 2),
  cutNodes('split-3-1', 3),
  {
    name: 'split-none',
    quorum: 'none',
    asking: ['east', 'west'],
    plan: ({ harbour }, random) => {
      const [first, second] = halves(random, 2);
      const sides: readonly [Side, Side] = [
        { machines: first, lookouts: ['east', 'north'] },
        { machines: second, lookouts: ['west'] },
      ];
      const [one, other] = sides.map((side) => [...side.machines, ...side.lookouts]);
      return {
        sides,
        victims: [],
        ...undoable(() => harbour.floating.separate(one!, other!)),
      };
    },
  },
];

function halves(random: SeededRandom, sizeOfFirst: number): [string[], string[]] {
  const mixed = machines
    .map((machine) => ({ machine, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ machine }) => machine);
  return [mixed.slice(0, sizeOfFirst), mixed.slice(sizeOfFirst)];
}
