import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, type Tree } from '../../../../src/config/repository/tree.ts';
import { type Merged, mergeTrees, type Resolution } from '../../../../src/config/repository/tree-merge.ts';

type Files = Readonly<Record<string, string>>;

const contents = new Map<string, Uint8Array>();

function treeOf(files: Files): Tree {
  return new Map(
    Object.entries(files).map(([path, text]) => {
      const content = Buffer.from(text);
      contents.set(hashOf(content), content);
      return [path, { hash: hashOf(content), mode: 0o644 }];
    }),
  );
}

async function merge(base: Files, mine: Files, theirs: Files, resolution: Resolution) {
  const merged = await mergeTrees({
    base: treeOf(base),
    mine: treeOf(mine),
    theirs: treeOf(theirs),
    read: async (hash) => contents.get(hash)!,
    resolution,
    revisions: () => ({ old: 46, new: 47 }),
  });
  return { files: textOf(merged), conflicts: merged.conflicts };
}

function textOf({ files }: Merged): Files {
  return Object.fromEntries(
    [...files].map(([path, file]) => {
      const content = 'content' in file ? file.content : contents.get(file.hash)!;
      return [path, Buffer.from(content).toString()];
    }),
  );
}

const path = fc.constantFrom('a', 'b', 'd/a', 'd/b', 'd', 'e/f/g');
const files: fc.Arbitrary<Files> = fc
  .dictionary(path, fc.constantFrom('1\n', '2\n', '1\n2\n3\n', '1\n2\n4\n', ''), { maxKeys: 5 })
  .filter((all) => !('d' in all && ('d/a' in all || 'd/b' in all)));

describe('merging working copies', () => {
  it('CONF-11.2 always: who changed nothing gets all that the other changed', async () => {
    await fc.assert(
      fc.asyncProperty(files, files, async (base, other) => {
        expect(await merge(base, base, other, 'none')).toEqual({ files: other, conflicts: [] });
        expect(await merge(base, other, base, 'none')).toEqual({ files: other, conflicts: [] });
        expect(await merge(base, other, other, 'none')).toEqual({ files: other, conflicts: [] });
      }),
    );
  });

  it('CONF-11.2 always: a decided merge can be written to a disk, and what only one side changed is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        files,
        files,
        fc.constantFrom<Resolution>('mine', 'theirs', 'manual'),
        async (base, mine, theirs, resolution) => {
          const merged = await merge(base, mine, theirs, resolution);
          const paths = new Set(Object.keys(merged.files));
          for (const each of paths)
            for (const other of paths)
              expect(other.startsWith(`${each}/`), `${each} and ${other}`).toBe(false);
          const met = merged.conflicts.map(({ path }) => path);
          for (const each of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
            if (met.some((at) => at === each || each.startsWith(`${at}/`))) continue;
            if (base[each] === theirs[each]) expect(merged.files[each]).toBe(mine[each]);
            else if (base[each] === mine[each]) expect(merged.files[each]).toBe(theirs[each]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('CONF-11.2 always: by hand, the text of both sides is still there, whatever met', async () => {
    await fc.assert(
      fc.asyncProperty(files, files, files, async (base, mine, theirs) => {
        const merged = await merge(base, mine, theirs, 'manual');
        const texts = Object.values(merged.files);
        for (const { path: at, kind } of merged.conflicts) {
          if (kind.startsWith('a ')) continue;
          if (mine[at] !== undefined) expect(texts).toContain(mine[at]);
          if (theirs[at] !== undefined) expect(texts).toContain(theirs[at]);
        }
        // A file that has to make room for a directory is put aside.
        for (const [at, text] of Object.entries(mine))
          if (text !== base[at] && text !== theirs[at] && merged.conflicts.some((met) => met.path === at))
            expect(texts).toContain(text);
      }),
      { numRuns: 500 },
    );
  });

  const both = { base: '1\n2\n3\n', mine: '1\nmine\n3\n', theirs: '1\ntheirs\n3\n' };
  const matrix: [string, Files, Files, Files, Record<Exclude<Resolution, 'none'>, Files>, string][] = [
    [
      'edit, edit',
      { f: both.base },
      { f: both.mine },
      { f: both.theirs },
      {
        mine: { f: both.mine },
        theirs: { f: both.theirs },
        manual: {
          f: '1\n<<<<<<< .mine\nmine\n=======\ntheirs\n>>>>>>> .r47\n3\n',
          'f.mine': both.mine,
          'f.r46': both.base,
          'f.r47': both.theirs,
        },
      },
      'both edited',
    ],
    [
      'edit, delete',
      { f: both.base },
      { f: both.mine },
      {},
      {
        mine: { f: both.mine },
        theirs: {},
        manual: { f: both.mine, 'f.mine': both.mine, 'f.r46': both.base },
      },
      'edited here, deleted upstream',
    ],
    [
      'delete, edit',
      { f: both.base },
      {},
      { f: both.theirs },
      {
        mine: {},
        theirs: { f: both.theirs },
        manual: { 'f.r46': both.base, 'f.r47': both.theirs },
      },
      'deleted here, edited upstream',
    ],
    [
      'add, add',
      {},
      { f: both.mine },
      { f: both.theirs },
      {
        mine: { f: both.mine },
        theirs: { f: both.theirs },
        manual: {
          f: `<<<<<<< .mine\n${both.mine}=======\n${both.theirs}>>>>>>> .r47\n`,
          'f.mine': both.mine,
          'f.r47': both.theirs,
        },
      },
      'both added',
    ],
    [
      'edit, edit of a binary file',
      { f: '\0' },
      { f: '\0mine' },
      { f: '\0theirs' },
      {
        mine: { f: '\0mine' },
        theirs: { f: '\0theirs' },
        manual: { f: '\0mine', 'f.mine': '\0mine', 'f.r46': '\0', 'f.r47': '\0theirs' },
      },
      'both edited, binary',
    ],
  ];
  it.each(matrix)(
    'CONF-13.8 %s: nothing without a word, else as decided',
    async (_, base, mine, theirs, wanted, kind) => {
      for (const resolution of ['mine', 'theirs', 'manual'] as const) {
        const merged = await merge(base, mine, theirs, resolution);
        expect(merged.files, resolution).toEqual(wanted[resolution]);
        expect(merged.conflicts.map((conflict) => [conflict.path, conflict.kind])).toEqual([['f', kind]]);
      }
      expect((await merge(base, mine, theirs, 'none')).conflicts).toHaveLength(1);
    },
  );

  it('CONF-13.8 delete and delete, or equal additions, are no conflict', async () => {
    expect(await merge({ f: '1\n' }, {}, {}, 'none')).toEqual({ files: {}, conflicts: [] });
    expect(await merge({}, { f: '1\n' }, { f: '1\n' }, 'none')).toEqual({
      files: { f: '1\n' },
      conflicts: [],
    });
  });

  it("CONF-11.2 a conflict file takes nobody's name", async () => {
    const merged = await merge(
      { f: both.base },
      { f: both.mine, 'f.mine': 'precious' },
      { f: both.theirs },
      'manual',
    );
    expect(merged.files['f.mine']).toBe('precious');
    expect(merged.files['f.mine~']).toBe(both.mine);
    expect(merged.conflicts[0]?.aside).toEqual(['f.mine~', 'f.r46', 'f.r47']);
  });
});
