import { chmodSync, chownSync, existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stopNatsServers } from '../nats-server.ts';
import { type Machine, Workbench } from './workbench.ts';

let bench: Workbench;

beforeEach(async () => {
  bench = await Workbench.open();
});

afterEach(async () => {
  bench.close();
  await stopNatsServers();
});

/** Working copies of one new subcluster. */
async function workingCopies<Names extends readonly string[]>(
  ...names: Names
): Promise<{ [At in keyof Names]: Machine }> {
  const machines = names.map((name) => bench.machine(name));
  const [first, ...others] = machines;
  expect(await first!.cfg('bootstrap', '--singlenode')).toMatchObject({
    exitCode: 0,
    output:
      'A    default/eccluster.conf\nA    default/ecelerity-cluster.conf\nA    default/ecelerity.conf\n' +
      'A    global/msgc_server.conf\n',
  });
  for (const other of others) await other.cfg('bootstrap', '--clustername', 'default');
  return machines as { [At in keyof Names]: Machine };
}

describe('working copies', () => {
  it('CONF-11.3 three of them: an edit is committed, pulled, diffed, logged and taken back', {
    timeout: 240_000,
  }, async () => {
    const [a, b, c] = await workingCopies('relay-1', 'relay-2', 'relay-3');
    a.write('default/ecelerity.conf', 'include "ecelerity-cluster.conf"\n# edited\n');
    a.write('relay-2/node-local.conf', '# of relay-2\n');
    expect((await a.cfg('status')).output).toBe(
      'M       default/ecelerity.conf\n?       relay-2/node-local.conf\n',
    );
    expect((await a.cfg('diff')).output).toBe(
      [
        'Index: default/ecelerity.conf',
        '===================================================================',
        '--- default/ecelerity.conf\t(revision 1, global 1)',
        '+++ default/ecelerity.conf\t(working copy)',
        '@@ -1,2 +1,2 @@',
        '-# The master file of a node.',
        ' include "ecelerity-cluster.conf"',
        '+# edited',
        '',
      ].join('\n'),
    );
    expect(await a.cfg('commit', '-add', '-m', 'two things')).toEqual({
      exitCode: 0,
      output:
        'Sending        default/ecelerity.conf\nAdding         relay-2/node-local.conf\n' +
        'Transmitting file data..\nCommitted revision 2.\n',
      errors: '',
    });
    expect((await a.cfg('commit')).output).toBe('Nothing to commit\n');
    for (const other of [b, c]) {
      expect((await other.cfg('pull')).output).toBe(
        `OK\n${other.conf} is another directory now: a shell that stands in it has to cd again.\n`,
      );
      expect(other.read('relay-2/node-local.conf')).toBe('# of relay-2\n');
      expect((await other.cfg('pull')).output).toBe('OK\n');
    }
    expect((await c.cfg('log', '-n', '1')).output).toMatch(
      /^-{72}\nr2 \| relay-1 \| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 \| 1 line\nChanged paths:\n {3}M default\/ecelerity\.conf\n {3}A relay-2\/node-local\.conf\n\ntwo things\n-{72}\n$/,
    );
    expect((await c.cfg('cat', '-r', '1', 'default/ecelerity.conf')).output).toMatch(/^# The master file/);
    expect((await b.cfg('revert', '--to', '1')).output).toBe(
      'Sending        default/ecelerity.conf\nDeleting       relay-2/node-local.conf\n' +
        'Transmitting file data.\nCommitted revision 3.\n',
    );
    await c.cfg('pull');
    expect(existsSync(join(c.conf, 'relay-2/node-local.conf'))).toBe(false);
    expect((await c.cfg('info')).output).toMatch(
      /Subcluster: default\n(.*\n)*Revision: 3\n(.*\n)*Newest Revision: 3\n/,
    );
  });

  it('CONF-11.2 local edits that do not meet upstream ones are merged, deletions and modes too', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    a.write('default/list.conf', '# 1\n# 2\n# 3\n# 4\n# 5\n');
    a.write('default/secret.conf', '# password\n');
    chmodSync(join(a.conf, 'default/secret.conf'), 0o600);
    await a.cfg('commit', '--add-all', '--message', 'a list');
    await b.cfg('pull');
    expect(statSync(join(b.conf, 'default/secret.conf')).mode & 0o777).toBe(0o600);
    a.write('default/list.conf', '# upstream\n# 2\n# 3\n# 4\n# 5\n');
    await a.cfg('delete', 'default/eccluster.conf');
    expect((await a.cfg('status')).output).toBe(
      'D       default/eccluster.conf\nM       default/list.conf\n',
    );
    await a.cfg('commit');
    b.write('default/list.conf', '# 1\n# 2\n# 3\n# 4\n# local\n');
    b.write('relay-2/notes.conf', '# nobody added this\n');
    expect((await b.cfg('pull')).exitCode).toBe(0);
    expect(b.read('default/list.conf')).toBe('# upstream\n# 2\n# 3\n# 4\n# local\n');
    expect(existsSync(join(b.conf, 'default/eccluster.conf'))).toBe(false);
    expect((await b.cfg('status')).output).toBe('M       default/list.conf\n?       relay-2/notes.conf\n');
    // Deleted once is deleted: it is not offered for adding again.
    await b.cfg('commit', '--add-all');
    await a.cfg('pull');
    expect(existsSync(join(a.conf, 'default/eccluster.conf'))).toBe(false);
  });

  it('CONF-13.9 a conflicting edit changes nothing, says how to go on, and is decided as the operator says', {
    timeout: 240_000,
  }, async () => {
    const [a, b, c, d] = await workingCopies('relay-1', 'relay-2', 'relay-3', 'relay-4');
    const upstream = 'include "ecelerity-cluster.conf"\n# upstream\n';
    const local = 'include "ecelerity-cluster.conf"\n# local\n';
    for (const other of [b, c, d]) other.write('default/ecelerity.conf', local);
    a.write('default/ecelerity.conf', upstream);
    await a.cfg('commit', '-m', 'first');
    const root = lstatSync(b.conf).ino;
    const late = await b.cfg('commit', '-m', 'late');
    expect(late.exitCode).toBe(1);
    expect(late.errors).toMatch(
      /out of date: r2 of default changed default\/ecelerity\.conf.*flotilla cfg pull/,
    );
    const pulled = await b.cfg('pull');
    expect(pulled.exitCode).toBe(1);
    expect(pulled.errors).toMatch(
      /nothing was changed:\nC {7}default\/ecelerity\.conf \(both edited\)\n.*--mine/,
    );
    expect(lstatSync(b.conf).ino).toBe(root);
    expect(b.read('default/ecelerity.conf')).toBe(local);

    expect((await b.cfg('pull', '-mine')).exitCode).toBe(0);
    expect(b.read('default/ecelerity.conf')).toBe(local);
    expect((await c.cfg('pull', '--t')).exitCode).toBe(0);
    expect(c.read('default/ecelerity.conf')).toBe(upstream);
    expect((await d.cfg('pull', '-m')).errors).toMatch(/option '-m' is ambiguous: --mine, --manual/);
    await d.cfg('pull', '--manual');
    expect(d.read('default/ecelerity.conf')).toContain('<<<<<<< .mine\n');
    expect((await d.cfg('status')).output).toMatch(/^C {7}default\/ecelerity\.conf\n/);
    expect((await d.cfg('commit', '--add-all')).errors).toMatch(/in conflict: not resolved yet/);
    expect((await d.cfg('resolve')).errors).toMatch(/ecelerity\.conf:\d+ still has a conflict mark/);
    d.write('default/ecelerity.conf', `${upstream}# local\n`);
    expect((await d.cfg('resolve', 'default/ecelerity.conf')).output).toBe(
      "Resolved conflicted state of 'default/ecelerity.conf'\n",
    );
    expect((await d.cfg('status')).output).toBe('M       default/ecelerity.conf\n');
    expect((await d.cfg('commit')).output).toMatch(/Committed revision 3\.\n$/);
  });

  it('CONF-13.9 two commits of one parent: disjoint files both succeed, and both have all after a pull', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    a.write('relay-1/node-local.conf', '# a\n');
    b.write('relay-2/node-local.conf', '# b\n');
    const both = await Promise.all([a, b].map((each) => each.cfgProcess('commit', '--add-all')));
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(both.map(({ output }) => /revision (\d)/.exec(output)?.[1]).sort()).toEqual(['2', '3']);
    for (const each of [a, b]) {
      await each.cfg('pull');
      expect([each.read('relay-1/node-local.conf'), each.read('relay-2/node-local.conf')]).toEqual([
        '# a\n',
        '# b\n',
      ]);
      expect((await each.cfg('status')).output).toBe('');
    }
  });

  it('CONF-13.9 two commits of one line at one moment: one is taken, the other is told, and loses nothing', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    for (const each of [a, b])
      each.write('default/ecelerity.conf', `include "ecelerity-cluster.conf"\n# ${each.name}\n`);
    const both = await Promise.all([a, b].map((each) => each.cfgProcess('commit')));
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
    const loser = both[0]!.exitCode === 1 ? a : b;
    expect(both.find(({ exitCode }) => exitCode === 1)?.errors).toMatch(/out of date/);
    expect(loser.read('default/ecelerity.conf')).toContain(loser.name);
  });

  it('CONF-11.5 a commit of a machine that is cut off is refused, and not queued', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    a.write('default/ecelerity.conf', '# cut off\n');
    await bench.server.stop();
    const refused = await a.cfg('commit');
    expect(refused.exitCode).toBe(1);
    expect(refused.errors).toMatch(
      /^flotilla: The configuration repository cannot be reached: .*a commit is refused, never queued\. \[FLT-2301\]\n$/,
    );
    expect((await a.cfg('status')).output).toBe('M       default/ecelerity.conf\n');
    await bench.server.start();
    expect((await b.cfg('pull')).output).toBe('OK\n');
  });

  it('CONF-11.2 what no node could start with is refused, unless the operator insists', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    a.write('relay-7/ecelerity.conf', 'cluster { if_down_limt = 4 }\n');
    const refused = await a.cfg('commit', '--add-all');
    expect(refused.exitCode).toBe(1);
    expect(refused.errors).toMatch(/relay-7\/ecelerity\.conf:1:11: error CFG-2002/);
    expect(refused.errors).toMatch(/for relay-7; nothing was committed/);
    expect((await a.cfg('commit', '--add-all', '--no-validate')).output).toMatch(/Committed revision 2\./);
  });

  it('CONF-11.2 a file that each node has in its own directory is asked of no other directory', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    a.write('default/ecelerity.conf', 'include "ecelerity-cluster.conf"\ninclude "node-local.conf"\n');
    expect(await a.cfg('commit')).toMatchObject({
      exitCode: 1,
      errors: expect.stringMatching(
        /failed to stat 'node-local\.conf'[\s\S]* for any-node; nothing was committed/,
      ),
    });
    a.write('relay-1/node-local.conf', 'cluster { nodeaddr = 10.0.0.1 }\n');
    a.write('relay-2/node-local.conf', 'cluster { nodeaddr = 10.0.0.2 }\n');
    a.write('relay-2/other.conf', '# more of relay-2\n');
    a.write('shared/by-path.conf', '# shared by some\n');
    expect(await a.cfg('commit', '--add-all')).toMatchObject({
      exitCode: 0,
      errors:
        "flotilla: only nodes with a 'node-local.conf' of their own can start with it: relay-1, relay-2\n",
    });

    expect(await a.cfg('revert', 'relay-1', 'nosuch')).toEqual({
      exitCode: 0,
      output: '',
      errors:
        "flotilla: there is nothing to revert in 'relay-1'\nflotilla: there is nothing to revert in 'nosuch'\n",
    });
    a.remove('relay-2/node-local.conf');
    const taken = await a.cfg('commit', '--delete-all');
    expect(taken.exitCode).toBe(1);
    expect(taken.errors).toMatch(/for relay-2; nothing was committed/);
    a.write('relay-2/node-local.conf', 'cluster { nodeadr = 10.0.0.2 }\n');
    const misspelt = await a.cfg('commit');
    expect(misspelt.errors).toMatch(/relay-2\/node-local\.conf:1:11: error CFG-2002/);
    expect(misspelt.errors).toMatch(/for relay-2; nothing was committed/);
  });

  it('CONF-11.1 files of `global` reach every subcluster, and a commit of both makes two revisions, global first', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    const east = bench.machine('east-1');
    await a.cfg('subcluster', 'create', 'east');
    expect((await a.cfg('subcluster', 'create', 'East')).errors).toMatch(
      /'East' must be lower case.*FLT-2320/s,
    );
    expect((await a.cfg('subcluster', 'override', 'east', 'nobody')).errors).toMatch(/FLT-2322/);
    expect((await a.cfg('subcluster', 'clusters')).output).toBe('default east\n');
    await east.cfg('bootstrap', '--clustername', 'east');
    east.write('global/shared.conf', '# shared\n');
    east.write('default/own.conf', '# of east\n');
    expect((await east.cfg('commit', '--add-all')).output).toBe(
      'Adding         global/shared.conf\nTransmitting file data.\nCommitted revision 2.\n' +
        'Adding         default/own.conf\nTransmitting file data.\nCommitted revision 2.\n',
    );
    east.write('global/shared.conf', '# shared by all\n');
    expect((await east.cfg('commit')).output).toBe(
      'Sending        global/shared.conf\nTransmitting file data.\nCommitted revision 3.\n',
    );
    await a.cfg('pull');
    expect(a.read('global/shared.conf')).toBe('# shared by all\n');
    expect(existsSync(join(a.conf, 'default/own.conf'))).toBe(false);
  });

  it('CONF-11.4 in CONFLICT nothing is pulled or committed, until that is resolved', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    await a.cfg('subcluster', 'conflict', 'default');
    expect((await a.cfg('subcluster', 'clusters')).output).toBe('!default\n');
    a.write('default/ecelerity.conf', '# edited\n');
    for (const word of ['commit', 'pull']) expect((await a.cfg(word)).errors).toMatch(/is in CONFLICT/);
    await a.cfg('subcluster', 'resolve', 'default');
    expect((await a.cfg('subcluster', 'clusters')).output).toBe('default\n');
    expect((await a.cfg('commit')).exitCode).toBe(0);
  });

  it('CONF-11.3 clone, overlay and put change the repository; copies of subclusters carry history', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    a.write('relay-1/one.conf', '# 1\n');
    a.write('relay-2/two.conf', '# 2\n');
    await a.cfg('commit', '--add-all');
    await a.cfg('overlay', 'relay-1', 'relay-2');
    await a.cfg('clone', 'relay-1', 'relay-3');
    a.write('relay-1/one.conf', '# put\n');
    const missing = join(a.conf, 'relay-1/two.conf');
    expect((await a.cfg('put', missing, 'relay-3/two.conf')).errors).toMatch(/no such file.*FLT-2321/s);
    const put = ['put', join(a.conf, 'relay-1/one.conf'), 'relay-3/one.conf'];
    expect((await a.cfg(...put)).output).toMatch(/^Sending {8}relay-3\/one\.conf\n/);
    expect((await a.cfg(...put)).output).toBe('Nothing to commit\n');
    await a.cfg('revert', 'relay-1/one.conf');
    await a.cfg('pull');
    expect(readdirSync(join(a.conf, 'relay-2'))).toEqual(['one.conf', 'two.conf']);
    expect(readdirSync(join(a.conf, 'relay-3'))).toEqual(['one.conf']);
    expect(a.read('relay-3/one.conf')).toBe('# put\n');
    await a.cfg('subcluster', 'copy', '--with-history', 'default', 'west');
    const west = bench.machine('west-1');
    await west.cfg('bootstrap', '--clustername', 'west');
    expect(west.read('relay-3/one.conf')).toBe('# put\n');
    expect((await west.cfg('log')).output.match(/^r\d+ /gm)).toEqual(['r5 ', 'r4 ', 'r3 ', 'r2 ', 'r1 ']);
  });

  it('CONF-11.2 a working copy of another repository is not mixed up with this one, and can be kept', {
    timeout: 240_000,
  }, async () => {
    const [a] = await workingCopies('relay-1');
    a.write('default/ecelerity.conf', 'include "ecelerity-cluster.conf"\n# mine\n');
    const rebuilt = await Workbench.open();
    const other = rebuilt.machine('relay-9');
    await other.cfg('bootstrap', '--singlenode');
    const adopted = bench.machine('relay-1', rebuilt.server);
    expect((await adopted.cfg('pull')).errors).toMatch(
      /another one than that of the working copy.*--keep-local/,
    );
    expect((await adopted.cfg('bootstrap', '--clustername', 'default')).errors).toMatch(/exists already/);
    expect((await adopted.cfg('bootstrap', '--keep-local', '--clustername', 'default')).exitCode).toBe(0);
    expect((await adopted.cfg('status')).output).toBe('M       default/ecelerity.conf\n');
    rebuilt.close();
  });

  it('CONF-11.3 what root adds and pulls belongs to the user who owns the directory above', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    const serviceUser = 4711;
    for (const { etc } of [a, b]) chownSync(etc, serviceUser, serviceUser);
    a.write('relay-1/new.conf', '# new\n');
    expect(await a.cfg('commit', '--add-all')).toMatchObject({ exitCode: 0 });
    expect(await b.cfg('pull')).toMatchObject({ exitCode: 0 });
    for (const { conf } of [a, b]) expect(statSync(join(conf, 'relay-1/new.conf')).uid).toBe(serviceUser);
  });

  it('CONF-11.2 pulls leave the checkout before, for a way back, and no others', {
    timeout: 240_000,
  }, async () => {
    const [a, b] = await workingCopies('relay-1', 'relay-2');
    for (const text of ['# 1\n', '# 2\n', '# 3\n']) {
      a.write('default/ecelerity.conf', text);
      await a.cfg('commit');
      await b.cfg('pull');
    }
    const names = readdirSync(b.etc).filter((name) => /^\.conf\.r/.test(name));
    expect(names.sort()).toEqual(['.conf.r3-1', '.conf.r4-1']);
  });
});
