/** The log service of a node, asked directly (logging 9.2, 9.3). */
import { describe, expect, it } from 'vitest';
import { subjects } from '../../../src/bus/subjects.ts';
import { formatId } from '../../../src/core/logs/log-id.ts';
import type {
  NothingNew,
  OpenedLog,
  ReadInterval,
  Refusal,
} from '../../../src/core/logs/service-messages.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { groups, logPath, PullingWorld } from './pulling-world.ts';

const request = { log: 'mainlog', subscribers: ['master'], consumer: 'barca', instance: 'a' };

async function served(sizes: readonly number[], unitLimit?: number) {
  const world = new PullingWorld(1, unitLimit);
  await world.node.start();
  for (const size of sizes) world.append(1, size);
  await world.advance(0);
  const service = world.node.service!;
  const opened = async (more: object = {}) => (await service.open({ ...request, ...more })) as OpenedLog;
  const fetch = async (lease: string, maxBytes = 4_194_304, after?: { segment: number; marker: number }) =>
    (await service.fetch({ lease, maxBytes, after })) as ReadInterval & NothingNew & Refusal;
  return { world, service, opened, fetch };
}

describe('a lease', () => {
  it('LOG-9.2 keeps others out, until its holder was silent for log_lease_timeout; any request of his renews it', async () => {
    const leaseMs = 5_000;
    const { world, service, opened, fetch } = await served([10]);
    world.node.intervals.leaseMs = leaseMs;
    const { lease, ttlMs } = await opened();
    expect(ttlMs).toBe(leaseMs);
    await world.advance(leaseMs - 1_000);
    expect(await fetch(lease)).toMatchObject({ count: 1 });
    await world.advance(leaseMs - 1_000);
    expect(await service.open({ ...request, consumer: 'zoe' })).toMatchObject({
      refused: 'leased',
      by: 'barca',
      retryMs: 1_000,
    });
    await world.advance(2_000);
    expect(await fetch(lease)).toMatchObject({ refused: 'lost-lease' });
    expect(await service.open({ ...request, consumer: 'zoe' })).toMatchObject({ subscriber: 'master' });
    expect(service.leases).toBe(1);
  });

  it('LOG-9.2 is given back by close, and goes to the same consumer of a later life at once', async () => {
    const { service, opened, fetch } = await served([10]);
    const first = await opened();
    const second = await opened({ instance: 'b' });
    expect(await fetch(first.lease)).toMatchObject({ refused: 'lost-lease' });
    expect(await service.close(second.lease)).toBeUndefined();
    expect(await service.close(second.lease)).toMatchObject({ refused: 'lost-lease' });
    expect(await service.open({ ...request, consumer: 'zoe' })).toMatchObject({ subscriber: 'master' });
  });

  it('LOG-15 ends when the journal was made anew', async () => {
    const { world, opened, fetch } = await served([10]);
    const { lease, journal } = await opened();
    world.node.journal = await openJournal({
      path: `${logPath}-anew`,
      files: world.node.disk.process(),
      subscribers: ['master'],
      access: 'own',
      ...world.around,
    });
    expect(await fetch(lease)).toMatchObject({ refused: 'lost-lease' });
    expect((await opened()).journal).not.toBe(journal);
  });
});

describe('an acknowledgement', () => {
  it('LOG-9.2 covers what was sent under this lease and nothing else; a late one changes nothing', async () => {
    const { service, opened, fetch } = await served([10, 10, 10]);
    const { lease } = await opened();
    const at = (marker: number) => service.ack(lease, { segment: 0, marker });
    expect(await at(1)).toMatchObject({ refused: 'bad-id' });
    const { last } = await fetch(lease, 60);
    expect(formatId(last)).toBe('00000000:00000002');
    expect(await at(3)).toMatchObject({ refused: 'bad-id' });
    expect(await fetch(lease, 60, { segment: 0, marker: 3 })).toMatchObject({ refused: 'bad-id' });
    expect(await at(2)).toEqual({ checkpoint: { segment: 0, marker: 2 } });
    expect(await at(1)).toEqual({ checkpoint: { segment: 0, marker: 2 } });
    const again = await opened();
    expect(again.checkpoint).toEqual({ segment: 0, marker: 2 });
    expect(await service.ack(lease, { segment: 0, marker: 2 })).toMatchObject({ refused: 'lost-lease' });
    expect(await service.ack(again.lease, { segment: 0, marker: 3 })).toMatchObject({ refused: 'bad-id' });
  });
});

