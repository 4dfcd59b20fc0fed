import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeViewMessage, encodeViewMessage, viewFormatVersion } from '../../../src/bus/view-codec.ts';
import type { ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { fuzzViewCodec } from '../../fuzz/view-codec.fuzz.ts';
import { anyMessage, messagesByKind } from './arbitrary-messages.ts';

const self = 'ab'.repeat(16) as Incarnation;
const nack: ViewMessage = {
  kind: 'nack',
  from: self,
  ballot: { epoch: 5, coordinator: self, nonce: 9 },
  epoch: 6,
};
const [versionAt, kindAt] = [0, 1];
/** Version, kind, sender; then the epoch of the ballot. */
const ballotEpochAt = 1 + 1 + 16;

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function withNumber(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setFloat64(at, value);
  return copy;
}

describe('bytes of view messages', () => {
  for (const [kind, message] of Object.entries(messagesByKind)) {
    it(`MSG-2 always: a ${kind} comes out as it went in`, () => {
      fc.assert(
        fc.property(message as fc.Arbitrary<ViewMessage>, (original) => {
          expect(decodeViewMessage(encodeViewMessage(original))).toEqual(original);
        }),
      );
    });
  }

  it('MSG-1 always: a message that ends too early is undefined, at whatever byte it ends', () => {
    fc.assert(
      fc.property(anyMessage, (original) => {
        const bytes = encodeViewMessage(original);
        for (let length = 0; length < bytes.length; length++) {
          expect(decodeViewMessage(bytes.subarray(0, length))).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });

  it('MSG-2 always: fields that a later version appends are ignored', () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array({ maxLength: 30 }), (original, more) => {
        const bytes = encodeViewMessage(original);
        expect(decodeViewMessage(Uint8Array.of(...bytes, ...more))).toEqual(original);
      }),
    );
  });

  it('MSG-2 another version and an unknown kind are dropped', () => {
    const bytes = encodeViewMessage(nack);
    expect(bytes[versionAt]).toBe(viewFormatVersion);
    for (const version of [0, viewFormatVersion + 1, 255]) {
      expect(decodeViewMessage(changed(bytes, versionAt, version))).toBeUndefined();
    }
    for (const kind of [Object.keys(messagesByKind).length, 255]) {
      expect(decodeViewMessage(changed(bytes, kindAt, kind))).toBeUndefined();
    }
  });

  it('MSG-1 an epoch that leaves no room to count on is refused: everybody would adopt it for ever', () => {
    const bytes = encodeViewMessage(nack);
    expect(decodeViewMessage(withNumber(bytes, ballotEpochAt, 2 ** 50))).toBeDefined();
    const absurd = [
      2 ** 50 + 1,
      Number.MAX_SAFE_INTEGER,
      1e300,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      -1,
      0.5,
    ];
    for (const epoch of absurd) {
      expect(decodeViewMessage(withNumber(bytes, ballotEpochAt, epoch))).toBeUndefined();
    }
  });

  it('MSG-1 counts are whole and not negative', () => {
    const resend: ViewMessage = {
      kind: 'resend',
      from: self,
      view: { epoch: 1, coordinator: self, nonce: 1 },
      first: 3,
    };
    const bytes = encodeViewMessage(resend);
    const firstAt = bytes.length - 8;
    for (const first of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(decodeViewMessage(withNumber(bytes, firstAt, first))).toBeUndefined();
    }
  });

  it('MSG-1 text that is not UTF-8 is refused', () => {
    const info = {
      incarnation: self,
      node: 'relay-1',
      subcluster: '',
      type: 'Momentum',
      version: '',
      address: '',
      port: 0,
      groups: [],
    } as const;
    const bytes = encodeViewMessage({ kind: 'state', from: self, view: nack.ballot, info });
    const nodeAt = Buffer.from(bytes).indexOf('relay-1');
    expect(decodeViewMessage(changed(bytes, nodeAt, 0xff))).toBeUndefined();
  });

  it('the writer is shared: a message does not depend on those before it, however long', () => {
    const long: ViewMessage = {
      kind: 'ordered',
      from: self,
      view: nack.ballot,
      entry: { number: 1, payload: new Uint8Array(100_000).fill(7) },
    };
    const before = encodeViewMessage(nack);
    expect(decodeViewMessage(encodeViewMessage(long))).toEqual(long);
    expect(encodeViewMessage(nack)).toEqual(before);
  });

  it('ID-14 incarnations whose first 53 bits are equal stay different', () => {
    const twins = ['0', '1', 'f'].map((digit) => `${'a'.repeat(14)}${digit.repeat(18)}` as Incarnation);
    for (const from of [...twins, ...twins]) {
      expect(decodeViewMessage(encodeViewMessage({ kind: 'goodbye', from }))).toEqual({
        kind: 'goodbye',
        from,
      });
    }
  });

  it('R7 20,000 random and mutated inputs: never an exception, and what is read can be said again', () => {
    const { runs, decoded, dropped } = fuzzViewCodec(20_000, 1);
    expect(decoded + dropped).toBe(runs);
    // Both halves of the decoder must have been reached, or the inputs are too easy.
    expect(Math.min(decoded, dropped)).toBeGreaterThan(runs / 10);
  });
});
