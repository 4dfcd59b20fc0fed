/**
 * `npm run kills -- [--kills N] [--seed S] [--jobs N] [--journals N]`: real processes killed with SIGKILL at their
 * writes, syncs, renames, deletions. Ends with 1 if a record was lost or came twice, and says how to see it again.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { runJournal } from './journal-kills.ts';
import { faults } from './ledger.ts';
import { bundle } from './spawn-life.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    /** Kills of one journal. */
    lives: { type: 'string', default: '25' },
    /** Makes the harness wrong, to see that it notices. */
    fault: { type: 'string' },
  },
});

const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const fault = faults.find((name) => name === values.fault);
const program = await bundle('life');
const total = Number(values.kills);
let seed = Number(values.seed);
let kills = 0;
let begun = 0;
let acknowledged = 0;
let violations = 0;

async function work(): Promise<void> {
  while (begun < total) {
    const mine = seed++;
    const lives = Math.min(Number(values.lives), total - begun);
    begun += lives;
    const run = await runJournal({ program, seed: mine, kills: lives, place, ...(fault && { fault }) });
    kills += run.kills;
    acknowledged += run.acknowledged;
    if (run.violations.length > 0) {
      violations++;
      console.error(
        `${run.violations.slice(0, 10).join('\n')}\nagain: npm run kills -- --seed ${mine} --kills ${lives} --jobs 1`,
      );
    }
    if (process.stdout.isTTY) process.stdout.write(`\r${kills} kills`);
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
console.log(
  `\r${kills} processes killed, ${acknowledged} acknowledged records: ${violations === 0 ? 'none lost, none twice' : `${violations} journals with violations`}`,
);
process.exitCode = violations > 0 ? 1 : 0;
