/** `flotilla jlog`: what jlogctl prints, character by character (spec: logging 8). */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli.ts';

let place: string;
let printed: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'flotilla-jlog-'));
  cpSync(join(import.meta.dirname, '../../fixtures/jlog/basic'), join(place, 'j'), { recursive: true });
  printed = '';
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(place, { recursive: true });
});

const jlog = (...words: string[]): Promise<number> => main(['jlog', ...words, '-j', join(place, 'j')]);

it('R6 jlog prints subscribers, segments and the perspective of one as jlogctl does', async () => {
  expect(await jlog('subscriber', '-l')).toBe(0);
  expect(await jlog('data', '-i')).toBe(0);
  expect(await jlog('subscriber', '-p', 'master')).toBe(0);
  expect(printed).toBe(
    [
      `\t${' '.repeat(26)}master @ 00000000:00000003`,
      '\t00000000 [       69 bytes] 1 pending readers',
      '\t\t idx: 3 messages (00000003), open',
      '--------------------',
      "  Perspective of the 'master' subscriber",
      '    current checkpoint: 00000000:00000003',
      'Last write: 00000000:00000003',
      '\t     next interval: [00000000:00000003, 00000000:00000003]',
      '--------------------',
      '',
    ].join('\n'),
  );
});

it('R6 jlog adds, moves and erases subscribers, and fails with exit code 1 when there is none', async () => {
  expect(await jlog('subscriber', '-a', 'new', '-C', '00000000:00000001')).toBe(0);
  expect(await jlog('subscriber', '-u', 'new', '-C', '00000000:00000002')).toBe(0);
  expect(await jlog('subscriber', '-e', 'new')).toBe(0);
  expect(printed).toBe(
    "Added subscriber 'new' -> 00000000:00000001\n" +
      "Updated subscriber 'new' 00000000:00000001 -> 00000000:00000002\n" +
      "Erased subscriber 'new'\n",
  );
  expect(await jlog('subscriber', '-e', 'new')).toBe(1);
  expect(printed).toContain('[FLT-2208]');
  expect(await main(['jlog', 'data', '-j', join(place, 'none')])).toBe(1);
  expect(await jlog('wrong')).toBe(2);
});
