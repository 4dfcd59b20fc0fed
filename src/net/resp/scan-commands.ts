/**
 * SCAN: all keys, a part at a time. The cursor is the number of a bucket of the cache, so that a key that is there all the
 * time is told exactly once, whatever else comes and goes.
 */
import { bucketCount } from '../../core/cache/cache.ts';
import { integerOf, prefixOf, syntaxError, textOf } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { globTest } from './glob.ts';
import type { Reply } from './reply.ts';
import type { RespState, RespStore } from './store.ts';

const defaultCount = 10;
/** Keys looked at before a reply leaves, and characters of a pattern: others want their turn. */
const maxCount = 1_000;
const maxPattern = 256;

export const scanCommands: Readonly<Record<string, RespCommand>> = {
  scan: { words: [1, 5], run: scan },
};

/** `SCAN cursor [MATCH pattern] [COUNT count]` */
function scan([cursor, ...options]: readonly Buffer[], { keys }: RespStore, state: RespState): Reply {
  const { matches, count } = optionsOf(options.map(textOf));
  const prefix = prefixOf(state.database);
  const found: string[] = [];
  let looked = 0;
  let bucket = Math.max(0, integerOf(textOf(cursor!)));
  for (; bucket < bucketCount && looked < count; bucket++) {
    for (const key of keys.keysIn(bucket)) {
      looked++;
      const name = nameIn(prefix, key);
      if (name !== undefined && matches(name)) found.push(name);
    }
  }
  return [String(bucket < bucketCount ? bucket : 0), found];
}

function optionsOf(words: readonly string[]) {
  let matches = (_: string) => true;
  let count = defaultCount;
  for (let at = 0; at < words.length; at += 2) {
    const [word, value] = [words[at]!.toUpperCase(), words[at + 1]];
    if (word === 'MATCH' && value !== undefined && value.length <= maxPattern) matches = globTest(value);
    else if (word === 'COUNT' && value !== undefined) count = integerOf(value);
    else throw syntaxError();
  }
  if (count < 1) throw syntaxError();
  return { matches, count: Math.min(count, maxCount) };
}

/** Undefined: it is in another database. */
function nameIn(prefix: string, key: string): string | undefined {
  if (prefix === '') return key.startsWith('\0') ? undefined : key;
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}
