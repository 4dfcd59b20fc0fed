/** Damage to bytes as a fuzzer does it: bits flipped, bytes replaced, pieces cut out, doubled or inserted. */
import type { SeededRandom } from '../sim/seeded-random.ts';

const interestingBytes = [0, 1, 0x7f, 0x80, 0xff];
const interestingNumbers = [1e6, 2 ** 40, 2 ** 50, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY];

export function mutateBytes(input: Uint8Array, random: SeededRandom, mostChanges = 4): Uint8Array {
  // Not `slice`: that of a Buffer shares its memory.
  let bytes: Uint8Array = Uint8Array.from(input);
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
  if (at === bytes.length) return bytes;
  if (kind === 3) bytes[at] = random.pick(interestingBytes);
  else if (kind === 4) bytes[at] = random.below(256);
  else if (kind === 5 && at + 8 <= bytes.length) {
    new DataView(bytes.buffer, bytes.byteOffset).setFloat64(at, random.pick(interestingNumbers));
  } else {
    // The commonest kind: the shape stays, a value changes a little.
    bytes[at]! ^= 1 << random.below(8);
  }
  return bytes;
}
