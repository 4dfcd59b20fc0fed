/**
 * Who logs in, and where the password comes from (CON-22): EC_CONSOLE_PASSWORD, a file that nobody else may read, or
 * whoever sits at the terminal.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { FlotillaError } from '../../core/errors.ts';

export interface Credentials {
  readonly user: string;
  /** For the attempt of this number, from 0; undefined: there is no other. `notice` is what the server has to say. */
  password(notice: string, attempt: number): Promise<string | undefined>;
}

export function fixedPassword(user: string, password: string): Credentials {
  return { user, password: async (_, attempt) => (attempt === 0 ? password : undefined) };
}

/** The first line. @throws FlotillaError FLT-1506 when others may read it */
export function passwordInFile(path: string): string {
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0) throw new Error(`${path}: others than its owner may use it`);
    return readFileSync(path, 'utf8').split(/\r?\n/)[0]!;
  } catch (error) {
    throw new FlotillaError('FLT-1506', (error as Error).message, error);
  }
}

/** A terminal that can be read key by key. */
export type Keyboard = Readable & {
  readonly isTTY?: boolean;
  readonly setRawMode?: (isRaw: boolean) => unknown;
};

/** Asks three times; what was right is used again without a question when the connection has to be opened again. */
export function askedPassword(user: string, input: Keyboard, output: Writable): Credentials {
  const mostQuestions = 3;
  let asked = 0;
  let typed: string | undefined;
  return {
    user,
    password: async (notice, attempt) => {
      if (attempt === 0 && typed !== undefined) return typed;
      if (asked++ >= mostQuestions) return undefined;
      output.write(attempt === 0 ? `${notice}\n` : 'Login incorrect\n');
      typed = await readWithoutEcho(`Password for ${user}: `, input, output);
      return typed;
    },
  };
}

/** Undefined when whoever types gives up (Ctrl-C, Ctrl-D) or the input ends. */
export function readWithoutEcho(
  prompt: string,
  input: Keyboard,
  output: Writable,
): Promise<string | undefined> {
  output.write(prompt);
  input.setRawMode?.(true);
  return new Promise((resolve) => {
    const decoder = new StringDecoder('utf8');
    let typed = '';
    const finish = (result: string | undefined, rest = '') => {
      input.off('data', receive).off('end', end);
      input.setRawMode?.(false);
      input.pause();
      if (rest !== '') input.unshift(rest);
      output.write('\n');
      resolve(result);
    };
    const end = () => finish(undefined);
    const receive = (chunk: Buffer | string) => {
      const keys = [...(typeof chunk === 'string' ? chunk : decoder.write(chunk))];
      for (const [at, key] of keys.entries()) {
        if (key === '\r' || key === '\n') return finish(typed, keys.slice(at + 1).join(''));
        if (key === '\u0003' || key === '\u0004') return finish(undefined);
        if (key === '\u007f' || key === '\b') typed = [...typed].slice(0, -1).join('');
        else if (key === '\u0015') typed = '';
        else typed += key;
      }
    };
    input.on('data', receive).on('end', end).resume();
  });
}
