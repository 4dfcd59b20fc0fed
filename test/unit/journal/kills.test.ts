/** The writer killed at each operation of a write, a segment change and a checkpoint, in turn (spec: logging 17.4, 17.5). */
import { expect, it } from 'vitest';
import { open, readAll, texts } from './journals.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const path = '/j';
const options = { path, subscribers: ['master', 'all'], create: { unitLimit: 120, safety: 2 } } as const;

/** Appends in groups, consumes and moves on, until the end or the kill. What was acknowledged. */
async function work(disk: SimulatedDisk, acknowledged: string[], consumed: string[]): Promise<void> {
  const journal = await open({ ...options, files: disk.process() });
  for (let group = 0; group < 4; group++) {
    const lines = [0, 1, 2].map((n) => `line ${group} ${n}`);
    await Promise.all(
      lines.map((line) =>
        journal.append(Buffer.from(line)).then(
          () => acknowledged.push(line),
          () => {},
        ),
      ),
    );
    const reader = await journal.reader('master');
    const records = await reader.next();
    await reader.checkpoint();
    consumed.push(...texts(records));
    await reader.close();
  }
  await journal.close();
}

it('R6 LOG-7 LOG-17.4 LOG-17.5 killed at any operation, or losing power there: what was acknowledged is read, once, and new records behind it', async () => {
  const whole = new SimulatedDisk();
  await work(whole, [], []);
  const operations = whole.operations;
  expect(operations).toBeGreaterThan(150);
  for (const power of [false, true])
    for (let stopAt = 1; stopAt <= operations; stopAt++) {
      const disk = new SimulatedDisk();
      disk.stopAt = stopAt;
      const acknowledged: string[] = [];
      const consumed: string[] = [];
      await work(disk, acknowledged, consumed).catch(() => {});
      if (power) disk.losePower(() => (stopAt % 7) / 7);
      else disk.endProcess();
      const journal = await open({ ...options, files: disk.process() });
      await journal.append(Buffer.from('new'));
      const all = texts(await readAll(journal, 'all'));
      const old = all.slice(0, -1);
      expect({ stopAt, last: all.at(-1) }).toEqual({ stopAt, last: 'new' });
      expect({ stopAt, old }).toEqual({ stopAt, old: [...new Set(old)].sort() });
      expect({ stopAt, missing: acknowledged.filter((line) => !old.includes(line)) }).toEqual({
        stopAt,
        missing: [],
      });
      const rest = texts(await readAll(journal, 'master'));
      expect({ stopAt, again: rest.filter((line) => consumed.includes(line)) }).toEqual({
        stopAt,
        again: [],
      });
      const seen = [...consumed, ...rest];
      const perhaps = all.slice(0, all.indexOf(rest[0] ?? 'new'));
      expect({
        stopAt,
        skipped: all.filter((line) => !seen.includes(line) && !perhaps.includes(line)),
      }).toEqual({ stopAt, skipped: [] });
      await journal.close();
    }
});
