/**
 * Values of options: from what the parser read to what a consumer uses, by type (CONF-4).
 *
 * Invariant: a value that is returned fits its type; everything else is reported with its code and place.
 */
import { logLevels } from '../core/log.ts';
import { parseCustomFormat } from '../core/logs/custom-format.ts';
import { type Destination, isJournal, parseDestination } from '../core/logs/destination.ts';
import { outputProblem } from '../core/logs/output-pattern.ts';
import type { Endpoint } from './address.ts';
import type { Findings } from './finding.ts';
import { type PeerAddress, readNetworkValue } from './network-values.ts';
import { type Refuse, shown } from './refusal.ts';
import { parseRegex } from './regex.ts';
import type { OptionType } from './schema/option.ts';
import { didYouMean } from './suggest.ts';
import type { Dictionary, Scalar, Value } from './syntax-tree.ts';

/** N units per S seconds, `burst` of them at once; a count of 0 is no limit (replication 7.1, 21.8). */
export interface Rate {
  readonly count: number;
  readonly periodSeconds: number;
  readonly burst?: number;
}

export type SettingValue =
  | boolean
  | number
  | string
  | Rate
  | Endpoint
  | PeerAddress
  | Destination
  | readonly SettingValue[]
  | ReadonlyMap<string, SettingValue>;

/** Undefined when it does not fit; then `findings` knows why. */
export function readValue(type: OptionType, value: Value, findings: Findings): SettingValue | undefined {
  if (type.kind === 'any') return value.kind === 'scalar' ? value.text : '';
  if (type.kind === 'list') return readList(type, value, findings);
  if (type.kind === 'dictionary') return readDictionary(type, value, findings);
  if (value.kind === 'scalar') return readScalar(type, value, findings);
  findings.add('CFG-2108', value.span, `one value is wanted here, not a ${value.kind}`);
  return undefined;
}

function readList(
  type: OptionType & { kind: 'list' },
  value: Value,
  findings: Findings,
): SettingValue | undefined {
  if (value.kind === 'dictionary') {
    findings.add('CFG-2108', value.span, 'a list is wanted here, not a dictionary', {
      hint: 'write ( a b )',
    });
    return undefined;
  }
  if (value.kind === 'scalar' && !type.alone) {
    const hint = 'write it in ( )';
    findings.add('CFG-2108', value.span, 'a list is wanted here; taken as one of a single value', {
      hint,
      severity: 'warning',
    });
  }
  const scalars = value.kind === 'scalar' ? [value] : value.items;
  if (type.nonEmpty && scalars.length === 0)
    findings.add('CFG-2108', value.span, 'the list must not be empty');
  const items = scalars.map((item) => readScalar(type.of, item, findings));
  return items.filter((item) => item !== undefined);
}

function readDictionary(
  type: OptionType & { kind: 'dictionary' },
  value: Value,
  findings: Findings,
): SettingValue | undefined {
  if (value.kind !== 'dictionary') {
    const hint = 'write [ key = value ]';
    findings.add(
      'CFG-2108',
      value.span,
      `a dictionary is wanted here, not a ${value.kind === 'list' ? 'list' : 'single value'}`,
      { hint },
    );
    return undefined;
  }
  reportDoubleKeys(value, findings);
  const entries = new Map<string, SettingValue>();
  for (const { key, value: entry } of value.entries) {
    if (type.key !== undefined && !type.key.test(key.text)) {
      findings.add(
        'CFG-2103',
        key.span,
        `the key '${key.text}' may hold only letters, digits, '_', '.' and '-'`,
      );
    }
    const read = readScalar(type.of, entry, findings);
    if (read !== undefined) entries.set(key.text, read);
  }
  return entries;
}

function reportDoubleKeys(dictionary: Dictionary, findings: Findings): void {
  const seen = new Set<string>();
  for (const { key } of dictionary.entries) {
    if (seen.has(key.text))
      findings.add('CFG-2109', key.span, `the key '${key.text}' stands here twice; the last one counts`);
    seen.add(key.text);
  }
}

