/** Loggers of a configuration, to real files (spec: logging 3). */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalSet } from '../../../src/logs/journal-set.ts';
import { Loggers } from '../../../src/logs/loggers.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { settingsOf } from '../config/checked.ts';
import { newPath, random } from '../journal/journals.ts';
import { Recorder } from '../recorder.ts';

let clock: VirtualClock;
let recorder: Recorder;
let loggers: Loggers;
let path: string;
beforeEach(() => {
  clock = new VirtualClock();
  recorder = new Recorder();
  path = newPath();
});
afterEach(() => loggers.close());

function open(text: string): void {
  const around = { clock, random, ...recorder };
  loggers = new Loggers({
    settings: settingsOf(text).logging,
    journals: new JournalSet(around),
    zone: { at: () => ({ offsetS: 0, name: 'UTC' }) },
    onPipeFailure: () => {},
    ...around,
  });
}

const ecLogger = (more: string, name = 'ec'): string => `ec_logger "${name}" {
  mainlog = "${path}/main"  paniclog = "${path}/panic"  rejectlog = "${path}/reject"
  acctlog = "${path}/acct"  importlog = "${path}/import"  ${more}
}`;

async function textOf(log: string): Promise<string> {
  await loggers.flush();
  return existsSync(`${path}/${log}`) ? readFileSync(`${path}/${log}`, 'utf8') : '';
}

const ids = { messageId: 'm', batchId: 'b', connectionId: 'c' };

function writeAll(): void {
  const failure = { ...ids, domain: 'd.e', recipient: 'u@d.e', text: 'why', classCode: 10 };
  loggers.write({
    kind: 'reception',
    record: { ...ids, sender: 's@x.y', recipient: 'u@d.e', bytes: 1, protocol: 'esmtp' },
  });
  loggers.write({ kind: 'delivery', record: { ...ids, domain: 'd.e', bytes: 1, address: 'a' } });
  loggers.write({ kind: 'transfer', record: { ...ids, domain: 'd.e', bytes: 1, address: 'a' } });
  loggers.write({ kind: 'transient-failure', record: failure });
  loggers.write({ kind: 'permanent-failure', record: failure });
  loggers.write({ kind: 'bounce', record: failure });
  loggers.write({ kind: 'rejection', record: { ...ids, remote: 'r', local: 'l', code: 550, text: 'no' } });
  loggers.write({
    kind: 'account',
    record: { kind: 'N', listener: 'l', peer: 'p', user: 'u', result: 0 },
  });
  loggers.write({ kind: 'import', record: { text: 'imported' } });
  loggers.write({ kind: 'panic', record: { text: 'oh' } });
}

const letters = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('@')[4] ?? line);

