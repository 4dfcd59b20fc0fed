/**
 * Random bytes and damaged handshake messages between nodes (goal R7): decoding never throws, and whatever it accepts
 * means the same after encoding and decoding again. A failure names its seed.
 */
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../src/net/peers/handshake.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';

export interface HandshakeFuzzSummary {
  readonly runs: number;
  /** Inputs that were taken for messages. */
  readonly accepted: number;
}

export function fuzzPeerHandshake(runs: number, seed: number): HandshakeFuzzSummary {
  let accepted = 0;
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed + run, 'peer handshake');
    try {
      if (oneInput(random)) accepted++;
    } catch (error) {
      throw new Error(`fuzzPeerHandshake(1, ${seed + run})`, { cause: error });
    }
  }
  return { runs, accepted };
}

function oneInput(random: SeededRandom): boolean {
  const bytes = random.chance(0.3)
    ? randomBytes(random, random.below(200))
    : mutateBytes(encodePeerMessage(randomMessage(random)).subarray(2), random);
  const message = decodePeerMessage(Buffer.from(bytes));
  // Of another version: nothing else in it means anything, and nobody says such a thing.
  if (!message || message.kind === 'foreign-greeting') return false;
  const again = encodePeerMessage(message).subarray(2);
  if (!again.equals(bytes))
    throw new Error(`${Buffer.from(bytes).toString('hex')} became ${again.toString('hex')}`);
  return true;
}

function randomMessage(random: SeededRandom): PeerMessage {
  const word = () => randomText(random, 1 + random.below(32));
  const bytes = () => randomBytes(random, 32);
  return random.pick<() => PeerMessage>([
    () => ({ kind: 'greeting', nonce: bytes() }),
    () => ({
      kind: 'hello',
      nonce: bytes(),
      service: word(),
      source: word(),
      target: word(),
      job: word(),
      proof: bytes(),
    }),
    () => ({ kind: 'accepted', proof: bytes() }),
    () => ({ kind: 'refused', reason: randomText(random, random.below(200)) }),
  ])();
}

function randomText(random: SeededRandom, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(33 + random.below(94))).join('');
}

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}
