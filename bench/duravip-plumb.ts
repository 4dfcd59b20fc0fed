/**
 * P7: from the decision that gives a machine all addresses to the moment when another machine has heard the last of them
 * announced. Beside it keepalived, from its first address to the last announcement, and `ip -batch`, which only puts the
 * addresses on.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { FloatingNetwork } from '../lab/floating-network.ts';
import { until } from '../test/integration/until.ts';
import type { Arrivals } from './arrival-program.ts';
import type { Taken } from './duravip-plumb-program.ts';
import { floatingIps } from './floating-ips.ts';
import { startProgram } from './gap-watch.ts';
import { type Figure, median } from './report.ts';

const sizes = [4, 128, 1_024];
const rounds = 5;
/** Beats of the profile `fast`, the shortest ones. */
const beatMs = 20;
const [machine, client] = ['a', 'client'];

export async function plumbFigures(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) figures.push(...(await figuresOf(size)));
  return figures;
}

async function figuresOf(size: number): Promise<Figure[]> {
  const [ours, longestTurnsMs, theirs, floor]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    const { tookMs, longestTurnMs } = await onNewNetwork((network) => ourRound(network, size));
    ours!.push(tookMs);
    longestTurnsMs!.push(longestTurnMs);
    theirs!.push(await onNewNetwork((network) => keepalivedRound(network, size)));
    floor!.push(await onNewNetwork(async (network) => batchRound(network, size)));
  }
  const common = { goal: 'P7', size: `${size.toLocaleString('en-US')} addresses`, unit: 'ms' };
  const what = 'addresses put on one machine and announced';
  const value = median(ours!);
  return [
    { ...common, what, value, target: { value: 60 }, peer: { name: 'keepalived', value: median(theirs!) } },
    {
      ...common,
      what: `${what}, beside putting them on alone`,
      value,
      peer: { name: 'ip -batch', value: median(floor!) },
    },
    { ...common, what: 'longest turn meanwhile', value: median(longestTurnsMs!), target: { value: beatMs } },
  ];
}

async function onNewNetwork<Result>(run: (network: FloatingNetwork) => Promise<Result>): Promise<Result> {
  const network = new FloatingNetwork(machine!, client!);
  try {
    return await run(network);
  } finally {
    network.remove();
  }
}

async function ourRound(
  network: FloatingNetwork,
  size: number,
): Promise<{ readonly tookMs: number; readonly longestTurnMs: number }> {
  const listener = await startProgram(network.on(client!), 'arrival-program');
  const words = [network.stateFolder(machine!), String(size)];
  const node = await startProgram(network.on(machine!), 'duravip-plumb-program', ...words);
  const { decidedMs, longestTurnMs } = await ask<Taken>(node);
  return { tookMs: (await lastArrivalMs(listener, size)) - decidedMs, longestTurnMs };
}

async function keepalivedRound(network: FloatingNetwork, size: number): Promise<number> {
  const listener = await startProgram(network.on(client!), 'arrival-program');
  const [first, ...rest] = floatingIps(size);
  const path = network.stateFolder(machine!);
  writeFileSync(
    `${path}.conf`,
    `global_defs { vrrp_version 3 }
    vrrp_instance all {
      state MASTER
      interface eth0
      virtual_router_id 1
      priority 200
      advert_int 0.1
      virtual_ipaddress { ${first} }
      virtual_ipaddress_excluded {\n${rest.join('\n')}\n}
    }\n`,
  );
  const watching = onMachine(network, 'ip', '-timestamp', '-tshort', 'monitor', 'address');
  let said = '';
  watching.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // It listens when it has said something.
  await until(() => {
    network.run(machine!, 'ip', 'address', 'replace', '192.0.2.1/32', 'dev', 'lo');
    network.run(machine!, 'ip', 'address', 'del', '192.0.2.1/32', 'dev', 'lo');
    return said !== '';
  });
  const files = ['-f', `${path}.conf`, '-p', `${path}.pid`, '-r', `${path}.vrrp.pid`];
  onMachine(network, 'keepalived', '--dont-fork', '--vrrp', ...files);
  const endMs = await lastArrivalMs(listener, size);
  const [, begin] = /^\[([^\]]+)\].* inet 10\.84\./m.exec(said) ?? [];
  return endMs - wallMs(begin!);
}

/** What the kernel takes to put them on, started once. */
function batchRound(network: FloatingNetwork, size: number): number {
  const input = floatingIps(size)
    .map((ip) => `address add ${ip}/32 dev eth0\n`)
    .join('');
  const [command = '', ...words] = [...network.on(machine!), 'ip', '-batch', '-'];
  const startedMs = performance.now();
  execFileSync(command, words, { input });
  return performance.now() - startedMs;
}

/** `2026-11-21T09:43:09.123456`, local time: a Date keeps only its milliseconds. */
function wallMs(text: string): number {
  return new Date(text.slice(0, 19)).getTime() + Number(text.slice(19)) * 1_000;
}

function onMachine(network: FloatingNetwork, ...command: readonly string[]): ChildProcess {
  const [first = '', ...words] = [...network.on(machine!), ...command];
  return spawn(first, words, { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function lastArrivalMs(listener: ChildProcess, size: number): Promise<number> {
  let arrivals: Arrivals | undefined;
  await until(async () => {
    arrivals = await ask<Arrivals>(listener);
    return arrivals.addresses === size;
  });
  return arrivals!.lastMs;
}

async function ask<Answer>(program: ChildProcess): Promise<Answer> {
  const answered = once(program, 'message');
  program.send('now');
  const [answer] = await answered;
  return answer as Answer;
}
