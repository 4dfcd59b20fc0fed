/**
 * Many rounds, several networks side by side: each crew takes the next few rounds of a kind, on a network that it keeps
 * for as long as nothing went wrong on it.
 */
import { SeededRandom } from '../sim/seeded-random.ts';
import type { Kind } from './kinds.ts';
import { Roads, type RoadsOptions } from './roads.ts';
import { neverBegun, type Outcome, type RoundOptions, runRound } from './round.ts';

export interface VoyageOptions {
  readonly kinds: readonly Kind[];
  readonly rounds: number;
  readonly jobs: number;
  readonly seed: number;
  readonly profile: RoadsOptions['profile'];
  readonly blipsOf100: number;
  readonly neighboursKnowMs: number;
  readonly pace: RoadsOptions['pace'];
  readonly onOutcome: (outcome: Outcome) => void;
}

interface Leg {
  readonly kind: Kind;
  readonly firstRound: number;
  readonly rounds: number;
}

const roundsOfALeg = 5;
/** Then the network is made anew: what the nodes said so far is kept in memory. */
const roundsOfRoads = 30;
/** A blip is over before or shortly after the others notice. */
const longestBlipMs = { default: 1_600, fast: 250 } as const;

export async function sail(options: VoyageOptions): Promise<void> {
  const legs = legsOf(options);
  const crews = Math.max(1, Math.min(options.jobs, legs.length));
  await Promise.all(Array.from({ length: crews }, () => new Crew(options, legs).work()));
}

class Crew {
  readonly #options: VoyageOptions;
  readonly #legs: Leg[];
  #roads: Roads | undefined;
  #waters = '';
  #roundsHere = 0;

  constructor(options: VoyageOptions, legs: Leg[]) {
    this.#options = options;
    this.#legs = legs;
  }

  async work(): Promise<void> {
    try {
      for (let leg = this.#legs.shift(); leg; leg = this.#legs.shift()) await this.#sail(leg);
    } finally {
      await this.#leave();
    }
  }

  async #sail({ kind, firstRound, rounds }: Leg): Promise<void> {
    const { seed, profile, blipsOf100, neighboursKnowMs, onOutcome } = this.#options;
    const options: RoundOptions = { blipsOf100, longestBlipMs: longestBlipMs[profile], neighboursKnowMs };
    for (let round = firstRound; round < firstRound + rounds; round++) {
      const outcome = await this.#round(kind, new SeededRandom(seed + round, kind.name), options);
      this.#roundsHere++;
      onOutcome(outcome);
      if (outcome.violations.length > 0 || this.#roundsHere >= roundsOfRoads) await this.#leave();
    }
  }

  async #round(kind: Kind, random: SeededRandom, options: RoundOptions): Promise<Outcome> {
    try {
      return await runRound(await this.#roadsFor(kind), kind, random, options);
    } catch (error) {
      const { message, cause } = error as Error;
      return neverBegun(kind.name, message, String(cause));
    }
  }

  async #roadsFor({ quorum, asking }: Kind): Promise<Roads> {
    const waters = watersOf({ quorum, asking });
    if (this.#waters !== waters) await this.#leave();
    this.#waters = waters;
    const { profile, pace } = this.#options;
    this.#roads ??= await Roads.open({ quorum, asking, profile, pace });
    return this.#roads;
  }

  async #leave(): Promise<void> {
    await this.#roads?.end();
    this.#roads = undefined;
    this.#roundsHere = 0;
  }
}

/** Kinds that need the same network one after the other. */
function legsOf({ kinds, rounds }: VoyageOptions): Leg[] {
  const sorted = [...kinds].sort((a, b) => watersOf(a).localeCompare(watersOf(b)));
  return sorted.flatMap((kind) =>
    Array.from({ length: Math.ceil(rounds / roundsOfALeg) }, (_, leg) => ({
      kind,
      firstRound: leg * roundsOfALeg,
      rounds: Math.min(roundsOfALeg, rounds - leg * roundsOfALeg),
    })),
  );
}

function watersOf({ quorum, asking }: Pick<Kind, 'quorum' | 'asking'>): string {
  return `${quorum} ${asking.join()}`;
}
