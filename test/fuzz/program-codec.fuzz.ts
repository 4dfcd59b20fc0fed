/**
 * Random and mutated bytes for the decoders of messages between programs (goal R7). They must never throw, and what they
 * accept must be a message: sent again it reads the same. A failure names the run and seed that replay it.
 */
import {
  decodeOrderedItem,
  decodeProgramMessage,
  encodeOrderedItem,
  encodeProgramMessage,
} from '../../src/bus/program-codec.ts';
import { newIncarnation } from '../../src/core/identity.ts';
import type { Item, ProgramMessage } from '../../src/core/multicast/messages.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';
import { examine } from './rereading.ts';

export interface ProgramCodecFuzzSummary {
  readonly runs: number;
  /** Bytes that were a message, or an ordered one. */
  readonly messages: number;
  readonly items: number;
  readonly dropped: number;
}

export function fuzzProgramCodec(runs: number, seed: number): ProgramCodecFuzzSummary {
  const summary = { runs, messages: 0, items: 0, dropped: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `program codec ${run}`);
    const bytes = input(random);
    try {
      const isMessage = examine(bytes, decodeProgramMessage, encodeProgramMessage);
      const isItem = examine(bytes, decodeOrderedItem, encodeOrderedItem);
      if (isMessage) summary.messages++;
      if (isItem) summary.items++;
      if (!isMessage && !isItem) summary.dropped++;
    } catch (error) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`fuzzProgramCodec run ${run} of seed ${seed}: ${hex}`, { cause: error });
    }
  }
  return summary;
}

function input(random: SeededRandom): Uint8Array {
  if (random.chance(0.2)) return randomBytes(random);
  const whole = random.chance(0.3)
    ? encodeOrderedItem({ from: newIncarnation(random), item: randomItem(random) })
    : encodeProgramMessage(randomMessage(random));
  return mutateBytes(whole, random);
}

/** Version and kind are often right, so that the fields behind them are reached. */
function randomBytes(random: SeededRandom): Uint8Array {
  const length = random.below(random.chance(0.02) ? 5_000 : 200);
  const bytes = Uint8Array.from({ length }, () => random.below(256));
  if (random.chance(0.8)) bytes.set([1, random.below(6)].slice(0, length));
  return bytes;
}

function randomMessage(random: SeededRandom): ProgramMessage {
  const from = newIncarnation(random);
  const number = () => random.below(random.chance(0.8) ? 100 : 2 ** 40);
  const payload = () => randomPayload(random);
  const view = { epoch: number(), coordinator: newIncarnation(random), nonce: random.below(100) };
  const makers: readonly (() => ProgramMessage)[] = [
    () => ({ kind: 'multicast', from, number: number(), group: randomName(random), payload: payload() }),
    () => ({ kind: 'private', from, number: number(), payload: payload() }),
    () => ({
      kind: 'submit',
      from,
      view,
      first: number(),
      items: Array.from({ length: random.below(4) }, () => randomItem(random)),
    }),
    () => ({ kind: 'statsRequest', from, id: random.below(100), what: randomName(random) }),
    () => ({
      kind: 'statsAnswer',
      from,
      id: random.below(100),
      payload: random.chance(0.5) ? payload() : undefined,
    }),
  ];
  return random.pick(makers)();
}

function randomItem(random: SeededRandom): Item {
  const group = () => randomName(random);
  if (random.chance(0.5))
    return { kind: 'message', id: random.below(100), group: group(), payload: randomPayload(random) };
  const groups = Array.from({ length: random.below(4) }, () => ({ group: group(), capabilities: group() }));
  return { kind: 'groups', groups };
}

function randomName(random: SeededRandom): string {
  return random.pick(['g', '', 'größe', 'x'.repeat(64)]);
}

function randomPayload(random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length: random.below(30) }, () => random.below(256));
}
