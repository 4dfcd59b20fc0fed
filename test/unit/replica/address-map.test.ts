/** The address map against a plain map: growing, splitting into shards, shrinking, copying while it changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressMap } from '../../../src/core/replica/address-map.ts';
import type { Shard } from '../../../src/core/replica/shard.ts';

type Words = readonly [number, number, number, number];

class Subject {
  readonly map: AddressMap;
  readonly model = new Map<string, number>();

  constructor(keyWords: 1 | 4, seed = 1) {
    this.map = new AddressMap({ keyWords, values: 1, seed });
  }

  put([a, b, c, d]: Words, value: number): void {
    const hash = this.map.hash(a, b, c, d);
    let shard = this.map.shardToChange(hash);
    let slot = shard.find(hash, a, b, c, d);
    if (slot < 0) {
      slot = this.map.insert(hash, a, b, c, d);
      shard = this.map.shardOf(hash);
    }
    shard.floats[slot * shard.floatStride] = value;
    this.model.set(`${[a, b, c, d]}`, value);
  }

  remove([a, b, c, d]: Words): void {
    const hash = this.map.hash(a, b, c, d);
    const slot = this.map.shardOf(hash).find(hash, a, b, c, d);
    if (slot >= 0 !== this.model.delete(`${[a, b, c, d]}`))
      expect.fail(`${[a, b, c, d]} is not where it should be`);
    if (slot >= 0) this.map.removeAt(this.map.shardIndex(hash), slot);
  }

  /** Every key is found where it should be, and nothing else is there. */
  check(): void {
    expect(this.map.size).toBe(this.model.size);
    for (const [text, value] of this.model) {
      const [a, b, c, d] = text.split(',').map(Number) as unknown as Words;
      const hash = this.map.hash(a, b, c, d);
      const shard = this.map.shardOf(hash);
      const slot = shard.find(hash, a, b, c, d);
      if (slot < 0 || shard.floats[slot * shard.floatStride] !== value) expect.fail(`${text} is not found`);
    }
    expectSame(contentsOf(shardsOf(this.map)), this.model);
  }
}

/** As `toEqual`, in a fraction of the time. */
function expectSame(actual: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  expect(actual.size).toBe(expected.size);
  for (const [key, value] of expected) if (actual.get(key) !== value) expect(actual).toEqual(expected);
}

/** Each once, although it may stand at several places. */
function shardsOf(map: AddressMap): Shard[] {
  return [...map.shardIndexes()].map((index) => map.shards[index]!);
}

function contentsOf(shards: Iterable<Shard>): Map<string, number> {
  const contents = new Map<string, number>();
  for (const shard of shards) addContents(shard, contents);
  return contents;
}

function addContents(shard: Shard, contents: Map<string, number>): void {
  for (let slot = 0; slot < shard.capacity; slot++) {
    if (shard.isFree(slot)) continue;
    const key = `${[0, 1, 2, 3].map((word) => shard.keyWord(slot, word))}`;
    if (contents.has(key)) expect.fail(`${key} is there twice`);
    contents.set(key, shard.floats[slot * shard.floatStride]!);
  }
}

const word = fc.oneof(fc.nat(40), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));

