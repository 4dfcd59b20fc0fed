/** A storm over a whole fleet, as it is asked for on the command line. */
import { programOf } from './storm/other-tree.ts';
import { rideOut } from './storm/storm.ts';

export interface StormAsked {
  readonly minutes?: string | undefined;
  readonly seed?: string | undefined;
  readonly 'upgrade-from'?: string | undefined;
}

/** False: something was wrong. */
export async function runStorm({ minutes, seed, 'upgrade-from': commit }: StormAsked): Promise<boolean> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const asked = { minutes: Number(minutes), seed: Number(seed ?? Date.now() % 1_000_000) };
  if (!(asked.minutes > 0) || !Number.isSafeInteger(asked.seed))
    throw new Error('--minutes is a number above 0, --seed a whole number');
  console.log(`a storm of ${asked.minutes} minutes, seed ${asked.seed}`);
  const otherProgram = commit === undefined ? undefined : programOf(commit);
  const report = await rideOut({ ...asked, otherProgram, onLine: (line) => console.log(line) });
  console.log(`\n${report.text()}`);
  return report.violations.length === 0;
}
