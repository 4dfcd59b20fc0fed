/** `flotilla jlog`: what jlogctl prints, character by character (spec: logging 8), and its exit codes. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli.ts';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';

let place: string;
let printed: string;
let complained: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'flotilla-jlog-'));
  use('basic');
  printed = '';
  complained = '';
  const keep = (stream: NodeJS.WriteStream, add: (text: string) => void): void => {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      add(String(text));
      return true;
    });
  };
  keep(process.stdout, (text) => {
    printed += text;
  });
  keep(process.stderr, (text) => {
    // Warnings of Node.js, for example of listeners that the test runner adds, come whenever they like.
    if (!/^\((?:node:|Use `node)/.test(text)) complained += text;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(place, { recursive: true });
});

const at = (...names: string[]): string => join(place, 'j', ...names);
const jlog = (...words: string[]): Promise<number> => main(['jlog', ...words, '-j', at()]);
const oldForm = (...words: string[]): Promise<number> => main(['jlog', ...words]);

function use(fixture: string): void {
  rmSync(at(), { recursive: true, force: true });
  cpSync(join(import.meta.dirname, '../../fixtures/jlog', fixture), at(), { recursive: true });
}

/** What was printed since it was asked last. */
function output(): string {
  const text = printed;
  printed = '';
  return text;
}

function complaints(): string {
  const text = complained;
  complained = '';
  return text;
}

const perspective = [
  '--------------------',
  "  Perspective of the 'master' subscriber",
  '    current checkpoint: 00000000:00000003',
  'Last write: 00000000:00000003',
  '\t     next interval: [00000000:00000003, 00000000:00000003]',
  '--------------------',
  '',
].join('\n');
const masterLine = `\t${' '.repeat(26)}master @ 00000000:00000003\n`;
const segmentLine = '\t00000000 [       69 bytes] 1 pending readers\n';
const indexLine = '\t\t idx: 3 messages (00000003), open\n';

it('R6 LOG-8 jlog prints subscribers, segments and the perspective of one as jlogctl does', async () => {
  expect(await jlog('subscriber')).toBe(0);
  expect(await jlog('subscriber', '-l')).toBe(0);
  expect(output()).toBe(masterLine + masterLine);
  expect(await jlog('data')).toBe(0);
  expect(await jlog('data', '-i')).toBe(0);
  expect(output()).toBe(segmentLine + segmentLine + indexLine);
  expect(await jlog('subscriber', '-p', 'master')).toBe(0);
  expect(output()).toBe(perspective);
});

it('R6 LOG-8 jlog in the old form prints each path, then what was asked of it; one that is none does not keep the others', async () => {
  use('segments');
  cpSync(join(import.meta.dirname, '../../fixtures/jlog/basic'), at('../k'), { recursive: true });
  expect(await oldForm('-s', '-l', '-i', at(), join(place, 'none'), join(place, 'k'))).toBe(1);
  expect(output()).toBe(
    [
      at(),
      `\t${' '.repeat(27)}a/b c @ 00000000:00000001`,
      `\t${' '.repeat(26)}master @ 00000002:0000000b`,
      `\t${' '.repeat(28)}mgr2 @ 00000001:00000002`,
      '\t00000000 [      531 bytes] 1 pending readers',
      '\t\t idx: 15 messages (0000000f), closed',
      '\t00000001 [      539 bytes] 2 pending readers',
      '\t\t idx: 15 messages (0000000f), closed',
      '\t00000002 [      378 bytes] 3 pending readers',
      '\t\t idx: 11 messages (0000000b), open',
      join(place, 'none'),
      join(place, 'k'),
      masterLine + segmentLine + indexLine,
    ].join('\n'),
  );
  expect(complaints()).toContain('[FLT-2201]');
  expect(await oldForm('-p', 'master', join(place, 'k'))).toBe(0);
  expect(output()).toBe(`${join(place, 'k')}\n${perspective}`);
  // Clean says nothing, not even the path, and never deletes the current segment.
  await jlog('subscriber', '-e', 'a/b c');
  expect(readdirSync(at())).not.toContain('00000000');
  await jlog('subscriber', '-e', 'master');
  await jlog('subscriber', '-e', 'mgr2');
  output();
  expect(await oldForm('-c', at())).toBe(0);
  expect(output()).toBe('');
  expect(readdirSync(at()).filter((name) => /^0{7}.$/.test(name))).toEqual(['00000002']);
});

