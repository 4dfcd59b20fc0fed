/** Records that a manager has in its files already are damaged on the node and cut out there (logging 7, 10.2). */
import { describe, expect, it } from 'vitest';
import { formatId } from '../../../src/core/logs/log-id.ts';
import { isRefusal, type OpenedLog, type ReadInterval } from '../../../src/core/logs/service-messages.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { IntervalDecoder } from '../../../src/manager/record-decoder.ts';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { aggregateOn } from '../manager/aggregates.ts';
import { logPath, PullingWorld } from './pulling-world.ts';

const perSegment = 10;
const payloadBytes = 13;
const recordBytes = 16 + payloadBytes;

const inHand = { log: 'mainlog', subscribers: ['master'], consumer: 'barca', instance: 'a' };

/** Two segments of a node, of which a manager has so many records, and so many of those acknowledged. `torn` never was one. */
async function pulled(has: number, acknowledged: number, torn?: number) {
  const world = new PullingWorld(1, perSegment * recordBytes);
  const outputs = new SimulatedDisk();
  const store = aggregateOn(outputs.process(), 'logfile = "/all"');
  const decoder = new IntervalDecoder(store.clock);
  await world.node.start();
  for (let n = 10; n < 10 + perSegment + 2; n++)
    await world.node.journal!.append(Buffer.from(`record ${n} .\n`.padStart(payloadBytes)));

  if (torn !== undefined) await damaged(world, torn);

  const open = async () => (await world.node.service!.open(inHand)) as OpenedLog;

  /** Everything from the checkpoint on, as a puller does it. */
  async function pull(most = Number.POSITIVE_INFINITY, acknowledge = true): Promise<void> {
    for (let opened = await open(), left = most; left > 0; ) {
      const { lease, subscriber, journal } = opened;
      const maxBytes = Math.min(left, 1000) * recordBytes;
      const answer = await world.node.service!.fetch({ lease, maxBytes, after: undefined });
      if (isRefusal(answer)) {
        expect(answer.refused).toBe('lost-lease');
        opened = await open();
        continue;
      }
      if (answer.count === 0) return;
      const { runs, ...said } = answer as ReadInterval;
      const { records } = await decoder.decode({ ...said, bytes: Buffer.concat(runs) });
      await store.store({ node: 'n', subcluster: 'default', log: 'mainlog', subscriber, journal }, records);
      if (acknowledge) await world.node.service!.ack(lease, answer.last);
      left -= answer.count;
    }
  }

  await pull(acknowledged);
  if (has > acknowledged) await pull(has - acknowledged, false);
  const found = () =>
    (outputs.content('/all')?.toString() ?? '').match(/\d+/g)?.map((n) => Number(n) - 10) ?? [];
  expect(found()).toHaveLength(has);
  return { world, pull, found };
}

async function damaged(world: PullingWorld, record: number): Promise<string | undefined> {
  const before = await world.node.journal!.identity();
  await world.node.journal!.sync();
  world.node.kill(false);
  world.node.disk.damage(`${logPath}/00000000`, '####', record * recordBytes);
  await world.node.start();
  return before;
}

const all = Array.from({ length: perSegment + 2 }, (_, n) => n);

describe('damage in what was consumed', () => {
  it('R6 LOG-7 LOG-10 costs no later record: numbered anew, they come as those of another journal', async () => {
    const { world, pull, found } = await pulled(5, 5);
    const before = await damaged(world, 2);
    await pull();
    expect(found()).toEqual(all);
    expect(await world.node.journal!.identity()).not.toBe(before);
    // And so it stays.
    const after = await world.node.journal!.identity();
    world.node.kill(false);
    await world.node.start();
    expect(await world.node.journal!.identity()).toBe(after);
    const checkpoint = (await world.node.journal!.subscribers()).get('master')!;
    expect(formatId(checkpoint)).toBe('00000001:00000002');
  });

  it('R6 in what is stored and not acknowledged, that comes again at worst, and nothing is missing', async () => {
    const { world, pull, found } = await pulled(7, 3);
    await damaged(world, 5);
    await pull();
    expect(new Set(found())).toEqual(new Set(all));
    expect(found().filter((n) => n < 3 || n >= 7)).toEqual([0, 1, 2, 7, 8, 9, 10, 11]);
  });

  it('R6 LOG-5 LOG-7 costs no later record where another process cuts it out: the owner sees the new identity', async () => {
    const { world, pull, found } = await pulled(5, 5);
    const { lease } = (await world.node.service!.open(inHand)) as OpenedLog;
    const before = await world.node.journal!.identity();
    await world.node.journal!.sync();
    world.node.disk.damage(`${logPath}/00000000`, '####', 2 * recordBytes);
    const other = await openJournal({
      ...{ path: logPath, access: 'share', clock: world.clock, random: world.random },
      files: world.node.disk.process(),
    });
    expect(await other.mend()).toBe(1);
    await other.close();
    expect(await world.node.journal!.identity()).not.toBe(before);
    // What was sent under the former numbers names other records by now.
    const late = await world.node.service!.ack(lease, { segment: 0, marker: 5 });
    expect(late).toMatchObject({ refused: 'lost-lease' });
    await pull();
    expect(found()).toEqual(all);
  });

  it('R6 damage that nobody has read leaves the journal what it was: what is stored is not stored again', async () => {
    const { world, pull, found } = await pulled(5, 3, 8);
    const before = await world.node.journal!.identity();
    world.node.kill(false);
    await world.node.start();
    await pull();
    expect(found()).toEqual(all.filter((n) => n !== 8));
    expect(await world.node.journal!.identity()).toBe(before);
  });
});