describe('LOG-3 ec_logger and bounce_logger', () => {
  it('each record goes to the log of its kind, at the time it happened', async () => {
    open(ecLogger('heartbeat = 0'));
    writeAll();
    expect(letters(await textOf('main'))).toEqual(['R', 'D', 'X', 'T', 'P']);
    expect(await textOf('main')).toMatch(/^1700000000@/);
    expect(await textOf('reject')).toContain('E=550');
    expect(await textOf('acct')).toBe('1700000000@N@l@p@u@0\n');
    expect(await textOf('import')).toBe('imported\n');
    expect(await textOf('panic')).toBe('1700000000:oh\n');
  });

  it('switches leave kinds out', async () => {
    open(
      ecLogger(
        'log_receptions = false log_deliveries = false log_transient_failures = false log_rejections = no log_errors = no heartbeat = 0',
      ),
    );
    writeAll();
    expect(letters(await textOf('main'))).toEqual(['P']);
    expect([await textOf('reject'), await textOf('panic')]).toEqual(['', '']);
  });

  it('signs of life come with each heartbeat, in main, reject and bounce log', async () => {
    open(`${ecLogger('')} bounce_logger "b" { bouncelog = "${path}/bounce"  heartbeat = 90 }`);
    await clock.advance(181_000);
    expect(await textOf('main')).toBe('1700000060@@@@M1\n1700000120@@@@M1\n1700000180@@@@M1\n');
    expect(await textOf('reject')).toContain('1700000060: Marker 1\n');
    expect(await textOf('bounce')).toBe('1700000090@@@@M1\n1700000180@@@@M1\n');
  });

  it('the bounce log has bounces of both kinds and transient failures, as its switches say', async () => {
    open(`bounce_logger "b" { bouncelog = "${path}/bounce"  heartbeat = 0 }`);
    writeAll();
    expect(letters(await textOf('bounce'))).toEqual(['T', 'B', 'B']);
    await loggers.close();
    path = newPath();
    open(
      `bounce_logger "b" { bouncelog = "${path}/bounce" log_inband_bounces = off log_transient_failures = off }`,
    );
    writeAll();
    expect(letters(await textOf('bounce'))).toEqual(['B']);
  });

  it('log_hires_timestamp makes times sixteen digits', async () => {
    open(`log_hires_timestamp = true ${ecLogger('')}`);
    loggers.write({ kind: 'panic', record: { timeUs: 1_700_000_000_123_456, text: 'oh' } });
    expect(await textOf('panic')).toBe('1700000000123456:oh\n');
  });

  it('LOG-2 reopening goes on in new files, of all loggers or of one', async () => {
    open(ecLogger('heartbeat = 0', 'one'));
    const panic = async () => {
      loggers.write({ kind: 'panic', record: { text: 'x' } });
      await loggers.flush();
    };
    await panic();
    renameSync(`${path}/panic`, `${path}/old`);
    await loggers.reopen('ec_logger:two');
    await panic();
    expect(existsSync(`${path}/panic`)).toBe(false);
    await loggers.reopen('ec_logger:one');
    await panic();
    expect(readFileSync(`${path}/old`, 'utf8').split('\n')).toHaveLength(3);
    expect(existsSync(`${path}/panic`)).toBe(true);
    expect(loggers.names).toEqual(['ec_logger:one']);
  });

  it('CONF-10 another configuration: those that are the same go on, others are opened, or closed with all their lines', async () => {
    open(`${ecLogger('heartbeat = 0', 'one')}`);
    loggers.write({ kind: 'panic', record: { text: 'first' } });
    const second = `ec_logger "two" { mainlog = "${path}/main2" paniclog = "${path}/panic2"
      rejectlog = "null://" acctlog = "null://" heartbeat = 0 }`;
    loggers.configure(settingsOf(`${ecLogger('heartbeat = 0', 'one')} ${second}`).logging);
    loggers.write({ kind: 'panic', record: { text: 'both' } });
    loggers.configure(settingsOf(second).logging);
    loggers.write({ kind: 'panic', record: { text: 'last' } });
    await loggers.close();
    const texts = (log: string) =>
      readFileSync(`${path}/${log}`, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(':').at(-1));
    expect([texts('panic'), texts('panic2')]).toEqual([
      ['first', 'both'],
      ['both', 'last'],
    ]);
    expect(loggers.names).toEqual(['ec_logger:two']);
  });

  it('one that is not enabled writes nothing', async () => {
    open(ecLogger('enabled = false'));
    writeAll();
    expect(await textOf('main')).toBe('');
    expect(loggers.names).toEqual([]);
  });
});

describe('LOG-3 custom_logger', () => {
  it('writes the stages that have a format, to their file or to the main log', async () => {
    open(`custom_logger "c" {
      mainlog = "${path}/main"
      delivery_logfile = "${path}/delivered"  delivery_format = "%t %i to %H"
      permanent_failure_format = "%i failed: %n"
      xfer_logfile = "${path}/moved"
    }`);
    writeAll();
    expect(await textOf('delivered')).toBe('1700000000 m to a\n');
    expect(await textOf('main')).toBe('m failed: why\n');
    expect(await textOf('moved')).toBe('');
  });
});
