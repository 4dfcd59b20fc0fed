/**
 * `flotilla migrate-conf`: files in the 2.2 language are rewritten in place, with all that they include (CONF-3.2); or
 * standard input is, to standard output.
 *
 * Invariants: the original of a file is kept before the file is replaced, as a whole, and an original that was kept before
 * is never overwritten; when one could not be kept, or a file cannot be read, none is replaced.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { diskFiles } from '../config/files.ts';
import { type Migration, migrateText } from '../config/legacy/migrate.ts';
import { type MigratedFile, migrateFiles } from '../config/legacy/migrate-files.ts';
import { renderFinding } from '../config/report.ts';
import { searchPathOf } from '../config/search-path.ts';
import { decodeText } from '../config/source.ts';

type Output = NodeJS.WritableStream;

/** The exit code: 0 when everything was rewritten, 1 when something was left, or could not be done. */
export async function migrateConfiguration(
  files: readonly string[],
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<number> {
  if (files.length > 0) return migrateInPlace(files, dryRun);
  const migration = migrateText('standard input', decodeText(await buffer(process.stdin)));
  tell(process.stderr, reportOf(migration));
  if (migration.findings.length > 0) return 1;
  if (!dryRun) process.stdout.write(migration.text);
  return migration.remarks.some(({ kind }) => kind === 'left') ? 1 : 0;
}

function migrateInPlace(paths: readonly string[], dryRun: boolean): number {
  const nodename = process.env.EC_NODE_NAME ?? hostname().replace(/\..*/s, '');
  const searchPath = searchPathOf(nodename, process.env.EC_CONF_SEARCH_PATH);
  const { files, problems } = migrateFiles(paths, { files: diskFiles, searchPath });
  for (const { migration } of files) tell(process.stdout, reportOf(migration));
  const changed = files.filter(({ migration }) => migration.isChanged);
  const isReadable = files.every(({ migration }) => migration.findings.length === 0);
  const refusals = isReadable && !dryRun ? replaceAll(changed) : [];
  tell(process.stderr, [...problems, ...refusals]);
  if (!isReadable) tell(process.stderr, ['Nothing was changed.']);
  if (!isReadable || refusals.length > 0) return 1;
  const remarks = files.flatMap(({ migration }) => migration.remarks);
  const left = remarks.filter(({ kind }) => kind === 'left').length;
  const verb = dryRun ? 'to be changed' : 'changed';
  const places = remarks.length - left;
  tell(process.stdout, [`Files ${verb}: ${changed.length}, in ${places} places; left to you: ${left}.`]);
  return problems.length === 0 && left === 0 ? 0 : 1;
}

function reportOf({ findings, remarks }: Migration): string[] {
  if (findings.length > 0) return findings.map(renderFinding);
  return remarks.map(({ kind, file, line, column, text }) => {
    const left = kind === 'left' ? 'left as it is: ' : '';
    return `${file}:${line}:${column}: ${left}${text}`;
  });
}

/** Texts come from files: nothing in them may move the cursor of a terminal. */
function tell(output: Output, lines: readonly string[]): void {
  for (const line of lines) output.write(`${line.replace(/[^\P{Cc}\t\n]/gu, '\ufffd')}\n`);
}

/** Why not all files were replaced; nothing when they were. */
function replaceAll(files: readonly MigratedFile[]): string[] {
  const planned = files.map((file) => ({ ...file, path: realpathSync(file.path), copy: copyOf(file) }));
  const taken = planned.filter(({ copy }) => existsSync(copy));
  if (taken.length > 0)
    return taken.map(({ copy }) => `${copy} is there already, so nothing was changed: move it away`);
  try {
    for (const { path, copy } of planned) copyFileSync(path, copy, constants.COPYFILE_EXCL);
    for (const { path, migration } of planned) replace(path, migration.text);
    return [];
  } catch (error) {
    return [`${(error as Error).message}; the originals are in the files with .bak`];
  }
}

/** Beside the original; hidden where everything in the directory that is not is configuration. */
function copyOf({ path, isInDirectory }: MigratedFile): string {
  const real = realpathSync(path);
  return join(dirname(real), `${isInDirectory ? '.' : ''}${basename(real)}.bak`);
}

/** With the owner and mode that it had, and only when all of it is on the disk. */
function replace(path: string, content: string): void {
  const { mode, uid, gid } = statSync(path);
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, content);
    fchownSync(file, uid, gid);
    fchmodSync(file, mode & 0o7777);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
