/** Throttles of a cluster through the API, with a real nats-server: what is allowed in all, counted by time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isFlotillaError, type RunningNode, startNode } from '../../../src/index.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-throttles-'));
let url: string;
let nodes: RunningNode[] = [];
let warnings: string[] = [];

beforeAll(async () => {
  ({ url } = await startNatsServer());
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  warnings = [];
});

afterAll(async () => {
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

/** However busy the machine is, nobody is refused because an answer is late. */
const objects = ['shared_named_throttles', 'OBTM', 'OBTC']
  .map((type) => `Replicate "${type}" { max_wait = 60 }`)
  .join(' ');

function start(number: number, replicate: string, more: string): Promise<RunningNode> {
  const nodename = `relay-${number}`;
  return startNode({
    nodename,
    servers: [url],
    logOutput: { write: (line) => void warnings.push(line) },
    configText: `
      cluster { nodeaddr = 127.0.0.1 debug_level = warning ${replicate} }
      Control_Listener { Listen "${join(folder, nodename)}" { } }
      ${more}`,
  });
}

async function cluster(count: number, more = '', replicate = objects): Promise<RunningNode[]> {
  nodes = await Promise.all(Array.from({ length: count }, (_, i) => start(i + 1, replicate, more)));
  await until(() => nodes.every(({ view }) => view?.members.length === count));
  return nodes;
}

