/**
 * P5: for how long a client gets no answer on floating addresses when the machine that has a quarter of them is lost, in
 * three ways. The same machines, service, client and procedure for whoever floats the addresses.
 */
import { until } from '../test/integration/until.ts';
import {
  type Floater,
  type FloatingFleet,
  type MachineName,
  machines,
  shareLimitMs,
} from './floating-fleet.ts';

/** How a machine is lost: the processes on it are killed, it is cut off, or it is told to stop. */
export const losses = ['killed', 'silent', 'stopped'] as const;
export type Loss = (typeof losses)[number];

export interface Gaps {
  readonly loss: Loss;
  /** The longest gap of any address asked, of each round. */
  readonly longestMs: readonly number[];
}

/** Addresses asked in a round, evenly spread over the lost ones, the first and the last included. */
const mostAsked = 25;
/** An address with an answer within this is served. */
const servedWithinMs = 20;
/** Before a loss and after it: neighbours may be told wrong things late. */
const quietMs = 250;

/** Other machines in turn, so that the leader, or the master of most, is among them. */
export async function measureGaps(
  fleet: FloatingFleet,
  floater: Floater,
  rounds: number,
): Promise<readonly Gaps[]> {
  const longestMs = losses.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, loss] of losses.entries()) {
      const victim = machines[(round * losses.length + i) % machines.length]!;
      longestMs[i]!.push(await gapOf(fleet, floater, victim, loss));
      await recover(fleet, floater, victim, loss);
    }
  }
  return losses.map((loss, i) => ({ loss, longestMs: longestMs[i]! }));
}

async function gapOf(
  fleet: FloatingFleet,
  floater: Floater,
  victim: MachineName,
  loss: Loss,
): Promise<number> {
  const { client } = fleet;
  await client.watch(spread(await shareOf(fleet, victim), mostAsked));
  const isServed = async (isBy: (machine: MachineName) => boolean) => {
    const answers = await client.report();
    return answers.every(({ silentMs, by }) => silentMs < servedWithinMs && isBy(machines[by] ?? victim));
  };
  await until(() => isServed((machine) => machine === victim));
  await pause(quietMs);
  await client.forget();
  const ended = lose(fleet, floater, victim, loss);
  await until(() => isServed((machine) => machine !== victim));
  await pause(quietMs);
  await ended;
  return Math.max(...(await client.report()).map(({ gapMs }) => gapMs));
}

/** On a machine that is too busy for the fast profile a lease runs out now and then, and all addresses are off for a moment. */
async function shareOf(fleet: FloatingFleet, machine: MachineName): Promise<readonly string[]> {
  let share: readonly string[] = [];
  await until(async () => {
    await fleet.shared();
    share = fleet.ownedBy(machine);
    return share.length === fleet.ips.length / machines.length;
  }, shareLimitMs);
  return share;
}

async function lose(fleet: FloatingFleet, floater: Floater, victim: MachineName, loss: Loss): Promise<void> {
  switch (loss) {
    case 'killed':
      fleet.killService(victim);
      floater.kill(victim);
      return;
    case 'silent':
      fleet.network.isolate(victim);
      return;
    case 'stopped':
      return floater.stop(victim);
  }
}

async function recover(
  fleet: FloatingFleet,
  floater: Floater,
  victim: MachineName,
  loss: Loss,
): Promise<void> {
  if (loss === 'killed') await fleet.startService(victim);
  if (loss === 'silent') fleet.network.heal();
  else await floater.start(victim);
  await fleet.shared();
}

function spread(ips: readonly string[], most: number): string[] {
  const count = Math.min(most, ips.length);
  return Array.from(
    { length: count },
    (_, i) => ips[Math.round((i * (ips.length - 1)) / Math.max(1, count - 1))]!,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
