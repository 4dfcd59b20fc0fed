/** A repository without a server: its revision N holds the same files as all others, with a content of their own each. */
import { encodeRevision } from '../../../src/config/repository/revision.ts';
import { formatTree, hashOf, type Tree } from '../../../src/config/repository/tree.ts';
import type { CommitStore } from '../../../src/node/repository/repository.ts';
import type { RepositoryBus } from '../../../src/node/repository/working-copy.ts';

export const files = Array.from(
  { length: 16 },
  (_, index) => `${['default', 'relay-1'][index % 2]}/file-${index}.conf`,
);

export function contentOf(path: string, generation: number): string {
  return `${path} of generation ${generation}\n`.repeat(100);
}

export function treeOf(generation: number): Tree {
  return new Map(
    files.map((path) => [path, { hash: hashOf(Buffer.from(contentOf(path, generation))), mode: 0o644 }]),
  );
}

/** Its newest revision is `generation`. */
export function busAt(generation: number): RepositoryBus {
  const text = formatTree(treeOf(generation));
  const contents = new Map(
    files.map((path) => {
      const content = Buffer.from(contentOf(path, generation));
      return [hashOf(content), content as Uint8Array];
    }),
  );
  contents.set(hashOf(text), text);
  const data = encodeRevision({
    repository: 'ab',
    rev: generation,
    parent: generation - 1,
    id: String(generation),
    author: 'test',
    time: '2026-11-21T22:00:00.000Z',
    message: '',
    changes: [],
    tree: hashOf(text),
    frozen: false,
  });
  const readOnly = async (): Promise<never> => {
    throw new Error('read only');
  };
  const store: CommitStore = {
    head: async () => ({ sequence: generation, data }),
    commit: async () => undefined,
    append: readOnly,
    put: readOnly,
    get: async (hash) => contents.get(hash)!,
  };
  return {
    open: async (name) => (name === 'default' ? store : undefined),
    create: readOnly,
    spread: async () => {},
  };
}
