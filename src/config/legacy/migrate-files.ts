/**
 * Files in the 2.2 language with all that they include, rewritten one by one (CONF-3.2). Nothing is written here.
 *
 * Invariant: each file is rewritten once, for the place where it is included first; one that is included in two kinds of
 * places that read it differently is left as it is.
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import type { ConfigurationFiles } from '../files.ts';
import { filesIn, maxFileBytes, pathOfFileUri } from '../load.ts';
import { candidatesOf } from '../search-path.ts';
import { decodeText } from '../source.ts';
import { type IncludedName, type Migration, migrateText, type Place } from './migrate.ts';

export interface MigratedFile {
  readonly path: string;
  readonly migration: Migration;
  /** Included with its whole directory, where a copy beside it would be included, too. */
  readonly isInDirectory: boolean;
}

export interface MigratedFiles {
  readonly files: readonly MigratedFile[];
  /** What could not be read. */
  readonly problems: readonly string[];
}

export interface FilesContext {
  readonly files: ConfigurationFiles;
  readonly searchPath: readonly string[];
}

const mostFiles = 1000;

interface Waiting {
  readonly path: string;
  readonly place: Place;
  readonly isInDirectory: boolean;
}

export function migrateFiles(paths: readonly string[], context: FilesContext): MigratedFiles {
  const found = new Map<string, MigratedFile & { readonly place: Place }>();
  const problems: string[] = [];
  const waiting: Waiting[] = paths.map((path) => ({ path, place: 'top', isInDirectory: false }));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { path, place, isInDirectory } = next;
    const known = found.get(resolve(path));
    if (known !== undefined) {
      if (known.place !== place && (known.place === 'cluster' || place === 'cluster'))
        problems.push(
          `${path}: it is included inside the cluster scope and outside of it; see to it by hand`,
        );
      continue;
    }
    if (found.size >= mostFiles) {
      problems.push(`${path}: there are more than ${mostFiles} files`);
      break;
    }
    const text = textOf(path, context.files);
    if ('problem' in text) {
      problems.push(`${path}: ${text.problem}`);
      continue;
    }
    const migration = migrateText(path, text.text, place);
    found.set(resolve(path), { path, migration, isInDirectory, place });
    for (const include of migration.includes) {
      const included = includedBy(path, include, context);
      if (included.length === 0)
        problems.push(`${path}: '${include.target}', which it includes, is not there`);
      waiting.push(...included);
    }
  }
  return { files: [...found.values()], problems };
}

function textOf(path: string, files: ConfigurationFiles): { text: string } | { problem: string } {
  const facts = files.facts(path);
  if (facts.kind === 'none') return { problem: facts.reason };
  if (facts.kind === 'directory') return { problem: 'is a directory' };
  if (facts.sizeBytes > maxFileBytes) return { problem: `is larger than ${maxFileBytes} bytes` };
  const bytes = files.read(path);
  return bytes === undefined ? { problem: 'permission denied' } : { text: decodeText(bytes) };
}

/** As the loader looks for it: beside the including file, then along the search path. */
function includedBy(
  from: string,
  { target, place }: IncludedName,
  { files, searchPath }: FilesContext,
): readonly Waiting[] {
  const named = /^file:\/\//i.test(target) ? (pathOfFileUri(target) ?? '') : target;
  const path = isAbsolute(named) ? named : candidatesOf(named, [dirname(from), ...searchPath], files)[0];
  if (path === undefined || named === '') return [];
  switch (files.facts(path).kind) {
    case 'file':
      return [{ path, place, isInDirectory: false }];
    case 'directory':
      return filesIn(path, files).map((member) => ({ path: member, place, isInDirectory: true }));
    case 'none':
      return [];
  }
}
