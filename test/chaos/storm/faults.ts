/** What may strike the fleet: each fault with whom it strikes, for how long, who is left together, and how it is done. */

import { until } from '../../integration/until.ts';
import { type Harm, type HarmOf, harms, undoable } from '../harms.ts';
import { clientPort } from './bus-server.ts';
import { clockNode, machines, type StormFleet } from './fleet.ts';
import { areAllTogether } from './observers/views.ts';
import type { FaultTraits } from './schedule.ts';
import type { Leaves } from './time-line.ts';

export interface Fault extends FaultTraits {
  readonly leaves: Leaves;
  harm(fleet: StormFleet, victims: readonly string[]): Harm;
}

const usualMs = [500, 5_000] as const;
/** A node that is restarted is away for longer by itself. */
const restartMs = [100, 3_000] as const;
const atOnce = [0, 0] as const;
const clockSteps = { 'clock-ahead': 20, 'clock-behind': -20, 'clock-hour': 3_600 } as const;
const togetherLimitMs = 30_000;

function ofNode(name: keyof typeof harms, leaves: Leaves, lastsMs: FaultTraits['lastsMs']): Fault {
  const harmOf: HarmOf = harms[name];
  return { name, strikes: 'node', lastsMs, leaves, harm: (fleet, [victim = '']) => harmOf(fleet, victim) };
}

function ofServer(name: string, harm: (fleet: StormFleet, victim: string) => Harm): Fault {
  const make: Fault['harm'] = (fleet, [victim = '']) => harm(fleet, victim);
  return { name, strikes: 'server', lastsMs: usualMs, leaves: 'parts', harm: make };
}

function fullDiskOf(strikes: 'node' | 'manager'): Fault {
  const harm: Fault['harm'] = (fleet, [victim = '']) => undoable(() => fleet.disk(victim).fill());
  return { name: `${strikes}-disk-full`, strikes, lastsMs: usualMs, leaves: 'all', harm };
}

/** The first nodes, as many as these, and servers on one side; all others on the other one. */
function split(name: string, nodes: number, servers: number): Fault {
  const harm: Fault['harm'] = ({ floating }, victims) => {
    const one = [...victims.slice(0, nodes), ...machines.servers.slice(0, servers)];
    const other = [...victims.slice(nodes), ...machines.servers.slice(servers), machines.manager];
    return undoable(() => floating.separate(one, other));
  };
  return { name, strikes: 'fleet', lastsMs: usualMs, leaves: 'parts', harm };
}

/** One node after the other, each when all are together again. */
async function restartEach(fleet: StormFleet, nodes: readonly string[]): Promise<void> {
  for (const node of nodes) {
    const harm = harms.stop(fleet, node);
    await harm.strike();
    await harm.undo();
    await until(() => areAllTogether(fleet), togetherLimitMs);
  }
}

const serverFaults: readonly Fault[] = [
  ofServer('server-kill', (fleet, victim) => ({
    strike: () => fleet.server(victim).kill(),
    undo: () => fleet.server(victim).start(),
  })),
  ofServer('server-freeze', (fleet, victim) => ({
    strike: () => fleet.server(victim).signal('SIGSTOP'),
    undo: () => fleet.server(victim).signal('SIGCONT'),
  })),
  ofServer('server-silent', ({ floating }, victim) => undoable(() => floating.isolate(victim))),
  {
    name: 'route-cut',
    strikes: 'route',
    lastsMs: usualMs,
    leaves: 'parts',
    harm: ({ floating }, [one = '', other = '']) => undoable(() => floating.separate([one], [other])),
  },
  {
    name: 'route-one-way',
    strikes: 'route',
    lastsMs: usualMs,
    leaves: 'parts',
    harm: ({ floating }, [one = '', other = '']) => undoable(() => floating.cutOneWay([one], [other])),
  },
  {
    name: 'servers-kill',
    strikes: 'fleet',
    lastsMs: usualMs,
    leaves: 'parts',
    harm: ({ servers }) => ({
      strike: async () => void (await Promise.all(servers.map((server) => server.kill()))),
      undo: async () => void (await Promise.all(servers.map((server) => server.start()))),
    }),
  },
];

const clockFaults: readonly Fault[] = Object.entries(clockSteps).map(([name, seconds]) => ({
  name,
  strikes: 'node',
  only: [clockNode],
  lastsMs: usualMs,
  // Its windows are others than those of the clock by which grants are judged.
  leaves: 'parts',
  harm: ({ clock }) => undoable(() => clock!.step(seconds)),
}));

export const faults: readonly Fault[] = [
  ofNode('kill', 'all but one', restartMs),
  ofNode('stop', 'all but one', restartMs),
  ofNode('freeze', 'all but one', usualMs),
  ofNode('freeze-machine', 'all but one', usualMs),
  ofNode('address', 'all', atOnce),
  ofNode('cable', 'all but one', usualMs),
  ofNode('interface', 'all but one', usualMs),
  ofNode('silent', 'all but one', usualMs),
  ofNode('mute', 'all but one', usualMs),
  ofNode('deaf', 'all but one', usualMs),
  ofNode('loss', 'parts', usualMs),
  {
    name: 'bus-cut',
    strikes: 'node',
    lastsMs: usualMs,
    leaves: 'all but one',
    harm: ({ floating }, victims) => undoable(() => floating.cutPort(victims, clientPort)),
  },
  fullDiskOf('node'),
  fullDiskOf('manager'),
  {
    name: 'manager-kill',
    strikes: 'manager',
    lastsMs: restartMs,
    leaves: 'all but one',
    harm: (fleet, [victim = '']) => harms.kill(fleet, victim),
  },
  ...serverFaults,
  split('split-2-2', 2, 1),
  split('split-3-1', 3, 2),
  {
    name: 'rolling-restart',
    strikes: 'fleet',
    lastsMs: atOnce,
    leaves: 'parts',
    harm: (fleet, nodes) => ({ strike: () => restartEach(fleet, nodes), undo: () => undefined }),
  },
];

/** Each node goes on with the other commit's program, one after the other: those that have this one's go back. */
const upgrade: Fault = {
  name: 'rolling-upgrade',
  strikes: 'fleet',
  lastsMs: atOnce,
  leaves: 'parts',
  harm: (fleet, nodes) => ({
    strike: async () => {
      for (const node of nodes) fleet.exchange(node);
      await restartEach(fleet, nodes);
    },
    undo: () => undefined,
  }),
};

/** Those that can be done on this machine, to this fleet. */
export function faultsOf(fleet: Pick<StormFleet, 'clock' | 'otherProgram'>): readonly Fault[] {
  const { clock, otherProgram } = fleet;
  return [...faults, ...(clock ? clockFaults : []), ...(otherProgram === undefined ? [] : [upgrade])];
}
