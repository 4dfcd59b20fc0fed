/** How long keys live, whatever they are: a counter and a hash end with all that was counted in them. */
import type { KeySpace } from '../../core/cache/key-space.ts';
import { keyOf, RespError, textOf, timeMsOf } from './arguments.ts';
import type { RespCommand } from './commands.ts';
import { onKey } from './key-commands.ts';

export const expiryCommands: Readonly<Record<string, RespCommand>> = {
  expire: expiring('expire', 1000, 'from now'),
  pexpire: expiring('pexpire', 1, 'from now'),
  expireat: expiring('expireat', 1000, 'at'),
  pexpireat: expiring('pexpireat', 1, 'at'),
  persist: onKey(0, 0, (keys, key) => Number(Boolean(keys.expiresMs(key)) && keys.expireAt(key, 0))),
  ttl: onKey(0, 0, (keys, key) => inUnits(keys.ttlMs(key), 1000)),
  pttl: onKey(0, 0, (keys, key) => inUnits(keys.ttlMs(key), 1)),
  expiretime: onKey(0, 0, (keys, key) => inUnits(keys.expiresMs(key), 1000)),
  pexpiretime: onKey(0, 0, (keys, key) => inUnits(keys.expiresMs(key), 1)),
};

/** `EXPIRE key seconds [NX | XX | GT | LT]` and its kin. */
function expiring(name: string, unitMs: number, meant: 'from now' | 'at'): RespCommand {
  return {
    words: [2, 6],
    run: ([word, time, ...options], store, state) => {
      const { keys } = store;
      const key = keyOf(word!, state);
      const holds = conditionOf(options.map(textOf));
      const nowMs = store.wallMs();
      const timeMs = timeMsOf(textOf(time!), unitMs, name);
      const expiresMs = meant === 'at' ? timeMs : nowMs + timeMs;
      const beforeMs = keys.expiresMs(key);
      if (beforeMs === undefined || !holds(expiresMs, beforeMs)) return 0;
      return Number(end(keys, key, expiresMs, nowMs));
    },
  };
}

/** A time that is over deletes the key. */
function end(keys: KeySpace, key: string, expiresMs: number, nowMs: number): boolean {
  return expiresMs > nowMs ? keys.expireAt(key, expiresMs) : keys.delete(key);
}

/** Whether another end may take the place of the one there is; that is 0 where there is none. */
type Condition = (expiresMs: number, beforeMs: number) => boolean;

const conditions: Readonly<Record<string, Condition>> = {
  NX: (_, beforeMs) => beforeMs === 0,
  XX: (_, beforeMs) => beforeMs !== 0,
  GT: (expiresMs, beforeMs) => beforeMs !== 0 && expiresMs > beforeMs,
  LT: (expiresMs, beforeMs) => beforeMs === 0 || expiresMs < beforeMs,
};

function conditionOf(words: readonly string[]): Condition {
  const names = new Set(words.map((word) => word.toUpperCase()));
  const unknown = words.find((word) => !Object.hasOwn(conditions, word.toUpperCase()));
  if (unknown !== undefined) throw new RespError(`ERR Unsupported option ${unknown.slice(0, 64)}`);
  if (names.has('NX') && names.size > 1)
    throw new RespError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (names.has('GT') && names.has('LT'))
    throw new RespError('ERR GT and LT options at the same time are not compatible');
  return (expiresMs, beforeMs) => [...names].every((name) => conditions[name]!(expiresMs, beforeMs));
}

/** -2: no such key; -1: it never expires. */
function inUnits(timeMs: number | undefined, unitMs: number): number {
  if (timeMs === undefined) return -2;
  return timeMs === 0 ? -1 : Math.round(timeMs / unitMs);
}
