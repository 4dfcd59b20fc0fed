/** Files of the aggregator (logging 10.2, 10.3, 15, 17.9 to 17.11). */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import {
  bounded,
  decodeState,
  encodeState,
  originKey,
  type SourceMark,
} from '../../../src/manager/aggregate-state.ts';
import { until } from '../../integration/until.ts';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { aggregateOn, baseS, logsSettings, numbered, record, source } from './aggregates.ts';

const workplace = mkdtempSync(join(tmpdir(), 'flotilla-aggregate-'));
afterAll(() => rmSync(workplace, { recursive: true, force: true }));
let places = 0;
const newPath = (): string => join(workplace, `place-${places++}`);
const real = await openDiskFiles();

const lines = (node: string, from: number, to: number): string =>
  numbered(node, from, to)
    .map(({ payload }) => Buffer.from(payload).toString())
    .join('');

describe('LOG-10.2 records become lines', () => {
  it('each has one newline, none is no line, and zero bytes are bytes', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/all"');
    const payloads = ['a\n', 'b', '', 'c\0d\n', '\0', '\n', '\n\n', 'e'];
    const records = payloads.map((text, n) => record(n + 1, text));
    await store.store(source('n'), records);
    await store.store(source('n'), [record(9, '')]);
    await store.store(source('n'), [record(10, 'f\n')]);
    expect(disk.content('/all')?.toString()).toBe('a\nb\nc\0d\n\0\n\n\n\ne\nf\n');
  });

  it('17.11 records of any length, alone and among small ones', async () => {
    const path = newPath();
    const store = aggregateOn(real, `logfile = "${path}"`);
    const sizes = [1, 600 * 1024, 1024 * 1024 - 1, 1024 * 1024, 3, 5 * 1024 * 1024, 7, 0, 2];
    const payloads = sizes.map((size, n) => Buffer.alloc(size, 'abcdefghi'.charAt(n)));
    await store.store(
      source('n'),
      payloads.map((payload, n) => record(n + 1, payload)),
    );
    const expected = payloads.filter(({ length }) => length > 0).flatMap((each) => [each, Buffer.from('\n')]);
    expect(readFileSync(path).equals(Buffer.concat(expected))).toBe(true);
    await store.stop();
  });

  it('whole records of several nodes are interleaved in a file they share, each node in its order', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/all"');
    const nodes = ['a', 'b', 'c', 'd'];
    for (let n = 0; n < 5; n++)
      await Promise.all(nodes.map((node) => store.store(source(node), numbered(node, n * 9 + 1, n * 9 + 9))));
    const found =
      disk
        .content('/all')
        ?.toString()
        .split(/(?<=\n)/) ?? [];
    for (const node of nodes)
      expect(found.filter((line) => line.startsWith(node)).join('')).toBe(lines(node, 1, 45));
    expect(found).toHaveLength(4 * 45);
  });

  it('what comes while a file is written is written with one sync and one state, whoever sent it', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/all"');
    const nodes = Array.from({ length: 20 }, (_, n) => `n${n}`);
    await store.store(source('first'), numbered('first', 1, 1));
    const trace: string[] = [];
    disk.trace = trace;
    await Promise.all(nodes.map((node) => store.store(source(node), numbered(node, 1, 3))));
    expect(trace.filter((what) => what === 'sync /all').length).toBeLessThanOrEqual(2);
    expect(trace.filter((what) => what.startsWith('rename')).length).toBeLessThanOrEqual(2);
  });

  it('sync = false leaves every sync out, and each record is still there once after a kill', async () => {
    const disk = new SimulatedDisk();
    const trace: string[] = [];
    disk.trace = trace;
    const text = 'logfile = "/all"  sync = false';
    await aggregateOn(disk.process(), text).store(source('n'), numbered('n', 1, 5));
    expect(trace.filter((what) => what.startsWith('sync'))).toEqual([]);
    disk.endProcess();
    await aggregateOn(disk.process(), text).store(source('n'), numbered('n', 1, 7));
    expect(disk.content('/all')?.toString()).toBe(lines('n', 1, 7));
  });

  it('two intervals of one source at the same time are a mistake, which keeps nothing of the second', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/all"');
    const first = store.store(source('n'), numbered('n', 1, 3));
    await expect(store.store(source('n'), numbered('n', 4, 6))).rejects.toThrow('already');
    await first;
    expect(disk.content('/all')?.toString()).toBe(lines('n', 1, 3));
  });
});

