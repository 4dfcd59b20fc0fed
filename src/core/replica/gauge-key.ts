/** Keys of gauge tables: one key, one spelling (replication 5.12). */
import { domainKey } from '../domain.ts';
import { FlotillaError } from '../errors.ts';
import type { ReplicaType } from '../settings.ts';

export type Spelling = (key: string) => string;

/** A domain name has at most 253 characters, a binding before it some more. */
const maxKeyLength = 512;

/**
 * Plain tables are keyed by domain. `outbound_binding_domains` has `<binding>::<domain>`, where only the domain is
 * respelt, and `@host::<mx name>`, which stays exactly as in the MX record (6.7).
 */
export function spellingOf(type: ReplicaType): Spelling {
  return type === 'outbound_binding_domains' ? pairKey : domainKey;
}

function pairKey(key: string): string {
  const at = key.indexOf('::');
  if (at < 0 || key.startsWith('@host::')) return key;
  return key.slice(0, at + 2) + domainKey(key.slice(at + 2));
}

/** Control characters would break lines of a dump, half a surrogate pair does not survive the way to other nodes. */
export function checkedText(key: unknown): string {
  if (typeof key === 'string' && key !== '' && key.length <= maxKeyLength && !/[\p{Cc}\p{Cs}]/u.test(key))
    return key;
  throw new FlotillaError(
    'FLT-1302',
    typeof key === 'string' ? `'${key.slice(0, maxKeyLength)}'` : 'an address',
  );
}
