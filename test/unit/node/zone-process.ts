/** Prints offset and name of local time at each moment given, as `date '+%z %Z'` does. */
import { localTime, timeText } from '../../../src/core/logs/strftime.ts';
import { localZone } from '../../../src/node/local-zone.ts';

const format = timeText('%z %Z%n');
for (const timeS of process.argv.slice(2))
  process.stdout.write(format?.(localTime(Number(timeS), localZone)) ?? '');
