/** A process that pulls once, to be killed in the middle of it. Arguments: working copy, URL of the server. */
import { connectConfigBus } from '../../../src/bus/config-bus.ts';
import { WorkingCopy } from '../../../src/node/repository/working-copy.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';

const [, , conf = '', url = ''] = process.argv;
const bus = await connectConfigBus({
  urls: [url],
  credentials: {},
  tls: undefined,
  clusterGroup: 'ec_cluster',
  timeoutMs: 5_000,
});
const around = { clock: systemClock, random: systemRandom };
const workingCopy = new WorkingCopy({ conf, around, patienceMs: 1_000 });
process.stdout.write('begins\n');
await workingCopy.pull(bus, { resolution: 'none' });
process.stdout.write('done\n');
await bus.close();
