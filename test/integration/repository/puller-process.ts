/** A process that pulls once, to be killed in the middle of it. Arguments: working copy, revision. */
import { WorkingCopy } from '../../../src/node/repository/working-copy.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { busAt } from './generations.ts';

const [, , conf = '', generation = ''] = process.argv;
const around = { clock: systemClock, random: systemRandom };
const workingCopy = new WorkingCopy({ conf, around, patienceMs: 1_000 });
const bus = busAt(Number(generation));
process.stdout.write('begins\n');
await workingCopy.pull(bus, { resolution: 'none' });
