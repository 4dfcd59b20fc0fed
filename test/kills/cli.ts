/**
 * `npm run kills -- [--what journal|cluster] [--kills N] [--seed S] [--jobs N] [--lives N]`: real processes killed with
 * SIGKILL at their writes, syncs, renames, deletions, messages. Ends with 1 if a record was lost or came twice, and says
 * how to see it again.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { runCluster } from './cluster-kills.ts';
import { runJournal } from './journal-kills.ts';
import { bundle } from './spawn-life.ts';

const kinds = {
  journal: { program: 'life', run: runJournal },
  cluster: { program: 'cluster-life', run: runCluster },
} as const;
type Kind = keyof typeof kinds;

const { values } = parseArgs({
  options: {
    /** Both unless given, one after the other. */
    what: { type: 'string' },
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    /** Kills of one journal, or of one cluster. */
    lives: { type: 'string', default: '25' },
  },
});

const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const total = Number(values.kills);

/** True: nothing was lost, and nothing came twice. */
async function campaign(kind: Kind): Promise<boolean> {
  const program = await bundle(kinds[kind].program);
  let seed = Number(values.seed);
  let begun = 0;
  let kills = 0;
  let acknowledged = 0;
  let wrong = 0;
  const work = async (): Promise<void> => {
    while (begun < total) {
      const mine = seed++;
      const lives = Math.min(Number(values.lives), total - begun);
      begun += lives;
      const run = await kinds[kind].run({ program, seed: mine, kills: lives, place });
      kills += run.kills;
      acknowledged += run.acknowledged;
      if (process.stdout.isTTY) process.stdout.write(`\r${kind}: ${kills} kills`);
      if (run.violations.length === 0) continue;
      wrong++;
      const again = `npm run kills -- --what ${kind} --seed ${mine} --kills ${lives} --jobs 1`;
      console.error(`${run.violations.slice(0, 10).join('\n')}\nagain: ${again}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  const verdict = wrong === 0 ? 'none lost, none twice' : `${wrong} runs with violations`;
  console.log(`\r${kind}: ${kills} processes killed, ${acknowledged} acknowledged records: ${verdict}`);
  return wrong === 0;
}

const wanted = (Object.keys(kinds) as Kind[]).filter((kind) => (values.what ?? kind) === kind);
for (const kind of wanted) if (!(await campaign(kind))) process.exitCode = 1;
