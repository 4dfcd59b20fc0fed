/** A storm over a whole fleet, as it is asked for on the command line. */
import { programOf } from './storm/other-tree.ts';
import { rideOut } from './storm/storm.ts';

export interface StormAsked {
  readonly minutes?: string | undefined;
  readonly seed?: string | undefined;
  readonly 'upgrade-from'?: string | undefined;
  readonly 'failure-timeout': string;
}

/** False: something was wrong. */
export async function runStorm({ minutes, seed, ...asking }: StormAsked): Promise<boolean> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const asked = {
    minutes: Number(minutes),
    seed: Number(seed ?? Date.now() % 1_000_000),
    failureTimeoutS: Number(asking['failure-timeout']),
  };
  if (!(asked.minutes > 0 && asked.failureTimeoutS > 0) || !Number.isSafeInteger(asked.seed))
    throw new Error('--minutes and --failure-timeout are numbers above 0, --seed is a whole number');
  console.log(`a storm of ${asked.minutes} minutes, seed ${asked.seed}`);
  const commit = asking['upgrade-from'];
  const otherProgram = commit === undefined ? undefined : programOf(commit);
  try {
    const report = await rideOut({ ...asked, otherProgram, onLine: (line) => console.log(line) });
    console.log(`\n${report.text()}`);
    return report.violations.length === 0;
  } catch (error) {
    // The fleet did not come up. The end of what its processes said is enough to see why.
    const { message, cause } = error as Error;
    console.error(`${message}\n${String(cause).slice(-20_000)}`);
    return false;
  }
}
