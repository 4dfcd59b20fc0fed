import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigVerb } from '../../../src/console/facts.ts';
import type { Commander } from '../../../src/console/registry.ts';
import {
  type CheckedConfiguration,
  type ConfigurationSource,
  configurationFrom,
} from '../../../src/node/configuration.ts';
import type { ReloadOutcome } from '../../../src/node/reload.ts';
import { RunningConfiguration } from '../../../src/node/running-configuration.ts';
import { systemClock } from '../console/fake-node.ts';
import { Recorder } from '../recorder.ts';

let folder: string;
let file: string;
let configuration: RunningConfiguration;
/** What the process was told to run, in order. */
let applied: (string | undefined)[];
let recorder: Recorder;
let needRestart: string[];
let fault: Error | undefined;

const session = (user = 'tom'): Commander => ({ identity: { user, groups: [] }, roles: [] });
const tom = session();
const ann = session('ann');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
  file = join(folder, 'main.conf');
  start('hostname = a\nlocal_changes_file = "changes.conf"\n');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(text: string): void {
  writeFileSync(file, text);
  startFrom({ configFile: file, environment: { EC_CONF_SEARCH_PATH: '' } });
}

function startFrom(source: ConfigurationSource): void {
  applied = [];
  needRestart = [];
  fault = undefined;
  recorder = new Recorder();
  let last: Promise<unknown> = Promise.resolve();
  configuration = new RunningConfiguration({
    source,
    first: configurationFrom(source),
    apply,
    inTurn: (duty) => {
      const turn = last.catch(() => {}).then(duty);
      last = turn;
      return turn;
    },
    clock: systemClock,
    log: recorder.log,
  });
}

async function apply({ tree }: CheckedConfiguration): Promise<ReloadOutcome> {
  if (fault) throw fault;
  applied.push(tree.get('hostname')?.value as string | undefined);
  return { applied: true, report: 'Reconfigured:\n', findings: [], changes: [], needRestart };
}

async function ask(line: string, by = tom): Promise<string | undefined> {
  const [verb, ...words] = line.split(' ');
  const reply = await configuration.ask(verb as ConfigVerb, words, by);
  return reply && `${reply.isDone ? '' : 'failed: '}${reply.text}`;
}

