import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeOrderedItem,
  decodeProgramMessage,
  encodeOrderedItem,
  encodeProgramMessage,
} from '../../../src/bus/program-codec.ts';
import { decodeDecision, encodeDecision } from '../../../src/bus/vip-codec.ts';
import type { Item, OrderedItem, ProgramMessage } from '../../../src/core/multicast/messages.ts';
import { fuzzProgramCodec } from '../../fuzz/program-codec.fuzz.ts';
import { incarnation } from './arbitrary-messages.ts';

const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const payload = fc.uint8Array({ maxLength: 40 });
const viewId = fc.record({ epoch: fc.nat(), coordinator: incarnation, nonce: u32 });
const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), id: count, group: text, payload }),
  fc.record({
    kind: fc.constant('groups' as const),
    groups: fc.array(fc.record({ group: text, capabilities: text }), { maxLength: 5 }),
  }),
);
const ordered: fc.Arbitrary<OrderedItem> = fc.record({ from: incarnation, item });
const message: fc.Arbitrary<ProgramMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('multicast' as const),
    from: incarnation,
    number: count,
    group: text,
    payload,
  }),
  fc.record({ kind: fc.constant('private' as const), from: incarnation, number: count, payload }),
  fc.record({
    kind: fc.constant('submit' as const),
    from: incarnation,
    view: viewId,
    first: count,
    items: fc.array(item, { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('statsRequest' as const), from: incarnation, id: u32, what: text }),
  fc.record({
    kind: fc.constant('statsAnswer' as const),
    from: incarnation,
    id: u32,
    payload: fc.option(payload, { nil: undefined }),
  }),
);

describe('the bytes of messages between programs', () => {
  it('API-11 MSG-2 always: what was written is read, whatever a later version adds behind it', () => {
    fc.assert(
      fc.property(message, ordered, payload, (said, place, more) => {
        expect(decodeProgramMessage(Uint8Array.of(...encodeProgramMessage(said), ...more))).toEqual(said);
        expect(decodeOrderedItem(Uint8Array.of(...encodeOrderedItem(place), ...more))).toEqual(place);
      }),
    );
  });

  it('MSG-1 always: a message cut short, or of another version, is none', () => {
    fc.assert(
      fc.property(message, ordered, fc.nat(), (said, place, at) => {
        for (const [whole, decode] of [
          [encodeProgramMessage(said), decodeProgramMessage],
          [encodeOrderedItem(place), decodeOrderedItem],
        ] as const) {
          expect(decode(whole.subarray(0, at % whole.length))).toBeUndefined();
        }
        const other = encodeProgramMessage(said);
        other[0] = 9;
        expect(decodeProgramMessage(other)).toBeUndefined();
      }),
    );
  });

  it('API-11 never: an ordered message of programs is taken for a decision about addresses, or the other way round', () => {
    fc.assert(
      fc.property(ordered, (place) => {
        expect(decodeDecision(encodeOrderedItem(place))).toBeUndefined();
      }),
    );
    const decision = encodeDecision({ verb: 'mature', sequence: 1, matured: ['10.9.0.1'], assignments: [] });
    expect(decodeOrderedItem(decision)).toBeUndefined();
  });

  it('R7 20,000 random and mutated messages: none throws, and what is accepted reads the same again', () => {
    const { messages, items, dropped } = fuzzProgramCodec(20_000, 1);
    for (const figure of [messages, items, dropped]) expect(figure).toBeGreaterThan(1_000);
  });
});
