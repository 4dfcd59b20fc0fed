/**
 * What may be done to one machine with a node, and how it is undone: the same deeds for the rounds, which wait for what
 * follows from each, and for the storm, in which several come at once.
 */
import type { FloatingNetwork } from '../../lab/floating-network.ts';
import type { Undo } from '../../lab/network.ts';

/** Machines with nodes, as something outside sees them. */
export interface Shore {
  readonly machines: readonly string[];
  readonly floating: FloatingNetwork;
  node(machine: string): { readonly ended: Promise<unknown>; signal(name: NodeJS.Signals): void };
  /** Resolves when its node serves. */
  start(machine: string): Promise<unknown>;
  /** Floating addresses on its interface. */
  plumbedOn(machine: string): readonly string[];
  run(machine: string, ...words: readonly string[]): string;
  /** The routes that an interface loses when it goes down. */
  connect(machine: string): void;
}

export interface Harm {
  strike(): Promise<void> | void;
  undo(): Promise<void> | void;
}

export type HarmOf = (shore: Shore, victim: string) => Harm;

/** What returns how to undo it. */
export function undoable(strike: () => Undo): Harm {
  let undo: Undo = () => undefined;
  return {
    strike: () => {
      undo = strike();
    },
    undo: () => undo(),
  };
}

/** The process ends, and is started again. */
const ending =
  (signal: NodeJS.Signals): HarmOf =>
  (shore, victim) => ({
    strike: () => shore.node(victim).signal(signal),
    undo: async () => {
      await shore.node(victim).ended;
      await shore.start(victim);
    },
  });

const others = ({ machines }: Shore, victim: string) => machines.filter((machine) => machine !== victim);

export const harms = {
  kill: ending('SIGKILL'),
  stop: ending('SIGTERM'),
  freeze: (shore, victim) => ({
    strike: () => shore.node(victim).signal('SIGSTOP'),
    undo: () => shore.node(victim).signal('SIGCONT'),
  }),
  'freeze-machine': ({ floating }, victim) => ({
    strike: () => floating.signalAll(victim, 'SIGSTOP'),
    undo: () => floating.signalAll(victim, 'SIGCONT'),
  }),
  /** Somebody takes its floating addresses off by hand. */
  address: (shore, victim) => ({
    strike: () => {
      const commands = shore.plumbedOn(victim).map((ip) => `address delete ${ip}/32 dev eth0`);
      // With force: the node itself may take one off meanwhile.
      shore.run(victim, 'sh', '-c', `echo '${commands.join('\n')}' | ip -force -batch - || true`);
    },
    undo: () => undefined,
  }),
  cable: ({ floating }, victim) => undoable(() => floating.unplug(victim)),
  interface: (shore, victim) => ({
    strike: () => void shore.run(victim, 'ip', 'link', 'set', 'eth0', 'down'),
    undo: () => {
      shore.run(victim, 'ip', 'link', 'set', 'eth0', 'up');
      shore.connect(victim);
    },
  }),
  silent: ({ floating }, victim) => undoable(() => floating.isolate(victim)),
  mute: (shore, victim) => undoable(() => shore.floating.cutOneWay([victim], others(shore, victim))),
  deaf: (shore, victim) => undoable(() => shore.floating.cutOneWay(others(shore, victim), [victim])),
  /** 30 % of what it sends and of what is sent to it is lost. */
  loss: ({ floating }, victim) => undoable(() => floating.loseSome(victim)),
} as const satisfies Readonly<Record<string, HarmOf>>;
