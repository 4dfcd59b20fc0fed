/** Words of commands as text, numbers and times; what cannot be one is refused in the words that clients know. */

import type { RespState } from './store.ts';

/** An error that the client is told; begins with a word in capitals. */
export class RespError extends Error {}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const longestTtlMs = 1e14;

export function textOf(word: Buffer): string {
  try {
    return decoder.decode(word);
  } catch {
    throw new RespError('ERR keys and values are text in UTF-8 here, not any bytes');
  }
}

/** As it is kept: each database has names of its own. */
export function keyOf(word: Buffer, { database }: RespState): string {
  const key = textOf(word);
  if (key.startsWith('\0')) throw new RespError('ERR a key must not begin with NUL here');
  return `${prefixOf(database)}${key}`;
}

export function prefixOf(database: number): string {
  return database === 0 ? '' : `\0d${database}:`;
}

export function integerOf(text: string): number {
  const number = /^(0|-?[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw noInteger();
}

/** `unitMs` is that of the command: 1000 or 1. */
export function ttlMsOf(text: string, unitMs: number, command: string): number {
  const ttlMs = timeMsOf(text, unitMs, command);
  if (ttlMs > 0) return ttlMs;
  throw badTime(command);
}

/** A moment or a length of time, also a negative one: any integer that clients know, within the bounds of this node. */
export function timeMsOf(text: string, unitMs: number, command: string): number {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text))
    throw noInteger();
  const timeMs = Number(text) * unitMs;
  if (Math.abs(timeMs) > longestTtlMs) throw badTime(command);
  return timeMs;
}

function noInteger(): RespError {
  return new RespError('ERR value is not an integer or out of range');
}

function badTime(command: string): RespError {
  return new RespError(`ERR invalid expire time in '${command}' command`);
}

export function wrongType(): RespError {
  return new RespError('WRONGTYPE Operation against a key holding the wrong kind of value');
}

export function syntaxError(): RespError {
  return new RespError('ERR syntax error');
}