function readScalar(type: OptionType, scalar: Scalar, findings: Findings): SettingValue | undefined {
  const { text, span } = scalar;
  const refuse: Refuse = (code, message, hint) => {
    findings.add(code, span, message, { hint });
    return undefined;
  };
  switch (type.kind) {
    case 'bool':
      return readBool(text) ?? refuse('CFG-2101', `${shown(text)} is not a boolean`, 'write true or false');
    case 'int':
    case 'real':
      return readNumber(type, text, refuse);
    case 'mode':
      return readMode(scalar, findings);
    case 'rate':
      return (
        parseRate(text) ??
        refuse(
          'CFG-2106',
          `invalid throttle rate ${shown(text)}`,
          'write "N", "N/SECONDS" or "N/SECONDS,burst=B"',
        )
      );
    case 'enum':
      return (
        readWord(type.words, text) ??
        refuse(type.code, notOneOf(text, type.words), () => didYouMean(text, type.words))
      );
    case 'level':
      return (
        readLevel(text) ??
        refuse(
          'CFG-2107',
          notOneOf(
            text,
            logLevels.map((level) => level.toUpperCase()),
          ),
        )
      );
    case 'words':
      return readWords(type.words, text, refuse);
    case 'regex':
      return readRegex(text, refuse);
    case 'string': {
      const problem = type.problem?.(text);
      return problem === undefined ? text : refuse(type.code ?? 'CFG-2107', problem);
    }
    case 'path':
      return text !== '' ? text : refuse('CFG-2114', 'the path is empty');
    case 'destination':
      return readDestination(type, scalar, findings);
    case 'format': {
      const problem = parseCustomFormat(text);
      return typeof problem === 'string' ? refuse('CFG-2319', problem) : text;
    }
    case 'datasource':
      return readDatasource(scalar, findings);
    case 'any':
    case 'list':
    case 'dictionary':
      throw new Error(`a ${type.kind} inside of a list or dictionary`);
    default:
      return readNetworkValue(type, text, refuse);
  }
}

function readRegex(text: string, refuse: Refuse): string | undefined {
  const regex = parseRegex(text);
  return typeof regex === 'string' ? refuse('CFG-2113', regex) : text;
}

const booleans: Readonly<Record<string, boolean>> = {
  on: true,
  true: true,
  yes: true,
  enabled: true,
  '1': true,
  off: false,
  false: false,
  no: false,
  disabled: false,
  '0': false,
};

function readBool(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return Object.hasOwn(booleans, word) ? booleans[word] : undefined;
}

function readNumber(
  type: OptionType & { kind: 'int' | 'real' },
  text: string,
  refuse: Refuse,
): number | undefined {
  const isWhole = type.kind === 'int';
  const pattern = isWhole ? /^-?\d{1,30}$/ : /^-?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})$/;
  if (!pattern.test(text))
    return refuse('CFG-2102', `${shown(text)} is not a ${isWhole ? 'whole number' : 'number'}`);
  const value = Number(text);
  if (value >= type.min && value <= type.max) return value;
  const bounds =
    type.max >= Number.MAX_SAFE_INTEGER ? `at least ${type.min}` : `from ${type.min} to ${type.max}`;
  return refuse('CFG-2103', `${shown(text)} is out of range: ${bounds}`);
}

function readMode(scalar: Scalar, findings: Findings): number | undefined {
  const { text, span } = scalar;
  if (!/^[0-7]{1,5}$/.test(text) || Number.parseInt(text, 8) > 0o7777) {
    findings.add('CFG-2104', span, `${shown(text)} is not a file mode`, {
      hint: 'write octal digits, as 0640',
    });
    return undefined;
  }
  if (!text.startsWith('0')) {
    findings.add('CFG-2105', span, `the mode ${shown(text)} is taken as octal`, { hint: `write 0${text}` });
  }
  return Number.parseInt(text, 8);
}

