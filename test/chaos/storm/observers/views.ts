/**
 * Whether the fleet is together: every process lists every other one, the servers hold connections to each other, and each
 * floating address is answered for.
 *
 * Rule (R1): views are whole within five times `bus_failure_timeout` of the servers being connected and all processes
 * running again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { NodeProcess } from '../../../integration/cluster/fleet.ts';
import { Components, type Installed } from '../../components.ts';
import { machines, type StormFleet } from '../fleet.ts';

export const wholeWithinTimeouts = 5;
const everyMs = 50;

const everybody = [...machines.nodes, machines.manager].sort().join();

/** A process whose clock was stepped says other times than this. */
const trustedMs = 10_000;

/** The views that processes say they have installed, read from their logs as these grow. */
export class ViewLog {
  readonly #read = new Map<NodeProcess, number>();

  take(processes: readonly NodeProcess[]): Installed[] {
    const nowMs = Date.now();
    return processes.flatMap((process) => {
      const text = process.log();
      const [from, until] = [this.#read.get(process) ?? 0, text.lastIndexOf('\n') + 1];
      this.#read.set(process, until);
      return Components.ofLog(process.name, text.slice(from, until), 0).map((installed) => ({
        ...installed,
        atMs: Math.abs(installed.atMs - nowMs) < trustedMs ? installed.atMs : nowMs,
      }));
    });
  }
}

export async function areAllTogether(fleet: StormFleet): Promise<boolean> {
  const lists = await Promise.all(
    [...machines.nodes, machines.manager].map((machine) => membersAt(fleet, machine)),
  );
  return lists.every((list) => list === everybody);
}

/** What a process lists, or why that is not known. */
export async function membersAt(fleet: StormFleet, machine: string): Promise<string> {
  const question = machine === machines.manager ? 'show cluster membership' : 'cluster membership';
  try {
    const answer = await fleet.node(machine).console(question);
    const names = [...answer.matchAll(/^Private Name: #[^#]*#(.*)$/gm)].map(([, name]) => name!);
    return names.sort().join();
  } catch (error) {
    return `no answer: ${(error as Error).message}`;
  }
}

export function serversAreConnected({ floating }: StormFleet): boolean {
  return machines.servers.every((one, at) =>
    machines.servers.slice(at + 1).every((other) => floating.areConnected(one, other)),
  );
}

/** How long it took; undefined: it was not so within the limit. */
export async function msUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<number | undefined> {
  const startMs = performance.now();
  for (;;) {
    const isLastChance = performance.now() - startMs > limitMs;
    if (await condition()) return performance.now() - startMs;
    if (isLastChance) return undefined;
    await pause(everyMs);
  }
}
