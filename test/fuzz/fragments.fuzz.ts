/**
 * Fragments of honest senders that are lost, doubled and out of order, between damaged and hostile ones (goal R7,
 * BUS-15). Putting together never throws, gives each honest message as it was or not at all, and keeps to its bound
 * whatever is announced. A failure names the run and seed that replay it, with all runs before.
 */
import { Fragmenter, Reassembler } from '../../src/bus/fragments.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';

export interface FragmentsFuzzSummary {
  readonly runs: number;
  readonly whole: number;
  readonly malformed: number;
  readonly unfinished: number;
}

const limits = { maxBytes: 4 * 2 ** 20, maxAgeMs: 5000 };
/** Many times the bound, because of garbage; a bound that does not hold leads to gigabytes within a few thousand runs. */
const mostHeldBytes = 400 * 2 ** 20;
const checkEvery = 1000;
/** What is hostile: anything, then only what announces little, then only much: the small must make room for the large. */
const phases = [
  { until: 40_000, announced: undefined },
  { until: 80_000, announced: 2 },
  { until: 90_000, announced: 30_000 },
] as const;
const cycleRuns = 90_000;

interface Letter {
  readonly payload: Uint8Array;
  /** What an honest sender has said; undefined when nobody has. */
  readonly body: Uint8Array | undefined;
}

export function fuzzFragments(runs: number, seed: number): FragmentsFuzzSummary {
  const summary = { runs, whole: 0, malformed: 0, unfinished: 0 };
  const random = new SeededRandom(seed, 'fragments');
  const reassembler = new Reassembler(limits);
  const senders = Array.from({ length: 3 }, () => new Fragmenter(random.hex(8)));
  const onWay: Letter[] = [];
  // Whatever else runs in this process.
  const beforeBytes = heldBytes();
  for (let run = 0; run < runs; run++) {
    if (onWay.length < 20) onWay.push(...honest(random.pick(senders), random));
    const letter = random.chance(0.5) ? taken(onWay, random) : hostile(onWay, random, run);
    try {
      summary[examine(reassembler, letter, run)]++;
      if (run % checkEvery === 0) checkMemory(beforeBytes);
    } catch (error) {
      throw new Error(`fuzzFragments run ${run} of seed ${seed}`, { cause: error });
    }
  }
  return summary;
}

/** A run takes a hundredth of a millisecond: by their age alone all messages could stay. */
function examine(
  reassembler: Reassembler,
  { payload, body }: Letter,
  run: number,
): 'whole' | 'malformed' | 'unfinished' {
  const result = reassembler.accept(payload, run / 100);
  if (body !== undefined && result === null) throw new Error('an honest fragment was refused');
  if (body !== undefined && result && !Buffer.from(result).equals(body))
    throw new Error('an honest message was put together wrongly');
  if (result === undefined) return 'unfinished';
  return result === null ? 'malformed' : 'whole';
}

function checkMemory(beforeBytes: number): void {
  const moreBytes = heldBytes() - beforeBytes;
  if (moreBytes > mostHeldBytes) throw new Error(`${moreBytes} bytes more than before are held`);
}

function heldBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function honest(sender: Fragmenter, random: SeededRandom): Letter[] {
  const body = Uint8Array.from({ length: random.below(400) }, () => random.below(256));
  const letters = sender.split(body, 18 + random.below(200)).map((payload) => ({ payload, body }));
  // Some get lost; what comes late is mostly not far behind.
  return letters.filter(() => random.chance(0.99));
}

/** The next one or one of the next; sometimes it stays and comes again. */
function taken(onWay: Letter[], random: SeededRandom): Letter {
  const at = random.below(Math.min(onWay.length, 5));
  const letter = onWay[at] ?? { payload: new Uint8Array(0), body: undefined };
  if (random.chance(0.98)) onWay.splice(at, 1);
  return letter;
}

function hostile(onWay: readonly Letter[], random: SeededRandom, run: number): Letter {
  const announced = phases.find(({ until }) => run % cycleRuns < until)?.announced;
  if (announced !== undefined) return { payload: announcing(announced, random), body: undefined };
  if (random.chance(0.2)) return { payload: bytes(random, random.below(60)), body: undefined };
  if (random.chance(0.3)) return { payload: announcing(2 + random.below(30_000), random), body: undefined };
  // The stream is changed first: nobody can speak for an honest sender whose random number is not known.
  const strange = (onWay[random.below(onWay.length)]?.payload ?? bytes(random, 30)).slice();
  if (strange.length >= 9) strange.set(bytes(random, 8), 1);
  return { payload: mutateBytes(strange, random), body: undefined };
}

function announcing(count: number, random: SeededRandom): Uint8Array {
  const payload = bytes(random, 18 + random.below(10));
  payload[0] = 1;
  const view = new DataView(payload.buffer);
  view.setUint16(13, random.below(count));
  view.setUint16(15, count);
  return payload;
}

function bytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}
