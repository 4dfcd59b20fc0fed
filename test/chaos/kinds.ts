/** The kinds of faults: what is done to the machines, who may serve while it lasts, and how it is undone. */
import type { SeededRandom } from '../sim/seeded-random.ts';
import { type LookoutName, lookouts, machines, type Roads, type Side } from './roads.ts';

export interface Blow {
  /** Those who may serve while the fault lasts; nobody else may. */
  readonly sides: readonly Side[];
  /** On these nothing of an address may be left. */
  readonly bare?: readonly string[];
  /** Whose addresses it takes away: for how long nobody answers for them is what clients notice. */
  readonly victims: readonly string[];
  strike(): Promise<void> | void;
  undo(): Promise<void> | void;
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

/** One node is the victim, and the others take over. */
function ofOne(
  name: string,
  make: (roads: Roads, victim: string) => Pick<Blow, 'strike' | 'undo'> & Partial<Blow>,
): Kind {
  const plan = (roads: Roads, random: SeededRandom): Blow => {
    const victim = random.pick(machines);
    return { sides: [without(victim)], victims: [victim], ...make(roads, victim) };
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
      strike: () => harbour.floating.separate(first, second),
      undo: () => harbour.floating.heal(),
    };
  };
  return { name, quorum: 'majority', asking: ['east'], plan };
}

export const kinds: readonly Kind[] = [
  ofOne('kill', ({ harbour }, victim) => ({
    bare: [victim],
    strike: () => harbour.node(victim).signal('SIGKILL'),
    undo: () => start(harbour, victim),
  })),
  ofOne('stop', ({ harbour }, victim) => ({
    bare: [victim],
    strike: () => harbour.node(victim).signal('SIGTERM'),
    undo: () => start(harbour, victim),
  })),
  ofOne('freeze', ({ harbour }, victim) => ({
    strike: () => harbour.node(victim).signal('SIGSTOP'),
    undo: () => harbour.node(victim).signal('SIGCONT'),
  })),
  ofOne('freeze-machine', ({ harbour }, victim) => ({
    strike: () => harbour.floating.signalAll(victim, 'SIGSTOP'),
    undo: () => harbour.floating.signalAll(victim, 'SIGCONT'),
  })),
  ofOne('bus-client', ({ harbour }, victim) => ({
    strike: () => harbour.floating.blockOwnPort(victim, 4_222),
    undo: () => harbour.floating.unblockOwnPorts(victim),
  })),
  ofOne('address', ({ harbour }, victim) => ({
    sides: [everybody],
    strike: () => {
      const commands = harbour.plumbedOn(victim).map((ip) => `address delete ${ip}/32 dev eth0`);
      // With force: the node itself may take one off meanwhile.
      harbour.run(victim, 'sh', '-c', `echo '${commands.join('\n')}' | ip -force -batch - || true`);
    },
    undo: () => undefined,
  })),
  ofOne('cable', ({ harbour }, victim) => ({
    strike: () => harbour.floating.unplug(victim),
    undo: () => harbour.floating.heal(),
  })),
  ofOne('interface', (roads, victim) => ({
    strike: () => void roads.harbour.run(victim, 'ip', 'link', 'set', 'eth0', 'down'),
    undo: () => {
      roads.harbour.run(victim, 'ip', 'link', 'set', 'eth0', 'up');
      roads.connectNodes([victim]);
    },
  })),
  ofOne('silent', ({ harbour }, victim) => ({
    strike: () => harbour.floating.isolate(victim),
    undo: () => harbour.floating.heal(),
  })),
  ofOne('mute', ({ harbour }, victim) => ({
    strike: () => harbour.floating.cutOneWay([victim], others(victim)),
    undo: () => harbour.floating.heal(),
  })),
  ofOne('deaf', ({ harbour }, victim) => ({
    strike: () => harbour.floating.cutOneWay(others(victim), [victim]),
    undo: () => harbour.floating.heal(),
  })),
  ofOne('bus-one', ({ harbour }, victim) => ({
    strike: () => harbour.floating.cutPort([victim], routePort),
    undo: () => harbour.floating.heal(),
  })),
  {
    name: 'bus-all',
    quorum: 'majority',
    asking: ['east'],
    plan: ({ harbour }) => ({
      sides: [nobody],
      victims: machines,
      strike: () => harbour.floating.cutPort(machines, routePort),
      undo: () => harbour.floating.heal(),
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
        strike: () => harbour.floating.separate(one!, other!),
        undo: () => harbour.floating.heal(),
      };
    },
  },
];

async function start(harbour: Roads['harbour'], machine: string): Promise<void> {
  await harbour.node(machine).ended;
  await harbour.start(machine);
}

function halves(random: SeededRandom, sizeOfFirst: number): [string[], string[]] {
  const mixed = machines
    .map((machine) => ({ machine, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ machine }) => machine);
  return [mixed.slice(0, sizeOfFirst), mixed.slice(sizeOfFirst)];
}
