/**
 * Three machines, a node with a NATS server of its own on each, and the network between them cut in every way.
 * The tests share the machines: each one ends healed, with exact sums, which the next one begins with.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Network } from '../../../lab/network.ts';
import { type NatsBinary, natsBinaries, searchPathWith } from '../nats-versions.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree, type NodeProcess, sumsAre } from './fleet.ts';
import { MachineTraffic } from './machine-traffic.ts';
import { openTogether } from './traffic.ts';

const machines = ['a', 'b', 'c'] as const;
type Machine = (typeof machines)[number];
const frontPort = 2525;
const failureTimeoutMs = 1_000;

let network: Network;
let fleet: Fleet;
let nodes: Record<Machine, NodeProcess>;
let traffic: Record<Machine, MachineTraffic>;

const binaries = await natsBinaries();

async function startMachines(server: NatsBinary): Promise<void> {
  fleet = new Fleet();
  network = new Network(...machines);
  traffic = await onEach((machine) => MachineTraffic.start(network.on(machine), frontPort));
  nodes = await onEach((machine) =>
    fleet.start({
      name: `relay-${machine}`,
      nodeaddr: network.address(machine),
      port: frontPort,
      upstreamPort: traffic[machine].upstreamPort,
      through: network.on(machine),
      environment: { PATH: searchPathWith(server) },
      scopes: ownServer(),
    }),
  );
  await membersAgree(...Object.values(nodes));
  await Promise.all([traffic.a.fill(1, 12), traffic.b.fill(2, 8), traffic.c.fill(3, 5)]);
  await everybodyCountsEverything();
}

async function removeMachines(): Promise<void> {
  for (const machine of Object.values(traffic ?? {})) machine.stop();
  await fleet.end();
  network?.remove();
}

describe.each(binaries)('a network that is cut, nats-server $version', (server) => {
  beforeAll(() => startMachines(server));
  afterAll(removeMachines);

  it('BUS-14 REP-4.7 each side goes on with its own truth, and after the heal with that of all: packets dropped', () =>
    separate('packets dropped', () => network.isolate('c')));
});

describe('a network that is cut in other ways', () => {
  beforeAll(() => startMachines(binaries[0]!));
  afterAll(removeMachines);

  it('BUS-14 REP-4.7 each side goes on with its own truth, and after the heal with that of all: cable pulled', () =>
    separate('cable pulled', () => network.unplug('c')));

  it('LIFE-17 INV-32 a cut of one direction ends in views that agree and stay', async () => {
    network.cutOneWay(['c'], ['b']);
    await viewsAgreeWithout('b', 'c');
    await viewsStay();
    await heal('one way');
  });

  it('LIFE-17 BUS-14 two nodes that hear a third but not each other are never in one view, and views stay', async () => {
    network.separate(['a'], ['c']);
    await viewsAgreeWithout('a', 'c');
    await viewsStay();
    await heal('not transitive');
  });
});

/** A mesh of servers, with nothing but the defaults of the times. */
function ownServer(): string {
  const peers = machines.map((machine) => `relay-${machine} = ${network.address(machine)}`).join('\n');
  return `msgc_server { port = 4222 peers = [\n${peers}\n] secret = "a fleet of three" }
    msgcserver_listener { Listen ":4809" { } }`;
}

async function onEach<T>(start: (machine: Machine) => Promise<T>): Promise<Record<Machine, T>> {
  const started = await Promise.all(
    machines.map(async (machine) => [machine, await start(machine)] as const),
  );
  return Object.fromEntries(started) as Record<Machine, T>;
}

function everybodyCountsEverything(): Promise<void> {
  return sumsAre(openTogether(...Object.values(traffic)), ...Object.values(nodes));
}

/** Machine c from the others: both sides agree on what is left, count it, and are one again after the heal. */
async function separate(cut: string, apply: () => void): Promise<void> {
  const cutMs = performance.now();
  apply();
  await Promise.all([
    sumsAre(openTogether(traffic.a, traffic.b), nodes.a, nodes.b),
    sumsAre(traffic.c.open, nodes.c),
  ]);
  report(`each side shows its own truth ${elapsedSince(cutMs)} after the cut (${cut})`);
  await Promise.all([membersAgree(nodes.a, nodes.b), membersAgree(nodes.c)]);

  // Both sides change what the other cannot hear of.
  await Promise.all([traffic.a.fill(4, 6), traffic.b.close(3), traffic.c.close(4), traffic.c.fill(5, 9)]);
  await Promise.all([
    sumsAre(openTogether(traffic.a, traffic.b), nodes.a, nodes.b),
    sumsAre(traffic.c.open, nodes.c),
  ]);

  await heal(cut);
}

/** Repairs the network, and holds the goals that begin when the servers have found each other again. */
async function heal(cut: string): Promise<void> {
  network.heal();
  const healedMs = performance.now();
  const pairs = [
    ['a', 'b'],
    ['b', 'c'],
    ['a', 'c'],
  ] as const;
  await until(() => pairs.every(([one, other]) => network.areConnected(one, other)));
  const connectedMs = performance.now();
  await membersAgree(...Object.values(nodes));
  const wholeMs = performance.now();
  await everybodyCountsEverything();
  const exactMs = performance.now();
  report(
    `servers connected ${elapsedSince(healedMs, connectedMs)} after the heal, views whole ` +
      `${elapsedSince(connectedMs, wholeMs)} later, sums exact ${elapsedSince(wholeMs, exactMs)} later (${cut})`,
  );
  expect(wholeMs - connectedMs).toBeLessThan(5 * failureTimeoutMs);
  expect(exactMs - wholeMs).toBeLessThan(2_000);
}

interface Seen {
  readonly view: string;
  readonly members: readonly string[];
}

async function views(): Promise<Record<Machine, Seen>> {
  return onEach(async (machine) => ({
    view: await nodes[machine].view(),
    members: (await nodes[machine].membership()).map((name) => name.split('#')[2]!),
  }));
}

/** Whoever is listed lists the same; these two are in different views; and each view counts what its members have. */
async function viewsAgreeWithout(one: Machine, other: Machine): Promise<void> {
  await until(async () => {
    const seen = await views();
    if (seen[one].members.includes(`relay-${other}`)) return false;
    return machines.every((machine) =>
      machines
        .filter((peer) => seen[machine].members.includes(`relay-${peer}`))
        .every((peer) => JSON.stringify(seen[peer]) === JSON.stringify(seen[machine])),
    );
  });
  const seen = await views();
  for (const machine of machines) {
    const together = machines.filter((peer) => seen[machine].members.includes(`relay-${peer}`));
    await sumsAre(openTogether(...together.map((peer) => traffic[peer])), nodes[machine]);
  }
}

/** That nothing changes can only be seen by watching: for as long as views may take to settle. */
async function viewsStay(): Promise<void> {
  const before = await views();
  const endMs = performance.now() + 5 * failureTimeoutMs;
  await until(async () => {
    expect(await views()).toEqual(before);
    return performance.now() > endMs;
  });
}

function elapsedSince(startMs: number, nowMs = performance.now()): string {
  return `${(nowMs - startMs).toFixed(0)} ms`;
}

function report(line: string): void {
  console.info(line);
}
