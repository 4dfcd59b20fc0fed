/** `flotilla jlog cat`, `tail`, `info` and `drain`: what is in a journal, and how far its subscribers have come. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlotillaError } from '../core/errors.ts';
import { readIdentity } from '../journal/identity.ts';
import type { Journal } from '../journal/journal.ts';
import { compareIds, formatId, type LogId } from '../journal/layout.ts';
import { ownerOf } from '../journal/owner.ts';
import type { JournalRecord } from '../journal/records.ts';
import { settingsOf } from './jlog.ts';
import { type JlogFlags, print, storeAt, withJournal } from './open-jlog.ts';
import { withProgress } from './progress-line.ts';

/** All records kept, whoever has read them. */
export function cat(path: string, flags: JlogFlags): Promise<number> {
  return withJournal(path, 'look', flags, async (journal) => {
    for await (const record of journal.everything()) await printRecord(record, flags, '');
    return 0;
  });
}

export interface TailFlags extends JlogFlags {
  readonly n: number;
  readonly follow?: true;
}

const shortestWaitMs = 10;
const longestWaitMs = 1000;

/** The last records, and with `follow` those that come. Needs no subscriber, so it keeps nothing from being deleted. */
export function tail(path: string, flags: TailFlags): Promise<number> {
  return withJournal(path, 'look', flags, async (journal) => {
    const reader = journal.readerFrom(await journal.placeBefore(flags.n));
    for (let waitMs = shortestWaitMs; ; ) {
      const records = await reader.next();
      for (const record of records) await printRecord(record, flags, '... empty message ...');
      if (records.length > 0) waitMs = shortestWaitMs;
      else if (!flags.follow) break;
      else {
        await sleep(waitMs);
        waitMs = Math.min(waitMs * 2, longestWaitMs);
      }
    }
    await reader.close();
    return 0;
  });
}

const newline = 10;

async function printRecord(
  { id, timeUs, payload }: JournalRecord,
  flags: JlogFlags,
  empty: string,
): Promise<void> {
  const text = flags.json
    ? `${JSON.stringify({ id: formatId(id), time: timeUs / 1e6, ...contentOf(payload) })}\n`
    : payload.length === 0
      ? empty && `${empty}\n`
      : payload.at(-1) === newline
        ? payload
        : Buffer.concat([payload, Buffer.of(newline)]);
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

function contentOf(payload: Buffer): { text: string } | { base64: string } {
  return isUtf8(payload) ? { text: payload.toString('utf8') } : { base64: payload.toString('base64') };
}

export async function info(path: string, flags: JlogFlags): Promise<number> {
  const store = await storeAt(path, flags);
  const owner = await ownerOf(path, store.files).catch(() => undefined);
  return withJournal(path, 'look', flags, async (journal) => {
    const segments = await journal.segments();
    const first = segments.find(({ records }) => records > 0);
    const behind = await lagOf(journal);
    const subscribers = [...(await journal.subscribers())].map(([name, at]) => ({
      subscriber: name,
      checkpoint: formatId(at),
      behind: behind(at),
    }));
    const facts = {
      path,
      identity: (await readIdentity(path, store.files)) ?? 'none yet',
      owner: owner === undefined ? 'nobody' : `process ${owner}`,
      byteorder: store.codec.format.order,
      ...(await settingsOf(store)),
      segments: segments.length,
      records: segments.reduce((sum, { records }) => sum + records, 0),
      bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      ondisk: await journal.diskBytes(),
      first: first ? formatId({ segment: first.segment, marker: 1 }) : 'none',
      last: formatId(await journal.last()),
    };
    if (flags.json) print(flags, { ...facts, subscribers }, '');
    else {
      for (const [name, value] of Object.entries(facts)) print(flags, {}, `${name.padEnd(15)}${value}`);
      for (const { subscriber, checkpoint, behind: records } of subscribers)
        print(
          flags,
          {},
          `${'subscriber'.padEnd(15)}'${subscriber}' @ ${checkpoint}, ${records} records behind`,
        );
    }
    return 0;
  });
}

/** How many of the records that are there now come behind an id. */
async function lagOf(journal: Journal): Promise<(at: LogId) => number> {
  const segments = await journal.segments();
  return (at) =>
    segments
      .filter(({ segment }) => segment >= at.segment)
      .reduce(
        (sum, { segment, records }) =>
          sum + records - (segment === at.segment ? Math.min(at.marker, records) : 0),
        0,
      );
}

const drainPollMs = 200;

/** Waits until a subscriber has consumed all that is there now. */
export function drain(path: string, name: string, flags: JlogFlags): Promise<number> {
  return withJournal(path, 'look', flags, async (journal) => {
    const end = await journal.last();
    const behind = await lagOf(journal);
    const total = behind(await standOf(journal, name));
    await withProgress(`waiting for '${name}'`, async (show) => {
      for (
        let at = await standOf(journal, name);
        compareIds(at, end) < 0 && behind(at) > 0;
        at = await standOf(journal, name)
      ) {
        show(total - behind(at), total, 'records');
        await sleep(drainPollMs);
      }
    });
    print(
      flags,
      { drained: name, checkpoint: formatId(end) },
      `Subscriber '${name}' has read everything up to ${formatId(end)}`,
    );
    return 0;
  });
}

async function standOf(journal: Journal, name: string): Promise<LogId> {
  const at = (await journal.subscribers()).get(name);
  if (at) return at;
  throw new FlotillaError('FLT-2208', `'${name}' of ${journal.path}`);
}
