/**
 * A directory of journals of series, and answers from it (replication 12): what `flotilla cidr` and the console ask.
 *
 * Invariants: files are read line by line, so that their size is no matter; a journal that is there both plain and
 * compressed counts once. What cannot be read is left out and said at the end.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Clock } from '../core/clock.ts';
import { CidrCounts, mostRows } from '../core/series/cidr-counts.ts';
import { type CidrQuery, type CountQuery, parseDate } from '../core/series/cidr-query.ts';
import type { JournalPage } from '../core/series/journal.ts';
import { parseEntry, parseJournalHead, parseJournalName } from '../core/series/series-file.ts';
import { type Form, forms, type JournalFormat } from './journal-forms.ts';
import { Turns } from './turns.ts';

interface JournalFile {
  readonly path: string;
  readonly series: string;
  readonly stamp: string;
  readonly endMs: number;
}

/** Counts of the running period, and until when. */
interface Live {
  readonly pages: readonly JournalPage[];
  readonly endMs: number;
}

/** Text in pieces; at the end what was wrong with the answer. */
export type JournalAnswer = AsyncGenerator<string, string | undefined, void>;

export class Journals {
  readonly #directory: string;
  readonly #clock: Clock;
  /** What is in no file yet. */
  readonly #running: (() => readonly JournalPage[]) | undefined;
  /** Files that answers were made of, while they are there. */
  #read: ReadonlySet<string> = new Set();

  constructor(directory: string, clock: Clock, running?: () => readonly JournalPage[]) {
    this.#directory = directory;
    this.#clock = clock;
    this.#running = running;
  }

  /** In JSON it is one value, in which `error` says what was wrong. */
  async *ask(query: CidrQuery, format: JournalFormat = 'text'): JournalAnswer {
    const form = forms[format];
    const problem = yield* this.#answer(query, form);
    yield form.end(query, problem);
    return problem;
  }

  async *#answer(query: CidrQuery, form: Form): JournalAnswer {
    yield form.start(query);
    const isLive = query.kind === 'count' && query.isLive;
    if (isLive && !this.#running) return 'only the console of a node or manager knows live counts';
    const live = isLive ? { pages: this.#running!(), endMs: this.#clock.wallMs() } : undefined;
    const files = await this.#files();
    // Nothing is written yet.
    if (typeof files === 'string' && live) return yield* this.#count(query as CountQuery, form, [], live);
    if (typeof files === 'string') return files;
    if (query.kind === 'available') return yield* available(files, form);
    if (query.kind === 'count') return yield* this.#count(query, form, files, live);
    yield form.files(files.filter(({ path }) => this.#read.has(path)).map(({ path }) => path));
    return undefined;
  }

  async *#count(
    query: CountQuery,
    form: Form,
    files: readonly JournalFile[],
    live: Live | undefined,
  ): JournalAnswer {
    const counts = new CidrCounts(query);
    const turns = new Turns(this.#clock);
    let problem: string | undefined;
    // What ends later was in the pages still when they were taken.
    const wanted = files.filter(
      ({ series, endMs }) => counts.concerns(series, endMs) && endMs <= (live?.endMs ?? endMs),
    );
    for (const file of wanted) problem = (await addFile(file, counts, turns)) ?? problem;
    this.#read = new Set([...this.#read, ...wanted.map(({ path }) => path)]);
    if (live) await addPages(live, counts, turns);
    let rows = 0;
    let text = '';
    for (const row of counts.rows()) {
      if (row) {
        text += form.row(row, rows++ === 0);
        continue;
      }
      yield text;
      text = '';
      await turns.next();
    }
    yield text;
    if (counts.refused > 0)
      return `more than ${mostRows} lines: ask for a smaller netblock or a shorter cidrsize`;
    return problem ?? (rows > 0 ? undefined : 'no data');
  }

  /** By name, and so by time; as a text, why there are none. */
  async #files(): Promise<readonly JournalFile[] | string> {
    let names: readonly string[];
    try {
      names = await readdir(this.#directory);
    } catch (error) {
      return problemOf(this.#directory, error);
    }
    const present = new Set(names);
    const files = names
      .filter((name) => !name.endsWith('.gz') || !present.has(name.slice(0, -3)))
      .toSorted()
      .flatMap((name) => this.#file(name));
    this.#read = new Set(files.map(({ path }) => path).filter((path) => this.#read.has(path)));
    return files;
  }

  #file(name: string): readonly JournalFile[] {
    const found = parseJournalName(name);
    const date = found && parseDate(found.stamp);
    return found && date ? [{ ...found, endMs: date.ms, path: join(this.#directory, name) }] : [];
  }
}

async function* available(files: readonly JournalFile[], form: Form): JournalAnswer {
  const stamps = new Map<string, readonly [first: string, last: string]>();
  for (const { series, stamp } of files) stamps.set(series, [stamps.get(series)?.[0] ?? stamp, stamp]);
  for (const [i, series] of [...stamps.keys()].toSorted().entries())
    yield form.series(series, stamps.get(series)!, i === 0);
  return stamps.size > 0 ? undefined : 'no data';
}

async function addPages({ pages, endMs }: Live, counts: CidrCounts, turns: Turns): Promise<void> {
  for (const { series, keyType, amounts } of pages) {
    if (keyType === 'text' || !counts.concerns(series, endMs)) continue;
    for (const [key, by] of amounts) {
      counts.add(series, endMs, key, by);
      await turns.next();
    }
  }
}

/** What went wrong; what was read before is counted. */
async function addFile(file: JournalFile, counts: CidrCounts, turns: Turns): Promise<string | undefined> {
  const { path, series, endMs } = file;
  const source = createReadStream(path);
  try {
    const input = path.endsWith('.gz') ? pipeline(source, createGunzip(), () => {}) : source;
    let head: ReturnType<typeof parseJournalHead>;
    for await (const line of createInterface({ input })) {
      head ??= parseJournalHead(line);
      // Keys of other series are no addresses.
      if (!head || head.keyType === 'text') return head ? undefined : `${path}: not a journal of a series`;
      const entry = parseEntry(head.keyType, line);
      if (entry) counts.add(series, endMs, ...entry);
      await turns.next();
    }
    return undefined;
  } catch (error) {
    return problemOf(path, error);
  } finally {
    source.destroy();
  }
}

function problemOf(path: string, error: unknown): string {
  return `${path}: ${error instanceof Error ? error.message : error}`;
}
