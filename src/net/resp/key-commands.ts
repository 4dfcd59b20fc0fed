/** Commands on keys: strings that expire, and counters. */
import type { KeySpace, SetOptions } from '../../core/cache/key-space.ts';
import { integerOf, keyOf, RespError, syntaxError, textOf, ttlMsOf, wrongType } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { ok, type Reply } from './reply.ts';

/** Of one reply: a client that asks for more is to ask twice. */
const maxReplyBytes = 16 * 1024 * 1024;
const most = Number.POSITIVE_INFINITY;

type OnKey = (keys: KeySpace, key: string, rest: readonly string[]) => Reply;

/** With so many words after the key. */
export function onKey(min: number, max: number, run: OnKey): RespCommand {
  return {
    words: [min + 1, max + 1],
    run: ([word, ...rest], { keys }, state) => run(keys, keyOf(word!, state), rest.map(textOf)),
  };
}

/** Counts the keys for which it is true. */
function onEach(test: (keys: KeySpace, key: string) => boolean): RespCommand {
  return {
    words: [1, most],
    run: (words, { keys }, state) =>
      words.map((word) => keyOf(word, state)).filter((key) => test(keys, key)).length,
  };
}

export const keyCommands: Readonly<Record<string, RespCommand>> = {
  get: onKey(0, 0, get),
  mget: {
    words: [1, most],
    run: (words, { keys }, state) =>
      mget(
        words.map((word) => keyOf(word, state)),
        keys,
      ),
  },
  set: onKey(1, 6, set),
  setnx: onKey(1, 1, (keys, key, [value]) => Number(keys.set(key, value!, { only: 'absent' }))),
  setex: onKey(2, 2, (keys, key, [ttl, value]) => setFor(keys, key, value!, ttlMsOf(ttl!, 1000, 'setex'))),
  psetex: onKey(2, 2, (keys, key, [ttl, value]) => setFor(keys, key, value!, ttlMsOf(ttl!, 1, 'psetex'))),
  del: onEach((keys, key) => keys.delete(key)),
  unlink: onEach((keys, key) => keys.delete(key)),
  exists: onEach((keys, key) => keys.has(key)),
  type: onKey(0, 0, (keys, key) => ({ status: keys.type(key) ?? 'none' })),
  incr: onKey(0, 0, (keys, key) => add(keys, key, 1)),
  decr: onKey(0, 0, (keys, key) => add(keys, key, -1)),
  incrby: onKey(1, 1, (keys, key, [by]) => add(keys, key, integerOf(by!))),
  decrby: onKey(1, 1, (keys, key, [by]) => add(keys, key, -integerOf(by!))),
};

function get(keys: KeySpace, key: string): string | null {
  const value = keys.get(key);
  if (value === undefined && keys.type(key) === 'hash') throw wrongType();
  return value ?? null;
}

function mget(names: readonly string[], keys: KeySpace): Reply {
  let length = 0;
  return names.map((key) => {
    const value = keys.get(key) ?? null;
    length += value?.length ?? 0;
    checkReply(length);
    return value;
  });
}

/** What is asked for in one piece has a bound. */
export function checkReply(bytes: number): void {
  if (bytes > maxReplyBytes) throw new RespError('ERR the reply would be larger than 16 MiB');
}

const setUnitsMs: Readonly<Record<string, number>> = { EX: 1000, PX: 1 };

function set(keys: KeySpace, key: string, [value, ...options]: readonly string[]): Reply {
  let given: SetOptions = {};
  let isGet = false;
  for (let at = 0; at < options.length; at++) {
    const word = options[at]!.toUpperCase();
    const unitMs = setUnitsMs[word];
    if (unitMs !== undefined && given.ttlMs === undefined && !given.keepTtl && at + 1 < options.length)
      given = { ...given, ttlMs: ttlMsOf(options[++at]!, unitMs, 'set') };
    else if (word === 'NX' && given.only === undefined) given = { ...given, only: 'absent' };
    else if (word === 'XX' && given.only === undefined) given = { ...given, only: 'present' };
    else if (word === 'KEEPTTL' && given.ttlMs === undefined) given = { ...given, keepTtl: true };
    else if (word === 'GET') isGet = true;
    else throw syntaxError();
  }
  const before = isGet ? get(keys, key) : null;
  const isSet = keys.set(key, value!, given);
  if (isGet) return before;
  return isSet ? ok : null;
}

function setFor(keys: KeySpace, key: string, value: string, ttlMs: number): Reply {
  keys.set(key, value, { ttlMs });
  return ok;
}

function add(keys: KeySpace, key: string, by: number): Reply {
  const total = keys.add(key, by);
  if (total === undefined) throw noNumber(keys, key);
  return total;
}

/** Why nothing could be added. */
export function noNumber(keys: KeySpace, key: string): RespError {
  return keys.type(key) === 'hash'
    ? wrongType()
    : new RespError('ERR value is not an integer or out of range');
}
