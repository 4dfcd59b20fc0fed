/** Two calls of the C library that concern this process as a whole, and that Node 20 does not offer. */
import koffi from 'koffi';
import { describeError, lastError } from './libc.ts';

const libc = koffi.load(null);
const entry = koffi.struct({
  name: 'const char *',
  password: 'const char *',
  uid: 'uint32_t',
  gid: 'uint32_t',
  comment: 'const char *',
  home: 'const char *',
  shell: 'const char *',
});
const native = {
  getpwnam: libc.func('getpwnam', koffi.pointer(entry), ['const char *']),
  getpwuid: libc.func('getpwuid', koffi.pointer(entry), ['uint32_t']),
  fcntl: libc.func('int fcntl(int, int, int)'),
  execve: libc.func('int execve(const char *, const char **, const char **)'),
};

const standardStreams = [0, 1, 2];
const setDescriptorFlags = 2;

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** By its name or its number, from wherever this machine has its users; undefined: there is none. */
export function accountOf(user: string): Account | undefined {
  const found = native.getpwnam(user) ?? (/^\d{1,10}$/.test(user) ? native.getpwuid(Number(user)) : null);
  if (found === null) return undefined;
  const { name, uid, gid, home } = koffi.decode(found, entry) as Account;
  return { name, uid, gid, home };
}

/**
 * This process goes on as another program, with its process id, its parent and its standard streams, which Node has marked as
 * those of this program alone. All other open files the kernel closes, because Node opens them so. Returns only when it failed, with the reason.
 */
export function becomeProgram(
  path: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  for (const stream of standardStreams) native.fcntl(stream, setDescriptorFlags, 0);
  native.execve(path, [path, ...words, null], [...variables, null]);
  return describeError(lastError());
}
