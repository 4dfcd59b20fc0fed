/** Arguments of the audit functions; each error names the argument (replication 8.17, 9.18): FLT-1911 and FLT-1912. */
import { addressBits, formatAddress, type Prefix, parseAddress, parsePrefix } from '../address.ts';
import { FlotillaError } from '../errors.ts';
import { checkedText } from '../replica/gauge-key.ts';
import type { KeyType } from './cell.ts';
import { addressKey, keyAddress, type StreamKey } from './stream-key.ts';
import type { Monitor } from './stream-totals.ts';

const maxWindows = 10_000;
/** A year. */
const maxSizeS = 31_536_000;

export function wrong(argument: string, value: string | number): never {
  throw new FlotillaError('FLT-1912', `${argument} ${value}`);
}

export function monitorText({ sizeS, count }: Monitor): string {
  return `${sizeS},${count}`;
}

/** `"interval,number"`. */
export function parseMonitor(text: string): Monitor {
  const [, sizeS, count] = /^\s*(\d{1,9})\s*,\s*(\d{1,9})\s*$/.exec(text) ?? wrong('monitor', `'${text}'`);
  return checkedMonitor({ sizeS: Number(sizeS), count: Number(count) });
}

export function checkedMonitor({ sizeS, count }: Monitor): Monitor {
  if (!Number.isInteger(sizeS) || sizeS < 1 || sizeS > maxSizeS) wrong('interval', sizeS);
  if (!Number.isInteger(count) || count < 1 || count > maxWindows) wrong('number', count);
  return { sizeS, count };
}

/** Windows from 0, the current one, to `count` - 1; `names` as the caller knows them. */
export function checkWindows(
  { count }: Monitor,
  start: number,
  end: number,
  names: readonly [string, string],
): void {
  for (const [i, value] of [start, end].entries())
    if (!Number.isInteger(value) || value < 0 || value >= count) wrong(names[i]!, value);
  if (start > end) wrong(names[1], `${end} is before ${start}`);
}

/** Of one address alone when no mask is given. */
export function masked(text: string | undefined, mask: number | undefined): Prefix {
  const address = text === undefined ? undefined : parseAddress(text);
  if (address === undefined) return wrong('address', text ?? 'no live session');
  const bits = mask ?? addressBits(address);
  return parsePrefix(`${text}/${bits}`) ?? wrong('mask', bits);
}

/** `address/mask`, an address, or `/mask` of the current one. */
export function prefixOf(argument: string, text: string | undefined, current: string | undefined): Prefix {
  const wanted = text ?? current;
  const whole = wanted?.startsWith('/') && current !== undefined ? `${current}${wanted}` : wanted;
  return (whole !== undefined && parsePrefix(whole)) || wrong(argument, whole ?? 'no live session');
}

export function parseKey(keyType: KeyType, text: string | undefined): StreamKey {
  if (text === undefined) return wrong('key', keyType === 'text' ? 'is missing' : 'no live session');
  if (keyType === 'text') return checkedText(text);
  return addressKey(parseAddress(text) ?? wrong('key', `'${text}' is no address`));
}

export function keyText(keyType: KeyType, key: StreamKey): string {
  return keyType === 'text' ? String(key) : formatAddress(keyAddress(key));
}
