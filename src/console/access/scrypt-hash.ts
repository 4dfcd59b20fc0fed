/**
 * Passwords as scrypt keeps them, in the usual notation `$scrypt$ln=15,r=8,p=1$SALT$HASH`, which other tools write, too.
 *
 * Hashing takes a tenth of a second on a thread that files need as well, so one goes at a time and few wait.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

export interface ScryptHash {
  /** Cost: 2 to this power. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and a tenth of a second; with much more nobody could log in on a machine that has no time. */
const usualCost = { ln: 15, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;

/** What a file may ask for; more is a slip of the pen that would stop the node. */
const mostMemoryBytes = 128 * 2 ** 20;
const mostWork = 2 ** 24;

/** Undefined when it is none, or one that costs too much. */
export function parseScryptHash(text: string): ScryptHash | undefined {
  const parts =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{8,128})={0,2}\$([A-Za-z0-9+/]{22,128})={0,2}$/.exec(
      text,
    );
  if (!parts) return undefined;
  const [ln, r, p] = parts.slice(1, 4).map(Number) as [number, number, number];
  const isAffordable =
    ln >= 1 && r >= 1 && p >= 1 && 128 * 2 ** ln * r <= mostMemoryBytes && 2 ** ln * r * p <= mostWork;
  if (!isAffordable) return undefined;
  return { ln, r, p, salt: Buffer.from(parts[4]!, 'base64'), hash: Buffer.from(parts[5]!, 'base64') };
}

export function formatScryptHash({ ln, r, p, salt, hash }: ScryptHash): string {
  const shown = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${ln},r=${r},p=${p}$${shown(salt)}$${shown(hash)}`;
}

export async function hashPassword(
  password: string,
  cost: { ln: number; r: number; p: number } = usualCost,
): Promise<string> {
  const salt = randomBytes(saltBytes);
  const blank = { ...cost, salt, hash: Buffer.alloc(hashBytes) };
  return formatScryptHash({ ...blank, hash: await derive(password, blank) });
}

/** Stands for whoever is not in the file: that there is nobody of a name must not show in the time an answer takes. */
const nobody: ScryptHash = { ...usualCost, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) };

const mostWaiting = 64;
let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/** False for the wrong one, for nobody, and when too many ask at once. */
export async function isScryptPassword(password: string, stored: ScryptHash | undefined): Promise<boolean> {
  if (waiting >= mostWaiting) return false;
  waiting++;
  const derived = last.then(() => derive(password, stored ?? nobody));
  last = derived.catch(() => {});
  try {
    const isEqual = timingSafeEqual(await derived, (stored ?? nobody).hash);
    return isEqual && stored !== undefined;
  } finally {
    waiting--;
  }
}

function derive(password: string, { ln, r, p, salt, hash }: ScryptHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: 2 ** ln, r, p, maxmem: 2 * mostMemoryBytes };
    scrypt(password, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
