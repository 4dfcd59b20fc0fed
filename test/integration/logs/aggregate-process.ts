/**
 * A process of its own that stores numbered records of three nodes and kills itself at the n-th operation on files:
 * DIRECTORY N. How far a node is acknowledged is in the file NODE.acked there; it is pulled from there on, so many records
 * in a life. Prints the number of operations of a life that came to its end.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFile, JournalFiles } from '../../../src/journal/files.ts';
import { aggregateOn, baseS, record, source } from '../../unit/manager/aggregates.ts';

const [directory = '', stopAt = '0'] = process.argv.slice(2);
const recordsALife = 10;
const intervalRecords = 5;

let operations = 0;

/** Half of the operations are killed before they are done, the others in their midst or behind them. */
async function step<T>(done: () => Promise<T>): Promise<T> {
  operations++;
  if (operations !== Number(stopAt)) return await done();
  if (operations % 2 === 0) process.kill(process.pid, 'SIGKILL');
  const work = done();
  if (operations % 4 === 1) await work.catch(() => {});
  process.kill(process.pid, 'SIGKILL');
  return await work;
}

function killing(files: JournalFiles): JournalFiles {
  const file = (inner: JournalFile): JournalFile => ({
    ...inner,
    write: (bytes, position) => step(() => inner.write(bytes, position)),
    truncate: (length) => step(() => inner.truncate(length)),
    sync: () => step(() => inner.sync()),
  });
  return {
    ...files,
    create: (path, mode) => step(async () => file(await files.create(path, mode))),
    makeDirectory: (path, mode) => step(() => files.makeDirectory(path, mode)),
    rename: (from, to) => step(() => files.rename(from, to)),
    syncDirectory: (path) => step(() => files.syncDirectory(path)),
  };
}

/** A record an hour: many intervals reach from one day into the next. */
async function pull(node: string): Promise<void> {
  const ackedPath = join(directory, `${node}.acked`);
  let acked = existsSync(ackedPath) ? Number(readFileSync(ackedPath, 'utf8')) : 0;
  const end = acked + recordsALife;
  while (acked < end) {
    const last = Math.min(acked + intervalRecords, end);
    const records = Array.from({ length: last - acked }, (_, n) => {
      const number = acked + n + 1;
      return record(number, `${node} ${number}${number % 3 ? '\n' : ''}`, baseS + number * 3600);
    });
    await store.store(source(node), records);
    acked = last;
    writeFileSync(ackedPath, String(acked));
  }
}

const text = `logfile = "${directory}/logs/%F/all"  Node c { logfile = "${directory}/logs/%F/%{n}" }`;
const store = aggregateOn(killing(await openDiskFiles()), text);
await Promise.all(['a', 'b', 'c'].map(pull));
await store.stop();
process.stdout.write(`${operations}\n`);