it('R6 LOG-8 jlog adds, moves and erases subscribers in both forms, and fails with exit code 1 when there is none', async () => {
  expect(await jlog('subscriber', '-a', 'new', '-C', '00000000:00000001')).toBe(0);
  expect(await jlog('subscriber', '-u', 'new', '-C', '00000000:00000002')).toBe(0);
  expect(await jlog('subscriber', '-e', 'new')).toBe(0);
  expect(output()).toBe(
    "Added subscriber 'new' -> 00000000:00000001\n" +
      "Updated subscriber 'new' 00000000:00000001 -> 00000000:00000002\n" +
      "Erased subscriber 'new'\n",
  );
  expect(await oldForm('-a', 'old', at())).toBe(0);
  expect(await oldForm('-u', 'old', '-C', '00000000:00000003', at())).toBe(0);
  expect(await oldForm('-e', 'old', at())).toBe(0);
  expect(output()).toBe(
    `${at()}\nAdded subscriber 'old' -> 00000000:00000000\n` +
      `${at()}\nUpdated subscriber 'old' 00000000:00000000 -> 00000000:00000003\n` +
      `${at()}\nErased subscriber 'old'\n`,
  );
  expect(complaints()).toBe('');
  expect(await jlog('subscriber', '-e', 'new')).toBe(1);
  expect(await jlog('subscriber', '-a', 'master')).toBe(1);
  expect(await jlog('subscriber', '-u', 'master', '-C', '00000000:00000004')).toBe(1);
  expect(complaints()).toBe(
    "Could not erase subscriber 'new': JLOG_ERR_INVALID_SUBSCRIBER\n" +
      "Could not add subscriber 'master': JLOG_ERR_SUBSCRIBER_EXISTS\n" +
      "Could not update subscriber 'master': JLOG_ERR_ILLEGAL_LOGID\n" +
      `flotilla: This is not a record of the journal: 00000000:00000004 in ${at()}: the last record there is 00000000:00000003. ` +
      'Give SEGMENT:RECORD, eight hexadecimal digits each, of a record that is still kept. [FLT-2209]\n',
  );
});

it('R6 jlog adds a subscriber with --if-missing, for which one that exists is a success and stays where it is', async () => {
  expect(await jlog('subscriber', '-a', 'p', '--if-missing')).toBe(0);
  expect(await jlog('subscriber', '-a', 'master', '--if-missing')).toBe(0);
  expect(output()).toBe(
    "Added subscriber 'p' -> 00000000:00000000\nSubscriber 'master' exists -> 00000000:00000003\n",
  );
});

it('R6 jlog refuses what cannot be typed with 2, and what is no journal with 1', async () => {
  expect(await oldForm('wrong', '-j', at())).toBe(2);
  expect(await oldForm()).toBe(2);
  expect(await oldForm('-s')).toBe(2);
  expect(await jlog('subscriber', '-a', 'x', '-e', 'y')).toBe(2);
  expect(await jlog('meta', '-c', '-s')).toBe(2);
  expect(await jlog('alter')).toBe(2);
  // What would be passed over without a word.
  expect(await oldForm('subscribers')).toBe(2);
  expect(await oldForm(at())).toBe(2);
  expect(await oldForm('-u', 'master', at())).toBe(2);
  expect(await jlog('subscriber', '-u', 'master')).toBe(2);
  expect(await jlog('subscriber', '-u', 'master', '-C', '3')).toBe(2);
  expect(await jlog('subscriber', '-C', '00000000:00000001')).toBe(2);
  expect(await jlog('subscriber', '--if-missing')).toBe(2);
  expect(complaints()).toMatch(
    /^(flotilla: .*; see 'flotilla jlog --help'\n|flotilla: .*; see 'flotilla jlog (subscriber|meta|alter) --help'\n)+$/,
  );
  expect(await oldForm('create', at())).toBe(2);
  expect(complaints()).toMatch(
    /^flotilla: too many arguments for 'create'.* got 1\. -j DIRECTORY names the journal; see .*\n$/,
  );
  expect(await oldForm('data', '-j', join(place, 'none'))).toBe(1);
  mkdirSync(join(place, 'other'));
  writeFileSync(join(place, 'other', 'file'), '');
  for (const command of ['data', 'subscriber', 'repair', 'clean', 'check', 'meta', 'info', 'cat', 'tail'])
    expect([command, await oldForm(command, '-j', join(place, 'other'))]).toEqual([command, 1]);
  expect(readdirSync(join(place, 'other'))).toEqual(['file']);
  expect(complaints()).toContain(
    `flotilla: This is not a journal: ${join(place, 'other')} holds other files`,
  );
});

it('R6 jlog says in one line what the system refuses, as every other failure, and that it is no defect of its own', async () => {
  const file = at('metastore');
  for (const command of ['data', 'subscriber', 'repair', 'clean', 'check', 'meta', 'info', 'cat', 'tail'])
    expect([command, await oldForm(command, '-j', file)]).toEqual([command, 1]);
  expect(await oldForm('convert', '-j', file, join(place, 't'))).toBe(1);
  expect(await oldForm('-s', file)).toBe(1);
  expect(await jlog('convert', join(file, 't'))).toBe(1);
  expect(complaints()).toMatch(/^(flotilla: [^\n]*\[FLT-220[12]\]\n){12}$/);
});