describe('throttles of a cluster', () => {
  it('REP-7.19 1/60 on three nodes gives one unit a minute in all', async () => {
    const three = await cluster(3);
    for (const { throttles } of three) throttles.shared.create('a', '1/60');
    // The last seconds of a minute are no place to begin.
    await until(() => Date.now() % 60_000 < 50_000);
    const window = Math.floor(Date.now() / 60_000);
    const decisions = await Promise.all(
      [...three, ...three].map(({ throttles }) => throttles.shared.take('a')),
    );
    expect(Math.floor(Date.now() / 60_000)).toBe(window);
    expect(decisions.filter(({ waitMs }) => waitMs === 0)).toHaveLength(1);
    for (const { waitMs } of decisions) expect(waitMs).toBeLessThanOrEqual(60_000);
    decisions.find(({ waitMs }) => waitMs === 0)!.giveBack();
  });

  it('REP-22.6 100/1 on eight nodes under skewed demand of twice the rate: 100 in each window', async () => {
    const eight = await cluster(8);
    for (const { throttles } of eight) throttles.shared.create('a', '100/1');
    const admitted = new Map<number, number>();
    const window = () => Math.floor(Date.now() / 1000);
    let isOver = false;
    // Node 0 wants half of all, node 7 next to nothing; all together 256 at a time.
    const wanting = eight.map(async ({ throttles }, number) => {
      const callers = [64, 32, 16, 8, 4, 2, 1, 1][number]!;
      const call = async () => {
        while (!isOver) {
          await throttles.shared.tarpit('a');
          admitted.set(window(), (admitted.get(window()) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: callers * 2 }, call));
    });
    const inEach = () => Array.from({ length: 5 }, (_, i) => admitted.get(window() - 5 + i));
    // Nothing is granted until all have heard who else has the object, so the first window may be a short one.
    await Promise.race([until(() => inEach().every((units) => units === 100)), Promise.all(wanting)]);
    isOver = true;
    expect(inEach()).toEqual([100, 100, 100, 100, 100]);
    const inAll = [...admitted.values()];
    expect(Math.max(...inAll.slice(inAll.indexOf(100)))).toBe(100);
    await Promise.all(wanting);
  });

  it('REP-21.1 a limit of 2 slots over eight nodes is never 3, and whoever waits has one in the end', async () => {
    const eight = await cluster(8);
    for (const { throttles } of eight) throttles.slots.create('upstream', 2);
    let held = 0;
    let most = 0;
    await Promise.all(
      eight.map(async ({ throttles }) => {
        for (let i = 0; i < 25; i++) {
          const slot = await throttles.slots.wait('upstream');
          most = Math.max(most, ++held);
          await new Promise((resolve) => setImmediate(resolve));
          held--;
          slot.giveBack();
        }
      }),
    );
    expect(most).toBe(2);
    // The last ones are still on their way back.
    for (const { throttles } of [eight[3]!, eight[5]!])
      await until(async () => (await throttles.slots.take('upstream')) !== undefined);
    expect(await eight[6]!.throttles.slots.take('upstream')).toBeUndefined();
  });

  it('REP-7.6 REP-7.8 outbound throttles: all nodes draw from the one of the stanza; the console shows it', async () => {
    const two = await cluster(2, 'cluster_outbound_throttle_messages = "3/3600"');
    const [one, other] = two;
    const attempt = { binding: 'b', domain: 'example.com' };
    const waits: number[] = [];
    for (const node of [one!, other!, one!, other!])
      waits.push((await node.throttles.takeMessage(attempt)).waitMs);
    expect(waits.slice(0, 3)).toEqual([0, 0, 0]);
    expect(waits[3]).toBeGreaterThan(0);
    expect((await one!.throttles.takeConnection(attempt)).waitMs).toBe(0);
    expect((await other!.console('cluster shared show OBTM')).text).toBe(
      `lazy, snapped throttle table 'OBTM', view 'global'
                   cluster_outbound_throttle_messages global:          3/3 per 3600 s
`,
    );
    expect((await other!.console('cluster shared show OBTM from relay-2')).text).toMatch(
      /view '#ec1-\d+#relay-2'\n +cluster_outbound_throttle_messages global: {10}1\/3 per 3600 s\n$/,
    );
    expect((await one!.console('cluster shared list')).text).toContain(
      '                          OBTC [lazy, throttle table w/ snapshots]\n',
    );
    expect((await one!.console('cluster shared stats OBTM')).text).toContain('waiting callers: 0');
  });

  it('REP-7.1 a reload changes rates of outbound throttles', async () => {
    const configFor = (rate: string) => `
      cluster { nodeaddr = 127.0.0.1 ${objects} }
      Control_Listener { Listen "${join(folder, 'relay-1')}" { } }
      outbound_throttle_connections = "${rate}"`;
    const [node] = await cluster(1, 'outbound_throttle_connections = "1/3600"');
    const attempt = { binding: 'b', domain: 'example.com' };
    expect((await node!.throttles.takeConnection(attempt)).waitMs).toBe(0);
    expect((await node!.throttles.takeConnection(attempt)).waitMs).toBeGreaterThan(0);
    const outcome = await node!.reload({ configText: configFor('2/3600') });
    expect(outcome).toMatchObject({ applied: true, changes: ['outbound throttles'], needRestart: [] });
    expect((await node!.throttles.takeConnection(attempt)).waitMs).toBe(0);
  });

  it('REP-7.23 without the object the calls are for this node alone, warned of once', async () => {
    const two = await cluster(2, '', 'Replicate "inbound_cidr" {}');
    for (const { throttles } of two) throttles.shared.create('a', '1/3600');
    for (const { throttles } of two) {
      expect((await throttles.shared.take('a')).waitMs).toBe(0);
      throttles.shared.increment('a');
      expect(await throttles.shared.check('a')).toBe(true);
    }
    expect(warnings.filter((line) => line.includes('there is no Replicate'))).toHaveLength(2);
  });

  it('REP-3.12 a node without the object holds up nobody', async () => {
    nodes = await Promise.all([start(1, objects, ''), start(2, '', ''), start(3, objects, '')]);
    await until(() => nodes.every(({ view }) => view?.members.length === 3));
    const [one, , three] = nodes;
    // Whoever would keep the account of it: some of these would be kept by the one that has none.
    for (let i = 0; i < 20; i++) {
      for (const { throttles } of [one!, three!]) throttles.shared.create(`a${i}`, '1/3600');
      const waits = await Promise.all([one!, three!].map(({ throttles }) => throttles.shared.take(`a${i}`)));
      expect(waits.filter(({ waitMs }) => waitMs === 0)).toHaveLength(1);
    }
  });

  it('REP-7.10 REP-7.15 REP-7.17 local throttles, and every error of the tables', async () => {
    const [{ throttles }] = (await cluster(1)) as [RunningNode];
    const codeOf = async (run: () => unknown) => {
      try {
        return await run();
      } catch (error) {
        return isFlotillaError(error) ? error.code : error;
      }
    };
    throttles.local.create('l', '1/3600');
    throttles.local.increment('l');
    expect(throttles.local.check('l')).toBe(false);
    throttles.local.increment('l');
    expect(throttles.local.check('l')).toBe(true);
    throttles.local.decrement('l');
    expect(throttles.local.check('l')).toBe(false);
    for (const kind of [throttles.local, throttles.shared]) {
      expect(await codeOf(() => kind.create('x', '1/0'))).toBe('FLT-1801');
      expect(await codeOf(() => kind.increment('x'))).toBe('FLT-1802');
      expect(await codeOf(() => kind.check('x'))).toBe('FLT-1802');
      expect(await codeOf(() => kind.tarpit('x'))).toBe('FLT-1802');
    }
    expect(await codeOf(() => throttles.local.decrement('x'))).toBe('FLT-1802');
    expect(await codeOf(() => throttles.shared.create('x', '1', { epsilon: 1 }))).toBe('FLT-1803');
    expect(await codeOf(() => throttles.shared.create('x'.repeat(2000), '1'))).toBe('FLT-1805');
    expect(await codeOf(() => throttles.slots.create('x', 0))).toBe('FLT-1801');
    throttles.shared.create('full', '1/3600');
    expect(await throttles.shared.tarpit('full')).toBeLessThan(1000);
    const held = codeOf(() => throttles.shared.tarpit('full'));
    const heldHere = codeOf(() => throttles.local.tarpit('l'));
    await nodes[0]!.stop();
    expect([await held, await heldHere]).toEqual(['FLT-1806', 'FLT-1806']);
    expect(await codeOf(() => throttles.shared.take('full'))).toBe('FLT-1806');
  });

  it('CMD-17 who waits is served by the next life of the process', async () => {
    const [one, two] = await cluster(2);
    for (const { throttles } of [one!, two!]) throttles.slots.create('upstream', 1);
    const slot = await one!.throttles.slots.wait('upstream');
    const waiting = two!.throttles.slots.wait('upstream');
    const before = two!.incarnation;
    await two!.console('cluster reset');
    await until(() => two!.incarnation !== before && two!.view?.members.length === 2);
    slot.giveBack();
    expect(await waiting).toBeDefined();
  });
});
