/**
 * `npm run chaos`: real faults on real clusters in network namespaces. Ends with 1 if anything was wrong; what happened then
 * is written to .cache/chaos.
 *
 * - `-- --minutes N [--seed S] [--upgrade-from COMMIT] [--failure-timeout SECONDS]`: a storm over a whole fleet, everything at
 *   once (`storm/`).
 * - `-- [--kind K ...] [--rounds N] [--jobs N] [--profile fast|default] [--quorum none|majority] [--seed S]
 *   [--blips PERCENT]`: rounds of one fault each, on four nodes with floating addresses.
 * - `-- --busy LOOPS --minutes N [--profile fast|default]`: no fault, but so many busy loops beside these four nodes.
 */
import { parseArgs } from 'node:util';
import { runCrowd } from './crowds.ts';
import { kinds } from './kinds.ts';
import { runRounds } from './rounds.ts';
import { runStorm } from './storms.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    busy: { type: 'string' },
    /** Half of the nodes begin with the program of this commit, and now and then each gets the other one. */
    'upgrade-from': { type: 'string' },
    /** Of the fleet: a machine that starves nodes needs more than the usual second. */
    'failure-timeout': { type: 'string', default: '1' },
    seed: { type: 'string' },
    kind: { type: 'string', multiple: true, default: kinds.map(({ name }) => name) },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    profile: { type: 'string', default: 'default' },
    /** In the place of what each kind asks for: `none` for faults of one node, on a machine that starves nobody. */
    quorum: { type: 'string' },
    /** How many faults of a hundred are undone at a moment before or after others take over. */
    blips: { type: 'string', default: '25' },
  },
});

if (process.getuid?.() !== 0) throw new Error('the chaos suite makes network namespaces: it needs root');

process.exit((await isRight()) ? 0 : 1);

function isRight(): Promise<boolean> {
  if (values.busy !== undefined) return runCrowd(values.busy, values);
  return values.minutes === undefined ? runRounds(values) : runStorm(values);
}
