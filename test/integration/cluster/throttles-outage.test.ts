/**
 * R5: the NATS server killed under load. Throttles, slots, caches and counters go on at every node with what it may have by
 * itself, nobody waits for the server, and when it is back there is one account and one sum again.
 *
 * With FLOTILLA_OUTAGE_S=300 the outage lasts as long as shares do (replication 7.21), and figures are printed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const outageS = Number(process.env.FLOTILLA_OUTAGE_S ?? 0);
const count = 3;
/** For so long each node alone keeps to its share (replication 7.21); then those that are lost are forgotten. */
const shareS = 300;
/** Of which each node alone may have a third. */
const units = 30;
const pauseMs = 10;
const folder = mkdtempSync(join(tmpdir(), 'flotilla-outage-'));
let nodes: RunningNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

function start(url: string, number: number): Promise<RunningNode> {
  return startNode({
    nodename: `relay-${number}`,
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      cluster {
        nodeaddr = 127.0.0.1
        debug_level = warning
        Replicate "shared_named_throttles" {}
        Replicate "outbound_domains" { max_delay = 0.05 }
        Replicate "pairs" { type = cache  parameters = "snapshot"  max_delay = 0.05  max_size = 1000 }
      }
      Datasource "pairs" {}
      Control_Listener { Listen "${join(folder, `relay-${number}`)}" { } }`,
  });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}

const windowNow = () => Math.floor(Date.now() / 1000);

/** One node under load, until it is told to end: what it was allowed, by second. */
class Load {
  readonly node: RunningNode;
  /** What it counts in the shared counter, one in each round. */
  readonly key: string;
  readonly allowed = new Map<number, number>();
  readonly latenciesMs: number[] = [];
  rounds = 0;
  isOver = false;

  constructor(node: RunningNode, number: number) {
    this.node = node;
    this.key = `relay-${number + 1}.example`;
    node.throttles.shared.create('t', `${units}/1`);
    // Of a long window: it is kept when a busy machine lets nothing run for seconds.
    node.throttles.local.create('l', '1000000/600');
  }

  async run(): Promise<void> {
    const { throttles, caches } = this.node;
    while (!this.isOver) {
      throttles.local.increment('l');
      throttles.local.check('l');
      this.node.shared('outbound_domains').increment(this.key);
      caches.add('pairs', 'n', 1);
      caches.set('pairs', `k${this.rounds % 100}`, String(this.rounds));
      const startedMs = performance.now();
      const { waitMs } = await throttles.shared.take('t');
      this.latenciesMs.push(performance.now() - startedMs);
      if (waitMs === 0) this.allowed.set(windowNow(), (this.allowed.get(windowNow()) ?? 0) + 1);
      this.rounds++;
      await pause();
    }
  }
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

it('R5 REP-7.21 decisions go on without a server, never more than N in all, and it heals by itself', {
  timeout: (outageS + 120) * 1000,
}, async () => {
  const server = await startNatsServer();
  nodes = await Promise.all(Array.from({ length: count }, (_, i) => start(server.url, i + 1)));
  const together = () => until(() => nodes.every(({ view }) => view?.members.length === count), 60_000);
  await together();
  const loads = nodes.map((node, number) => new Load(node, number));
  // Until each has heard who else has the object it counts for itself.
  const firstWindow = windowNow() + 2;
  const running = Promise.all(loads.map((load) => load.run()));
  const inAll = (window: number) => sum(loads.map(({ allowed }) => allowed.get(window) ?? 0));
  const allOf = (window: number) => inAll(window) === units;
  const isFull = () => [1, 2].every((back) => allOf(windowNow() - back));
  await until(isFull, 60_000);

  for (const load of loads) load.latenciesMs.length = 0;
  await server.kill();
  await until(() => nodes.every(({ view }) => (view?.members.length ?? 0) <= 1), 60_000);
  const untilViewsFell = loads.flatMap(({ latenciesMs }) => latenciesMs);
  const killed = { window: windowNow() + 1, rounds: loads.map(({ rounds }) => rounds) };
  for (const load of loads) load.latenciesMs.length = 0;
  const residentBefore = process.memoryUsage.rss();
  const third = ({ allowed }: Load) =>
    [1, 2].every(
      (back) => windowNow() - back > killed.window && allowed.get(windowNow() - back) === units / count,
    );
  await until(() => loads.every(third), 60_000);
  await until(() => windowNow() >= killed.window + outageS, (outageS + 10) * 1000);
  for (const [i, { rounds }] of loads.entries()) expect(rounds).toBeGreaterThan(killed.rounds[i]!);
  if (outageS > 0) {
    console.log({ decisions: untilViewsFell.length, mostMsUntilViewsFell: Math.max(...untilViewsFell) });
    report(loads, residentBefore);
  }

  const restarted = windowNow();
  await server.start();
  await together();
  await until(isFull, 60_000);
  for (const load of loads) load.isOver = true;
  await running;
  const most = (from: number, to: number) =>
    Math.max(...Array.from({ length: to - from }, (_, i) => inAll(from + i)));
  // Nobody was lost later than a second before that window.
  const sharesEnd = killed.window + shareS - 2;
  expect(most(killed.window, Math.min(restarted, sharesEnd))).toBe(units);
  // While they lose and find each other one after the other, two may be together and one apart for a moment.
  expect(most(firstWindow, Math.min(windowNow() + 1, sharesEnd))).toBeLessThan(1.5 * units);
  const counted = sum(loads.map(({ rounds }) => rounds));
  await until(() =>
    nodes.every((node) =>
      loads.every((load) => node.shared('outbound_domains').count(load.key) === load.rounds),
    ),
  );
  await until(() => nodes.every(({ caches }) => caches.get('pairs', 'n') === String(counted)));
  for (const { throttles } of nodes) throttles.slots.create('s', 1);
  const slot = await nodes[0]!.throttles.slots.wait('s');
  expect(await nodes[1]!.throttles.slots.take('s')).toBeUndefined();
  slot.giveBack();
});

function report(loads: readonly Load[], residentBefore: number): void {
  const sorted = loads.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const at = (fraction: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
  const rows = loads.map(({ node }) => node.console('cluster shared stats'));
  void Promise.all(rows).then((answers) => console.log(answers.map(({ text }) => text).join('')));
  console.log({
    decisions: sorted.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    mostMs: sorted.at(-1),
    residentMiB: [residentBefore, process.memoryUsage.rss()].map((bytes) => Math.round(bytes / 2 ** 20)),
  });
}
