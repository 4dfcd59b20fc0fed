import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fragmenter, Reassembler } from '../../../src/bus/fragments.ts';
import { fuzzFragments } from '../../fuzz/fragments.fuzz.ts';

const roomy = { maxBytes: 10_000_000, maxAgeMs: 1_000 };
const stream = (digit: string) => new Fragmenter(digit.repeat(16));
const pattern = (length: number, seed = 0) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);

const body = fc.uint8Array({ maxLength: 400 });
const maxPayload = fc.integer({ min: 18, max: 64 });

describe('fragments', () => {
  it('BUS-15 always: split and put together gives the same bytes, and no payload exceeds the bound', () => {
    fc.assert(
      fc.property(body, maxPayload, (message, bound) => {
        const payloads = stream('a').split(message, bound);
        expect(payloads.every(({ length }) => length <= bound)).toBe(true);
        const reassembler = new Reassembler(roomy);
        const results = payloads.map((payload) => reassembler.accept(payload, 0));
        expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
        expect(results.at(-1)).toEqual(message);
      }),
    );
  });

  it('BUS-15 always: any interleaving and order of several senders and messages gives each message once', () => {
    const scenario = fc.array(fc.record({ sender: fc.constantFrom('a', 'b', 'c'), message: body }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(scenario, maxPayload, fc.infiniteStream(fc.nat()), (messages, bound, choices) => {
        const senders = new Map(['a', 'b', 'c'].map((name) => [name, stream(name)]));
        const payloads = messages.flatMap(({ sender, message }) =>
          senders.get(sender)!.split(message, bound),
        );
        const choose = (count: number) => (choices.next().value as number) % count;
        const onWay: Uint8Array[] = [];
        for (const payload of payloads) onWay.splice(choose(onWay.length + 1), 0, payload);
        const reassembler = new Reassembler(roomy);
        const whole = onWay.flatMap((payload) => reassembler.accept(payload, 0) ?? []);
        const asText = (all: readonly Uint8Array[]) => all.map((bytes) => bytes.join()).sort();
        expect(asText(whole)).toEqual(asText(messages.map(({ message }) => message)));
      }),
    );
  });

  it('BUS-15 a fragment that comes twice counts once', () => {
    const [first, second] = stream('a').split(pattern(40), 38);
    const reassembler = new Reassembler(roomy);
    expect(reassembler.accept(first!, 0)).toBeUndefined();
    expect(reassembler.accept(first!, 0)).toBeUndefined();
    expect(reassembler.accept(second!, 0)).toEqual(pattern(40));
  });

  it('R7 always: any bytes are a message, nothing yet, or malformed, and never an exception', () => {
    const reassembler = new Reassembler({ maxBytes: 10_000, maxAgeMs: 1_000 });
    const [valid] = stream('a').split(pattern(100), 40);
    const mutated = fc.tuple(fc.nat({ max: 39 }), fc.nat({ max: 255 })).map(([at, value]) => {
      const copy = valid!.slice();
      copy[at] = value;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (payload) => {
        const result = reassembler.accept(payload, 0);
        expect(result === undefined || result === null || result instanceof Uint8Array).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    expect(reassembler.accept(new Uint8Array(0), 0)).toBeNull();
    expect(reassembler.accept(Uint8Array.of(2, 1, 2, 3), 0)).toBeNull();
  });

  it('always: what is kept for unfinished messages stays within the bound in bytes', () => {
    const maxBytes = 2_000;
    const reassembler = new Reassembler({ maxBytes, maxAgeMs: 1e9 });
    const sender = stream('a');
    for (let i = 0; i < 200; i++) reassembler.accept(sender.split(pattern(100, i), 60)[0]!, 0);
    expect(reassembler.dropped).toBeGreaterThan(180);
    const [first, second, third] = sender.split(pattern(100), 60);
    expect(reassembler.accept(first!, 0)).toBeUndefined();
    expect(reassembler.accept(second!, 0)).toBeUndefined();
    expect(reassembler.accept(third!, 0)).toEqual(pattern(100));
  });

  it('R7 a fragment that announces many others is charged for their slots', () => {
    const reassembler = new Reassembler({ maxBytes: 1_000_000, maxAgeMs: 1e9 });
    const sender = stream('a');
    const messages = 100;
    for (let i = 0; i < messages; i++) {
      const announcing = sender.split(pattern(30), 30)[0]!;
      new DataView(announcing.buffer).setUint16(15, 65_535);
      reassembler.accept(announcing, 0);
    }
    expect(reassembler.dropped).toBeGreaterThanOrEqual(messages - 2);
  });

  it('R7 many small unfinished messages make room for few large ones, and are charged for what they cost', () => {
    const maxBytes = 1_000_000;
    const reassembler = new Reassembler({ maxBytes, maxAgeMs: 1e9 });
    const sender = stream('a');
    const begin = (count: number) => {
      const announcing = sender.split(pattern(30), 30)[0]!;
      new DataView(announcing.buffer).setUint16(15, count);
      reassembler.accept(announcing, 0);
    };
    const small = 10_000;
    for (let i = 0; i < small; i++) begin(2);
    expect(small - reassembler.dropped).toBeLessThan(maxBytes / 400);
    // Each takes half of the bound: all small ones and all large ones but the last have to go.
    const large = 3;
    for (let i = 0; i < large; i++) begin(65_535);
    expect(reassembler.dropped).toBeGreaterThanOrEqual(small + large - 1);
  });

  it('R7 90,000 fragments, honest, lost, doubled, damaged and hostile: no crash, no wrong message, no heap', () => {
    const { whole, malformed } = fuzzFragments(90_000, 3);
    expect(Math.min(whole, malformed)).toBeGreaterThan(5_000);
  });

  it('an unfinished message is given up after its time, and its late fragments do not revive it', () => {
    const reassembler = new Reassembler({ maxBytes: 10_000, maxAgeMs: 1_000 });
    const old = stream('a').split(pattern(50), 40);
    const fresh = stream('b').split(pattern(50), 40);
    for (const payload of old.slice(0, -1)) reassembler.accept(payload, 0);
    for (const payload of fresh.slice(0, -1)) reassembler.accept(payload, 900);
    expect(reassembler.accept(old.at(-1)!, 1_001)).toBeUndefined();
    expect(reassembler.dropped).toBe(1);
    expect(reassembler.accept(fresh.at(-1)!, 1_001)).toEqual(pattern(50));
  });

  it('a body that needs more than 65,535 fragments, or fragments without room, is refused', () => {
    expect(() => stream('a').split(new Uint8Array(65_536), 18)).toThrow(RangeError);
    expect(() => stream('a').split(new Uint8Array(100), 17)).toThrow(RangeError);
  });
});
