/**
 * Fields of requests of the API over NATS: what each may be, for whoever reads one and for the reference page.
 *
 * Invariant: `readFields` gives all values or throws before anything is done. A field that is not known is an error, so
 * that a misspelt option is never taken for one that was left out.
 */
import { FlotillaError } from '../core/errors.ts';

export interface Field<Value> {
  /** As the reference page says it. */
  readonly type: string;
  /** What counts when it is left out; absent: it may not be. */
  readonly initial?: { readonly value: Value };
  /** Undefined: it is not usable. JSON has no undefined. */
  read(value: unknown): Value | undefined;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

export type Values<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer Value> ? Value : never;
};

/** Longest name or key, in characters. */
const maxNameLength = 1024;

/** NUL begins what caches keep for themselves; half a surrogate pair does not survive the way to other nodes. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !/[\0\p{Cs}]/u.test(value);
}

export const name: Field<string> = {
  type: `text of 1 to ${maxNameLength} characters`,
  read: (value) => (isText(value) && value !== '' && value.length <= maxNameLength ? value : undefined),
};

export const text: Field<string> = {
  type: 'text',
  read: (value) => (isText(value) ? value : undefined),
};

export const flag: Field<boolean> = {
  type: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

/** JSON can say 1e999, which is no number here. */
export const number: Field<number> = {
  type: 'number',
  read: (value) => (Number.isFinite(value) ? (value as number) : undefined),
};

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Field<number> {
  return {
    type: `whole number, ${least} to ${most === Number.MAX_SAFE_INTEGER ? '2^53-1' : most}`,
    read: (value) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
        ? (value as number)
        : undefined,
  };
}

export function oneOf<Word extends string>(words: readonly Word[]): Field<Word> {
  return {
    type: words.map((word) => `"${word}"`).join(', '),
    read: (value) => words.find((word) => word === value),
  };
}

export function list<Item>(item: Field<Item>, most: number): Field<readonly Item[]> {
  return {
    type: `list of at most ${most}, each ${item.type}`,
    read: (value) => {
      if (!Array.isArray(value) || value.length > most) return undefined;
      const items = value.map((each) => item.read(each)).filter((each) => each !== undefined);
      return items.length === value.length ? items : undefined;
    },
  };
}

export function either<A, B>(one: Field<A>, other: Field<B>): Field<A | B> {
  return {
    type: `${one.type}; or ${other.type}`,
    read: (value) => one.read(value) ?? other.read(value),
  };
}

export function optional<Value, Initial extends Value | undefined>(
  field: Field<Value>,
  initial: Initial,
): Field<Value | Initial> {
  return { ...field, initial: { value: initial } };
}

/** @throws FlotillaError FLT-2103 naming the field */
export function readFields<F extends Fields>(fields: F, body: Readonly<Record<string, unknown>>): Values<F> {
  for (const sent of Object.keys(body))
    if (!Object.hasOwn(fields, sent)) wrong(sent.slice(0, 64), 'is not one of this verb');
  const values = Object.entries(fields).map(([named, field]) => {
    if (!Object.hasOwn(body, named))
      return [named, (field.initial ?? wrong(named, 'is missing')).value] as const;
    const value = field.read(body[named]);
    return [named, value === undefined ? wrong(named, `has to be: ${field.type}`) : value] as const;
  });
  return Object.fromEntries(values) as Values<F>;
}

type Given<V> = { readonly [Name in keyof V as undefined extends V[Name] ? never : Name]: V[Name] } & {
  readonly [Name in keyof V as undefined extends V[Name] ? Name : never]?: Exclude<V[Name], undefined>;
};

/** Without what was left out and has no value then, as the operations take their options. */
export function given<V extends object>(values: V): Given<V> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<V>;
}

export function wrong(field: string, problem: string): never {
  throw new FlotillaError('FLT-2103', `'${field}' ${problem}`);
}