describe('an interval', () => {
  it('LOG-9.2 ends between records, within the bytes asked for; a larger record comes alone', async () => {
    const { opened, fetch } = await served([10, 10, 2_000, 10], 100_000);
    const { lease } = await opened();
    const sizes: number[] = [];
    for (let after = { segment: 0, marker: 0 }; ; ) {
      const answer = await fetch(lease, 70, after);
      if (answer.count === 0) break;
      sizes.push(answer.count);
      expect(answer.more).toBe(sizes.length < 3);
      after = answer.last;
    }
    expect(sizes).toEqual([2, 1, 1]);
  });

  it('LOG-9.2 holds only what no power loss takes back', async () => {
    const { world, opened, fetch } = await served([]);
    const { lease } = await opened();
    world.node.journal!.appendLazy(Buffer.from('lazy\n'));
    await world.advance(0);
    expect(await fetch(lease)).toMatchObject({ count: 1 });
    world.node.kill(true);
    await world.node.start();
    expect((await world.node.journal!.bounds())?.last).toEqual({ segment: 0, marker: 1 });
  });

  it('LOG-9.2 holds only what no power loss takes back, also of what another process wrote or one that was killed', async () => {
    const { world, opened, fetch } = await served([]);
    const share = {
      path: logPath,
      files: world.node.disk.process(),
      access: 'share',
      ...world.around,
    } as const;
    const other = await openJournal(share);
    const { lease } = await opened();
    for (let count = 1; count <= 2; count++) {
      other.appendLazy(Buffer.from('theirs\n'));
      await world.advance(0);
      expect(await fetch(lease)).toMatchObject({ count });
    }
    world.node.kill(true);
    await world.node.start();
    expect((await world.node.journal!.bounds())?.last).toEqual({ segment: 0, marker: 2 });
    world.node.journal!.appendLazy(Buffer.from('ours\n'));
    await world.advance(0);
    world.node.kill(false);
    await world.node.start();
    const again = (await world.node.service!.open(request)) as OpenedLog;
    await world.node.service!.fetch({ lease: again.lease, maxBytes: 4_194_304, after: undefined });
    world.node.kill(true);
    await world.node.start();
    expect((await world.node.journal!.bounds())?.last).toEqual({ segment: 0, marker: 3 });
  });

  it('LOG-9.2 says how long to wait: not at all, active, idle', async () => {
    const { opened, fetch } = await served([10, 10]);
    const { lease } = await opened();
    const first = await fetch(lease, 1);
    const second = await fetch(lease, 1, first.last);
    const third = await fetch(lease, 1, second.last);
    expect([first.waitMs, second.waitMs, third.waitMs]).toEqual([0, 1_000, 10_000]);
  });

  it('LOG-6.3 the step from a consumed segment frees it, without a further record', async () => {
    const { world, service, opened, fetch } = await served([600, 600]);
    const { lease } = await opened();
    let after = { segment: 0, marker: 0 };
    for (let n = 0; n < 2; n++) after = (await fetch(lease, 4_000, after)).last;
    await service.ack(lease, after);
    expect(await fetch(lease, 4_000, after)).toMatchObject({ count: 0 });
    expect(await world.node.journal!.segments()).toHaveLength(1);
  });
});

