/** The zone of this machine, as the C library knows it: what `date` prints in the zone that TZ names (logging 10.3). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'zone-process.ts');

/** Summer and winter, and the second before and after clocks are changed. */
const times = [
  0, 1_700_000_000, 1_720_000_000, 1_711_846_799, 1_711_846_800, 1_729_990_799, 1_729_990_800, 4e9,
];

it('LOG-10.3 offset and name of local time are those of the C library', async () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'XYZ+3:30']) {
    const env = { ...process.env, TZ: zone, LC_ALL: 'C' };
    const { stdout: found } = await run(
      process.execPath,
      ['--import', 'tsx', program, ...times.map(String)],
      { env },
    );
    const dates = times.map((timeS) => run('date', ['-d', `@${timeS}`, '+%z %Z'], { env }));
    expect([zone, found]).toEqual([zone, (await Promise.all(dates)).map(({ stdout }) => stdout).join('')]);
  }
}, 60_000);
