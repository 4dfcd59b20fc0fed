/** Rounds of one fault each, as they are asked for on the command line: prints what clients saw. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kind, kinds } from './kinds.ts';
import { finePace } from './roads.ts';
import type { Outcome } from './round.ts';
import { Tally } from './tally.ts';
import { sail } from './voyage.ts';

export interface RoundsAsked {
  readonly kind: readonly string[];
  readonly rounds: string;
  readonly jobs: string;
  readonly seed?: string | undefined;
  readonly profile: string;
  readonly quorum?: string | undefined;
  readonly blips: string;
}

const folder = join(import.meta.dirname, '../../.cache/chaos');

/** False: something was wrong. */
export async function runRounds(asked: RoundsAsked): Promise<boolean> {
  const tally = new Tally();
  // Networks are removed when the process exits, which a signal alone does not make it do.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.log(tally.table());
      process.exit(130);
    });
  }
  let failed = 0;
  await sail({
    kinds: asked.kind.map((name) => kindOf(name, asked.quorum)),
    rounds: Number(asked.rounds),
    jobs: Number(asked.jobs),
    seed: Number(asked.seed ?? 1),
    profile: asked.profile === 'fast' ? 'fast' : 'default',
    blipsOf100: Number(asked.blips),
    neighboursKnowMs: 100,
    pace: finePace,
    onOutcome: (outcome) => {
      tally.add(outcome);
      if (outcome.violations.length > 0) record(outcome, ++failed);
    },
  });
  console.log(tally.table());
  return tally.violations === 0;
}

function kindOf(name: string, quorum: string | undefined): Kind {
  const kind = kinds.find((each) => each.name === name);
  if (!kind) throw new Error(`no kind '${name}': ${kinds.map((each) => each.name).join(', ')}`);
  if (quorum === undefined) return kind;
  if (quorum !== 'none' && quorum !== 'majority') throw new Error('--quorum is none or majority');
  return { ...kind, quorum };
}

function record({ kind, violations, record }: Outcome, number: number): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}-${process.pid}-${number}.txt`);
  writeFileSync(file, record);
  console.error(`${kind}: ${violations.join('\n  ')}\n  see ${file}`);
}