describe('LOG-10.2 step 4 the state of a file', () => {
  const text = 'logfile = "/all"';

  it('a journal that was made anew is another source; one that was repaired or copied is not', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), text);
    await store.store(source('n'), numbered('n', 1, 3));
    await store.store(source('n'), numbered('n', 1, 4));
    await store.store(source('n', { journal: 'other' }), [record(1, 'new 1\n')]);
    await store.store(source('n', { log: 'rejectlog' }), [record(1, 'reject 1\n')]);
    await store.store(source('n', { subscriber: 'master' }), [record(1, 'master 1\n')]);
    expect(disk.content('/all')?.toString()).toBe(`${lines('n', 1, 4)}new 1\nreject 1\nmaster 1\n`);
    expect(store.recorder.counted.get('aggregate_records_skipped_total')).toBe(3);
  });

  it('a file that was there before is not cut, and not when the state was removed with the manager off', async () => {
    const path = newPath();
    writeFileSync(path, 'old\n');
    const pattern = `logfile = "${path}"`;
    const first = aggregateOn(real, pattern);
    await first.store(source('n'), numbered('n', 1, 1));
    await first.stop();
    rmSync(join(workplace, `.${path.slice(workplace.length + 1)}.state`));
    const second = aggregateOn(real, pattern);
    await second.store(source('n'), numbered('n', 2, 2));
    await second.stop();
    expect(readFileSync(path, 'utf8')).toBe(`old\n${lines('n', 1, 2)}`);
  });

  it('FLT-2503 a damaged state holds the log until somebody has looked', async () => {
    const disk = new SimulatedDisk();
    await aggregateOn(disk.process(), text).store(source('n'), numbered('n', 1, 3));
    disk.endProcess();
    const files = disk.process();
    await (await files.create('/.all.state', 0o600)).truncate(20);
    const store = aggregateOn(files, text);
    await expect(store.store(source('n'), numbered('n', 1, 4))).rejects.toMatchObject({ code: 'FLT-2503' });
    await files.remove('/.all.state');
    await store.store(source('n'), numbered('n', 4, 4));
    expect(disk.content('/all')?.toString()).toBe(lines('n', 1, 4));
  });

  it('FLT-2505 two managers do not write one file', async () => {
    const path = newPath();
    const [first, second] = [1, 2].map(() => aggregateOn(real, `logfile = "${path}"`));
    await first!.store(source('a'), numbered('a', 1, 1));
    await expect(second!.store(source('b'), numbered('b', 1, 1))).rejects.toMatchObject({ code: 'FLT-2505' });
    await first!.stop();
    await second!.store(source('b'), numbered('b', 1, 1));
    await second!.stop();
    expect(readFileSync(path, 'utf8')).toBe('a 1\nb 1\n');
  });

  it('a file that somebody empties or writes while it is open goes on behind what is there', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), text);
    await store.store(source('n'), numbered('n', 1, 3));
    const foreign = await disk.process().create('/all', 0o600);
    await foreign.truncate(0);
    await store.store(source('n'), numbered('n', 4, 5));
    await foreign.write(Buffer.from('foreign\n'), await foreign.size());
    await store.store(source('n'), numbered('n', 6, 6));
    expect(disk.content('/all')?.toString()).toBe(`${lines('n', 4, 5)}foreign\n${lines('n', 6, 6)}`);
    expect(store.recorder.texts('warning')).toHaveLength(2);
  });

  it('says what it says, and is bounded: who is gone for a month goes first, then the longest silent', () => {
    const mark = (n: number, wroteS: number): SourceMark => ({
      ...{ node: `n${n}`, log: 'l "\n', subscriber: 's', journal: 'j', wroteS },
      id: { segment: n, marker: 0xfffffffe },
    });
    const marks = (count: number, wroteS: (n: number) => number) =>
      new Map(Array.from({ length: count }, (_, n) => [originKey(mark(n, 0)), mark(n, wroteS(n))] as const));
    const state = { length: 2 ** 45, marks: marks(3, () => 7) };
    expect(decodeState(encodeState(state))).toEqual(state);
    for (const text of [
      '',
      '{}',
      'null',
      '{"version":1,"length":-1,"sources":[]}',
      '{"version":1,"length":1}',
    ])
      expect([text, decodeState(Buffer.from(text))]).toEqual([text, undefined]);
    const nowS = 100 * 86_400;
    expect(
      bounded(
        marks(1024, () => 0),
        nowS,
      ).size,
    ).toBe(1024);
    const gone = bounded(
      marks(2000, (n) => (n < 1500 ? nowS - n : 0)),
      nowS,
    );
    expect(gone.size).toBe(1500);
    const many = bounded(
      marks(6000, (n) => nowS - n),
      nowS,
    );
    expect([many.size, many.has(originKey(mark(4095, 0))), many.has(originKey(mark(4096, 0)))]).toEqual([
      4096,
      true,
      false,
    ]);
  });
});

