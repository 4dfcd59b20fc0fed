/** What a database driver is to a datasource, and what drivers have in common: optional packages, plain values. */
import { createRequire } from 'node:module';
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

const require = createRequire(import.meta.url);

/** Packages of drivers are installed by who needs them. */
export function pathOfPackage(name: string): string {
  try {
    return require.resolve(name);
  } catch (cause) {
    throw new Error(`the package ${name} is not installed; run: npm install ${name}`, { cause });
  }
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
