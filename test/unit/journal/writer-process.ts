/** A process of its own that appends numbered records to a journal it shares: PATH NAME COUNT. */
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';

const [path = '', name = '', count = '0'] = process.argv.slice(2);
const journal = await openJournal({
  path,
  files: await openDiskFiles(),
  clock: systemClock,
  random: systemRandom,
  access: 'share',
});
for (let n = 0; n < Number(count); n += 10)
  await Promise.all(Array.from({ length: 10 }, (_, i) => journal.append(Buffer.from(`${name} ${n + i}\n`))));
await journal.close();
