import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyTree, hashOf, type Tree, type TreeEntry } from '../../../../src/config/repository/tree.ts';
import { FlotillaError } from '../../../../src/core/errors.ts';
import { type CommitStore, type Outcome, Repository } from '../../../../src/node/repository/repository.ts';
import { systemClock, systemRandom } from '../../../../src/node/system-clock.ts';

/** Nobody waits here: what comes when is the scheduler's matter. */
const clock = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(0, run) };
const around = { clock, random: systemRandom };

class MemoryStore implements CommitStore {
  readonly commits: Uint8Array[] = [];
  readonly contents = new Map<string, Uint8Array>();
  /** Whether the answer to the next commit is lost, and the commit with it. */
  loses: 'nothing' | 'answer' | 'both' = 'nothing';

  async head() {
    return this.#at(this.commits.length);
  }

  async commit(sequence: number) {
    return this.#at(sequence);
  }

  async append(data: Uint8Array, behind: number) {
    if (this.commits.length !== behind) return undefined;
    const { loses } = this;
    this.loses = 'nothing';
    if (loses !== 'both') this.commits.push(data);
    if (loses !== 'nothing') throw new FlotillaError('FLT-2315', 'lost');
    return this.commits.length;
  }

  async put(hash: string, content: Uint8Array) {
    this.contents.set(hash, content);
  }

  async get(hash: string) {
    return this.contents.get(hash)!;
  }

  #at(sequence: number) {
    const data = this.commits[sequence - 1];
    return data && { sequence, data };
  }
}

const text = (content: string) => ({ hash: hashOf(Buffer.from(content)), mode: 0o644 });

async function commit(
  repository: Repository,
  base: Tree,
  files: Readonly<Record<string, string | undefined>>,
) {
  const contents = new Map<string, Uint8Array>();
  const changes = new Map<string, TreeEntry | undefined>();
  for (const [path, content] of Object.entries(files)) {
    changes.set(path, content === undefined ? undefined : text(content));
    if (content !== undefined) contents.set(text(content).hash, Buffer.from(content));
  }
  const read = async (hash: string) => contents.get(hash)!;
  return await repository.commit({ repository: undefined, author: 'me', message: '', base, changes, read });
}

const path = fc.constantFrom('a', 'b', 'c');
const change = fc.dictionary(path, fc.constantFrom('1', '2', '3', undefined), { minKeys: 1, maxKeys: 2 });

describe('a repository', () => {
  it('CONF-13.9 always: of commits at one moment each is taken whole, or refused because of a file of it, and none is lost', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 2, maxLength: 5 }),
        fc.scheduler(),
        async (changes, scheduler) => {
          const store = new MemoryStore();
          await commit(new Repository('default', store, around), emptyTree, { a: '0', b: '0', c: '0' });
          const slow: CommitStore = {
            head: () => scheduler.schedule(store.head()),
            commit: (sequence) => scheduler.schedule(store.commit(sequence)),
            append: scheduler.scheduleFunction((data: Uint8Array, behind: number) =>
              store.append(data, behind),
            ),
            put: (hash, content) => scheduler.schedule(store.put(hash, content)),
            get: (hash) => scheduler.schedule(store.get(hash)),
          };
          const base = (await new Repository('default', store, around).head())!.tree;
          const running = Promise.all(
            changes.map((files) => commit(new Repository('default', slow, around), base, files)),
          );
          const outcomes = await scheduler.waitFor(running);
          const repository = new Repository('default', store, around);
          const told = [];
          for await (const revision of repository.revisions()) told.unshift(revision);
          expect(told.map(({ rev, parent }) => [rev, parent])).toEqual(
            told.map((_, index) => [index + 1, index]),
          );
          const taken = outcomes.filter((outcome) => outcome.kind === 'committed');
          expect(told.length).toBe(1 + taken.length);
          const { tree } = (await repository.head())!;
          outcomes.forEach((outcome, index) => {
            if (outcome.kind === 'out of date')
              expect(Object.keys(changes[index]!)).toEqual(expect.arrayContaining([...outcome.paths]));
            // All knew the same tree: whoever changed a file first has the last word.
            else
              for (const [file, content] of Object.entries(changes[index]!))
                expect(tree.get(file)?.hash).toBe(content === undefined ? undefined : text(content).hash);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('CONF-11.5 a commit whose answer was lost is known again, and one that was lost itself is not called taken', async () => {
    const store = new MemoryStore();
    const repository = new Repository('default', store, around);
    store.loses = 'answer';
    const first: Outcome = await commit(repository, emptyTree, { a: '1' });
    expect(first.kind).toBe('committed');
    store.loses = 'both';
    const { tree } = (await repository.head())!;
    await expect(commit(repository, tree, { a: '2' })).rejects.toThrow(/not known/);
    expect((await repository.headRevision())?.rev).toBe(1);
  });

  it('CONF-11.5 a lost repository is filled again with the newest that somebody has, under its own numbers', async () => {
    const store = new MemoryStore();
    const repository = new Repository('default', store, around);
    const seed = (rev: number, content: string, identity = 'ab') =>
      repository.seed({
        repository: identity,
        rev,
        tree: new Map([['a', text(content)]]),
        author: 'relay-1',
        read: async () => Buffer.from(content),
      });
    expect(await seed(45, 'old')).toBe(true);
    expect(await seed(45, 'old')).toBe(false);
    expect(await seed(47, 'new')).toBe(true);
    expect(await seed(46, 'between')).toBe(false);
    expect(await seed(99, 'another', 'cd')).toBe(false);
    const head = await repository.head();
    expect([head?.revision.rev, head?.revision.repository, head?.tree.get('a')]).toEqual([
      47,
      'ab',
      text('new'),
    ]);
    const next = await commit(repository, head!.tree, { b: '1' });
    expect(next.kind === 'committed' && next.head.revision.rev).toBe(48);
  });
});