describe('changes from a console', () => {
  it('CONF-10 no more than max_pending_changes wait for a file, in a transaction as outside; written back, they are gone', async () => {
    start('hostname = a\nlocal_changes_file = "changes.conf"\nmax_pending_changes = 2\n');
    const names = ['set hostname b', 'set cluster nodename n1', 'set cluster cluster_group g'];
    const refusal = 'failed: There are 2 changes that are in no file: write them back, or reload.\n';
    for (const line of names.slice(0, 2)) expect(await ask(line)).not.toContain('failed');
    expect(await ask(names[2]!)).toBe(refusal);
    expect(await ask('set max_pending_changes 9')).toBe(refusal);
    expect(await ask('set hostname c')).toBe('Hostname = c\n');
    expect(configuration.pending).toBe(2);
    await ask('begin', ann);
    expect(await ask(names[2]!, ann)).toBe(refusal);
    await ask('rollback', ann);
    await ask('writeback');
    expect(await ask(names[2]!)).not.toContain('failed');
    expect(configuration.pending).toBe(1);
  });

  it('CMD-3 CONF-10 set runs at once and leaves the files alone; a reload takes the files again', async () => {
    expect(await ask('set hostname b')).toBe('Hostname = b\n');
    expect(await ask('get hostname', ann)).toBe('Hostname = b\n');
    expect(readFileSync(file, 'utf8')).toContain('hostname = a');
    await configuration.reload(undefined, tom);
    expect(await ask('get hostname')).toBe('Hostname = a\n');
    expect(applied).toEqual(['b', 'a']);
    expect(recorder.lines.map(({ text }) => text)).toContain('CONSL: config reload by tom');
  });

  it('CONF-10 a value that begins with a bracket, where no list or dictionary can be', async () => {
    expect(await ask('set timestampformat = [%H:%M]')).toContain('Timestampformat = "[%H:%M]"\n');
    // What was remarked on a change is not said again at the next one.
    expect(await ask('set ESMTP_Listener Upstream [::1]:2525')).toBe('Upstream = "[::1]:2525"\n');
    expect(await ask('set timestampformat [%H:%M]')).toContain('notice CFG-2006');
    expect(await ask('set cluster logs = [mainlog=/tmp/log]')).toContain('mainlog = "/tmp/log"');
    expect(await ask('set cluster if_down_limit = ( 4 )')).toContain('console:1:27: error CFG-2108');
  });

  it('CONF-10 what the process refuses, and what is wrong, does not run', async () => {
    fault = new Error('the machine cannot');
    expect(await ask('set hostname b')).toBe('failed: the machine cannot.\nReconfigure failed.\n');
    fault = undefined;
    expect(await ask('set cluster if_down_limit soon')).toMatch(
      /^failed: console:1:27: error CFG-2102: 'soon' is not a whole number\n[\s\S]*\nReconfigure failed\.\n$/,
    );
    expect(await ask('get hostname')).toBe('Hostname = a\n');
    expect(await ask('eval cluster if_down_limit')).toBe('        If_Down_Limit = 4\n');
    expect(applied).toEqual([]);
  });

  it('CONF-10 an option that needs a restart is accepted with a warning, once', async () => {
    needRestart = ['state_dir'];
    expect(await ask('set cluster state_dir /x')).toBe(
      'State_Dir = "/x"\nwarning: state_dir takes effect after restart\n',
    );
    expect(await ask('set hostname b')).toBe('Hostname = b\n');
  });

  it('CONF-10 CONF-13.6 a broken file leaves everything as it is, also changes that are in no file', async () => {
    await ask('set hostname b');
    writeFileSync(file, 'hostname = \n');
    const outcome = await configuration.reload(undefined, tom);
    expect([outcome.applied, outcome.report.endsWith('Reconfigure failed.\n')]).toEqual([false, true]);
    expect(await ask('get hostname')).toBe('Hostname = b\n');
    expect(applied).toEqual(['b']);
  });

  it('CONF-10 the same option again is no further change', async () => {
    for (const value of ['x', 'y', 'z']) await ask(`set Domain d gateway ${value}`);
    await ask('set Domain D gateway = w');
    expect(configuration.pending).toBe(1);
  });
});

describe('the main file', () => {
  it('CONF-11.2 is searched anew at each reload: one of its own that the node gets, and that of another name', async () => {
    const conf = join(folder, 'conf');
    const say = (path: string, text: string) => {
      mkdirSync(join(conf, path, '..'), { recursive: true });
      writeFileSync(join(conf, path), text);
    };
    const boot = (name: string) =>
      writeFileSync(join(folder, 'cluster.boot'), `cluster_name=default\nnode_name=${name}\n`);
    boot('relay-1');
    say('default/node.conf', 'hostname = everybody\n');
    startFrom({ configFile: 'node.conf', workingCopy: conf, environment: {} });
    expect(await ask('get hostname')).toBe('Hostname = everybody\n');
    say('relay-1/node.conf', 'hostname = one\n');
    say('relay-2/node.conf', 'hostname = two\n');
    await configuration.reload(undefined, tom);
    expect(await ask('get hostname')).toBe('Hostname = one\n');
    boot('relay-2');
    await configuration.reload(undefined, tom);
    expect(await ask('get hostname')).toBe('Hostname = two\n');
    expect(applied).toEqual(['one', 'two']);
    rmSync(join(conf, 'relay-2/node.conf'));
    await configuration.reload(undefined, tom);
    expect(await ask('get hostname')).toBe('Hostname = everybody\n');
  });
});