describe('LOG-10.3 names of files', () => {
  it('a record goes where its own time says: around midnight, and pulled again a day later', async () => {
    const disk = new SimulatedDisk();
    const text = 'logfile = "/logs/%Y/%m/%d/%{l}/%{s}/%{n}"';
    const midnightS = Math.ceil(baseS / 86_400) * 86_400;
    const records = [-2, -1, 0, 1].map((s, n) => record(n + 1, `${s}\n`, midnightS + s));
    const store = aggregateOn(disk.process(), text);
    await store.store(source('n1', { subcluster: 'east' }), records);
    disk.endProcess();
    const later = aggregateOn(disk.process(), text);
    later.clock.pass(86_400_000);
    await later.store(source('n1', { subcluster: 'east' }), [...records, record(5, '2\n', midnightS + 2)]);
    expect(disk.content('/logs/2023/11/14/mainlog/east/n1')?.toString()).toBe('-2\n-1\n');
    expect(disk.content('/logs/2023/11/15/mainlog/east/n1')?.toString()).toBe('0\n1\n2\n');
  });

  it('in the local time of the moment, also when the clocks are put back', async () => {
    const disk = new SimulatedDisk();
    const endOfSummerS = Date.UTC(2024, 9, 27, 1) / 1000;
    const zone = {
      at: (timeS: number) =>
        timeS < endOfSummerS ? { offsetS: 7200, name: 'CEST' } : { offsetS: 3600, name: 'CET' },
    };
    const store = aggregateOn(disk.process(), 'logfile = "/%H%Z"', { zone });
    const records = [-3600, -1, 0, 3600].map((s, n) => record(n + 1, `${s}\n`, endOfSummerS + s));
    await store.store(source('n'), records);
    expect(['/02CEST', '/02CET', '/03CET'].map((path) => disk.content(path)?.toString())).toEqual([
      '-3600\n-1\n',
      '0\n',
      '3600\n',
    ]);
  });

  it('FLT-2504 names that would lead elsewhere are refused, and nothing is made', async () => {
    const path = newPath();
    const store = aggregateOn(real, `logfile = "${path}/%{n}/%{l}"`);
    for (const more of [{ log: '..' }, { log: 'a/b' }, { node: '../x' }, { log: 'a\nb' }, { subcluster: '' }])
      await expect(store.store(source('n', more), numbered('n', 1, 1))).rejects.toMatchObject({
        code: 'FLT-2504',
      });
    expect(readdirSync(workplace)).not.toContain(path.slice(workplace.length + 1));
  });

  it('FLT-2501 no output is called like the state of another', async () => {
    const store = aggregateOn(new SimulatedDisk().process(), 'logfile = "/%{l}"');
    await expect(
      store.store(source('n', { log: '.mainlog.state' }), numbered('n', 1, 1)),
    ).rejects.toMatchObject({ code: 'FLT-2501' });
  });

  it('modes of files and directories are those of the configuration, whatever the mask', async () => {
    const path = newPath();
    const earlier = process.umask(0o077);
    try {
      const store = aggregateOn(real, `logfile = "${path}/a/%{n}"  file_mode = 0664  dir_mode = 0771`);
      await store.store(source('n'), numbered('n', 1, 1));
      await store.stop();
    } finally {
      process.umask(earlier);
    }
    const modes = ['', '/a', '/a/n', '/a/.n.state'].map((name) => statSync(path + name).mode & 0o7777);
    expect(modes).toEqual([0o771, 0o771, 0o664, 0o664]);
  });
});

