/** One fault: struck, endured, undone, and judged by what the lookouts saw. */
import { sharedNowMs } from '../../lab/lookout.ts';
import type { SeededRandom } from '../sim/seeded-random.ts';
import type { Blow, Kind } from './kinds.ts';
import { type LookoutName, type Owners, pause, type Roads, type SeenReport, stillMs } from './roads.ts';
import { at, judge, type Round, type Verdict } from './verdict.ts';

export interface Outcome extends Verdict {
  readonly kind: string;
  /** It was undone before anybody could take over, so that it has no gap of its own. */
  readonly isBlip: boolean;
  /** Longest time in which clients could not connect to the service on a victim's address. */
  readonly serviceGapMs: number;
  /** Everything that should not have been. */
  readonly violations: readonly string[];
  /** What happened, in order; and what the nodes said. Empty when nothing was wrong. */
  readonly record: string;
}

export interface RoundOptions {
  /** How many faults of a hundred are undone before anybody could take over. */
  readonly blipsOf100: number;
  readonly longestBlipMs: number;
  /** R3 says 100; a machine that is busy with other things needs a margin. */
  readonly neighboursKnowMs: number;
}

const longestHoldMs = 300;

export async function runRound(
  roads: Roads,
  kind: Kind,
  random: SeededRandom,
  { blipsOf100, longestBlipMs, neighboursKnowMs }: RoundOptions,
): Promise<Outcome> {
  const blow = kind.plan(roads, random);
  const isBlip = random.below(100) < blipsOf100;
  const ownersBefore = await roads.settled();
  await roads.begin();
  const times = { struckMs: sharedNowMs(), servedMs: undefined as number | undefined, undoneMs: Infinity };
  const failures: string[] = [];
  let serviceGapMs = 0;
  try {
    await blow.strike();
    if (isBlip) await pause(random.between(0, longestBlipMs));
    else {
      await endure(roads, blow);
      times.servedMs = sharedNowMs();
      serviceGapMs = await roads.harbour.longestGapMs(lostBy(blow, ownersBefore));
      await pause(random.between(0, longestHoldMs));
    }
    times.undoneMs = sharedNowMs();
    await blow.undo();
    await roads.settled();
    await pause(neighboursKnowMs + stillMs);
  } catch (error) {
    failures.push((error as Error).message);
  }
  const seen = await roads.reports();
  const round: Round = {
    ips: roads.ips,
    ownersBefore,
    ...times,
    endedMs: sharedNowMs(),
    mayBothAnswer: kind.quorum === 'none' ? roads.components() : () => false,
    victims: blow.victims,
    neighboursKnowMs,
    asks: asksOf(kind),
  };
  const verdict = judge(round, seen);
  const violations = [
    ...failures,
    ...verdict.doubles.map((each) => `double: ${each}`),
    ...verdict.staleNeighbours.map((each) => `neighbour: ${each}`),
  ];
  const record = violations.length === 0 ? '' : recordOf(kind, round, blow, seen, roads, violations);
  return { kind: kind.name, isBlip, serviceGapMs, ...verdict, violations, record };
}

/** The network, or what runs on it, did not come up, or a lookout ended. */
export function neverBegun(kind: string, message: string, said: string): Outcome {
  const violations = [message];
  const nothing = { gapMs: 0, bystanderGapMs: 0, serviceGapMs: 0, doubles: [], staleNeighbours: [] };
  return { kind, isBlip: true, ...nothing, violations, record: `${message}\n\n${said}` };
}

async function endure(roads: Roads, blow: Blow): Promise<void> {
  await pause(stillMs);
  await roads.servedBy(blow.sides);
  await roads.bare(blow.bare ?? []);
}

function lostBy({ victims }: Blow, owners: Owners): string[] {
  return Object.keys(owners).filter((ip) => victims.includes(owners[ip]!));
}

/** Of two lookouts that ask, `east` is on the side of `north`. */
function asksOf({ asking }: Kind): Record<LookoutName, LookoutName> {
  return { east: 'east', north: 'east', west: asking.includes('west') ? 'west' : 'east' };
}

function recordOf(
  kind: Kind,
  round: Round,
  blow: Blow,
  seen: readonly SeenReport[],
  roads: Roads,
  violations: readonly string[],
): string {
  const events = [
    { atMs: round.struckMs, text: `${kind.name} strikes ${blow.victims.join(', ')}` },
    ...(round.servedMs === undefined ? [] : [{ atMs: round.servedMs, text: 'the others serve' }]),
    ...(round.undoneMs === Infinity ? [] : [{ atMs: round.undoneMs, text: 'it is undone' }]),
    ...seen.filter(isNews()).map(({ by, report }) => ({
      atMs: 'atMs' in report ? report.atMs : report.fromMs,
      text: `${by} ${JSON.stringify(report)}`,
    })),
  ].sort((a, b) => a.atMs - b.atMs);
  const wallMs = (atMs: number) => new Date(Date.now() - sharedNowMs() + atMs).toISOString().slice(11, 23);
  return [
    ...violations,
    '',
    `owners before: ${JSON.stringify(round.ownersBefore)}`,
    ...events.map((event) => `${wallMs(event.atMs)} ${at(round, event.atMs)} ${event.text}`),
    '',
    roads.logs(),
  ].join('\n');
}

/** Not what a neighbour table says again and again. */
function isNews(): (seen: SeenReport) => boolean {
  const known = new Map<string, string | undefined>();
  return ({ by, report }) => {
    if (report.what !== 'neighbour') return true;
    const key = `${by} ${report.ip}`;
    const isNew = !known.has(key) || known.get(key) !== report.machine;
    known.set(key, report.machine);
    return isNew;
  };
}
