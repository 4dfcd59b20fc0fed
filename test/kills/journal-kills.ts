/**
 * Journals whose processes are killed, again and again: the owner, which appends, reads and deletes, at operations of
 * its files, and readers beside it at theirs or together with it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../sim/seeded-random.ts';
import { type KillPlan, operations } from './killing-files.ts';
import { type Fault, Ledger } from './ledger.ts';
import type { Life } from './life.ts';
import { type EndedLife, spawnLife } from './spawn-life.ts';

export interface JournalRun {
  readonly kills: number;
  readonly acknowledged: number;
  readonly violations: readonly string[];
}

export interface JournalRunOptions {
  readonly program: string;
  readonly seed: number;
  readonly kills: number;
  /** Where directories may be made; the faster, the better. */
  readonly place: string;
  readonly fault?: Fault;
}

const subscribers = ['fast', 'slow', 'outside'];

/** One journal: `kills` lives, each with a kill, then all of it is read. */
export async function runJournal(options: JournalRunOptions): Promise<JournalRun> {
  const { program, seed, place, fault } = options;
  const random = new SeededRandom(seed, 'journal');
  const workplace = mkdtempSync(join(place, 'flotilla-kills-'));
  const ledger = new Ledger();
  const journal = {
    path: join(workplace, 'journal'),
    unitLimit: 300 + random.below(4000),
    safety: random.pick([0, 1, 2] as const),
    compress: random.chance(0.3),
    preCommitBytes: random.chance(0.3) ? 200 + random.below(1000) : 0,
  };
  let kills = 0;
  const live = (life: Omit<Life, keyof typeof journal | 'seed'>): ReturnType<typeof spawnLife> => {
    const told: Life = { ...journal, seed: seed * 1000 + life.number, ...life, ...(fault && { fault }) };
    return spawnLife(program, told, join(workplace, `${life.role}-${life.number}`));
  };
  const note = (ended: EndedLife, what: string): void => {
    ledger.add(ended.lines);
    if (ended.wasKilled) kills++;
    else if (ended.exitCode !== 0) ledger.violations.push(`${what} ended by itself: ${ended.complaints}`);
  };
  try {
    for (let number = 0; kills < options.kills && ledger.violations.length === 0; number++) {
      const node = live({ role: 'node', number, plan: kill(random) });
      // The first life makes the journal, and the subscriber of the reader.
      const reader =
        number > 0 && random.chance(0.3) ? live({ role: 'reader', number, plan: kill(random) }) : undefined;
      note(await node.ended, `life ${number}`);
      reader?.kill();
      const readerEnded = await reader?.ended;
      if (readerEnded) note(readerEnded, `reader ${number}`);
    }
    note(await live({ role: 'drain', number: 1_000_000 }).ended, 'the last life');
    if (ledger.violations.length === 0) ledger.close(subscribers);
    return { kills, acknowledged: ledger.acknowledged, violations: ledger.violations };
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

/** Often at the beginning, where a life recovers from the one before; and at the rare operations as well. */
function kill(random: SeededRandom): KillPlan {
  const of = random.chance(0.4) ? 'any' : random.pick(operations);
  const at = 1 + random.below(of === 'any' ? random.pick([15, 120]) : random.pick([4, 20]));
  return { of, at, latest: 150, part: random.next() };
}