describe('an address map', () => {
  it.each([1, 4] as const)('holds what a plain map holds, with keys of %i words', (keyWords) => {
    const key = fc.tuple(word, keyWords === 4 ? fc.nat(2) : fc.constant(0), fc.constant(0), fc.constant(0));
    const step = fc.tuple(fc.constantFrom('put', 'put', 'remove'), key, fc.nat(9));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), fc.integer(), (steps, seed) => {
        const subject = new Subject(keyWords, seed);
        for (const [action, key, value] of steps) {
          if (action === 'put') subject.put(key, value + 1);
          else subject.remove(key);
        }
        subject.check();
      }),
      { numRuns: 150 },
    );
  });

  it('finds every key before, while and after it splits into shards, and after it shrinks', () => {
    const subject = new Subject(1);
    const key = (i: number): Words => [Math.imul(i, 0x9e3779b1), 0, 0, 0];
    const shardsAt: [number, number][] = [
      [4_096, 1],
      [4_097, 16],
      [60_000, 16],
      [75_000, 256],
      [80_000, 256],
    ];
    let i = 0;
    for (const [keys, shards] of shardsAt) {
      for (; i < keys; i++) subject.put(key(i), i + 1);
      expect(new Set(subject.map.shards).size).toBe(shards);
      expect(shardsOf(subject.map)).toHaveLength(shards);
      subject.check();
    }
    const slots = () => shardsOf(subject.map).reduce((sum, { capacity }) => sum + capacity, 0);
    const before = slots();
    for (let i = 0; i < 79_000; i++) subject.remove(key(i));
    for (const index of subject.map.shardIndexes()) subject.map.compact(index);
    expect(slots()).toBeLessThan(before / 4);
    subject.check();
  });

  it('P4 shards split one at a time: no insertion moves more keys than one shard holds', () => {
    const subject = new Subject(1);
    const key = (i: number): Words => [Math.imul(i, 0x9e3779b1), 0, 0, 0];
    let before = new Set(subject.map.shards);
    const splits: number[] = [];
    for (let i = 0; i < 80_000; i++) {
      subject.put(key(i), i + 1);
      const now = subject.map.shards;
      if (i % 64 !== 0 || now.every((shard) => before.has(shard))) continue;
      const shards = new Set(now);
      splits.push([...before].filter((shard) => !shards.has(shard)).length);
      before = shards;
    }
    expect(splits.reduce((sum, count) => sum + count)).toBe(1 + 16);
    expect(Math.max(...splits)).toBeLessThanOrEqual(2);
    subject.check();
  });

  it('a walk over the shards that is overtaken by a split visits every key once', () => {
    const subject = new Subject(1);
    const key = (i: number): Words => [Math.imul(i, 0x9e3779b1), 0, 0, 0];
    for (let i = 0; i < 5_000; i++) subject.put(key(i), i + 1);
    const before = new Map(subject.model);
    const visited = new Map<string, number>();
    let steps = 0;
    for (const index of subject.map.shardIndexes()) {
      addContents(subject.map.shards[index]!, visited);
      if (++steps === 5) for (let i = 5_000; i < 70_000; i++) subject.put(key(i), i + 1);
    }
    expect(steps).toBe(5 + 11 * 16);
    for (const [text, value] of before)
      if (visited.get(text) !== value) expect.fail(`${text} was not visited`);
  });

  it('REP-18.6 a copy shows the moment it was begun at, whatever changes before it is complete', () => {
    const step = fc.tuple(fc.constantFrom('put', 'remove', 'step'), fc.nat(7_000));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200, size: 'max' }),
        fc.constantFrom(100, 4_095, 5_000),
        (steps, keys) => {
          const subject = new Subject(1);
          const key = (i: number): Words => [Math.imul(i, 0x9e3779b1), 0, 0, 0];
          for (let i = 0; i < keys; i++) subject.put(key(i), i + 1);
          const expected = new Map(subject.model);
          const copied = new Map<string, number>();
          const capture = subject.map.capture((shard) => addContents(shard, copied));
          for (const [action, i] of steps) {
            if (action === 'put') subject.put(key(i), 7);
            else if (action === 'remove') subject.remove(key(i));
            else capture.step();
          }
          capture.finish();
          expectSame(copied, expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('P3 an IPv4 key with two numbers takes at most 64 bytes, at every fill', () => {
    const map = new AddressMap({ keyWords: 1, values: 2, seed: 3 });
    let most = 0;
    for (let i = 0; i < 200_000; i++) {
      const key = Math.imul(i, 0x9e3779b1);
      map.insert(map.hash(key, 0, 0, 0), key, 0, 0, 0);
      if (i < 1_000 || i % 97 !== 0) continue;
      most = Math.max(most, shardsOf(map).reduce((sum, { ints }) => sum + ints.byteLength, 0) / map.size);
    }
    expect(most).toBeLessThan(56);
  });
});
