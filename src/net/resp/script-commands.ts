/**
 * Scripts: none is run. The one that rate-limiter-flexible counts with is recognised by its text and served by hand; a
 * client that sends another one is told so.
 */
import type { KeySpace } from '../../core/cache/key-space.ts';
import { integerOf, keyOf, RespError, textOf, ttlMsOf } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { noNumber } from './key-commands.ts';
import type { Reply } from './reply.ts';
import type { RespState, RespStore, ScriptName } from './store.ts';

const most = Number.POSITIVE_INFINITY;
/** Spellings remembered: blanks may differ. */
const maxScripts = 64;

/** Of rate-limiter-flexible 2 to 7. */
const incrementScript = [
  `redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')`,
  `local consumed = redis.call('incrby', KEYS[1], ARGV[1])`,
  `local ttl = redis.call('pttl', KEYS[1])`,
  `if ttl == -1 then redis.call('expire', KEYS[1], ARGV[2]) ttl = 1000 * ARGV[2] end`,
  `return {consumed, ttl}`,
].join(' ');

export const scriptCommands: Readonly<Record<string, RespCommand>> = {
  eval: {
    words: [2, most],
    run: ([script, ...rest], store, state) =>
      runScript(recognised(textOf(script!), store), rest, store, state),
  },
  evalsha: {
    words: [2, most],
    run: ([hash, ...rest], store, state) => {
      const name = store.scripts.get(textOf(hash!).toLowerCase());
      if (name === undefined) throw new RespError('NOSCRIPT No matching script. Please use EVAL.');
      return runScript(name, rest, store, state);
    },
  },
  script: { words: [1, most], run: script },
};

function script([word, ...rest]: readonly Buffer[], store: RespStore): Reply {
  const [verb, texts] = [textOf(word!).toLowerCase(), rest.map(textOf)];
  if (verb === 'exists' && texts.length > 0)
    return texts.map((hash) => Number(store.scripts.has(hash.toLowerCase())));
  if (verb !== 'load' || texts.length !== 1) throw new RespError('ERR only SCRIPT LOAD and SCRIPT EXISTS');
  recognised(texts[0]!, store);
  return store.scriptHash(texts[0]!);
}

function recognised(text: string, { scripts, scriptHash }: RespStore): ScriptName {
  if (text.replaceAll(/\s+/g, ' ').trim() !== incrementScript)
    throw new RespError('ERR scripts are not run here; known is the one of rate-limiter-flexible');
  const [oldest] = scripts.keys();
  if (scripts.size >= maxScripts) scripts.delete(oldest!);
  scripts.set(scriptHash(text), 'increment');
  return 'increment';
}

function runScript(
  name: ScriptName,
  [count, key, ...rest]: readonly Buffer[],
  { keys }: RespStore,
  state: RespState,
): Reply {
  if (!count || textOf(count) !== '1' || !key) throw new RespError(`ERR the script '${name}' needs one key`);
  return increment(keys, keyOf(key, state), rest.map(textOf));
}

/** ARGV: points, and the seconds that a new key lives. */
function increment(keys: KeySpace, key: string, [points = '', seconds = '']: readonly string[]): Reply {
  const ttlMs = ttlMsOf(seconds, 1000, 'set');
  const consumed = keys.add(key, integerOf(points), ttlMs);
  if (consumed === undefined) throw noNumber(keys, key);
  // A key that was set before without an end.
  if (keys.ttlMs(key) === 0) keys.expire(key, ttlMs);
  return [consumed, Math.round(keys.ttlMs(key) ?? 0)];
}