describe('MGR-15 another configuration', () => {
  it('what comes from then on goes where it says, with its modes; what is open is closed', async () => {
    const path = newPath();
    const store = aggregateOn(real, `logfile = "${path}/%{n}"  file_mode = 0640`);
    await store.store(source('n'), numbered('n', 1, 3));
    const underWay = store.store(source('m'), numbered('m', 1, 2));
    store.configure(logsSettings(`logfile = "${path}/new/%{n}"  file_mode = 0600  dir_mode = 0700`));
    await underWay;
    await until(() => store.openOutputs === 0);
    await store.store(source('n'), numbered('n', 4, 5));
    await store.stop();
    expect(readFileSync(`${path}/n`, 'utf8')).toBe(lines('n', 1, 3));
    expect(readFileSync(`${path}/m`, 'utf8')).toBe(lines('m', 1, 2));
    expect(readFileSync(`${path}/new/n`, 'utf8')).toBe(lines('n', 4, 5));
    expect(statSync(`${path}/new/n`).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}/new`).mode & 0o777).toBe(0o700);
  });

  it('an output that is the same goes on with its records once, and with the new bounds', async () => {
    const files = watched(new SimulatedDisk().process());
    const store = aggregateOn(files, 'logfile = "/%{n}"  max_open = 1');
    await store.store(source('a'), numbered('a', 1, 2));
    store.configure(logsSettings('logfile = "/%{n}"  max_open = 2'));
    await until(() => store.openOutputs === 0);
    await store.store(source('a'), numbered('a', 2, 3));
    await store.store(source('b'), numbered('b', 1, 1));
    expect([...files.openPaths].sort()).toEqual(['/a', '/b']);
    await store.stop();
  });
});

describe('LOG-15 what cannot be kept holds its own log only', () => {
  it('FLT-2501 a path that cannot be made', async () => {
    const path = newPath();
    writeFileSync(path, '');
    const text = `Node bad { logfile = "${path}/%{n}" }  logfile = "${path}.%{n}"`;
    const store = aggregateOn(real, text);
    const results = await Promise.allSettled(
      ['bad', 'good'].map((node) => store.store(source(node), numbered(node, 1, 3))),
    );
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'FLT-2501', message: expect.stringContaining(path) } },
      { status: 'fulfilled' },
    ]);
    expect(readFileSync(`${path}.good`, 'utf8')).toBe(lines('good', 1, 3));
    rmSync(path);
    await store.store(source('bad'), numbered('bad', 1, 3));
    expect(readFileSync(`${path}/bad`, 'utf8')).toBe(lines('bad', 1, 3));
    await store.stop();
  });

  it('FLT-2502 a full disk leaves nothing half done, and goes on when there is room', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/%{l}"');
    await store.store(source('a'), numbered('a', 1, 3));
    disk.room = 30;
    const results = await Promise.allSettled(
      ['a', 'b'].map((node) => store.store(source(node), numbered(node, 4, 9))),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(results[0]).toMatchObject({ reason: { code: expect.stringMatching(/^FLT-250[12]$/) } });
    expect(disk.content('/mainlog')?.toString()).toBe(lines('a', 1, 3));
    disk.room = Number.POSITIVE_INFINITY;
    for (const node of ['b', 'a']) await store.store(source(node), numbered(node, 4, 9));
    expect(disk.content('/mainlog')?.toString()).toBe(lines('a', 1, 3) + lines('b', 4, 9) + lines('a', 4, 9));
  });

  it('FLT-2502 a sync that fails is not taken for done', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/all"');
    await store.store(source('a'), numbered('a', 1, 1));
    disk.failSync = true;
    await expect(store.store(source('a'), numbered('a', 2, 5))).rejects.toMatchObject({ code: 'FLT-2502' });
    await store.store(source('a'), numbered('a', 2, 5));
    disk.losePower(() => 0);
    expect(disk.content('/all')?.toString()).toBe(lines('a', 1, 5));
  });

  it('FLT-2506 when it stops, what was taken is stored and nothing more is taken', async () => {
    const disk = new SimulatedDisk();
    const store = aggregateOn(disk.process(), 'logfile = "/%{n}"');
    const taken = ['a', 'b'].map((node) => store.store(source(node), numbered(node, 1, 3)));
    await store.stop();
    await Promise.all(taken);
    await expect(store.store(source('a'), numbered('a', 4, 4))).rejects.toMatchObject({ code: 'FLT-2506' });
    expect(disk.content('/b')?.toString()).toBe(lines('b', 1, 3));
    expect(store.openOutputs).toBe(0);
  });
});

/** Which outputs are open on a disk, state files aside, and how many there have been at once. */
function watched(files: JournalFiles): JournalFiles & { readonly openPaths: Set<string>; most(): number } {
  const openPaths = new Set<string>();
  let most = 0;
  return Object.assign({}, files, {
    openPaths,
    most: () => most,
    create: async (path: string, mode: number) => {
      const file = await files.create(path, mode);
      if (path.includes('.state')) return file;
      openPaths.add(path);
      most = Math.max(most, openPaths.size);
      return {
        ...file,
        close: async () => {
          await file.close();
          openPaths.delete(path);
        },
      };
    },
  });
}

describe('LOG-10.3 handles', () => {
  it('17.10 max_open 2 with 5 logs: the least recently written makes room, and reopening appends', async () => {
    const disk = new SimulatedDisk();
    const files = watched(disk.process());
    const store = aggregateOn(files, 'logfile = "/%{n}"  max_open = 2');
    const nodes = ['a', 'b', 'c', 'd', 'e'];
    for (let n = 1; n <= 4; n++)
      await Promise.all(nodes.map((node) => store.store(source(node), numbered(node, n, n))));
    expect(files.most()).toBe(2);
    for (const node of nodes) expect(disk.content(`/${node}`)?.toString()).toBe(lines(node, 1, 4));
    for (const node of ['a', 'b', 'a', 'c']) await store.store(source(node), numbered(node, 5, 9));
    expect([...files.openPaths].sort()).toEqual(['/a', '/c']);
    expect(store.openOutputs).toBe(2);
  });

  it('17.10 max_idle 1: closed after a second without a line', async () => {
    const files = watched(new SimulatedDisk().process());
    const store = aggregateOn(files, 'logfile = "/%{n}"  max_idle = 1');
    await store.store(source('a'), numbered('a', 1, 1));
    store.clock.pass(900);
    await store.store(source('a'), numbered('a', 2, 2));
    await store.store(source('b'), numbered('b', 1, 1));
    store.clock.pass(900);
    await store.store(source('a'), numbered('a', 3, 3));
    expect([...files.openPaths].sort()).toEqual(['/a', '/b']);
    store.clock.pass(100);
    await store.store(source('c'), []);
    await store.store(source('c'), numbered('c', 1, 1));
    expect([...files.openPaths].sort()).toEqual(['/a', '/c']);
    expect(store.openOutputs).toBe(2);
  });

  it('reopen logs: what was moved away is whole, and the log goes on in a new file', async () => {
    const path = newPath();
    const store = aggregateOn(real, `logfile = "${path}"`);
    await store.store(source('n'), numbered('n', 1, 3));
    renameSync(path, `${path}.old`);
    await store.reopen();
    expect(store.openOutputs).toBe(0);
    await store.store(source('n'), numbered('n', 2, 5));
    expect(readFileSync(`${path}.old`, 'utf8')).toBe(lines('n', 1, 3));
    expect(readFileSync(path, 'utf8')).toBe(lines('n', 4, 5));
    await store.stop();
  });

  it('reopen logs: an output at work is closed when it is done', async () => {
    const disk = new SimulatedDisk();
    const files = watched(disk.process());
    const [isWriting, goOn] = [gate(), gate()];
    const { create } = files;
    files.create = async (path, mode) => {
      const file = await create(path, mode);
      const write = async (bytes: Uint8Array, position: number) => {
        isWriting.open();
        await goOn.opened;
        await file.write(bytes, position);
      };
      return path === '/all' ? { ...file, write } : file;
    };
    const store = aggregateOn(files, 'logfile = "/all"');
    const writing = store.store(source('n'), numbered('n', 1, 3));
    await isWriting.opened;
    const reopening = store.reopen();
    goOn.open();
    await Promise.all([writing, reopening]);
    expect([...files.openPaths]).toEqual([]);
    await store.store(source('n'), numbered('n', 1, 4));
    expect(disk.content('/all')?.toString()).toBe(lines('n', 1, 4));
  });
});

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
