/** What the tests of journals share: a clock, a journal on a simulated or a real disk, and reading all of it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import type { Random } from '../../../src/core/random.ts';
import { type Journal, type JournalOptions, openJournal } from '../../../src/journal/journal.ts';
import type { JournalRecord } from '../../../src/journal/records.ts';
import type { JournalNotice } from '../../../src/journal/store.ts';

let nowMs = 0;

export const clock: Clock = {
  nowMs: () => nowMs,
  wallMs: () => 1_700_000_000_000 + nowMs,
  after(delayMs, run) {
    const timer = setTimeout(() => {
      nowMs += delayMs;
      run();
    }, 0);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const random: Random = { next: () => 0.5, hex: (bytes) => 'a1'.repeat(bytes) };

const workplace = mkdtempSync(join(tmpdir(), 'flotilla-journal-'));
afterAll(() => rmSync(workplace, { recursive: true, force: true }));
let places = 0;

/** A directory name nobody uses yet. */
export function newPath(): string {
  return join(workplace, `journal-${places++}`);
}

/** A copy of a journal that the C library wrote. */
export function fixture(name: string): string {
  const path = newPath();
  cpSync(join(import.meta.dirname, '../../fixtures/jlog', name), path, { recursive: true });
  return path;
}

export type Opened = Journal & { readonly notices: JournalNotice[] };

export async function open(
  options: Partial<JournalOptions> & Pick<JournalOptions, 'path' | 'files'>,
): Promise<Opened> {
  const notices: JournalNotice[] = [];
  const journal = await openJournal({
    clock,
    random,
    access: 'own',
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  return Object.assign(journal, { notices });
}

/** Everything a subscriber can read from its checkpoint on. */
export async function readAll(
  journal: Journal,
  subscriber: string,
  checkpoint = false,
): Promise<JournalRecord[]> {
  const reader = await journal.reader(subscriber);
  const all: JournalRecord[] = [];
  try {
    for (;;) {
      const records = await reader.next();
      if (records.length === 0) return all;
      all.push(...records);
      if (checkpoint) await reader.checkpoint();
    }
  } finally {
    await reader.close();
  }
}

export const texts = (records: readonly JournalRecord[]): string[] =>
  records.map(({ payload }) => payload.toString('latin1'));

/** Every file of a directory as hexadecimal text. */
export function bytesOf(path: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name)).toString('hex')]),
  );
}
