/** Where a merge finds the content of a hash: in the checkout, among the local files, or in a repository. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashOf, isGlobalPath, type Tree } from '../../config/repository/tree.ts';
import { FlotillaError } from '../../core/errors.ts';
import type { Checkout } from './checkout.ts';
import type { Repository } from './repository.ts';

export interface ContentPlaces {
  readonly checkout: Checkout | undefined;
  /** The directory with the local files. */
  readonly root: string | undefined;
  readonly mine: Tree;
  readonly theirs: Tree;
  readonly heads: Readonly<Record<'global' | 'own', { readonly repository: Repository | undefined }>>;
}

export function contentReader(places: ContentPlaces): (hash: string) => Promise<Uint8Array> {
  const { checkout, root, heads } = places;
  const [mine, theirs] = [pathsByHash(places.mine), pathsByHash(places.theirs)];
  return async (hash) => {
    const kept = (await checkout?.original(hash)) ?? (await local(root, mine.get(hash), hash));
    if (kept) return kept;
    const path = theirs.get(hash);
    const { repository } = heads[path !== undefined && isGlobalPath(path) ? 'global' : 'own'];
    if (path !== undefined && repository) return await repository.content(hash);
    throw new FlotillaError('FLT-2311', `nobody has the content ${hash}`);
  };
}

async function local(
  root: string | undefined,
  path: string | undefined,
  hash: string,
): Promise<Uint8Array | undefined> {
  if (root === undefined || path === undefined) return undefined;
  const content = await readFile(join(root, path)).catch(() => undefined);
  return content && hashOf(content) === hash ? content : undefined;
}

function pathsByHash(tree: Tree): ReadonlyMap<string, string> {
  return new Map([...tree].map(([path, { hash }]) => [hash, path]));
}