const longestRatePeriodSeconds = 31_536_000;

/** `N` or `N/S`, with or without `,burst=B`. */
export function parseRate(text: string): Rate | undefined {
  const parts = /^(\d{1,15})(?:\/(\d{1,8}))?(?:,burst=(\d{1,15}))?$/.exec(text);
  if (parts === null) return undefined;
  const count = Number(parts[1]);
  const periodSeconds = Number(parts[2] ?? '1');
  if (periodSeconds < 1 || periodSeconds > longestRatePeriodSeconds) return undefined;
  if (parts[3] === undefined) return { count, periodSeconds };
  const burst = Number(parts[3]);
  return burst >= 1 && burst <= count ? { count, periodSeconds, burst } : undefined;
}

function readWord(words: readonly string[], text: string): string | undefined {
  return words.find((word) => word.toLowerCase() === text.toLowerCase());
}

function notOneOf(text: string, words: readonly string[]): string {
  return `${shown(text)} is not one of ${words.join(', ')}`;
}

function readWords(words: readonly string[], text: string, refuse: Refuse): string[] | undefined {
  const given = text.split(';').map((word) => word.trim());
  const wrong = given.filter((word) => word !== '' && !words.includes(word));
  for (const word of wrong) refuse('CFG-2107', notOneOf(word, words), () => didYouMean(word, words));
  return wrong.length > 0 ? undefined : [...new Set(given.filter((word) => word !== ''))];
}

/** Level by name or by number, as the original counted them. */
function readLevel(text: string): string | undefined {
  return readWord(logLevels, text) ?? (/^[0-5]$/.test(text) ? logLevels[Number(text)] : undefined);
}

function readDestination(
  type: OptionType & { kind: 'destination' },
  scalar: Scalar,
  findings: Findings,
): Destination | undefined {
  const parsed = parseDestination(scalar.text, { isPattern: type.pattern });
  if (typeof parsed === 'string') {
    findings.add('CFG-2114', scalar.span, parsed);
    return undefined;
  }
  if (parsed.scheme === 'persist') {
    findings.add('CFG-2114', scalar.span, 'persist:// is a source to read from: nothing can be logged to it');
    return undefined;
  }
  if (isJournal(parsed) && parsed.subscribers.length === 0) {
    const message = `the journal '${parsed.path}' has no subscriber: nothing in it will ever be read or deleted`;
    findings.add('CFG-2114', scalar.span, message, {
      hint: `write '${scalar.text}=>master'`,
      severity: 'warning',
    });
  }
  const problem = type.pattern ? outputProblem(parsed) : undefined;
  if (problem !== undefined) findings.add('CFG-2319', scalar.span, problem);
  return problem === undefined ? parsed : undefined;
}

const builtInDrivers = ['sqlite', 'pgsql', 'postgresql'];
const driversOfTheOriginal = ['odbc', 'mysql', 'ldap', 'oracle'];

function readDatasource(scalar: Scalar, findings: Findings): string | undefined {
  const driver = /^([A-Za-z0-9_]+):/.exec(scalar.text)?.[1]?.toLowerCase();
  if (driver !== undefined && builtInDrivers.includes(driver)) return scalar.text;
  if (driver !== undefined && driversOfTheOriginal.includes(driver)) {
    const unless = driver === 'odbc' ? ' unless the package odbc is installed' : '';
    const message = `the driver '${driver}' is not built in: its queries fail${unless}, the cache is replicated all the same`;
    const hint = driver === 'odbc' ? { hint: 'npm install odbc, and the ODBC driver of the database' } : {};
    findings.add('CFG-2114', scalar.span, message, { severity: 'warning', ...hint });
    return scalar.text;
  }
  findings.add('CFG-2114', scalar.span, `${shown(scalar.text)} does not begin with a known driver and ':'`, {
    hint: `known are ${[...builtInDrivers, ...driversOfTheOriginal].join(', ')}`,
  });
  return undefined;
}