describe('transactions', () => {
  it('CMD-3 CONF-10 the session sees its transaction, others do not before it is committed', async () => {
    expect(await ask('begin')).toBe('Transaction begun on generation 1.\n');
    await ask('set hostname b');
    await ask('set Domain example.com gateway = x');
    await ask('unset Domain example.com gateway');
    expect([await ask('get hostname'), await ask('get hostname', ann)]).toEqual([
      'Hostname = b\n',
      'Hostname = a\n',
    ]);
    expect(applied).toEqual([]);
    expect(await ask('write')).toContain('Hostname = a\n');
    expect(await ask('replay')).toBe(
      'config set Hostname b\nconfig set Domain "example.com" Gateway x\nconfig unset Domain "example.com" Gateway\n',
    );
    expect(await ask('commit')).toBe('Reconfigured:\n');
    expect(await ask('get hostname', ann)).toBe('Hostname = b\n');
    expect(applied).toEqual(['b']);
  });

  it('CON-21 CONF-10 a secret is set, kept and written into a file, and neither shown nor logged', async () => {
    start('cluster { bus_user = node  bus_password = first }\n');
    expect(await ask('get cluster bus_password')).toBe('        Bus_Password = "..."\n');
    const said = [
      await ask('set cluster bus_password second'),
      await ask('eval cluster bus_password'),
      await ask('show cluster'),
      await ask('showrecurse'),
      await ask('write'),
      await ask('diff 1 2'),
      await ask('begin'),
      await ask('set cluster bus_password third'),
      await ask('replay'),
      await ask('rollback'),
    ].join('');
    expect(said + JSON.stringify(recorder.lines)).not.toMatch(/first|second|third/);
    expect(said).toContain('config set Cluster Bus_Password "..."');
    await ask('write all.conf');
    expect(readFileSync(join(folder, 'all.conf'), 'utf8')).toContain('Bus_Password = second');
  });

  it('CON-21 CONF-10 nor is a password that is part of an address', async () => {
    start('Datasource d { uri = "pgsql://tom:first@host/mail" }\n');
    const said = [
      await ask('get Datasource d uri'),
      await ask('set Datasource d uri pgsql://tom:second@host/mail'),
      await ask('set cluster servers nats://third@host'),
      await ask('showrecurse'),
      await ask('set Datasource e uri nosql://tom:fourth@host/mail'),
    ].join('');
    writeFileSync(file, 'cluster { bus_password = fifth sixth }\n');
    const { report, findings } = await configuration.reload(undefined, tom);
    const everything = [said, report, JSON.stringify([findings, recorder.lines])].join('');
    expect(everything).not.toMatch(/first|second|third|fourth|fifth|sixth/);
    expect(said).toContain('"pgsql://tom:...@host/mail"');
    expect(recorder.lines.map(({ text }) => text)).toContain(
      'CONSL: config set Datasource "d" Uri "pgsql://tom:...@host/mail" by tom',
    );
    await ask('write all.conf');
    expect(readFileSync(join(folder, 'all.conf'), 'utf8')).toContain('pgsql://tom:second@host/mail');
    expect(statSync(join(folder, 'all.conf')).mode & 0o777).toBe(0o600);
  });

  it('CONF-13.5 the first commit wins; the other fails, stays open and can be replayed', async () => {
    await ask('begin');
    await ask('begin', ann);
    await ask('set hostname b');
    await ask('set hostname c', ann);
    await ask('commit');
    expect(await ask('commit', ann)).toBe(
      "failed: commit failed: configuration changed since 'config begin' (generation 1 -> 2)\n",
    );
    expect(await ask('replay', ann)).toBe('config set Hostname c\n');
    expect(await ask('rollback', ann)).toBe('Transaction rolled back.\n');
    expect(await ask('get hostname', ann)).toBe('Hostname = b\n');
    expect(applied).toEqual(['b']);
  });

  it('CONF-10 a reload in a transaction is refused, and so are verbs that need one', async () => {
    expect(await ask('commit')).toBe("failed: There is no open transaction; 'config begin' opens one.\n");
    await ask('begin');
    expect(await ask('begin')).toBe('failed: A transaction is open already.\n');
    const outcome = await configuration.reload(undefined, tom);
    expect([outcome.applied, outcome.report]).toEqual([
      false,
      'a transaction is open: commit it or roll it back first.\nReconfigure failed.\n',
    ]);
    expect((await configuration.reload(undefined, ann)).applied).toBe(true);
  });

  it('CONF-10 from scratch: nothing but ThreadPool, Debug_Flags and TimestampFormat', async () => {
    start(
      'hostname = a\ntimestampformat = "%H"\nThreadPool x { backlog = 7 }\nDebug_Flags { DEBUG = ALL }\nDomain d { }\n',
    );
    await ask('begin from scratch');
    expect(await ask('showrecurse')).toBe(
      'Threadpool "x" {\n  Backlog = 7\n}\nDebug_Flags {\n  Debug = ALL\n}\nTimestampformat = "%H"\n'.replace(
        'Threadpool',
        'ThreadPool',
      ),
    );
    await ask('set hostname b');
    await ask('commit');
    expect(applied).toEqual(['b']);
    expect(await ask('show')).not.toContain('Domain');
  });

  it('CONF-10 one that cannot be applied stays open', async () => {
    await ask('begin');
    await ask('set hostname b');
    fault = new Error('no');
    expect(await ask('commit')).toBe('failed: no.\nReconfigure failed.\n');
    fault = undefined;
    expect(await ask('commit')).toBe('Reconfigured:\n');
  });
});

