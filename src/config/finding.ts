/**
 * What validation finds: a code, a place, a sentence, often advice. The catalogue below is the list of codes a user can
 * meet (CONF-9.3); a code never changes its meaning and is never reused.
 *
 * Invariant: the same finding is kept once, also when its file is included several times, and the list is bounded, so
 * that a file with a million mistakes costs no more than one with a thousand.
 */
import type { Position, Span } from './source.ts';

export type Severity = 'error' | 'warning' | 'notice';

const error = (title: string) => ({ severity: 'error' as Severity, title });
const warning = (title: string) => ({ severity: 'warning' as Severity, title });
const notice = (title: string) => ({ severity: 'notice' as Severity, title });

/** Severity is the usual one; a few codes have milder cases, which say so where they are raised. */
export const findingCatalogue = {
  'CFG-1101': error('Unterminated string or comment, NUL byte, or invalid UTF-8'),
  'CFG-1102': error('Syntax error: something unexpected, or a closing bracket is missing'),
  'CFG-1103': error('Typographic quote or » instead of a plain one'),
  'CFG-1104': warning('Unquoted value holds a character that should be quoted (only with --strict)'),
  'CFG-1105': error('A list or dictionary inside another one'),
  'CFG-1106': warning('`=` before `{`, or (only with --strict) missing before `[`'),
  'CFG-1107': error('Construct of the old 2.2 language; `flotilla migrate-conf` rewrites it'),
  'CFG-1201': error('Included file or directory not found or not readable'),
  'CFG-1203': error('Include cycle, or includes too deep or too many'),
  'CFG-1204': warning('Several files fit a relative include; the first is used'),
  'CFG-1205': warning('The main file stands in several directories of the search path; the first is used'),
  'CFG-2001': error('Unknown scope, or scope in the wrong place'),
  'CFG-2002': error('Unknown option, or option in the wrong scope'),
  'CFG-2003': error('Name given to a scope that takes none'),
  'CFG-2004': error('Scope without the name it needs'),
  'CFG-2005': warning('Option that was removed'),
  'CFG-2006': notice('Option or scope without effect here'),
  'CFG-2101': error('Not a boolean'),
  'CFG-2102': error('Not a number'),
  'CFG-2103': error('Number or text outside its range'),
  'CFG-2104': error('Not a file mode'),
  'CFG-2105': warning('File mode without leading zero'),
  'CFG-2106': error('Not a rate'),
  'CFG-2107': error('Not one of the legal words'),
  'CFG-2108': error('A list, a dictionary or a single value where another is wanted'),
  'CFG-2109': warning('Key twice in one dictionary; the last one counts'),
  'CFG-2110': error('Not an address'),
  'CFG-2111': error('Not a prefix, or address bits beyond the mask'),
  'CFG-2112': error('Not an endpoint'),
  'CFG-2113': error('Bad regular expression'),
  'CFG-2114': error('Bad path or URI'),
  'CFG-2201': error('local_changes_file cannot be used'),
  'CFG-2301': warning('DuraVIP address that no Topology covers'),
  'CFG-2302': error('Topology: not a prefix, or twice the same'),
  'CFG-2303': error('Name that a binding, group or pathway cannot have'),
  'CFG-2304': error('Replicate: type, option or name does not fit'),
  'CFG-2305': error('Replicated cache without a Datasource of its name'),
  'CFG-2306': error('Peers of the message bus: bad name, or two names with one address'),
  'CFG-2307': error('Ports of the message bus disagree'),
  'CFG-2308': error('Listen with both enable_duravip and duravip_follow'),
  'CFG-2309': error('duravip_follow names nothing that can be followed'),
  'CFG-2310': warning('duravip_preference together with duravip_follow'),
  'CFG-2311': warning('duravip_preference on a listener with enable_duravip'),
  'CFG-2312': error('cluster_max_outbound_connections in a binding inside a group'),
  'CFG-2313': warning('Cluster limit without the Replicate stanza it needs'),
  'CFG-2314': warning('Journal that no entry of `logs` offers, or an entry that no logger writes'),
  'CFG-2315': error('Node name, node address, subcluster or group name not usable'),
  'CFG-2316': warning('More than 10240 DuraVIP addresses'),
  'CFG-2317': warning(
    'Value that must be the same on all nodes differs from that of another one (told by a running node)',
  ),
  'CFG-2318': warning('Two loggers write the same file'),
  'CFG-2319': error('Unknown interpolation or format letter'),
  'CFG-2320': error('One binding or pathway name in two containers'),
  'CFG-2321': error('DuraVIP mark where it cannot be'),
  'CFG-2322': warning('Service that floats because another one on its address is marked'),
  'CFG-2323': warning('Services on one DuraVIP address prefer different nodes; the address prefers none'),
  'CFG-2331': warning('Console for other hosts without TLS: clients of other hosts are turned away'),
  'CFG-2332': error(
    'Files for logins, groups or TLS of a console: not a URI that is known here, or one is missing',
  ),
  'CFG-2333': error('Console that wants a login and has neither a password file nor a client authority'),
  'CFG-2334': warning('Console that lets everybody in, or nobody do anything'),
  'CFG-2335': warning('Passwords in clear text, or a pattern of a Role that is not anchored'),
  'CFG-2336': error('Metrics_Listener on an address that floats'),
  'CFG-2324': error('Redis_Listener without a replicated cache, or where other hosts reach it'),
} as const satisfies Record<string, { severity: Severity; title: string }>;

