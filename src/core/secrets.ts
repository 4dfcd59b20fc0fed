/**
 * Texts without the passwords in them, for whoever may see what somebody did and not do it himself: command lines in the
 * records of the console, addresses and connection strings in what `config show` answers, lines of source in findings.
 *
 * Invariant: too much may be hidden, too little not. What looks like the name of a secret hides the rest of its line,
 * because nobody knows how a line that could not be understood was meant.
 */

/** Stands where a secret would. */
export const hidden = '...';

/** A word of its own: `bus_password` is one, `bus_password_file` and `/etc/secrets` are not. */
const secretName =
  '(?<![\\w/.-])(?:\\w+_)?(?:password|passwd|passphrase|pwd|secret|token|nkey_seed)(?=["\'\\\\\\s=]|$)';
const named = new RegExp(`(${secretName}[\\\\"']*\\s*=?\\s*)(\\S.*)$`, 'is');
const quotedValue = `'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*"|\\{[^}]*\\}`;
/** What begins with a quotation mark and does not end hides the rest. */
const pairs = new RegExp(`(${secretName}\\s*=\\s*)(?:${quotedValue}|["'{].*|[^\\s;&"']+)`, 'gis');
/** Only there a name without a password is a token. */
const serverName = /(?<![\w/.-])servers?(?=["'\\\s=]|$)/i;

/** A console line, or a line of a configuration file. */
export function withoutSecrets(line: string): string {
  const shown = line.replace(named, `$1${hidden}`);
  return withoutCredentials(shown, { tokens: serverName.test(shown) });
}

/** `tokens`: what stands alone before an `@` is no user, but lets somebody in by itself. */
export function withoutCredentials(text: string, { tokens = false } = {}): string {
  return text
    .replace(pairs, `$1${hidden}`)
    .replace(/[^\s"']+/g, (word) => withoutUserInfo(word, tokens || /(?:nats|tls):\/\//i.test(word)));
}

/** `pgsql://user:...@host/database` */
function withoutUserInfo(word: string, isToken: boolean): string {
  const end = word.lastIndexOf('@');
  if (end < 0) return word;
  const scheme = word.indexOf('://');
  const start = scheme < 0 || scheme > end ? 0 : scheme + 3;
  const colon = word.indexOf(':', start);
  if (colon >= 0 && colon < end) return `${word.slice(0, colon + 1)}${hidden}${word.slice(end)}`;
  return isToken ? `${word.slice(0, start)}${hidden}${word.slice(end)}` : word;
}
