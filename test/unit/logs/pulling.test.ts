/** Logs from the journal of a node to the store of a manager (logging 9, 10.1, 10.2). */
import { describe, expect, it } from 'vitest';
import { formatId } from '../../../src/core/logs/log-id.ts';
import { logPath, ManagerSide, PullingWorld } from './pulling-world.ts';

async function pulling(seed = 1): Promise<{ world: PullingWorld; manager: ManagerSide }> {
  const world = new PullingWorld(seed);
  await world.node.start();
  const manager = new ManagerSide(world);
  manager.start();
  return { world, manager };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

const checkpointOf = async (world: PullingWorld, subscriber = 'master') => {
  const at = (await world.node.journal!.subscribers()).get(subscriber);
  return at && formatId(at);
};

describe('a puller', () => {
  it('R6 gives every record to the store once and in order, and acknowledges what it confirmed', async () => {
    const { world, manager } = await pulling();
    world.append(200);
    await world.until(() => manager.store.arrivals.length >= 200);
    expect(manager.store.arrivals).toEqual(numbers(200));
    expect(manager.store.sources[0]).toMatchObject({
      node: 'relay.1',
      subcluster: 'east',
      log: 'mainlog',
      subscriber: 'master',
      journal: await world.node.journal!.identity(),
    });
    await world.advance(100);
    // Consumed segments are gone, the one being written stays.
    expect(await checkpointOf(world)).toBe(formatId(world.appended.get(199)!));
    expect((await world.node.journal!.segments()).length).toBeLessThanOrEqual(2);
    expect(manager.state).toBe('waiting idle');
  });

  it('R6 is woken by new records long before the pause is over', async () => {
    const { world, manager } = await pulling();
    world.append(1);
    await world.until(() => manager.store.arrivals.length === 1);
    await world.advance(2_000);
    world.append(1);
    await world.until(() => manager.store.arrivals.length === 2, 100);
  });

  it('R6 LOG-7 passes over a compressed record that a disk has damaged, says which, and brings all others', async () => {
    const world = new PullingWorld();
    world.node.compress = true;
    await world.node.start();
    world.append(10);
    await world.node.journal!.sync();
    const third = { begin: 0, end: 0 };
    const segment = world.node.disk.content(`${logPath}/00000000`)!;
    for (let n = 0; n < 3; n++) {
      third.begin = third.end;
      third.end += 20 + segment.readUInt32LE(third.end + 16);
    }
    const block = third.begin + 20;
    world.node.disk.damage(`${logPath}/00000000`, '\xff'.repeat(third.end - block), block);
    const manager = new ManagerSide(world);
    manager.start();
    await world.until(() => manager.store.arrivals.length === 9);
    expect(manager.store.arrivals).toEqual(numbers(10).filter((n) => n !== 2));
    await world.advance(100);
    expect(await checkpointOf(world)).toBe('00000000:0000000a');
    expect(world.recorder.texts('error')).toEqual([
      expect.stringContaining('record 00000000:00000003 cannot be expanded: passed over'),
    ]);
    expect(world.recorder.counted.get('log_unreadable_records_total')).toBe(1);
  });

  it('LOG-9.2 keeps a lease that is shorter than the pause after nothing: it asks before the lease is over', async () => {
    const world = new PullingWorld();
    Object.assign(world.node.intervals, { leaseMs: 3_000, idleMs: 60_000 });
    await world.node.start();
    const manager = new ManagerSide(world);
    manager.start();
    world.append(1);
    await world.until(() => manager.store.arrivals.length === 1);
    await world.advance(120_000);
    expect(world.recorder.texts().filter((text) => text.includes('lease'))).toEqual([
      expect.stringContaining('leased to'),
    ]);
  });

  it('LOG-9.3 is told of a log that gets its journal only now, and pulls its first line at once', async () => {
    const world = new PullingWorld();
    await world.node.start();
    const { journal } = world.node;
    world.node.journal = undefined;
    const manager = new ManagerSide(world);
    manager.start();
    await world.until(() => manager.state === 'unmade');
    world.node.journal = journal;
    world.append(1);
    world.node.onOpened();
    await world.until(() => manager.store.arrivals.length === 1, 1_000);
  });

  it('R6 finds new records within the idle pause when every hint is lost', async () => {
    const { world, manager } = await pulling();
    await world.until(() => manager.state === 'waiting idle');
    world.node.service!.onReady = () => {};
    await world.advance(1_000);
    world.append(3);
    await world.until(() => manager.store.arrivals.length === 3, 10_500);
  });

  it('R6 fetches the next interval while the one before is written', async () => {
    const { world, manager } = await pulling();
    manager.store.delayMs = 3_000;
    world.append(100);
    await world.advance(500);
    expect(manager.state).toBe('full writing');
    expect(world.recorder.counted.get('log_records_pulled_total')).toBeGreaterThan(20);
    expect(await checkpointOf(world)).toBe('00000000:00000000');
  });

  it('R6 acknowledges nothing that the store did not take, and gives it again', async () => {
    const { world, manager } = await pulling();
    manager.store.isFull = true;
    world.append(10);
    await world.until(() => manager.state === 'held');
    expect(await checkpointOf(world)).toBe('00000000:00000000');
    expect(world.recorder.texts('error')).toEqual([
      'error: log mainlog of relay.1: its records cannot be written: no space left on device',
    ]);
    manager.store.isFull = false;
    await world.until(() => manager.store.arrivals.length === 10, 61_000);
    await world.advance(100);
    expect(await checkpointOf(world)).toBe('00000000:0000000a');
  });

  it('17.9 pulls nothing with Subscriber = ()', async () => {
    const world = new PullingWorld();
    await world.node.start();
    const manager = new ManagerSide(world, 'barca', []);
    manager.start();
    world.append(5);
    await world.advance(60_000);
    expect(manager.store.arrivals).toEqual([]);
    expect(manager.pulled!.pullers.size).toBe(0);
  });

  it('10.1 takes the first subscriber that there is and tells of the others', async () => {
    const world = new PullingWorld();
    world.node.subscribers = ['barca', 'master'];
    await world.node.start();
    const manager = new ManagerSide(world);
    manager.start();
    world.append(5);
    await world.until(() => manager.store.arrivals.length === 5);
    await world.advance(100);
    expect(await checkpointOf(world, 'barca')).toBe('00000000:00000005');
    expect(await checkpointOf(world, 'master')).toBe('00000000:00000000');
    expect(world.recorder.texts('warning').join()).toContain("master are not served besides 'barca'");
  });

  it('10.1 tries again each cycle while there is no subscriber, and says so once', async () => {
    const world = new PullingWorld();
    world.node.subscribers = ['somebody'];
    await world.node.start();
    const manager = new ManagerSide(world);
    manager.start();
    await world.until(() => manager.state === 'unsubscribed');
    await world.advance(60_000);
    expect(world.recorder.texts('notice')).toEqual([
      'notice: log mainlog of relay.1: mainlog has none of barca, master',
    ]);
    await world.node.journal!.addSubscriber('master');
    world.append(2);
    await world.until(() => manager.store.arrivals.length === 2, 11_000);
  });

  it('15 a subscriber that is erased while it is leased ends the transfer, and is not made again', async () => {
    const { world, manager } = await pulling();
    world.append(5);
    await world.until(() => manager.state === 'waiting idle' && manager.store.arrivals.length === 5);
    expect(await world.node.service!.dropSubscriber('master')).toEqual({
      dropped: ['mainlog'],
      problems: [],
    });
    await world.until(() => manager.state === 'unsubscribed', 11_000);
    expect(await world.node.journal!.subscribers()).toEqual(new Map());
  });

  it('15 a subscriber that an operator moves back is read again from there', async () => {
    const { world, manager } = await pulling();
    world.append(5);
    await world.until(() => manager.store.arrivals.length === 5);
    await world.advance(100);
    await world.node.journal!.moveSubscriber('master', { segment: 0, marker: 2 });
    await world.until(() => manager.store.arrivals.length === 8, 11_000);
    expect(manager.store.arrivals).toEqual([0, 1, 2, 3, 4, 2, 3, 4]);
  });

  it('CMD-18 both ends list the transfer under one id, and either ends it', async () => {
    const { world, manager } = await pulling();
    world.append(5);
    await world.until(() => manager.store.arrivals.length === 5);
    const [here] = manager.jobs.list();
    const [there] = world.node.jobs.list();
    expect(here).toMatchObject({
      kind: 'log',
      peer: 'relay.1',
      progress: expect.stringContaining('mainlog'),
    });
    expect(there).toMatchObject({ id: here!.id, kind: 'log', peer: 'barca' });
    expect(here!.id).toMatch(/^ECCMGRLOG-\d{5}$/);
    expect(world.node.jobs.abort(here!.id)).toBe(true);
    await world.until(() => manager.state === 'aborted', 11_000);
    expect(world.node.jobs.size + manager.jobs.size).toBe(0);
    world.append(1);
    await world.until(() => manager.store.arrivals.length === 6, 61_000);
    expect(manager.jobs.abort(manager.jobs.list()[0]!.id)).toBe(true);
    expect(manager.state).toBe('aborted');
    expect(world.node.jobs.size).toBe(1);
    await world.advance(100);
    expect(world.node.jobs.size).toBe(0);
  });
});

describe('two managers', () => {
  it('17.9 with one subscriber: one pulls, the other waits and takes over when it is gone', async () => {
    const { world, manager } = await pulling();
    await world.until(() => manager.state === 'waiting idle');
    const second = new ManagerSide(world, 'zoe');
    second.start();
    world.append(10);
    await world.until(() => manager.store.arrivals.length === 10);
    expect(second.state).toBe('leased');
    expect(second.store.arrivals).toEqual([]);
    await manager.stop();
    world.append(10);
    await world.until(() => second.store.arrivals.length === 10, 35_000);
    expect(second.store.arrivals).toEqual(numbers(20).slice(10));
  });

  it('17.9 with one subscriber: one that is stopped acknowledges what it is writing, and nothing comes twice', async () => {
    const { world, manager } = await pulling();
    manager.store.delayMs = 2_000;
    world.append(10);
    await world.until(() => manager.state === 'waiting writing' || manager.state === 'full writing');
    const stopped = manager.stop();
    await world.advance(3_000);
    await stopped;
    expect(await checkpointOf(world)).toBe('00000000:0000000a');
    expect(world.node.service!.leases).toBe(0);
  });

  it('17.9 with one subscriber: a killed one is waited for as long as its lease lasts', async () => {
    const { world, manager } = await pulling();
    world.append(10);
    await world.until(() => manager.store.arrivals.length === 10);
    await world.advance(100);
    manager.kill();
    const second = new ManagerSide(world, 'zoe');
    second.start();
    await world.advance(20_000);
    expect(second.state).toBe('leased');
    world.append(5);
    await world.until(() => second.store.arrivals.length === 5, 15_000);
  });

  it('9.2 one that starts again under its name takes over at once', async () => {
    const { world, manager } = await pulling();
    world.append(10);
    await world.until(() => manager.store.arrivals.length === 10);
    await world.advance(100);
    manager.kill();
    manager.start();
    world.append(5);
    await world.until(() => manager.store.confirmed.size === 15, 500);
  });

  it('17.9 with two subscribers: both have everything', async () => {
    const world = new PullingWorld();
    world.node.subscribers = ['barca', 'zoe'];
    await world.node.start();
    const managers = [new ManagerSide(world, 'barca'), new ManagerSide(world, 'zoe')];
    for (const manager of managers) manager.start();
    world.append(100);
    await world.until(() => managers.every(({ store }) => store.arrivals.length === 100));
    for (const { store } of managers) expect(store.arrivals).toEqual(numbers(100));
  });
});
