/** What a database driver is to a datasource, and what drivers have in common: packages that may not be there, plain values. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { QueryLimits, QueryRow, QueryValue } from '../../core/cache/query-cache.ts';

/** One database. Connects with the first query, and again when the connection was lost. */
export interface Driver {
  query(
    query: string,
    parameters: readonly QueryValue[],
    limits: QueryLimits,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/** The database could not be asked at all; what it says of a query is another error. */
export class Unreachable extends Error {}

export interface PackageOptions {
  /** Whose packages; undefined: those of this program. */
  readonly from?: string | undefined;
  /** What to do where it is installed and cannot be loaded. */
  readonly whenBroken?: string;
}

/**
 * A package that is installed by who needs it. By `require`, because what failed once is tried again then: who has mended
 * what was missing need not restart the node.
 */
export function openPackage<Package>(name: string, options: PackageOptions = {}): Package {
  const { from = import.meta.url, whenBroken = `run 'npm rebuild ${name}'` } = options;
  const path = pathOfPackage(name, from);
  try {
    return createRequire(from)(path) as Package;
  } catch (cause) {
    const [reason] = messageOf(cause).split('\n');
    const what = `the package '${name}' is installed (${dirname(path)}), but cannot be loaded: ${reason}`;
    throw new Unreachable(`${what}; ${whenBroken} in ${placeOfPackages(fileURLToPath(from))}`, { cause });
  }
}

export function pathOfPackage(name: string, from: string = import.meta.url): string {
  try {
    return createRequire(from).resolve(name);
  } catch (cause) {
    const place = placeOfPackages(fileURLToPath(from));
    throw new Unreachable(`the package '${name}' is not installed; run 'npm install ${name}' in ${place}`, {
      cause,
    });
  }
}

/** Where `npm install` puts a package so that the file finds it. */
function placeOfPackages(file: string): string {
  const inside = file.lastIndexOf(`${sep}node_modules${sep}`);
  if (inside >= 0) return file.slice(0, inside);
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What can travel to other nodes: times as ISO 8601, bytes as base64, everything else that has parts as JSON. */
export function plainRow(row: Readonly<Record<string, unknown>>): QueryRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plainValue(value)]));
}

function plainValue(value: unknown): QueryValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return JSON.stringify(value);
}
