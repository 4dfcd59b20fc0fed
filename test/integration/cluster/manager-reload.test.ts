/** A manager that runs takes another configuration: what it can follow at once, the rest by name, a faulty file not at all. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectToSocket } from '../../../src/console/client/connection.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../../../src/journal/journal.ts';
import { type RunningManager, startManager } from '../../../src/manager.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-manager-reload-'));
const configFile = join(folder, 'eccluster.conf');
const journalPath = join(folder, 'mainlog');
/** For machines that do much else at the same time. */
const patienceMs = 60_000;
const objects = 'Replicate "eccmgr_metrics" { max_delay = 0.02 parameters = "audit_series" }';
let node: RunningNode;
let manager: RunningManager;
let journal: Journal;
const logged: string[] = [];
let lines = 0;

interface Parts {
  readonly cluster?: string;
  readonly logs?: string;
  readonly asLogger?: string;
  readonly more?: string;
}

const at = (name: string) => join(folder, name);
const logsTo = (name: string) => `Logs { logfile = "${at(name)}/%{n}" }`;
const usual: Required<Parts> = {
  cluster: '',
  logs: logsTo('first'),
  asLogger: 'series_include = ( "^never$" )',
  more: '',
};

function write(parts: Parts = {}): void {
  const { cluster, logs, asLogger, more } = { ...usual, ...parts };
  writeFileSync(
    configFile,
    `cluster { state_dir = "${at('state')}" log_idle_interval = 1 log_active_interval = 0 ${objects} ${cluster} }
     ${logs}
     as_logger { base_dir = "${at('series')}" log_interval = 1 ${asLogger} }
     Control_Listener { Listen "${at('barca.sock')}" { } }
     ${more}`,
  );
}

async function reload(parts: Parts = {}): Promise<string> {
  write(parts);
  return (await manager.console('config reload')).text;
}

beforeAll(async () => {
  const { url } = await startNatsServer();
  const files = await openDiskFiles();
  const open = { path: journalPath, files, clock: systemClock, random: systemRandom };
  const subscribers = ['barca', 'second'];
  const made = await openJournal({ ...open, access: 'own', subscribers, create: { unitLimit: 4096 } });
  await made.close();
  node = await startNode({
    nodename: 'relay-1',
    servers: [url],
    logOutput: { write: () => {} },
    configText: `cluster {
      nodeaddr = 127.0.0.1  log_active_interval = 0  log_idle_interval = 1  logs = [ mainlog = "${journalPath}" ]
      ${objects} }`,
  });
  journal = await openJournal({ ...open, access: 'share' });
  write();
  const logOutput = { write: (line: string) => void logged.push(line) };
  manager = await startManager({ nodename: 'barca', servers: [url], configFile, logOutput });
  await until(() => manager.view?.members.length === 2, patienceMs);
});

