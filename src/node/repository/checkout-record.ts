/**
 * What a working copy knows about itself, in `.cfg/checkout.json`: which revisions it was made from, and what the operator
 * has scheduled. The file is part of the checkout, so that it is replaced with it in one step.
 */
import { isHash, type Tree, type TreeEntry } from '../../config/repository/tree.ts';
import { FlotillaError } from '../../core/errors.ts';

/** What of one repository is checked out. */
export interface CheckedOut {
  /** Its identity; undefined: it had no commit yet. */
  readonly repository: string | undefined;
  readonly rev: number;
  readonly tree: Tree;
  /** Commits of this working copy went on top of others that are not here: the tree is that of no revision. */
  readonly isMixed?: boolean;
}

export interface Unresolved {
  readonly path: string;
  readonly aside: readonly string[];
}

export interface CheckoutRecord {
  readonly clusterGroup: string;
  readonly subcluster: string;
  readonly global: CheckedOut;
  readonly own: CheckedOut;
  /** Scheduled by the operator. */
  readonly added: readonly string[];
  readonly deleted: readonly string[];
  readonly conflicts: readonly Unresolved[];
  /** A conflict was decided here, and is not committed yet: the operator says when it is loaded. */
  readonly decided: boolean;
  /** Name of the directory that was the working copy before. */
  readonly previous: string | undefined;
}

const format = 1;

export function formatRecord(record: CheckoutRecord): string {
  const { global, own, ...rest } = record;
  return `${JSON.stringify({ format, ...rest, global: written(global), own: written(own) })}\n`;
}

function written({ tree, ...rest }: CheckedOut) {
  return { ...rest, files: [...tree].map(([path, { hash, mode }]) => [path, hash, mode]) };
}

/** Throws FLT-2304 for what no program of this version has written. */
export function parseRecord(text: string, place: string): CheckoutRecord {
  try {
    const value = JSON.parse(text);
    if (value.format !== format) throw new TypeError(`format ${value.format}`);
    const { clusterGroup, subcluster, added, deleted, conflicts, decided, previous } = value;
    if (typeof clusterGroup !== 'string' || typeof subcluster !== 'string')
      throw new TypeError('no subcluster');
    const [global, own] = [checkedOut(value.global), checkedOut(value.own)];
    return { clusterGroup, subcluster, global, own, added, deleted, conflicts, decided, previous };
  } catch (error) {
    throw new FlotillaError('FLT-2304', `${place} cannot be read: ${(error as Error).message}`);
  }
}

interface Written {
  readonly repository?: string;
  readonly rev: number;
  readonly isMixed?: boolean;
  readonly files: readonly (readonly [path: string, hash: string, mode: number])[];
}

function checkedOut(value: Written): CheckedOut {
  const tree = new Map<string, TreeEntry>();
  for (const [path, hash, mode] of value.files) {
    if (!isHash(hash)) throw new TypeError(`the hash of ${path}`);
    tree.set(path, { hash, mode });
  }
  return { repository: value.repository, rev: value.rev, tree, isMixed: value.isMixed ?? false };
}

/** Of both repositories together; their paths never meet. */
export function baseOf({ global, own }: Pick<CheckoutRecord, 'global' | 'own'>): Tree {
  return new Map([...global.tree, ...own.tree]);
}
