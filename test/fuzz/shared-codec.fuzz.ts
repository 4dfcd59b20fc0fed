/**
 * Random bytes and damaged replication messages (goal R7): decoding never throws, takes memory in proportion to the
 * bytes, and whatever it accepts means the same after encoding and decoding again. A failure names its seed.
 */
import { decodeSharedMessage, encodeSharedMessage } from '../../src/bus/shared-codec.ts';
import { sharedSenderOf } from '../../src/bus/shared-header.ts';
import type { Incarnation } from '../../src/core/identity.ts';
import type { Changes, KnownLife, SharedMessage } from '../../src/core/replica/messages.ts';
import type { CellChanges } from '../../src/core/series/cell.ts';
import { addressKey, type StreamKey } from '../../src/core/series/stream-key.ts';
import { replicaTypes } from '../../src/core/settings.ts';
import { SeededRandom } from '../sim/seeded-random.ts';

export interface CodecFuzzSummary {
  readonly runs: number;
  /** Inputs that were taken for messages. */
  readonly accepted: number;
}

export function fuzzSharedCodec(runs: number, seed: number): CodecFuzzSummary {
  let accepted = 0;
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed + run, 'shared codec');
    try {
      if (oneInput(random)) accepted++;
    } catch (error) {
      throw new Error(`fuzzSharedCodec(1, ${seed + run})`, { cause: error });
    }
  }
  return { runs, accepted };
}

function oneInput(random: SeededRandom): boolean {
  const bytes = random.chance(0.3)
    ? randomBytes(random)
    : damaged(encodeSharedMessage(randomMessage(random)), random);
  sharedSenderOf(bytes);
  const message = decodeSharedMessage(bytes);
  if (!message) return false;
  if ('changes' in message) checkCounts(message.changes);
  const again = encodeSharedMessage(message);
  if (again.length > bytes.length + 64) throw new Error(`${bytes.length} bytes became ${again.length}`);
  const same = decodeSharedMessage(again);
  if (!same || text(same) !== text(message)) throw new Error(`${text(message)} became ${same && text(same)}`);
  return true;
}

/** As text, NaN reads like nothing; in a table it would spoil every sum for good. */
function checkCounts({ v4Values, v6Values, v4BlockValues, v6BlockValues, textValues, cells }: Changes): void {
  for (const { values } of cells) if (!values.every(Number.isFinite)) throw new Error(`amounts: ${values}`);
  for (const values of [v4Values, v6Values, v4BlockValues, v6BlockValues, textValues]) {
    if (values.some((value) => !Number.isSafeInteger(value) || value < 0))
      throw new Error(`counts: ${values}`);
  }
}

function text(message: SharedMessage): string {
  return JSON.stringify(message, (_, value) =>
    ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value,
  );
}

function randomBytes(random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length: random.below(120) }, () => random.below(256));
}

/** Cut off, lengthened, with a few bytes changed or a number drawn out; sometimes left alone. */
function damaged(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length));
    case 1:
      return Uint8Array.from([...bytes, ...randomBytes(random)]);
    case 2:
      return bytes;
    case 3:
      return drawnOut(bytes, random);
    default: {
      const copy = bytes.slice();
      for (let changes = 1 + random.below(4); changes > 0; changes--)
        copy[random.below(copy.length)] = random.pick([0, 1, 127, 128, 255, random.below(256)]);
      return copy;
    }
  }
}

/** The block of values at the end of a message, its last number written with many groups of nothing. */
function drawnOut(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const groups = random.below(random.chance(0.5) ? 12 : 200);
  const longer = new Uint8Array(bytes.length + groups);
  longer.set(bytes);
  longer.fill(0x80, bytes.length - 1, longer.length - 1);
  longer[longer.length - 1] = bytes[bytes.length - 1]!;
  // One value, of less than 128: its length and itself are the last five bytes.
  const view = new DataView(longer.buffer);
  if (bytes.length >= 5 && view.getUint32(bytes.length - 5) === 1)
    view.setUint32(bytes.length - 5, groups + 1);
  return longer;
}