it('R6 LOG-8 jlog checks records as jlogctl does, cuts out what is none, and says so', async () => {
  use('torn');
  expect(await jlog('data', '-d')).toBe(1);
  expect(output()).toBe('\t00000000 [       79 bytes] 1 pending readers\n');
  expect(complaints()).toBe('10 bytes of junk at the end\nOne or more errors were found.\n');
  expect(await oldForm('-r', at())).toBe(0);
  expect(output()).toBe(`${at()}\n\t00000000 [       79 bytes] 1 pending readers\n`);
  expect(complaints()).toBe(
    '10 bytes of junk at the end\nOne or more errors were found.\n' +
      `${at()}: segment 00000000 ended in the midst of a record; its 10 bytes were cut off\n` +
      'Log file reconstructed, deleting the corresponding idx file.\n',
  );
  expect(await jlog('data', '-d')).toBe(0);
  expect(await jlog('data', '-d', '-v')).toBe(0);
  expect(complaints()).toContain('Message 3 at [46] of (16+7)\n');
});

it('R6 jlog names a record whose magic is wrong, and one that goes beyond the end', async () => {
  const segment = readFileSync(at('00000000'));
  writeFileSync(at('00000000'), Buffer.concat([segment, segment.subarray(0, 20)]));
  expect(await jlog('data', '-d')).toBe(1);
  expect(complaints()).toBe('Message 4 at [69] of (16+7) OFF THE END!\nOne or more errors were found.\n');
  segment[23] = 7;
  writeFileSync(at('00000000'), segment);
  expect(await jlog('data', '-d')).toBe(1);
  expect(complaints()).toBe(
    'Message 2 at [23] has invalid reserved value 1715106567\nOne or more errors were found.\n',
  );
});

it('R6 LOG-8 jlog prints the state of an index: none, error, or how many messages it has', async () => {
  appendFileSync(at('00000000.idx'), 'x');
  await jlog('data', '-i');
  expect(output()).toBe(`${segmentLine}\t\t idx: error\n`);
  rmSync(at('00000000.idx'));
  await jlog('data', '-i');
  expect(output()).toBe(`${segmentLine}\t\t idx: none\n`);
  expect(readdirSync(at())).not.toContain('00000000.idx');
});

it('R6 LOG-8 jlog repair prints what it changed and ends with 0; a second time there is nothing to do', async () => {
  use('torn');
  writeFileSync(at('metastore'), 'x');
  writeFileSync(at('cp.6d6173746572'), Buffer.of(9, 0, 0, 0, 9, 0, 0, 0));
  expect(await jlog('repair')).toBe(0);
  expect(output()).toBe(
    [
      `${at()}: the metastore was missing or wrong; segment 00000000 is the current one`,
      `${at()}: segment 00000000 ended in the midst of a record; its 10 bytes were cut off`,
      `${at()}: subscriber 'master' was moved from 00000009:00000009 to 00000000:00000003: no such record was ever kept`,
      '',
    ].join('\n'),
  );
  expect(await jlog('repair', '-f')).toBe(0);
  expect(output()).toBe('');
  rmSync(at('metastore'));
  expect(await oldForm('-R', at())).toBe(0);
  expect(output()).toMatch(/^[^\n]*\n[^\n]*the metastore was missing/);
});

it('R6 jlog repair -f cuts damage out of closed segments and deletes what nobody needs', async () => {
  use('segments');
  const segment = readFileSync(at('00000001'));
  segment[0] = 0;
  writeFileSync(at('00000001'), segment);
  expect(await jlog('repair')).toBe(0);
  expect(output()).toBe('');
  expect(await jlog('repair', '-f')).toBe(0);
  expect(output()).toContain('segment 00000001 had 37 bytes that are no records, at 0; they were cut out');
  expect(output()).toBe('');
});

it('R6 LOG-8 jlog creates and alters journals, and prints their settings', async () => {
  rmSync(at(), { recursive: true });
  expect(await jlog('create', '-s', '512', '-p', '4096', '-c', 'on', '-f', 'safe')).toBe(0);
  expect(output()).toBe('');
  expect(await jlog('meta')).toBe(0);
  expect(output()).toBe(
    'magic          15106a01\nstoragelog     00000000\ncompression    on\nsafety         safe\n' +
      'precommit      4096\nsegmentsize    512\n',
  );
  for (const [flag, value] of Object.entries({
    c: 'on',
    f: 'safe',
    l: '00000000',
    m: '15106a01',
    p: '4096',
    s: '512',
  })) {
    await jlog('meta', `-${flag}`);
    expect(output()).toBe(`${value}\n`);
  }
  expect(await jlog('create')).toBe(1);
  expect(await jlog('alter', '-c', 'off', '-s', '1024', '-p', '0', '-f', 'unsafe')).toBe(0);
  expect(output()).toBe('');
  await jlog('meta');
  expect(output()).toBe(
    'magic          663a7318\nstoragelog     00000000\ncompression    off\nsafety         unsafe\n' +
      'precommit      0\nsegmentsize    1024\n',
  );
  use('basic');
  expect(await jlog('alter', '-c', 'on')).toBe(1);
  expect(complaints()).toContain('[FLT-2212]');
  expect(await jlog('alter', '-c', 'off', '-s', '99')).toBe(0);
  expect(readFileSync(at('metastore'), 'hex')).toBe(`00000000${'63000000'}${'01000000'}18733a66`);
  use('buffered');
  expect(await jlog('alter', '-p', '16')).toBe(0);
  await jlog('cat');
  expect(output()).toMatch(/^(buffered \d\n){5}$/);
});

