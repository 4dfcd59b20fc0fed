/** What happens when nobody reads a journal (spec: logging 11). */
import { beforeEach, describe, expect, it } from 'vitest';
import type { LoggingSettings } from '../../../src/core/logs/logger-settings.ts';
import { JournalSet } from '../../../src/logs/journal-set.ts';
import { LagWatch } from '../../../src/logs/lag-watch.ts';
import { clock, newPath, random } from '../journal/journals.ts';
import { Recorder } from '../recorder.ts';

let recorder: Recorder;
let fullness: number;
beforeEach(() => {
  recorder = new Recorder();
  fullness = 0;
});

/** Records of 84 bytes with their header. */
const payload = Buffer.alloc(68, 'x');

async function journalWith(records: number, maxLag: LoggingSettings['maxLag']) {
  const path = newPath();
  const limits =
    maxLag.action === 'stop-writing'
      ? { limits: { maxBytes: maxLag.bytes, maxAgeMs: 0, action: 'stop-writing' as const } }
      : {};
  const journals = new JournalSet({ clock, random, ...recorder, ...limits });
  const journal = await journals.open(path, { subscribers: ['fast', 'slow'] });
  for (let n = 0; n < records; n++) await journal.append(payload);
  const reader = await journal.reader('fast');
  while ((await reader.next()).length > 0);
  await reader.checkpoint();
  await reader.close();
  const idle = { ...clock, after: () => ({ cancel: () => {} }) };
  const watch = new LagWatch({ maxLag, journals, ...recorder, clock: idle, fullness: async () => fullness });
  const close = async (): Promise<void> => {
    await watch.stop();
    await journals.release(path);
  };
  return { journal, watch, close };
}

describe('logs_max_lag', () => {
  it('LOG-11 warns at 50, 80 and 95 % of it, once each, about who does not read', async () => {
    const { journal, watch, close } = await journalWith(5, { bytes: 840, action: 'warn' });
    await watch.look();
    await watch.look();
    for (let n = 0; n < 3; n++) await journal.append(payload);
    await watch.look();
    const texts = recorder.texts('critical');
    expect(texts).toHaveLength(2);
    expect(texts[0]).toContain("'slow' has 420 bytes unread, 50 % of logs_max_lag");
    expect(texts[1]).toContain('672 bytes unread, 80 %');
    expect((await journal.subscribers()).has('slow')).toBe(true);
    await close();
  });

  it('drop-subscriber removes him who does not read, and says what he lost', async () => {
    const { journal, watch, close } = await journalWith(11, { bytes: 840, action: 'drop-subscriber' });
    await watch.look();
    expect([...(await journal.subscribers()).keys()]).toEqual(['fast']);
    expect(recorder.texts('critical').at(-1)).toContain("'slow' was dropped, 924 bytes");
    expect(recorder.counted.get('log_subscribers_dropped_total')).toBe(1);
    await close();
  });

  it('stop-writing refuses lines until somebody has read', async () => {
    const { journal, watch, close } = await journalWith(11, { bytes: 840, action: 'stop-writing' });
    await watch.look();
    await expect(journal.append(payload)).rejects.toMatchObject({ code: 'FLT-2213' });
    await close();
  });
});

it('LOG-11 a file system that fills up is told at each mark, and again when it had been emptied', async () => {
  const { watch, close } = await journalWith(0, { bytes: 0, action: 'warn' });
  for (const share of [0.4, 0.51, 0.49, 0.51, 0.96, 0.3, 0.82]) {
    fullness = share;
    await watch.look();
  }
  const marks = recorder.texts('critical').map((text) => /is (\d+) % full/.exec(text)?.[1]);
  expect(marks).toEqual(['50', '95', '80']);
  await close();
});