afterAll(async () => {
  await journal?.close().catch(() => {});
  await Promise.all([manager?.stop(), node?.stop()]);
  await stopNatsServers();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything is as at the start again. */
beforeEach(async () => {
  await reload();
});

async function log(count: number): Promise<string> {
  const texts = Array.from({ length: count }, () => `line ${++lines}\n`);
  for (const text of texts) await journal.append(Buffer.from(text));
  return texts.join('');
}

const textOf = (name: string): string =>
  existsSync(at(`${name}/relay-1`)) ? readFileSync(at(`${name}/relay-1`), 'utf8') : '';

const has = (name: string, text: string) => until(() => textOf(name).endsWith(text), patienceMs);

describe('config reload of a manager', () => {
  it('MGR-15 CONF-10 lines go where the new Logs say, each once; a subscriber of another name has its own place', async () => {
    await has('first', await log(20));
    const before = textOf('first');
    expect(await reload({ logs: `Logs { logfile = "${at('second')}/%{n}" file_mode = 0600 }` })).toBe(
      'Reconfigured:\n  Logs\n',
    );
    const second = await log(20);
    await has('second', second);
    expect(textOf('second')).toBe(second);
    expect(statSync(at('second/relay-1')).mode & 0o777).toBe(0o600);
    expect(textOf('first')).toBe(before);

    const logs = `Logs { logfile = "${at('third')}/%{n}" Node "relay-1" { Subscriber = ( second ) } }`;
    expect(await reload({ logs })).toBe('Reconfigured:\n  Logs\n');
    // It had not read anything yet.
    await until(() => textOf('third') === before + second, patienceMs);
    expect(await reload()).toBe('Reconfigured:\n  Logs\n');
    await has('first', await log(3));
    expect(textOf('first').startsWith(before)).toBe(true);
    expect(textOf('first').split('\n')).toHaveLength(20 + 3 + 1);
  });

  it('MGR-15 without Logs nothing is pulled and the lease is free; with them it goes on where it was', async () => {
    await has('first', await log(5));
    expect(await reload({ logs: '' })).toBe('Reconfigured:\n  Logs\n');
    const { pullers } = JSON.parse((await manager.console('json show logs')).text);
    expect(pullers).toEqual([]);
    const missed = await log(5);
    const before = textOf('first');
    expect(before).not.toContain(missed);
    expect(await reload()).toBe('Reconfigured:\n  Logs\n');
    const seen = await log(5);
    await until(() => textOf('first') === before + missed + seen, patienceMs);
  });

  it('MGR-15 the log level, where it is stated; what log_group and loggers say', async () => {
    expect(logged.some((line) => line.includes('CONSL: config reload'))).toBe(false);
    const acctlog = at('acctlog');
    const more = `ec_logger "main" { mainlog = "null://" paniclog = "${at('paniclog')}" rejectlog = "null://"
      acctlog = "${acctlog}" heartbeat = 0 }`;
    const text = await reload({ cluster: 'debug_level = INFO log_group = panics', more });
    expect(text).toContain('Reconfigured:\n');
    expect(text.split('\n').slice(1, -1).sort()).toEqual(['  debug_level', '  log_group', '  loggers']);
    expect((await manager.console('info')).text).toContain('Logger Group: panics\n');
    expect((await manager.console('config reload')).text).toBe('Reconfigured: nothing is different.\n');
    await until(() => logged.some((line) => line.includes('CONSL: config reload')));
    await until(() => existsSync(at('paniclog')) && readFileSync(at('paniclog'), 'utf8').includes('CONSL'));
    expect((await manager.console('ec_logger:main reopen logs')).text).toBe('Executed\n');
    expect((await manager.console('module list')).text).toContain('Module: ec_logger:main\n');

    // Who comes in by a socket is in the account log of the logger.
    const where = { kind: 'socket', where: { path: at('barca.sock') }, label: 'barca' } as const;
    const connection = await connectToSocket(where, { timeoutMs: 20_000 });
    for await (const _part of connection.request('pid', 'text'));
    connection.close();
    await until(() => existsSync(acctlog) && /@Z@.*@pid/.test(readFileSync(acctlog, 'utf8')), patienceMs);
  });

  it('MGR-15 sockets of the console come and go, and one that stays is not closed', async () => {
    const more = `Control_Listener { Listen "${at('other.sock')}" { } }`;
    expect(await reload({ more })).toBe(`Reconfigured:\n  Control_Listener ${at('other.sock')} added\n`);
    expect(existsSync(at('other.sock'))).toBe(true);
    expect(await reload()).toBe(`Reconfigured:\n  Control_Listener ${at('other.sock')} removed\n`);
    await until(() => !existsSync(at('other.sock')), patienceMs);
    expect(existsSync(at('barca.sock'))).toBe(true);
  });

  it('MGR-15 REP-11 which series are written', async () => {
    node.series.define('spam', 'cidr', 3600, 3, { replicate: 'manager' });
    const files = () => readdirSync(at('series')).filter((name) => /^spam\.\d+T\d+$/.test(name));
    expect(await reload({ asLogger: 'series_include = ( "^spam$" )' })).toBe(
      'Reconfigured:\n  series_include or series_exclude\n',
    );
    await until(() => {
      node.series.add('spam', '10.0.0.1');
      return files().length > 0;
    }, patienceMs);
  });

  it('MGR-15 the bounds of the control cache, and how often is pulled', async () => {
    const logs = `Logs { logfile = "${at('first')}/%{n}" control_cache_life = 3600 control_cache_size = 2000000 }`;
    const text = await reload({
      logs,
      cluster: 'log_idle_interval = 2',
      more: 'ThreadPool "log_job" { backlog = 9 }',
    });
    expect(text.split('\n').slice(1, -1).sort()).toEqual([
      '  backlog of log_job',
      '  control_cache_life',
      '  control_cache_size',
      '  log_idle_interval',
    ]);
  });

  it('MGR-15 CONF-10 names what takes a restart, and does the rest', async () => {
    const text = await reload({
      logs: `Logs { logfile = "${at('first')}/%{n}" control_cache = "${at('another.db')}" }`,
      asLogger: `${usual.asLogger} base_dir = "${at('elsewhere')}"`,
      more: `Authorization { Role "tom" { allow = ( "^pid$" ) } }
        Metrics_Listener { Listen "${at('metrics.sock')}" { } }`,
    });
    expect(text).toContain('Reconfigured:\n');
    const [applied = '', late = ''] = text.split('Not applied, needs a restart:\n');
    expect(applied).toContain('  Authorization\n');
    expect(late.trimEnd().split('\n').sort()).toEqual([
      '  Metrics_Listener',
      '  base_dir',
      '  control_cache',
    ]);
    expect(existsSync(at('another.db'))).toBe(false);
    expect(existsSync(at('elsewhere'))).toBe(false);
  });

  it('MGR-15 what only nodes do is neither applied nor waits for a restart', async () => {
    const more = 'ESMTP_Listener { Listen "127.0.0.1:2525" { Upstream = "127.0.0.1:2526" } }';
    expect(await reload({ more })).toBe('Reconfigured: nothing is different.\n');
  });

  it('MGR-2 CONF-10 a file with an error, and a socket that cannot be opened, change nothing at all', async () => {
    await has('first', await log(2));
    expect(await reload({ logs: logsTo('never'), more: 'Nonsense = 1' })).toMatch(/Reconfigure failed\.\n$/);
    const more = `Control_Listener { Listen "${at('no/such/folder/x.sock')}" { } }`;
    expect(await reload({ logs: logsTo('never'), more })).toMatch(/Reconfigure failed\.\n$/);
    await has('first', await log(2));
    expect(existsSync(at('never'))).toBe(false);
    expect(manager.state).toBe('serving');
  });
});
