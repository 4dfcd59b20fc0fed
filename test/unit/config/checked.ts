/** Shorthand for tests: check a text, or files in memory, with a fixed environment. */
import { type CheckOptions, type CheckResult, checkConfiguration } from '../../../src/config/check.ts';
import type { NodeSettings } from '../../../src/core/settings.ts';
import { memoryFiles } from './memory-files.ts';

type More = Partial<CheckOptions>;

const quiet = { environment: { EC_CONF_SEARCH_PATH: '' }, hostname: 'Relay-1.example.com' };

export function checkText(text: string, more: More = {}): CheckResult {
  return checkConfiguration({ text, ...quiet, files: memoryFiles({}), ...more });
}

/** The first file is the main one. */
export function checkFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  more: More = {},
): CheckResult {
  const [main = ''] = Object.keys(files);
  return checkConfiguration({ file: main, ...quiet, files: memoryFiles(files), ...more });
}

/** One line a finding: `file:line:column severity code`. */
export function brief(result: CheckResult): string[] {
  return result.findings.map(
    ({ file, line, column, severity, code }) => `${file}:${line}:${column} ${severity} ${code}`,
  );
}

export function codes(result: CheckResult): string[] {
  return result.findings.map(({ code }) => code);
}

/** Settings of a text that must be valid. */
export function settingsOf(text: string, more: More = {}): NodeSettings {
  const result = checkText(text, more);
  if (result.settings === undefined)
    throw new Error(result.findings.map(({ message }) => message).join('\n'));
  return result.settings;
}
