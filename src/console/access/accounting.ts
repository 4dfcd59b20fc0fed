/**
 * Who came in and what he typed, one line each for the accounting log (CON-36): who may look at it can tell later who did
 * what, and who was turned away.
 *
 * Invariants: whatever a name or a command holds, a record is one line of as many fields as its kind has; no password that
 * a command sets is in it.
 */
import { withoutSecrets } from '../../core/secrets.ts';

/** `N` a login, `T` one that did not come in time, `Z` a command. */
export interface AccountingRecord extends Place {
  readonly kind: 'N' | 'T' | 'Z';
  readonly user: string;
  /** Yes; no; allowed because nobody has to be allowed there. */
  readonly result: 1 | 0 | -1;
  /** Of `Z`, and the role that allowed it. */
  readonly command?: string;
  readonly role?: string;
}

/** Takes a record. It neither waits nor throws; what it cannot keep it reports itself. */
export type AccountingSink = (record: AccountingRecord) => void;

/** Where somebody stands: the endpoint he came to, and his address; empty for Unix sockets. */
export interface Place {
  readonly listener: string;
  readonly peer: string;
}

/** A longer command is cut: its beginning says what it was. */
const longestCommand = 4096;

export class Accounting {
  readonly #sink: AccountingSink;

  constructor(sink: AccountingSink) {
    this.#sink = sink;
  }

  /** `timeout`: the login did not come in time. */
  authentication(place: Place, user: string, outcome: boolean | 'timeout'): void {
    this.#sink({ ...place, kind: outcome === 'timeout' ? 'T' : 'N', user, result: outcome === true ? 1 : 0 });
  }

  /** `undecided`: every command is allowed there. */
  authorisation(
    place: Place,
    {
      user,
      command,
      role,
    }: { readonly user: string; readonly command: string; readonly role: string | undefined },
    outcome: boolean | 'undecided',
  ): void {
    // Of a megabyte no more is looked at than could be shown; a password is not cut in two where it is shown.
    const harmless = withoutSecrets(command.slice(0, 2 * longestCommand));
    const isLong = harmless.length > longestCommand || command.length > 2 * longestCommand;
    const shown = isLong ? `${harmless.slice(0, longestCommand)}...` : harmless;
    const result = outcome === 'undecided' ? -1 : outcome ? 1 : 0;
    this.#sink({
      ...place,
      kind: 'Z',
      user,
      result,
      command: shown,
      ...(role === undefined ? {} : { role }),
    });
  }
}

export function accountingLine(record: AccountingRecord, wallMs: number): string {
  const { kind, listener, peer, user, result, command, role } = record;
  const more = [command, role].filter((field) => field !== undefined);
  const fields = [listener, peer, user, String(result), ...more].map(escaped);
  return [String(Math.floor(wallMs / 1000)), kind, ...fields].join('@');
}

/** `\@`, `\\`, `\n`; other control characters and what ends a line for some readers as `\xHH` or `\uHHHH`. */
function escaped(field: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return field.replace(/[@\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/g, (char, at: number) => {
    if (char === '@' || char === '\\') return `\\${char}`;
    if (char === '\n') return '\\n';
    if (isHalfOfPair(field, at)) return char;
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });
}

/** A lone surrogate would become something else on its way to the disk. */
function isHalfOfPair(text: string, at: number): boolean {
  const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
  const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
  const unit = text.charCodeAt(at);
  return isHigh(unit) ? isLow(text.charCodeAt(at + 1)) : isLow(unit) && isHigh(text.charCodeAt(at - 1));
}
