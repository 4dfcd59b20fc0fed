import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { type Machine, Workbench } from './workbench.ts';

let bench: Workbench;
const nodes: RunningNode[] = [];
const [timeout, limitMs] = [180_000, 60_000];

beforeEach(async () => {
  bench = await Workbench.open();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  bench.close();
  await stopNatsServers();
});

const common = (matureTime: number) => `
  include "msgc_server.conf"
  cluster { nodeaddr = 127.0.0.1  view_mature_time = ${matureTime}  Replicate "inbound_cidr" {} }
`;

/** A node as on its machine: the configuration is what the working copy holds. */
async function start(machine: Machine, log: string[] = []): Promise<RunningNode> {
  const node = await startNode({
    configFile: 'ecelerity.conf',
    workingCopy: machine.conf,
    servers: [bench.server.url],
    environment: machine.environment,
    stateDir: mkdtempSync(join(bench.folder, 'state-')),
    logOutput: { write: (line) => void log.push(line) },
  });
  nodes.push(node);
  node.ended.catch((error) => log.push(`ended: ${error}`));
  return node;
}

/** Machines whose nodes read `ecelerity.conf`, which has a console of its own for each. */
async function fleet(...names: string[]): Promise<Machine[]> {
  const machines = names.map((name) => bench.machine(name));
  const [first, ...others] = machines;
  const made = await first!.cfg('bootstrap', '--singlenode');
  expect(made.exitCode, made.errors).toBe(0);
  first!.write('default/common.conf', common(5));
  for (const { name } of machines) {
    const socket = join(bench.folder, `${name}.sock`);
    const text = `include "common.conf"\nControl_Listener { Listen "${socket}" {} }\n`;
    first!.write(`${name}/ecelerity.conf`, text);
  }
  const { exitCode, errors } = await first!.cfg('commit', '--add-all', '-m', 'nodes');
  expect(exitCode, errors).toBe(0);
  for (const other of others) await other.cfg('bootstrap', '--clustername', 'default');
  return machines;
}

const matureMs = (node: RunningNode) => node.settings.duravip.table.matureMs;

it('CONF-11.2 a commit reaches all nodes, which pull and reload by themselves; the committer reloads when told', {
  timeout,
}, async () => {
  const machines = await fleet('relay-1', 'relay-2', 'relay-3');
  const [editor] = machines;
  const running = await Promise.all(machines.map((machine) => start(machine)));
  expect(running.map(matureMs)).toEqual([5_000, 5_000, 5_000]);
  editor!.write('default/common.conf', common(7));
  const startedMs = performance.now();
  const console = join(bench.folder, 'relay-1.sock');
  const { exitCode, errors } = await editor!.cfg('commit', '--reload', console, '-m', 'slower');
  expect(exitCode, errors).toBe(0);
  const committedMs = performance.now();
  await until(() => running.every((node) => matureMs(node) === 7_000), limitMs);
  process.stderr.write(
    `commit ${Math.round(committedMs - startedMs)} ms, all nodes ${Math.round(performance.now() - committedMs)} ms later\n`,
  );
});

it('CONF-11.2 a conflict on one node changes nothing there and is told; what was decided is read after the commit only', {
  timeout,
}, async () => {
  const [a, b] = (await fleet('relay-1', 'relay-2')) as [Machine, Machine];
  const log: string[] = [];
  const node = await start(b, log);
  b.write('default/common.conf', common(6));
  a.write('default/common.conf', common(7));
  expect(await a.cfg('commit')).toMatchObject({ exitCode: 0 });
  await until(() => log.some((line) => line.includes('FLT-2305')), limitMs);
  expect(log.join('')).toMatch(/the configuration was not pulled: .*default\/common\.conf \(both edited\)/);
  expect(b.read('default/common.conf')).toContain('view_mature_time = 6');
  expect(matureMs(node)).toBe(5_000);
  expect((await b.cfg('pull', '--mine')).exitCode).toBe(0);
  expect(await b.cfg('commit', '--reload', join(bench.folder, 'relay-2.sock'))).toMatchObject({
    exitCode: 0,
  });
  await until(() => matureMs(node) === 6_000, limitMs);
});

it('CONF-11.1 what a node runs with is kept beside the repository, is no commit, and stands in the way of none', {
  timeout,
}, async () => {
  const [a] = (await fleet('relay-1')) as [Machine];
  await start(a);
  const put = ['put', 'running', '--from', join(bench.folder, 'relay-1.sock')];
  expect(await a.cfg(...put)).toEqual({ exitCode: 0, output: 'Saved running/relay-1.conf\n', errors: '' });
  expect((await a.cfg(...put)).output).toBe('Nothing to commit\n');
  expect((await a.cfg('cat', 'running/relay-1.conf')).output).toMatch(/^ *View_Mature_Time = "?5"?$/im);
  expect((await a.cfg('cat', 'running/relay-9.conf')).errors).toMatch(/FLT-2312/);
  expect((await a.cfg('info')).output).toContain('Newest Revision: 2\n');
  a.write('default/common.conf', common(6));
  expect((await a.cfg('commit')).output).toMatch(/Committed revision 3\./);
});

it('CONF-11.2 a main file of its own that a node gets is read at once, in place of the one of all', {
  timeout,
}, async () => {
  const [a] = (await fleet('relay-1')) as [Machine];
  const listener = `Control_Listener { Listen "${join(bench.folder, 'relay-2.sock')}" {} }`;
  a.write('default/ecelerity.conf', `include "common.conf"\n${listener}\n`);
  expect((await a.cfg('commit')).exitCode).toBe(0);
  const b = bench.machine('relay-2');
  await b.cfg('bootstrap', '--clustername', 'default');
  const node = await start(b);
  expect(matureMs(node)).toBe(5_000);
  a.write('relay-2/ecelerity.conf', `${common(9)}${listener}\n`);
  expect((await a.cfg('commit', '--add-all')).exitCode).toBe(0);
  await until(() => matureMs(node) === 9_000, limitMs);
});

it('CONF-11.2 nodes go on while the repository is away, and pull when it is back', { timeout }, async () => {
  const [a, b] = (await fleet('relay-1', 'relay-2')) as [Machine, Machine];
  const log: string[] = [];
  const node = await start(b, log);
  await until(() => node.state === 'serving', limitMs);
  await bench.server.stop();
  a.write('default/common.conf', common(8));
  expect((await a.cfg('commit')).errors).toMatch(/FLT-2301/);
  expect(node.state, log.join('')).toBe('serving');
  await bench.server.start();
  await until(() => node.view !== undefined, limitMs);
  expect((await a.cfg('commit')).exitCode).toBe(0);
  // The news may come before the link is up again: an operator then pulls by hand, and the node notices.
  expect((await b.cfg('pull')).exitCode).toBe(0);
  await until(() => matureMs(node) === 8_000, limitMs);
});
