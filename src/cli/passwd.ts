/**
 * `flotilla passwd`: a user of the console and his password in a file that the node reads (CON-29). The password comes from
 * the terminal, asked twice, or is the first line of the standard input.
 *
 * Invariant: the file is replaced as a whole, so that a login meanwhile finds the old or the new one.
 */
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { hashPassword } from '../console/access/scrypt-hash.ts';
import { readWithoutEcho } from '../console/client/credentials.ts';
import { FlotillaError } from '../core/errors.ts';

export interface PasswordChange {
  readonly file: string;
  readonly user: string;
  readonly isRemoved: boolean;
}

/** The exit code: 1 when nothing was changed. @throws FlotillaError FLT-1506 when the file cannot be read or written */
export async function setPassword({ file, user, isRemoved }: PasswordChange): Promise<number> {
  if (!/^[^\s:#,][^\s:,]{0,255}$/.test(user))
    return refuse(`'${user}' is no user name: it holds none of blank : ,`);
  const before = linesOf(file);
  const others = before.filter((line) => !line.startsWith(`${user}:`));
  if (isRemoved) {
    if (others.length === before.length) return refuse(`there is no user '${user}' in ${file}`);
    write(file, others);
    return 0;
  }
  const password = await newPassword(user);
  if (password === undefined) return 1;
  write(file, [...others, `${user}:${await hashPassword(password)}`]);
  return 0;
}

async function newPassword(user: string): Promise<string | undefined> {
  const password = process.stdin.isTTY ? await typedTwice(user) : await firstLine();
  if (password === undefined) return undefined;
  if (password !== '' && password.length <= 1024) return password;
  refuse('the password is empty or longer than 1024 characters');
  return undefined;
}

async function typedTwice(user: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  const first = await readWithoutEcho(`New password for ${user}: `, stdin, stderr);
  const second = first && (await readWithoutEcho('Again: ', stdin, stderr));
  if (first === second) return first;
  refuse('they are not the same');
  return undefined;
}

async function firstLine(): Promise<string | undefined> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  refuse('there is no password on the standard input');
  return undefined;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new FlotillaError('FLT-1506', (error as Error).message, error);
  }
}

/** Keeps the mode that the file has: a group may have been given the right to read it. */
function write(file: string, lines: readonly string[]): void {
  const mode = (statSync(file, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o640;
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, lines.map((line) => `${line}\n`).join(''), { mode });
    chmodSync(temporary, mode);
    renameSync(temporary, file);
  } catch (error) {
    throw new FlotillaError('FLT-1506', (error as Error).message, error);
  }
}

function refuse(reason: string): 1 {
  process.stderr.write(`flotilla: ${reason}\n`);
  return 1;
}