it('R6 jlog prints records: all, the last, and as JSON', async () => {
  use('segments');
  await jlog('tail', '-n', '3');
  expect(output()).toBe('record 0038 xxxxxxxx\nrecord 0039 xxxxxxxx\n... empty message ...\n');
  await jlog('tail', '-n', '1000');
  expect(output().split('\n')).toHaveLength(42);
  await jlog('cat');
  expect(output().split('\n')).toHaveLength(41);
  await jlog('cat', '--json');
  expect(output().split('\n')[1]).toBe(
    '{"id":"00000000:00000002","time":1700000101.000001,"text":"record 0001 xxxxxxxx\\n"}',
  );
  expect(await jlog('subscriber', '-p', 'nobody')).toBe(1);
});

it('R6 LOG-16 jlog tail -f prints what comes, over the end of a segment, and keeps nothing from being deleted', async () => {
  rmSync(at(), { recursive: true });
  const journal = await openJournal({
    path: at(),
    files: await openDiskFiles(),
    clock: systemClock,
    random: systemRandom,
    access: 'own',
    create: { unitLimit: 64 },
    subscribers: ['s'],
  });
  const running = jlog('tail', '-f').catch(String);
  for (let n = 0; n < 9; n++) {
    await journal.append(Buffer.from(`line ${n}`));
    await vi.waitFor(
      () => expect(printed).toBe(Array.from({ length: n + 1 }, (_, i) => `line ${i}\n`).join('')),
      300_000,
    );
    const reader = await journal.reader('s');
    while ((await reader.next()).length > 0) await reader.checkpoint();
    await reader.close();
  }
  expect((await journal.segments()).length).toBeLessThan(3);
  // The way it ends: the journal goes.
  await journal.close();
  rmSync(at(), { recursive: true });
  expect(await running).toBe(1);
}, 60_000);

it('R6 jlog leaves a journal alone that a process owns, and names the process; subscribers may change', async () => {
  const journal = await openJournal({
    path: at(),
    files: await openDiskFiles(),
    clock: systemClock,
    random: systemRandom,
    access: 'own',
  });
  for (const words of [
    ['repair'],
    ['repair', '-f'],
    ['clean'],
    ['alter', '-s', '9'],
    ['convert', at('../t')],
  ]) {
    expect([words, await jlog(...words)]).toEqual([words, 1]);
    expect(complaints()).toBe(
      `flotilla: A journal belongs to another process: process ${process.pid} has ${at()}. Ask that process, or stop it first. [FLT-2206]\n`,
    );
  }
  expect(await jlog('subscriber', '-a', 'new')).toBe(0);
  expect(await jlog('info')).toBe(0);
  expect(output()).toContain(`owner          process ${process.pid}\n`);
  const waiting = jlog('drain', 'new');
  expect(await jlog('subscriber', '-u', 'new', '-C', '00000000:00000003')).toBe(0);
  expect(await waiting).toBe(0);
  expect(output()).toContain("Subscriber 'new' has read everything up to 00000000:00000003\n");
  await journal.close();
});

it('R6 jlog info says what a journal holds and how far behind its subscribers are', async () => {
  use('segments');
  expect(await jlog('info')).toBe(0);
  expect(output()).toBe(
    [
      `path           ${at()}`,
      'identity       none yet',
      'owner          nobody',
      'byteorder      little',
      'magic          663a7318',
      'storagelog     00000002',
      'compression    off',
      'safety         metasafe',
      'precommit      0',
      'segmentsize    512',
      'segments       3',
      'records        41',
      'bytes          1448',
      'ondisk         1836',
      'first          00000000:00000001',
      'last           00000002:0000000b',
      "subscriber     'a/b c' @ 00000000:00000001, 40 records behind",
      "subscriber     'master' @ 00000002:0000000b, 0 records behind",
      "subscriber     'mgr2' @ 00000001:00000002, 24 records behind",
      '',
    ].join('\n'),
  );
});
