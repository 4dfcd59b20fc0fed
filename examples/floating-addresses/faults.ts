/** What can happen to a node, how it is done, and how it ends. */
import type { Machine } from './machine.ts';

export interface Fault {
  readonly name: string;
  /** Said before it happens. */
  readonly announce: (machine: Machine) => string;
  /** Resolves when it has happened; what follows from it is for others to see. */
  readonly strike: (machine: Machine) => void | Promise<void>;
  readonly announceEnd: (machine: Machine) => string;
  readonly end: (machine: Machine) => void;
}

const started = ({ name }: Machine) => `${name} is started again`;

export const faults: readonly Fault[] = [
  {
    name: 'kill -9',
    announce: ({ name, pid }) => `kill -9 ${pid}: ${name} is killed`,
    strike: (machine) => machine.kill(),
    announceEnd: started,
    end: (machine) => machine.startNode(),
  },
  {
    name: 'frozen',
    announce: ({ name, pid }) => `kill -STOP ${pid}: ${name} is frozen, and still believes what it believed`,
    strike: (machine) => machine.freeze(),
    announceEnd: ({ name, pid }) => `kill -CONT ${pid}: ${name} goes on`,
    end: (machine) => machine.thaw(),
  },
  {
    name: 'graceful stop',
    announce: ({ name, pid }) => `kill -TERM ${pid}: ${name} stops, and gives away what it has`,
    strike: (machine) => machine.stop(),
    announceEnd: started,
    end: (machine) => machine.startNode(),
  },
  {
    name: 'cable pulled',
    announce: ({ name }) => `the cable of ${name} is pulled`,
    strike: (machine) => machine.unplug(),
    announceEnd: ({ name }) => `the cable of ${name} is plugged in again`,
    end: (machine) => machine.plugIn(),
  },
];
