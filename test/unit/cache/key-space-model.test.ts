/** Keys at several nodes, told one after another: they are what one Redis would have, with its times to live. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeySpace } from '../../../src/core/cache/key-space.ts';
import { Cluster } from './cluster.ts';

type Value = string | number | Map<string, number>;

/** As Redis has them, as far as it is served here. */
class Model {
  readonly #keys = new Map<string, { value: Value; expiresS: number }>();
  nowS = 0;

  get(key: string): { value: Value; expiresS: number } | undefined {
    const found = this.#keys.get(key);
    if (found && found.expiresS <= this.nowS) this.#keys.delete(key);
    return this.#keys.get(key);
  }

  set(key: string, value: Value, expiresS = Number.POSITIVE_INFINITY): void {
    this.#keys.set(key, { value, expiresS });
  }

  delete(key: string): void {
    this.#keys.delete(key);
  }
}

interface Said {
  readonly node: number;
  readonly key: string;
  readonly what: 'count' | 'count field' | 'delete field' | 'set' | 'delete' | 'expire' | 'persist';
  readonly field: string;
  readonly by: number;
  readonly ttlS: number;
  readonly restS: number;
}

const said: fc.Arbitrary<Said> = fc.record({
  node: fc.nat(2),
  key: fc.constantFrom('k', 'l'),
  what: fc.constantFrom(
    'count',
    'count field',
    'count field',
    'delete field',
    'set',
    'delete',
    'expire',
    'expire',
    'persist',
  ),
  field: fc.constantFrom('a', 'b'),
  by: fc.integer({ min: -3, max: 3 }),
  ttlS: fc.constantFrom(7, 20, 60),
  restS: fc.constantFrom(5, 5, 12, 30),
});

function say(space: KeySpace, model: Model, { what, key, field, by, ttlS }: Said): void {
  const known = model.get(key);
  switch (what) {
    case 'count': {
      const isNumber = known === undefined || typeof known.value === 'number';
      const count = isNumber ? ((known?.value ?? 0) as number) + by : undefined;
      expect(space.add(key, by)).toBe(count);
      if (count !== undefined) model.set(key, count, known?.expiresS);
      return;
    }
    case 'count field': {
      const isHash = known === undefined || known.value instanceof Map;
      const fields = new Map(isHash ? (known?.value as Map<string, number> | undefined) : []);
      fields.set(field, (fields.get(field) ?? 0) + by);
      expect(space.addToField(key, field, by)).toBe(isHash ? fields.get(field) : undefined);
      if (isHash) model.set(key, fields, known?.expiresS);
      return;
    }
    case 'delete field': {
      const fields = new Map(known?.value instanceof Map ? known.value : []);
      expect(space.deleteFields(key, [field])).toBe(Number(fields.delete(field)));
      if (!(known?.value instanceof Map)) return;
      if (fields.size === 0) model.delete(key);
      else model.set(key, fields, known.expiresS);
      return;
    }
    case 'set':
      space.set(key, 'text', { ttlMs: ttlS * 1000 });
      model.set(key, 'text', model.nowS + ttlS);
      return;
    case 'delete':
      expect(space.delete(key)).toBe(known !== undefined);
      model.delete(key);
      return;
    case 'expire':
    case 'persist': {
      const isThere = space.expire(key, what === 'expire' ? ttlS * 1000 : 0);
      expect(isThere).toBe(known !== undefined);
      if (known) known.expiresS = what === 'expire' ? model.nowS + ttlS : Number.POSITIVE_INFINITY;
    }
  }
}

/** What a client sees of a key, at a node and in the model. */
function seenAt(space: KeySpace, key: string) {
  const ttlMs = space.ttlMs(key);
  if (ttlMs === undefined) return undefined;
  const value = space.type(key) === 'hash' ? Object.fromEntries(space.fields(key)) : space.get(key);
  return { value, ttlS: ttlMs === 0 ? 'never' : Math.round(ttlMs / 1000) };
}

function seenIn(model: Model, key: string) {
  const known = model.get(key);
  if (!known) return undefined;
  const { value, expiresS } = known;
  return {
    value: value instanceof Map ? Object.fromEntries(value) : String(value),
    ttlS: Number.isFinite(expiresS) ? expiresS - model.nowS : 'never',
  };
}

it('REP-13.7 always: what is said at one node after another is so at all, with the times to live that Redis gives it', () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 25 }), (all) => {
      const cluster = new Cluster();
      let generations = 0;
      const spaces = Array.from(
        { length: 3 },
        () =>
          new KeySpace(cluster.add().cache, {
            unique: () => (++generations).toString(16),
            wallMs: () => 1_800_000_000_000 + cluster.nowMs,
          }),
      );
      cluster.view();
      cluster.settle();
      const model = new Model();
      for (const one of all) {
        say(spaces[one.node]!, model, one);
        cluster.rest(one.restS);
        model.nowS += one.restS;
        for (const key of ['k', 'l'])
          for (const space of spaces) expect(seenAt(space, key)).toEqual(seenIn(model, key));
      }
    }),
  );
});
