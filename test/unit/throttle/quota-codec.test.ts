import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeQuotaMessage, encodeQuotaMessage } from '../../../src/bus/quota-codec.ts';
import { sharedSenderOf } from '../../../src/bus/shared-header.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { QuotaMessage } from '../../../src/core/throttle/messages.ts';
import { partitionPolicies } from '../../../src/core/throttle/shares.ts';

const incarnation = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 32, maxLength: 32 })
  .map((digits) => digits.join('') as Incarnation);
const count = fc.maxSafeNat();
const given = { granted: count, released: fc.constant(0) };
const limit = {
  id: fc.string({ maxLength: 100 }),
  rate: fc.record(
    {
      units: fc.integer({ min: 9, max: 1e9 }),
      windowS: fc.integer({ min: 1, max: 31_536_000 }),
      burst: fc.integer({ min: 1, max: 9 }),
    },
    { requiredKeys: ['units', 'windowS'] },
  ),
  window: count,
};
const surveyHeader = {
  object: fc.string({ maxLength: 30 }),
  type: fc.constantFrom('OBTM' as const, 'shared_named_throttles' as const),
  from: incarnation,
};
const header = {
  ...surveyHeader,
  view: fc.record({ epoch: fc.nat(), coordinator: incarnation, nonce: fc.nat() }),
};
const message: fc.Arbitrary<QuotaMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    ...header,
    ...limit,
    own: limit.rate,
    epsilon: fc.constantFrom(0.1, 0.95),
    partition: fc.constantFrom(...partitionPolicies),
    ...given,
    want: count,
  }),
  fc.record({
    kind: fc.constant('record' as const),
    ...header,
    ...limit,
    to: incarnation,
    ...given,
    exhausted: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('grant' as const),
    ...header,
    ...limit,
    ...given,
    exhausted: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    ...header,
    part: fc.nat(9),
    parts: fc.integer({ min: 10, max: 65_535 }),
    items: fc.array(fc.record({ ...limit, to: incarnation, ...given }), { maxLength: 5 }),
    lost: fc.array(fc.record({ node: fc.string({ maxLength: 30 }), forMs: count }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('reported' as const), ...header }),
  fc.record({ kind: fc.constant('uses-ask' as const), ...surveyHeader, request: fc.nat() }),
  fc.record({
    kind: fc.constant('uses' as const),
    ...surveyHeader,
    request: fc.nat(),
    part: fc.nat(9),
    parts: fc.integer({ min: 10, max: 1000 }),
    items: fc.array(fc.record({ id: limit.id, rate: limit.rate, used: count }), { maxLength: 5 }),
  }),
);

describe('bytes of quota messages', () => {
  it('REP-7.18 every message comes back as it was', () => {
    fc.assert(
      fc.property(message, (message) => {
        const bytes = encodeQuotaMessage(message);
        expect(decodeQuotaMessage(bytes)).toEqual(message);
        expect(sharedSenderOf(bytes)).toBe(message.from);
      }),
    );
  });

  it('REP-4.16 part of a message is no message', () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 0.999, noNaN: true }), (message, part) => {
        const bytes = encodeQuotaMessage(message);
        expect(decodeQuotaMessage(bytes.subarray(0, Math.floor(bytes.length * part)))).toBeUndefined();
      }),
    );
  });

  it('REP-4.16 wrong bytes are a message that makes sense, or none', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
        (message, changes) => {
          const bytes = encodeQuotaMessage(message).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const decoded = decodeQuotaMessage(bytes);
          if (decoded) expect(decodeQuotaMessage(encodeQuotaMessage(decoded))).toEqual(decoded);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['rate', { units: 0, windowS: 1 }],
    ['rate', { units: 1, windowS: 31_536_001 }],
    ['rate', { units: 1, windowS: 1, burst: 2 }],
    ['window', -1],
    ['granted', Number.NaN],
    ['released', 1],
    ['want', 1.5],
    ['epsilon', 1],
    ['id', 'x'.repeat(1025)],
  ])('REP-4.16 %s %j is refused', (field, value) => {
    const from = 'ab'.repeat(16) as Incarnation;
    const ask: QuotaMessage = {
      kind: 'ask',
      object: 'OBTM',
      type: 'OBTM',
      from,
      view: { epoch: 1, coordinator: from, nonce: 0 },
      id: 'a',
      rate: { units: 1, windowS: 1 },
      own: { units: 1, windowS: 1 },
      window: 5,
      epsilon: 0.5,
      partition: 'share',
      granted: 0,
      released: 0,
      want: 1,
    };
    expect(decodeQuotaMessage(encodeQuotaMessage(ask))).toEqual(ask);
    expect(decodeQuotaMessage(encodeQuotaMessage({ ...ask, [field]: value }))).toBeUndefined();
  });
});