describe('writing', () => {
  it('CMD-3 CONF-6.4 writeback puts changes where they belong; then the files say what runs', async () => {
    await ask('set hostname b');
    await ask('set Domain example.com gateway x');
    expect(await ask('writeback')).toBe(`${file}: 1 change\n${join(folder, 'changes.conf')}: 1 change\n`);
    expect(readFileSync(file, 'utf8')).toContain('hostname = b\n');
    expect(configuration.pending).toBe(0);
    expect(await ask('writeback')).toBe('Nothing to write.\n');
    await configuration.reload(undefined);
    expect(await ask('get Domain example.com gateway')).toBe('        Gateway = x\n');
    await ask('set hostname c');
    expect(await ask('writeback')).toBe(`${file}: 1 change\n`);
  });

  it('CONF-6.4 a file keeps its mode, and a link stays one', async () => {
    const link = join(folder, 'link.conf');
    symlinkSync(file, link);
    writeFileSync(file, 'hostname = a\n', { mode: 0o600 });
    const { mode } = statSync(file);
    await ask('set hostname b');
    await ask('writeback');
    expect(statSync(file).mode).toBe(mode);
  });

  it('CONF-6.4 a file that was edited meanwhile is not written', async () => {
    await ask('set hostname b');
    writeFileSync(file, 'hostname = z\n');
    expect(await ask('writeback')).toBe(
      `failed: writeback failed: '${file}' was changed since it was read: reload first, or write to another file\n`,
    );
    expect(readFileSync(file, 'utf8')).toBe('hostname = z\n');
    expect(await ask('get hostname')).toBe('Hostname = b\n');
  });

  it('CONF-6.4 without any file that takes them the changes are shown, and go on running', async () => {
    start(
      'hostname = a\nlocal_changes_file = ""\ninclude "main.conf"\n'.replace('include "main.conf"\n', ''),
    );
    const text = readFileSync(file, 'utf8');
    await ask('set Domain example.com gateway x');
    expect(await ask('writeback')).toBe(`${file}: 1 change\n`);
    expect(readFileSync(file, 'utf8')).toBe(`${text}Domain "example.com" {\n  Gateway = x\n}\n`);
  });

  it('CMD-3 CONF-10 with a file everything goes there, without includes; not into one that is read', async () => {
    await ask('set hostname b');
    const other = join(folder, 'all.conf');
    expect(await ask('writeback all.conf')).toBe(`${other}: written\n`);
    expect(readFileSync(other, 'utf8')).toBe('Hostname = b\nLocal_Changes_File = "changes.conf"\n');
    expect(await ask(`write ${file}`)).toBe(
      `failed: '${file}' is part of the configuration: name another file\n`,
    );
  });
});

describe('generations', () => {
  it('CONF-10 history says who made which from what, diff what is different', async () => {
    await ask('set hostname b');
    await configuration.reload(undefined, ann);
    const lines = (await ask('history'))!.split('\n').map((line) => line.replace(/\d{4}-\S+/, 'TIME'));
    expect(lines).toEqual([
      '   1  TIME  start    -',
      '   2  TIME  console  tom',
      '   3  TIME  files    ann',
      '',
    ]);
    expect((await ask('history 1'))!.split('\n')).toHaveLength(2);
    expect(await ask('diff 1 2')).toContain('-Hostname = a\n+Hostname = b\n');
    expect(await ask('diff 1 3')).toBe('');
    expect(await ask('diff 1 9')).toBe('failed: There is no generation 9; there are 1 to 3.\n');
    expect(await ask('diff 1')).toBeUndefined();
  });
});
