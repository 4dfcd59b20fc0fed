import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderedEntry } from '../../../src/core/agreement/messages.ts';
import { OrderedStream } from '../../../src/core/agreement/ordered-stream.ts';

const entry = (number: number): OrderedEntry => ({ number, payload: Uint8Array.of(number) });
const numbers = (entries: readonly OrderedEntry[]) => entries.map(({ number }) => number);

function takeAll(stream: OrderedStream): number[] {
  const taken: number[] = [];
  for (let next = stream.takeNext(); next; next = stream.takeNext()) taken.push(next.number);
  return taken;
}

describe('ordered stream', () => {
  it('BUS-9 always: whatever the order, loss and repetition of arrival, what comes out is 1, 2, 3 ... without a gap', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, (received) => {
        const stream = new OrderedStream(20);
        const out: number[] = [];
        for (const number of received) {
          stream.receive(entry(number));
          out.push(...takeAll(stream));
        }
        expect(out).toEqual(Array.from({ length: out.length }, (_, i) => i + 1));
        expect(received).not.toContain(out.length + 1);
        expect(stream.applied).toBe(out.length);
      }),
    );
  });

  it('BUS-11 always: every entry applied and not yet stable is kept, and nothing else', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'append' as const }),
      fc.record({ kind: fc.constant('stable' as const), lag: fc.nat({ max: 8 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stream = new OrderedStream(5);
        let stable = 0;
        for (const each of steps) {
          if (each.kind === 'append') {
            const room = stream.applied - stable < 5;
            expect(stream.append(Uint8Array.of(0)) !== undefined).toBe(room);
          } else {
            const upTo = Math.max(0, stream.applied - each.lag);
            stream.stableUpTo(upTo);
            stable = Math.max(stable, upTo);
          }
          expect(numbers(stream.kept)).toEqual(
            Array.from({ length: stream.applied - stable }, (_, i) => stable + 1 + i),
          );
          expect(stream.full).toBe(stream.applied - stable >= 5);
        }
      }),
    );
  });

  it('a full backlog takes no more until a member made progress', () => {
    const stream = new OrderedStream(2);
    expect([stream.append(Uint8Array.of(1))?.number, stream.append(Uint8Array.of(2))?.number]).toEqual([
      1, 2,
    ]);
    expect(stream.append(Uint8Array.of(3))).toBeUndefined();
    stream.stableUpTo(1);
    expect(stream.append(Uint8Array.of(3))?.number).toBe(3);
    expect(stream.append(Uint8Array.of(4))).toBeUndefined();
  });

  it('BUS-9 who says how much members may lag behind leaves the rest of the backlog to the others', () => {
    const stream = new OrderedStream(10);
    const three = { entries: 3, bytes: 100 };
    for (const size of [60, 30]) expect(stream.append(new Uint8Array(size), three)).toBeDefined();
    expect(stream.append(new Uint8Array(11), three)).toBeUndefined();
    expect(stream.append(new Uint8Array(10), three)).toBeDefined();
    expect(stream.append(new Uint8Array(0), three)).toBeUndefined();
    expect(stream.append(new Uint8Array(1_000))).toBeDefined();
    stream.stableUpTo(4);
    expect(stream.append(new Uint8Array(100), three)).toBeDefined();
  });

  it('what is further ahead than the backlog is not kept: a foreign number cannot fill the memory', () => {
    const stream = new OrderedStream(3);
    for (const number of [4, 5, 1_000_000, Number.MAX_SAFE_INTEGER]) stream.receive(entry(number));
    for (const number of [1, 2, 3]) stream.receive(entry(number));
    expect(takeAll(stream)).toEqual([1, 2, 3]);
  });

  it('a resend begins at the first number asked for, wherever the kept entries begin', () => {
    const stream = new OrderedStream(10);
    for (let i = 0; i < 6; i++) stream.append(Uint8Array.of(i));
    stream.stableUpTo(2);
    expect(numbers(stream.keptFrom(4))).toEqual([4, 5, 6]);
    expect(numbers(stream.keptFrom(1))).toEqual([3, 4, 5, 6]);
    expect(stream.keptFrom(7)).toEqual([]);
  });
});
