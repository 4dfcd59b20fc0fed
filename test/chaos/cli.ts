/**
 * `npm run chaos -- [--kind K ...] [--rounds N] [--jobs N] [--profile fast|default] [--quorum none|majority] [--seed S]
 * [--blips PERCENT]`: real faults on real clusters in network namespaces. Prints what clients saw, and ends with 1 if
 * anything was wrong; what happened then is written to .cache/chaos.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Kind, kinds } from './kinds.ts';
import type { Outcome } from './round.ts';
import { Tally } from './tally.ts';
import { sail } from './voyage.ts';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true, default: kinds.map(({ name }) => name) },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    profile: { type: 'string', default: 'default' },
    /** In the place of what each kind asks for: `none` for faults of one node, on a machine that starves nobody. */
    quorum: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** How many faults of a hundred are undone at a moment before or after others take over. */
    blips: { type: 'string', default: '25' },
  },
});

if (process.getuid?.() !== 0) throw new Error('the chaos suite makes network namespaces: it needs root');

const chosen = values.kind.map((name) => {
  const kind = kinds.find((each) => each.name === name);
  if (!kind) throw new Error(`no kind '${name}': ${kinds.map((each) => each.name).join(', ')}`);
  return values.quorum === undefined ? kind : { ...kind, quorum: quorumOf(values.quorum) };
});

function quorumOf(text: string): Kind['quorum'] {
  if (text !== 'none' && text !== 'majority') throw new Error('--quorum is none or majority');
  return text;
}

const folder = join(import.meta.dirname, '../../.cache/chaos');
const tally = new Tally();
let failed = 0;

function onOutcome(outcome: Outcome): void {
  tally.add(outcome);
  if (outcome.violations.length === 0) return;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${outcome.kind}-${process.pid}-${++failed}.txt`);
  writeFileSync(file, outcome.record);
  console.error(`${outcome.kind}: ${outcome.violations.join('\n  ')}\n  see ${file}`);
}

// Networks are removed when the process exits, which a signal alone does not make it do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(tally.table());
    process.exit(130);
  });
}

await sail({
  kinds: chosen,
  rounds: Number(values.rounds),
  jobs: Number(values.jobs),
  seed: Number(values.seed),
  profile: values.profile === 'fast' ? 'fast' : 'default',
  blipsOf100: Number(values.blips),
  neighboursKnowMs: 100,
  onOutcome,
});
console.log(tally.table());
process.exitCode = tally.violations > 0 ? 1 : 0;
