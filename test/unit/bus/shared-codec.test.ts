/** Bytes of replication messages. */
import { describe, expect, it } from 'vitest';
import { decodeSharedMessage, encodeSharedMessage } from '../../../src/bus/shared-codec.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import type { Batch, SharedMessage } from '../../../src/core/replica/messages.ts';
import type { CellChanges } from '../../../src/core/series/cell.ts';
import { fuzzSharedCodec, randomMessage } from '../../fuzz/shared-codec.fuzz.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';

const from = '0123456789abcdef0123456789abcdef' as Incarnation;

function batch(changes = noChanges): Batch {
  return { kind: 'batch', object: 'inbound_cidr', type: 'inbound_cidr', from, sequence: 1, changes };
}

/** The bytes of a batch with one byte after the start of `changes` set to something else. */
function tampered(message: SharedMessage, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeSharedMessage(message);
  change(bytes);
  return bytes;
}

describe('replication messages', () => {
  it('come back as they were', () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const message = randomMessage(new SeededRandom(seed));
      expect(decodeSharedMessage(encodeSharedMessage(message))).toEqual(message);
    }
  });

  it('P3 a full batch of IPv4 addresses takes at most 8 bytes a key', () => {
    const table = new CidrTable({ self: from, maxKeys: 100_000, seed: 1 });
    for (let i = 0; i < 8192; i++) table.increment(Math.imul(i, 0x9e3779b1), (i % 20_000) + 1);
    const bytes = encodeSharedMessage(batch(table.takeChanges(8192)));
    expect(bytes.length / 8192).toBeLessThan(6.1);
  });

  it('REP-4.16 what is not a whole message of this version is none', () => {
    const changes = {
      ...noChanges,
      v4Keys: Uint32Array.of(1, 2),
      v4Values: Float64Array.of(3, 2 ** 53 - 1),
      v4BlockKeys: Uint32Array.of(0x0a000000),
      v4BlockValues: Float64Array.of(1),
      textKeys: ['aol.com'],
      textValues: Float64Array.of(5),
    };
    const bytes = encodeSharedMessage(batch(changes));
    expect(decodeSharedMessage(bytes)).toEqual(batch(changes));
    for (let length = 0; length < bytes.length; length++)
      expect(decodeSharedMessage(bytes.subarray(0, length))).toBeUndefined();
    expect(decodeSharedMessage(tampered(batch(changes), (wrong) => wrong.set([2], 0)))).toBeUndefined();
    expect(decodeSharedMessage(tampered(batch(changes), (wrong) => wrong.set([9], 1)))).toBeUndefined();
    expect(decodeSharedMessage(tampered(batch(changes), (wrong) => wrong.set([99], 18)))).toBeUndefined();
  });

  it('REP-4.16 values beyond 2^53-1, host bits in a netblock, and keys that are none are malformed', () => {
    const oneMore = { ...noChanges, v4Keys: Uint32Array.of(1), v4Values: Float64Array.of(2 ** 53) };
    expect(decodeSharedMessage(encodeSharedMessage(batch(oneMore)))).toBeUndefined();
    const hostBits = {
      ...noChanges,
      v4BlockKeys: Uint32Array.of(0x0a000001),
      v4BlockValues: Float64Array.of(1),
    };
    expect(decodeSharedMessage(encodeSharedMessage(batch(hostBits)))).toBeUndefined();
    const control = { ...noChanges, textKeys: ['a\nb'], textValues: Float64Array.of(1) };
    expect(decodeSharedMessage(encodeSharedMessage(batch(control)))).toBeUndefined();
    expect(decodeSharedMessage(encodeSharedMessage({ ...batch(), sequence: 0.5 }))).toBeUndefined();
    expect(decodeSharedMessage(encodeSharedMessage({ ...batch(), object: 'x'.repeat(256) }))).toBeUndefined();
  });

  it('REP-4.16 REP-9.18 cells of no stream, and amounts and keys that are none, are malformed', () => {
    const block: CellChanges = {
      definition: { id: 'series:60,5:x', keyType: 'text', intervalS: 60, count: 5 },
      continues: [from],
      cell: 28_333_333,
      isDropped: false,
      keys: ['a', 'b'],
      values: Float64Array.of(-1.5, 2),
    };
    const come = (cells: Partial<CellChanges>) =>
      decodeSharedMessage(encodeSharedMessage(batch({ ...noChanges, cells: [{ ...block, ...cells }] })));
    expect(come({})).toEqual(batch({ ...noChanges, cells: [block] }));
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 53), 2 ** 53])
      expect(come({ values: Float64Array.of(1, wrong) })).toBeUndefined();
    expect(come({ keys: ['a', 'b\n'] })).toBeUndefined();
    expect(come({ cell: 0.5 })).toBeUndefined();
    expect(come({ continues: new Array(9).fill(from) })).toBeUndefined();
    expect(come({ definition: { ...block.definition, intervalS: 0 } })).toBeUndefined();
    expect(come({ definition: { ...block.definition, id: '' } })).toBeUndefined();
    const other = { ...block.definition, keyType: 'ipv6' as const };
    expect(come({ definition: other, keys: [1, 2] })).toBeUndefined();
    const bytes = encodeSharedMessage(batch({ ...noChanges, cells: [block] }));
    for (let length = 0; length < bytes.length; length++)
      expect(decodeSharedMessage(bytes.subarray(0, length))).toBeUndefined();
  });

  it('REP-4.16 a value drawn out by groups of nothing is malformed, and never NaN in a table', () => {
    const one = { ...noChanges, v4Keys: Uint32Array.of(1), v4Values: Float64Array.of(5) };
    const bytes = encodeSharedMessage(batch(one));
    const lengthAt = bytes.length - 5;
    const drawnOut = (groups: number) => {
      const longer = Uint8Array.from([...bytes.subarray(0, -1), ...new Array(groups).fill(0x80), 0]);
      new DataView(longer.buffer).setUint32(lengthAt, groups + 1);
      return decodeSharedMessage(longer);
    };
    expect(drawnOut(7)).toEqual(batch({ ...one, v4Values: Float64Array.of(0) }));
    for (const groups of [8, 160]) expect(drawnOut(groups)).toBeUndefined();
  });

  it('a later version may add fields at the end', () => {
    const bytes = encodeSharedMessage(batch());
    expect(decodeSharedMessage(Uint8Array.from([...bytes, 1, 2, 3]))).toEqual(batch());
  });

  it('R7 nothing random or damaged throws or is misread', () => {
    const { accepted } = fuzzSharedCodec(20_000, 1);
    expect(accepted).toBeGreaterThan(2_000);
    expect(accepted).toBeLessThan(18_000);
  });
});