describe('the service', () => {
  it('R7 answers what is too much, and goes on', async () => {
    const { service, opened, fetch } = await served([10]);
    const { lease } = await opened();
    const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(lease)));
    expect(answers.filter(({ refused }) => refused === 'busy')).toHaveLength(32);
    expect(await fetch(lease)).toMatchObject({ count: 1 });
    expect(await service.open({ ...request, log: 'paniclog' })).toMatchObject({ refused: 'unknown-log' });
  });

  it('LOG-15 names damage, and the journal that is not there', async () => {
    const { world, opened, fetch, service } = await served([10, 10, 10], 100_000);
    const { lease } = await opened();
    world.node.disk.damage(`${logPath}/00000000`, 'junk', 30);
    expect(await fetch(lease)).toMatchObject({ refused: 'damaged' });
    world.node.journal = undefined;
    expect(await fetch(lease)).toMatchObject({ refused: 'unavailable' });
    // Nobody has logged anything yet, perhaps.
    expect(await service.open(request)).toMatchObject({ refused: 'no-journal' });
    expect((await service.list()).logs).toMatchObject([
      { name: 'mainlog', onDisk: 0, problem: expect.stringContaining('gone') },
    ]);
  });

  it('LOG-9.3 hints once somebody has read everything, and at most once in 10 ms', async () => {
    const { world, service, opened, fetch } = await served([]);
    let hints = 0;
    service.onReady = () => {
      hints++;
    };
    const { lease } = await opened();
    world.append(1);
    await world.advance(100);
    expect(hints).toBe(0);
    await fetch(lease);
    for (let n = 0; n < 20; n++) {
      world.append(1);
      await world.advance(1);
      await fetch(lease);
    }
    expect(hints).toBeGreaterThan(1);
    expect(hints).toBeLessThanOrEqual(3);
  });

  it('LOG-13 lists what is behind each subscriber, and who has it', async () => {
    const { world, service, opened, fetch } = await served([10, 10, 10]);
    const { lease } = await opened();
    const { last } = await fetch(lease, 1);
    await service.ack(lease, last);
    await world.advance(5_000);
    const [log] = (await service.list()).logs;
    expect(log).toMatchObject({
      name: 'mainlog',
      path: logPath,
      first: { segment: 0, marker: 1 },
      last: { segment: 0, marker: 3 },
      subscribers: [
        {
          name: 'master',
          checkpoint: { segment: 0, marker: 1 },
          lagRecords: 2,
          lagBytes: 58,
          oldestMs: 5_000,
          state: 'leased waiting',
          holder: 'barca',
          contactMs: 5_000,
        },
      ],
    });
    expect(await service.largestLag()).toBe(58);
    expect(log!.onDisk).toBe(await world.node.journal!.diskBytes());
  });
});

describe('another configuration', () => {
  it('CONF-10 what is offered no more is lost to who reads it, and comes back when it is', async () => {
    const { service, opened, fetch } = await served([10]);
    const { lease } = await opened();
    service.configure([]);
    expect([service.offersAny, service.leases]).toEqual([false, 0]);
    expect(await fetch(lease)).toMatchObject({ refused: 'lost-lease' });
    expect(await service.open(request)).toMatchObject({ refused: 'unknown-log' });
    service.configure([{ name: 'mainlog', path: logPath }]);
    expect(await fetch((await opened()).lease)).toMatchObject({ count: 1 });
  });
});

describe('requests over the bus', () => {
  it('MSG-2 one of a later version is refused by name, counted, and said once a minute; the first version is served', async () => {
    const { world } = await served([10]);
    const { recorder } = world;
    const { wire } = world.connect('a later manager');
    const answers: Record<string, unknown>[] = [];
    wire.subscribe('answers', ({ data }) => answers.push(JSON.parse(Buffer.from(data).toString())));
    const ask = async (body: object) => {
      const asked = Buffer.from(JSON.stringify(body));
      wire.publish(subjects.log(groups, 'relay.1', 'list'), asked, { reply: 'answers' });
      await world.advance(100);
    };
    await ask({ version: 2 });
    await ask({ version: 2, only: 'names' });
    await ask({ version: 1, only: 'names' });
    await ask({ only: 'names' });
    const refused = { ok: false, error: 'version' };
    const names = { ok: true, names: ['mainlog'] };
    expect(answers).toMatchObject([refused, refused, names, names]);
    expect(recorder.counted.get('log_requests_refused_total')).toBe(2);
    expect(recorder.counted.get('bus_unknown_format_messages_total')).toBe(2);
    const complaints = recorder.lines.filter(({ fields }) => fields.code === 'FLT-1209');
    expect(complaints).toMatchObject([{ level: 'warning', fields: { version: 2, op: 'list' } }]);
  });
});
