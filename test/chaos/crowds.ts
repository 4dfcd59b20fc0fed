/** Busy loops beside healthy nodes, as they are asked for on the command line. */
import { endureCrowd } from './crowd.ts';

export interface CrowdAsked {
  readonly minutes?: string | undefined;
  readonly profile: string;
}

/** False: something happened that should not. */
export async function runCrowd(busy: string, asked: CrowdAsked): Promise<boolean> {
  const [loops, minutes] = [Number(busy), Number(asked.minutes ?? 60)];
  if (!(Number.isSafeInteger(loops) && loops > 0 && minutes > 0))
    throw new Error('--busy is a whole number of loops, --minutes a number above 0');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  console.log(`four nodes and ${loops} busy loops for ${minutes} minutes`);
  const profile = asked.profile === 'fast' ? 'fast' : 'default';
  const violations = await endureCrowd({ loops, minutes, profile, onLine: (line) => console.log(line) });
  for (const violation of violations) console.error(violation);
  console.log(violations.length === 0 ? 'nothing happened' : 'something happened that should not');
  return violations.length === 0;
}
