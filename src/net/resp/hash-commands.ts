/**
 * Commands on hashes. Fields are whole numbers that all nodes count together, as programs use them that limit by windows
 * of their own; texts are not kept in fields, so there is no HSET.
 */
import type { KeySpace } from '../../core/cache/key-space.ts';
import { integerOf, RespError, wrongType } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { checkReply, onKey } from './key-commands.ts';
import type { Reply } from './reply.ts';

const most = Number.POSITIVE_INFINITY;

type OnHash = (keys: KeySpace, key: string, rest: readonly string[]) => Reply;

function onHash(min: number, max: number, run: OnHash): RespCommand {
  return onKey(min, max, (keys, key, rest) => {
    if (keys.type(key) === 'string') throw wrongType();
    return run(keys, key, rest);
  });
}

export const hashCommands: Readonly<Record<string, RespCommand>> = {
  hincrby: onHash(2, 2, (keys, key, [field, by]) => add(keys, key, field!, integerOf(by!))),
  hget: onHash(1, 1, (keys, key, [field]) => textIn(keys, key, field!)),
  hmget: onHash(1, most, (keys, key, fields) => fields.map((field) => textIn(keys, key, field))),
  hgetall: onHash(0, 0, all),
  hexists: onHash(1, 1, (keys, key, [field]) => Number(keys.field(key, field!) !== undefined)),
  hlen: onHash(0, 0, (keys, key) => keys.fieldCount(key)),
  hdel: onHash(1, most, (keys, key, fields) => keys.deleteFields(key, fields)),
};

function add(keys: KeySpace, key: string, field: string, by: number): Reply {
  const count = keys.addToField(key, field, by);
  if (count === undefined) throw new RespError('ERR increment or decrement would overflow');
  return count;
}

function textIn(keys: KeySpace, key: string, field: string): string | null {
  const count = keys.field(key, field);
  return count === undefined ? null : String(count);
}

function all(keys: KeySpace, key: string): Reply {
  const fields = keys.fields(key);
  checkReply([...fields.keys()].reduce((length, field) => length + field.length, 0));
  return new Map([...fields].map(([field, count]) => [field, String(count)]));
}