export type FindingCode = keyof typeof findingCatalogue;

export interface Finding extends Position {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** End of the marked text, exclusive. */
  readonly endLine: number;
  readonly endColumn: number;
  /** The include statements that led to the file, nearest first. */
  readonly trace: readonly Position[];
  /** For printing with a caret: the source text and the stretch of it. */
  readonly span: Span;
}

export interface FindingCounts {
  readonly errors: number;
  readonly warnings: number;
  readonly notices: number;
}

interface Raised {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly span: Span;
  readonly message: string;
  readonly hint: string | undefined;
}

const mostKept = 1000;
/** Names and values can be a megabyte; messages are lines. */
const longestMessage = 400;

export class Findings {
  readonly #raised: Raised[] = [];
  readonly #seen = new Set<string>();
  readonly #counts = { error: 0, warning: 0, notice: 0 };

  /** A hint that takes time to find is given as a function: it is asked only when the finding is kept. */
  add(
    code: FindingCode,
    span: Span,
    text: string,
    more: { hint?: string | undefined | (() => string | undefined); severity?: Severity } = {},
  ): void {
    const severity = more.severity ?? findingCatalogue[code].severity;
    const message = text.length > longestMessage ? `${text.slice(0, longestMessage)}...` : text;
    const key = `${code} ${span.source.ordinal} ${span.start} ${message}`;
    if (this.#seen.has(key)) return;
    this.#counts[severity] += 1;
    if (this.#raised.length >= mostKept) return;
    this.#seen.add(key);
    const hint = typeof more.hint === 'function' ? more.hint() : more.hint;
    this.#raised.push({ code, severity, span, message, hint });
  }

  get hasErrors(): boolean {
    return this.#counts.error > 0;
  }

  get counts(): FindingCounts {
    return { errors: this.#counts.error, warnings: this.#counts.warning, notices: this.#counts.notice };
  }

  /** All kept findings, sorted by file in reading order, then by position. */
  list(): Finding[] {
    const bySource = (a: Raised, b: Raised) =>
      a.span.source.ordinal - b.span.source.ordinal || a.span.start - b.span.start || a.span.end - b.span.end;
    return [...this.#raised].sort(bySource).map((raised) => {
      const { source, start, end } = raised.span;
      const first = source.positionOf(start);
      const last = source.positionOf(end);
      return { ...raised, ...first, endLine: last.line, endColumn: last.column, trace: source.trace() };
    });
  }
}
