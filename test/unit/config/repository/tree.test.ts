import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatClusterBoot, parseClusterBoot } from '../../../../src/config/repository/cluster-boot.ts';
import { decodeRevision, encodeRevision, listChanges } from '../../../../src/config/repository/revision.ts';
import {
  changesBetween,
  clashIn,
  formatTree,
  hashOf,
  parseTree,
  pathProblem,
  type Tree,
  withChanges,
} from '../../../../src/config/repository/tree.ts';

const name = fc.stringMatching(/^[a-zA-Z0-9_ äß-][a-zA-Z0-9_. äß-]{0,8}$/);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const entry = fc.record({
  hash: fc.string().map((content) => hashOf(Buffer.from(content))),
  mode: fc.constantFrom(0o644, 0o600, 0o755, 0),
});
const tree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(path, entry), { maxLength: 8 })
  .map((entries) => new Map(entries))
  .filter((files) => clashIn(files) === undefined);

describe('trees', () => {
  it('CONF-11.5 always: a tree comes back from its text, and equal trees have one text', () => {
    fc.assert(
      fc.property(tree, (files) => {
        const text = formatTree(files);
        expect(new Map(parseTree(text))).toEqual(files);
        expect(formatTree(new Map([...files].reverse()))).toEqual(text);
      }),
    );
  });

  it('CONF-11.5 always: the changes between two trees lead from one to the other', () => {
    fc.assert(
      fc.property(tree, tree, (from, to) => {
        expect(new Map(withChanges(from, changesBetween(from, to)))).toEqual(new Map(to));
        expect(changesBetween(to, to).size).toBe(0);
      }),
    );
  });

  it('CONF-11.5 a tree that names files outside the working copy is refused, whoever wrote it', () => {
    const hash = '0'.repeat(64);
    for (const bad of ['../passwd', '/etc/passwd', 'a/../b', '.cfg/checkout.json', 'a//b', 'a/', 'a\tb'])
      expect(() => parseTree(Buffer.from(`${hash} 0644 ${bad}\n`)), bad).toThrow(/damaged/);
    expect(() => parseTree(Buffer.from(`${hash} 0644 a\n${hash} 0644 a/b\n`))).toThrow(/own form/);
    expect(() => parseTree(Buffer.from(`${hash} 0644 b\n${hash} 0644 a\n`))).toThrow(/own form/);
    expect(pathProblem('relay-1/node-local.conf')).toBeUndefined();
  });
});

describe('revisions', () => {
  it('CONF-11.5 always: a revision comes back from its message', () => {
    fc.assert(
      fc.property(tree, tree, fc.string(), (from, to, message) => {
        const revision = {
          repository: 'ab',
          rev: 2,
          parent: 1,
          id: 'cd',
          author: 'admin',
          time: '2026-11-21T22:00:00.000Z',
          message,
          changes: listChanges(from, to),
          tree: hashOf(formatTree(to)),
          frozen: false,
        };
        expect(decodeRevision(encodeRevision(revision))).toEqual(revision);
      }),
    );
  });

  it('MSG-2 what a later release adds is ignored; a revision in a format of its own says so', () => {
    const revision = {
      repository: 'ab',
      rev: 1,
      parent: 0,
      id: 'cd',
      author: 'admin',
      time: '2026-11-21T22:00:00.000Z',
      message: '',
      changes: [],
      tree: hashOf(Buffer.from('')),
      frozen: false,
    };
    const said = (more: object) => Buffer.from(JSON.stringify({ ...revision, ...more }));
    expect(JSON.parse(String(Buffer.from(encodeRevision(revision))))).toEqual({ version: 1, ...revision });
    expect(decodeRevision(said({}))).toEqual(revision);
    expect(decodeRevision(said({ version: 1, signature: 'x' }))).toEqual(revision);
    expect(() => decodeRevision(said({ version: 2, changes: 'in another form' }))).toThrow(
      /later release.*format 2/,
    );
  });

  it('CONF-11.5 what is no revision is refused with its field', () => {
    for (const text of ['', '{', 'null', '[]', '{"repository":"a","rev":"1"}'])
      expect(() => decodeRevision(Buffer.from(text)), text).toThrow(/damaged/);
    expect(() => decodeRevision(Buffer.from('{"repository":"a","rev":-1}'))).toThrow(/'rev'/);
  });
});

describe('cluster.boot', () => {
  it('CONF-7.2 what is written is read again; keys of the original are passed over', () => {
    const boot = {
      clusterName: 'east',
      nodeName: 'relay-1',
      autoupdate: 'ifunchanged' as const,
      repo: ['nats-1:4222', 'nats-2'],
      reloadOnUpdate: false,
    };
    expect(parseClusterBoot(formatClusterBoot(boot), 'boot')).toEqual(boot);
    expect(parseClusterBoot('# mine\ncluster_name=default # usual\necconfigd.1=barca\n', 'boot')).toEqual({
      clusterName: 'default',
      nodeName: undefined,
      autoupdate: 'true',
      repo: ['auto'],
      reloadOnUpdate: true,
    });
  });

  it('CONF-7.2 what is wrong is named with its place', () => {
    expect(() => parseClusterBoot('cluster_name=a\nautoupdate=maybe\n', 'cluster.boot')).toThrow(
      /autoupdate is 'maybe'/,
    );
    expect(() => parseClusterBoot('node_name=a\n', 'cluster.boot')).toThrow(/cluster_name is missing/);
    expect(() => parseClusterBoot('what\n', 'cluster.boot')).toThrow(/cluster\.boot:1/);
  });
});
