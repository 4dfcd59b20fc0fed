/** Findings for people and for machines (CONF-9.2). */

import { hidden, withoutCredentials, withoutSecrets } from '../core/secrets.ts';
import type { CheckResult } from './check.ts';
import type { Finding } from './finding.ts';

const mostShown = 50;
/** A line of source can be a megabyte; this much around the place is shown. */
const shownColumns = 160;
const columnsBefore = 60;
/** Around a place, for names of secrets. */
const lookedAtColumns = 4096;

export interface RenderOptions {
  readonly json?: boolean;
  /** The last line, in place of the summary. */
  readonly verdict?: string;
}

/** All findings, each with its line of source, then one line of summary; or, with `json`, an array of objects. */
export function renderFindings(result: CheckResult, options: RenderOptions = {}): string {
  if (options.json === true) return `${JSON.stringify(result.findings.map(plainFinding), undefined, 2)}\n`;
  const { verdict = summary(result) } = options;
  if (!result.found) return [...new Set(['No configuration found', verdict]), ''].join('\n');
  const shown = result.findings.slice(0, mostShown).map(renderFinding);
  const { errors, warnings, notices } = result.counts;
  const hidden = errors + warnings + notices - shown.length;
  const more = hidden > 0 ? [`... and ${counted(hidden, 'more finding')}`] : [];
  return [...shown, ...more, verdict, ''].join('\n');
}

/** `Configuration valid`, or how many errors and warnings there are. */
export function summary(result: CheckResult): string {
  if (!result.found) return 'No configuration found';
  const { errors, warnings, notices } = result.counts;
  const counts = [
    ...(errors > 0 ? [counted(errors, 'error')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
    ...(notices > 0 ? [counted(notices, 'notice')] : []),
  ];
  const verdict = errors > 0 ? 'Configuration invalid' : 'Configuration valid';
  return counts.length === 0 ? verdict : `${verdict}: ${counts.join(', ')}`;
}

/** 0 valid (warnings allowed), 1 invalid, 2 no configuration found. */
export function exitStatus(result: CheckResult): 0 | 1 | 2 {
  if (!result.found) return 2;
  return result.counts.errors > 0 ? 1 : 0;
}

export function renderFinding(finding: Finding): string {
  const { file, line, column, severity, code, trace } = finding;
  const { message, hint } = shownWords(finding);
  const advice = hint === undefined ? '' : ` (${hint})`;
  return [
    printable(`${file}:${line}:${column}: ${severity} ${code}: ${message}${advice}`),
    ...excerpt(finding),
    ...trace.map((from) => printable(`  included from ${from.file}:${from.line}:${from.column}`)),
  ].join('\n');
}

/** The line of source and a caret under the place. */
function excerpt(finding: Finding): string[] {
  const { text, from, to, isEmpty } = shownLine(finding);
  if (isEmpty || text.trim() === '') return [];
  const cut = text.length > shownColumns ? Math.max(0, from - columnsBefore) : 0;
  const before = text.slice(cut, from);
  const marked = text.slice(from, Math.min(to, cut + shownColumns));
  const after = text.slice(Math.min(to, cut + shownColumns), cut + shownColumns);
  // A tab stays a tab under it, so that the caret stands right whatever its width.
  const indent = [...printable(before)].map((char) => (char === '\t' ? '\t' : ' ')).join('');
  const caret = `^${'~'.repeat(Math.max(0, [...marked].length - 1))}`;
  return [`    ${printable(before + marked + after)}`, `    ${indent}${caret}`];
}

interface ShownLine {
  readonly text: string;
  /** The place in it. */
  readonly from: number;
  readonly to: number;
  readonly isEmpty: boolean;
  /** The place begins behind the first thing that is not shown. */
  readonly isHidden: boolean;
}

/** Without the passwords in it: what reload answers is read by others than those who may read the files. */
function shownLine({ span }: Finding): ShownLine {
  const { start, text } = span.source.lineAround(span.start);
  const from = span.start - start;
  const to = Math.min(span.end - start, text.length);
  const isEmpty = span.end === span.start;
  const windowStart = Math.max(0, from - lookedAtColumns);
  const window = text.slice(windowStart, from + lookedAtColumns);
  const shown = withoutSecrets(window);
  if (shown === window) return { text, from, to, isEmpty, isHidden: false };
  let same = 0;
  while (window[same] === shown[same]) same++;
  const hiddenFrom = windowStart + same;
  return {
    text: text.slice(0, windowStart) + shown,
    from: Math.min(from, hiddenFrom),
    to: Math.min(to, Math.max(hiddenFrom, from + 1)),
    isEmpty,
    isHidden: from >= hiddenFrom,
  };
}

/** Messages quote what is wrong; a password with a blank in it is, where nobody put it into quotes. */
function shownWords(finding: Finding): { readonly message: string; readonly hint: string | undefined } {
  const { message, hint } = finding;
  const { isHidden } = shownLine(finding);
  const shown = (text: string) =>
    withoutCredentials(isHidden ? text.replace(/'[^']*'/g, `'${hidden}'`) : text);
  return { message: shown(message), hint: hint === undefined ? undefined : shown(hint) };
}

/** Texts come from files: nothing in them may move the cursor or reverse the direction of a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, (char) =>
    char === '\t' ? char : '\ufffd',
  );
}

export type PlainFinding = ReturnType<typeof plainFinding>;

/** Without its source. */
export function plainFinding(finding: Finding) {
  const { file, line, column, endLine, endColumn, code, severity, trace } = finding;
  const { message, hint } = shownWords(finding);
  return { file, line, column, endLine, endColumn, code, severity, message, hint: hint ?? null, trace };
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
