/**
 * Files of passwords and of groups (CON-26, CON-29, CON-32). They are read anew for each login: a user who is taken out is
 * out, and nothing has to be told to the node.
 *
 * Invariants: a file that others may write, or read passwords of, is not used; a line that cannot be understood lets nobody
 * in; the time an answer takes does not tell whether there is a user of a name.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FlotillaError } from '../../core/errors.ts';
import type { PasswordFile } from '../../core/settings.ts';
import { isScryptPassword, parseScryptHash } from './scrypt-hash.ts';

const mostBytes = 2 ** 20;
const readableByOthers = 0o004;
const writableByOthers = 0o022;

/** Whether one of the files knows this user with this password. @throws FlotillaError FLT-1506 */
export async function isPassword(
  files: readonly PasswordFile[],
  user: string,
  password: string,
): Promise<boolean> {
  let isRight = false;
  // All of them, also behind the right one: the time tells nothing.
  for (const file of files) isRight = (await isInFile(file, user, password)) || isRight;
  return isRight && user !== '';
}

async function isInFile(file: PasswordFile, user: string, password: string): Promise<boolean> {
  const lines = await linesOf(file.path, readableByOthers | writableByOthers);
  if (file.kind === 'digest') return isInDigests(lines, { user, password, realm: file.realm });
  const stored = lines.map(splitAtColon).find(([name]) => name === user)?.[1];
  if (file.kind === 'scrypt')
    return isScryptPassword(password, stored === undefined ? undefined : parseScryptHash(stored));
  return isSame(stored ?? '', password) && stored !== undefined;
}

/** `user:realm:MD5(user:realm:password)`; the hash is the password as far as this file goes. */
function isInDigests(
  lines: readonly string[],
  {
    user,
    password,
    realm,
  }: { readonly user: string; readonly password: string; readonly realm: string | undefined },
): boolean {
  let isRight = false;
  for (const line of lines) {
    const [name, ofRealm, hash] = line.split(':');
    if (name !== user || hash === undefined || (realm !== undefined && ofRealm !== realm)) continue;
    const digest = createHash('md5').update(`${user}:${ofRealm}:${password}`).digest('hex');
    isRight = isSame(hash.trim().toLowerCase(), digest) || isRight;
  }
  return isRight;
}

/** Hashed first: of two texts of different lengths, too. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Lines `group:user,user` or `group:unused:user,user`. @throws FlotillaError FLT-1506 */
export async function groupsOf(user: string, path: string): Promise<string[]> {
  const lines = await linesOf(path, writableByOthers);
  return lines.flatMap((line) => {
    const fields = line.split(':');
    const members = (fields[2] ?? fields[1] ?? '').split(',').map((name) => name.trim());
    return user !== '' && fields[0] && members.includes(user) ? [fields[0].trim()] : [];
  });
}

/** Without comments and empty lines. */
async function linesOf(path: string, forbidden: number): Promise<string[]> {
  let text: string;
  try {
    const file = await open(path, 'r');
    try {
      const { mode, size } = await file.stat();
      if ((mode & forbidden) !== 0)
        throw new Error(`others may ${(mode & forbidden & writableByOthers) === 0 ? 'read' : 'write'} it`);
      if (size > mostBytes) throw new Error('it is larger than 1 MiB');
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new FlotillaError('FLT-1506', `${path}: ${(error as Error).message}`, error);
  }
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function splitAtColon(line: string): [name: string, rest: string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}
