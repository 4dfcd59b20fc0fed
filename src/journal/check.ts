/**
 * Looks for everything that is not right in a journal, and changes nothing. Journals of either byte order, plain and
 * compressed; also one that is being written, whose last record may not be whole yet.
 */
import { readWhole } from './files.ts';
import { describeProblem, inspectRecords, type RecordSeen } from './inspect.ts';
import {
  checkpointBytes,
  decodeCheckpoint,
  decodeMetastore,
  formatId,
  get32,
  hex8,
  type LogId,
  metastoreBytes,
  segmentsAmong,
  subscribersAmong,
} from './layout.ts';
import { checkpointPath, indexPath, type JournalStore, namesIn, segmentPath } from './store.ts';

export interface CheckedJournal {
  /** One line each, without the path. */
  readonly findings: readonly string[];
  readonly segments: ReadonlyMap<number, number>;
}

export async function checkJournal(
  store: JournalStore,
  onProgress?: (done: number, total: number) => void,
): Promise<CheckedJournal> {
  const names = await namesIn(store);
  const numbers = segmentsAmong(names);
  const findings: string[] = [];
  const current = await storedCurrent(store, findings);
  checkNames(names, numbers, current, findings);
  const segments = new Map<number, number>();
  let before: number | undefined;
  for (const [done, segment] of numbers.entries()) {
    onProgress?.(done, numbers.length);
    const checked = await checkSegment(store, segment, segment >= current, before);
    // Deleted meanwhile by whoever owns it.
    if (!checked) continue;
    before = checked.lastUs ?? before;
    segments.set(segment, checked.records);
    findings.push(...checked.findings.map((text) => `segment ${hex8(segment)}: ${text}`));
  }
  await checkCheckpoints(store, names, segments, current, findings);
  return { findings, segments };
}

async function storedCurrent(store: JournalStore, findings: string[]): Promise<number> {
  const file = await store.files.open(`${store.directory}/metastore`, 'read');
  const bytes = file && (await readWhole(file, metastoreBytes + 1));
  await file?.close();
  const found = bytes && decodeMetastore(bytes);
  if (found) return found.storage;
  const isVersion1 = store.settings.magic === 0 && bytes?.length === 12;
  if (!isVersion1) findings.push(bytes ? 'the metastore is damaged' : 'the metastore is missing');
  return store.settings.storage;
}

const known = /^(?:[0-9a-f]{8}(?:\.idx)?|cp\.(?:[0-9a-f]{2})+|metastore|pre_commit(?:\.note)?)$/;

function checkNames(
  names: readonly string[],
  segments: readonly number[],
  current: number,
  findings: string[],
): void {
  for (let i = 1; i < segments.length; i++)
    if (segments[i]! > segments[i - 1]! + 1) {
      const [from, to] = [segments[i - 1]! + 1, segments[i]! - 1];
      findings.push(
        from === to
          ? `segment ${hex8(from)} is missing`
          : `segments ${hex8(from)} to ${hex8(to)} are missing`,
      );
    }
  const highest = segments.at(-1);
  if (highest !== undefined && highest < current)
    findings.push(`the current segment ${hex8(current)} is missing`);
  for (const segment of segments)
    if (segment > current)
      findings.push(`segment ${hex8(segment)} is newer than the current one, ${hex8(current)}`);
  for (const name of [...names].sort())
    if (name.endsWith('.idx') && known.test(name) && !names.includes(name.slice(0, 8)))
      findings.push(`index ${name} has no segment`);
    else if (!known.test(name)) findings.push(`file ${name} is none of a journal`);
}

interface CheckedSegment {
  readonly records: number;
  readonly lastUs: number | undefined;
  readonly findings: readonly string[];
}

async function checkSegment(
  store: JournalStore,
  segment: number,
  isOpen: boolean,
  beforeUs: number | undefined,
): Promise<CheckedSegment | undefined> {
  const file = await store.files.open(segmentPath(store, segment), 'read');
  if (!file) return undefined;
  try {
    const { format } = store.codec;
    const size = await file.size();
    const look = new RecordLook(store, beforeUs);
    const problem = await inspectRecords(file, format, size, (record) => look.see(record));
    const findings = look.findings();
    // A record that is being written is not whole yet.
    if (problem && !(isOpen && problem.kind !== 'magic' && (await file.size()) !== size))
      findings.push(describeProblem(problem, format));
    findings.push(...(await checkIndex(store, segment, isOpen, look.offsets)));
    return { records: look.offsets.length, lastUs: look.lastUs, findings };
  } finally {
    await file.close();
  }
}

