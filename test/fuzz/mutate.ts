/** Damage to bytes as a fuzzer does it: bits flipped, bytes replaced, pieces cut out, doubled or inserted. */
import type { SeededRandom } from '../sim/seeded-random.ts';

const interestingBytes = [0, 1, 0x7f, 0x80, 0xff];
const interestingNumbers = [1e6, 2 ** 40, 2 ** 50, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY];

export function mutateBytes(input: Uint8Array, random: SeededRandom, mostChanges = 4): Uint8Array {
  let bytes = input.slice();
  for (let i = 1 + random.below(mostChanges); i > 0; i--) bytes = changeOnce(bytes, random);
  return bytes;
}

function changeOnce(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(9));
  const kind = random.below(9);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(end));
  if (kind === 2) return Uint8Array.of(...bytes.subarray(0, end), ...bytes.subarray(at));
  if (at < bytes.length) {
    // The commonest kind: the shape stays, a value changes.
    if (kind < 6) bytes[at]! ^= 1 << random.below(8);
    else bytes[at] = kind === 6 ? random.pick(interestingBytes) : random.below(256);
  }
  if (kind === 8 && at + 8 <= bytes.length) {
    new DataView(bytes.buffer).setFloat64(at, random.pick(interestingNumbers));
  }
  return bytes;
}