export function randomMessage(random: SeededRandom): SharedMessage {
  const header = {
    object: random.pick(['inbound_cidr', 'outbound_domains', '', 'ö'.repeat(random.below(40))]),
    type: random.pick(replicaTypes),
    from: random.hex(16) as Incarnation,
  };
  const session = randomCount(random);
  const sequence = randomCount(random);
  const index = random.below(100);
  switch (random.below(6)) {
    case 0:
      return { kind: 'snapshot-request', ...header, session };
    case 1:
      return { kind: 'snapshot-credit', ...header, session, index };
    case 2:
      return {
        kind: 'snapshot-chunk',
        ...header,
        session,
        index,
        sequence,
        last: random.chance(0.5),
        changes: randomChanges(random),
      };
    case 3:
      return { kind: 'retired-request', ...header, session, index, known: randomLives(random) };
    case 4: {
      const [life] = randomLives(random);
      const of = life && { ...life, isLast: random.chance(0.5) };
      return { kind: 'retired-chunk', ...header, session, index, of, changes: randomChanges(random) };
    }
    default:
      return { kind: 'batch', ...header, sequence, changes: randomChanges(random) };
  }
}

function randomLives(random: SeededRandom): KnownLife[] {
  return Array.from({ length: random.below(5) }, () => ({
    life: random.hex(16) as Incarnation,
    sequence: randomCount(random),
  }));
}

function randomChanges(random: SeededRandom): Changes {
  const size = () => (random.chance(0.5) ? 0 : random.below(20));
  const words = (entries: number, width: number, mask = 0xffff_ffff) =>
    Uint32Array.from({ length: entries * width }, () => (random.next() * 2 ** 32) & mask);
  const values = (entries: number) => Float64Array.from({ length: entries }, () => randomCount(random));
  const [v4, v6, v4Blocks, v6Blocks, texts] = [size(), size(), size(), size(), size()];
  return {
    v4Keys: words(v4, 1),
    v4Values: values(v4),
    v6Keys: words(v6, 4),
    v6Values: values(v6),
    v4BlockKeys: words(v4Blocks, 1, 0xffff_ff00),
    v4BlockValues: values(v4Blocks),
    v6BlockKeys: words(v6Blocks, 2),
    v6BlockValues: values(v6Blocks),
    textKeys: Array.from(
      { length: texts },
      (_, i) => `${random.pick(['aol.com', 'bücher.example', 'b::d'])}${i}`,
    ),
    textValues: values(texts),
    cells: Array.from({ length: size() && random.below(4) }, () => randomCells(random)),
  };
}

function randomCells(random: SeededRandom): CellChanges {
  const keyType = random.pick(['address', 'ipv4', 'ipv6', 'text'] as const);
  const word = () => Math.floor(random.next() * 2 ** 32) | 0;
  const narrow = keyType === 'address' || keyType === 'ipv4' ? random.below(10) : 0;
  const wide = keyType === 'address' || keyType === 'ipv6' ? random.below(10) : 0;
  const keys: StreamKey[] = [
    ...Array.from({ length: narrow }, word),
    ...Array.from({ length: wide }, () => addressKey([word(), word(), word(), word()])),
    ...Array.from({ length: keyType === 'text' ? random.below(10) : 0 }, (_, i) => `b:bücher${i}`),
  ];
  const amount = random.chance(0.5) ? randomCount : () => random.next() * 100 - 50;
  return {
    definition: {
      id: 'series:60,5:x',
      keyType,
      intervalS: 1 + random.below(3600),
      count: 1 + random.below(99),
    },
    continues: random.chance(0.5) ? [] : ['0123456789abcdef0123456789abcdef' as Incarnation],
    cell: random.below(2 ** 31),
    isDropped: random.chance(0.2),
    keys,
    values: Float64Array.from(keys, () => amount(random)),
  };
}

/** Small ones, powers of two and their neighbours, any. */
function randomCount(random: SeededRandom): number {
  switch (random.below(3)) {
    case 0:
      return random.below(200);
    case 1:
      return Math.max(0, 2 ** random.below(54) - 1 - random.below(2));
    default:
      return Math.floor(random.next() * Number.MAX_SAFE_INTEGER);
  }
}