/** What is wrong with records one by one: the first of its kind in a segment, and how many there are. */
class RecordLook {
  readonly offsets: number[] = [];
  lastUs: number | undefined;
  readonly #store: JournalStore;
  readonly #backwards: number[] = [];
  readonly #unreadable: number[] = [];

  constructor(store: JournalStore, beforeUs: number | undefined) {
    this.#store = store;
    this.lastUs = beforeUs;
  }

  see({ index, offset, seconds, microseconds, stored, length }: RecordSeen): void {
    this.offsets.push(offset);
    const timeUs = seconds * 1e6 + microseconds;
    if (this.lastUs !== undefined && timeUs < this.lastUs) this.#backwards.push(index);
    this.lastUs = timeUs;
    if (!this.#store.codec.unpack(stored, length)) this.#unreadable.push(index);
  }

  findings(): string[] {
    return [
      ...many('time goes backwards', this.#backwards),
      ...many('the payload cannot be expanded', this.#unreadable),
    ];
  }
}

function many(what: string, records: readonly number[]): string[] {
  if (records.length === 0) return [];
  const others = records.length > 1 ? `, and at ${records.length - 1} more` : '';
  return [`${what} at record ${records[0]}${others}`];
}

/** An index may lack entries, or be missing as a whole: readers make it. What it says must be right. */
async function checkIndex(
  store: JournalStore,
  segment: number,
  isOpen: boolean,
  offsets: readonly number[],
): Promise<string[]> {
  const file = await store.files.open(indexPath(store, segment), 'read');
  if (!file) return [];
  try {
    const bytes = await readWhole(file, Number.POSITIVE_INFINITY);
    const { order } = store.codec.format;
    const entries = Math.floor(bytes.length / 8);
    const findings: string[] = [];
    if (bytes.length % 8 !== 0)
      findings.push(`the index has ${bytes.length} bytes, which is no multiple of 8`);
    for (let entry = 0; entry < entries; entry++) {
      const [low, high] = order === 'little' ? [0, 4] : [4, 0];
      const offset = get32(bytes, entry * 8 + high, order) * 2 ** 32 + get32(bytes, entry * 8 + low, order);
      if (offset === offsets[entry]) continue;
      const isClosing = offset === 0 && entry === entries - 1 && entry === offsets.length && entry > 0;
      // Records that were indexed after we had read the segment.
      if ((isClosing && !isOpen) || (isOpen && entry >= offsets.length && offset > 0)) continue;
      return [
        ...findings,
        isClosing
          ? 'the index is closed, the segment is not'
          : `the index has a wrong offset for record ${entry + 1}: ${offset}`,
      ];
    }
    return findings;
  } finally {
    await file.close();
  }
}

async function checkCheckpoints(
  store: JournalStore,
  names: readonly string[],
  segments: ReadonlyMap<number, number>,
  current: number,
  findings: string[],
): Promise<void> {
  const lowest = Math.min(...segments.keys(), current);
  const stands: LogId[] = [];
  for (const subscriber of subscribersAmong(names)) {
    const file = await store.files.open(checkpointPath(store, subscriber), 'read');
    const bytes = file && (await readWhole(file, checkpointBytes + 1));
    await file?.close();
    if (!bytes) continue;
    const at = decodeCheckpoint(bytes, store.codec.format.order);
    if (at) stands.push(at);
    const wrong = at ? wrongCheckpoint(at, lowest, current, segments) : `its file has ${bytes.length} bytes`;
    if (wrong) findings.push(`subscriber '${subscriber}'${at ? ` @ ${formatId(at)}` : ''}: ${wrong}`);
  }
  if (stands.length === 0) return;
  const needed = Math.min(...stands.map(({ segment }) => segment), current);
  for (const segment of segments.keys())
    if (segment < needed) findings.push(`segment ${hex8(segment)} is older than what any subscriber needs`);
}

function wrongCheckpoint(
  at: LogId,
  lowest: number,
  current: number,
  segments: ReadonlyMap<number, number>,
): string | undefined {
  if (at.segment < lowest) return 'its segment is gone';
  const records = segments.get(at.segment);
  if (
    at.segment > current ||
    (at.marker > (records ?? 0) && !(records === undefined && at.segment < current))
  )
    return 'past the end';
  return undefined;
}
