/** Shorthand for tests: a checked configuration, and what its files say after console changes. */

import type { Change } from '../../../../src/config/change.ts';
import {
  type CheckRequest,
  type CheckResult,
  checkChanged,
  checkConfiguration,
} from '../../../../src/config/check.ts';
import type { ConfigurationFiles } from '../../../../src/config/files.ts';
import { wishToSet, wishToUnset } from '../../../../src/config/online/change-words.ts';
import type { Scope } from '../../../../src/config/scope-tree.ts';
import { memoryFiles } from '../memory-files.ts';

export type Texts = Readonly<Record<string, string>>;

export interface Checked {
  readonly request: CheckRequest;
  readonly result: CheckResult & { readonly tree: Scope };
  readonly files: ConfigurationFiles;
}

const surroundings = { environment: { EC_CONF_SEARCH_PATH: '' }, hostname: 'relay-1' };

/** The first file is the main one; those whose names end in `.ro` cannot be written. */
export function checkedFiles(texts: Texts): Checked {
  const memory = memoryFiles(texts);
  const files = { ...memory, isWritable: (path: string) => memory.isWritable(path) && !path.endsWith('.ro') };
  const request = { file: Object.keys(texts)[0]!, ...surroundings, files };
  return { request, result: treeOf(checkConfiguration(request)), files };
}

export function checkedText(text: string): Checked {
  return checkedFiles({ '/etc/main.conf': text });
}

export function treeOf(result: CheckResult): CheckResult & { readonly tree: Scope } {
  const { tree } = result;
  if (!tree) throw new Error(result.findings.map(({ code, message }) => `${code} ${message}`).join('\n'));
  return { ...result, tree };
}

/** Console lines without `config`, as words. */
export function changedBy(
  { request, result }: Checked,
  ...lines: readonly (readonly string[])[]
): CheckResult {
  const changes: Change[] = [];
  for (const [verb, ...words] of lines) {
    const now = treeOf(checkChanged(result.loaded!, request, changes)).tree;
    const wish = verb === 'set' ? wishToSet(words) : wishToUnset(now, words);
    if (!wish || !('change' in wish)) throw new Error(wish?.text ?? 'usage');
    changes.push(wish.change);
  }
  return checkChanged(result.loaded!, request, changes);
}
