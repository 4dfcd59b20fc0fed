/** Three nodes and a manager as processes, whose configuration is the working copy on each machine. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet, type NodeOptions, type NodeProcess } from '../cluster/fleet.ts';
import { stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { type Machine, Workbench } from './workbench.ts';

const limitMs = 60_000;
const nodeNames = ['relay-1', 'relay-2', 'relay-3'];
const managerName = 'manager-1';
const common = 'default/common.conf';
const question = 'config get cluster view_mature_time';

let bench: Workbench;
let fleet: Fleet;
let machines: Machine[];
let processes: NodeProcess[];

beforeAll(async () => {
  bench = await Workbench.open();
  fleet = new Fleet();
  machines = [...nodeNames, managerName].map((name) => bench.machine(name));
  await prepare(machines);
  processes = await Promise.all(machines.map((machine) => fleet.start(optionsOf(machine))));
  const [first] = processes;
  await until(async () => (await first!.membership()).length === processes.length, limitMs);
}, 120_000);

afterAll(async () => {
  await fleet.end();
  bench.close();
  await stopNatsServers();
});

/** The part that all share; `matureTime` is read again by a running node. */
const shared = (matureTime: number) => `
  cluster {
    nodeaddr = 127.0.0.1
    servers = ( "${bench.server.url}" )
    debug_level = DEBUG
    Replicate "inbound_cidr" {}
    view_mature_time = ${matureTime}
  }
`;

function mainFile(name: string): string {
  return `${name}/${name === managerName ? 'eccluster' : 'ecelerity-cluster'}.conf`;
}

async function prepare([first, ...others]: readonly Machine[]): Promise<void> {
  const made = await first!.cfg('bootstrap', '--singlenode');
  expect(made.exitCode, made.errors).toBe(0);
  first!.write(common, shared(5));
  for (const name of [...nodeNames, managerName])
    first!.write(
      mainFile(name),
      `include "common.conf"\nControl_Listener { Listen "${fleet.socketOf(name)}" {} }\n`,
    );
  const { exitCode, errors } = await first!.cfg('commit', '--add-all', '-m', 'nodes');
  expect(exitCode, errors).toBe(0);
  for (const other of others) await other.cfg('bootstrap', '--clustername', 'default');
}

function optionsOf({ name, conf, environment }: Machine): NodeOptions {
  const role = name === managerName ? 'manager' : 'node';
  return { name, role, workingCopy: conf, environment };
}

function processOf(machine: Machine): NodeProcess {
  return processes.find(({ name }) => name === machine.name)!;
}

/** How often a node has taken another value from its files. */
function reads(machine: Machine): number {
  const lines = processOf(machine).log().split('\n');
  const words = ['the configuration was read again', 'view_mature_time'];
  return lines.filter((line) => words.every((word) => line.includes(word))).length;
}

it('CONF-11.2 three nodes and a manager pull what one machine commits, and the nodes go on with the new value', {
  timeout: 180_000,
}, async () => {
  const [editor, ...others] = machines;
  editor!.write(common, shared(7));
  const committed = await editor!.cfg('commit', '--reload', fleet.socketOf(editor!.name), '-m', 'slower');
  expect(committed.exitCode, committed.errors).toBe(0);
  const committedMs = performance.now();
  await until(async () => {
    const shown = await Promise.all(processes.map((each) => each.console(question)));
    return shown.every((text) => text.trim() === 'View_Mature_Time = 7');
  }, limitMs);
  process.stderr.write(
    `all have pulled and show the new value ${Math.round(performance.now() - committedMs)} ms after the commit\n`,
  );
  expect(others.map((machine) => machine.read(common))).toEqual(others.map(() => shared(7)));
});

it('CONF-11.2 a local edit that conflicts is reported on its machine, nothing is changed there, and the operator decides', {
  timeout: 180_000,
}, async () => {
  const [a, b, c] = machines as [Machine, Machine, Machine];
  const [readsOfB, readsOfC] = [reads(b), reads(c)];
  b.write(common, shared(6));
  a.write(common, shared(8));
  expect(await a.cfg('commit')).toMatchObject({ exitCode: 0 });
  await until(() => /not pulled: .*default\/common\.conf \(both edited\)/.test(processOf(b).log()), limitMs);
  expect(b.read(common)).toBe(shared(6));
  expect((await b.cfg('pull')).errors).toMatch(/conflict; nothing was changed:\nC {7}default\/common\.conf/);
  expect(await b.cfg('pull', '--theirs')).toMatchObject({ exitCode: 0 });
  expect(b.read(common)).toBe(shared(8));
  await until(() => reads(c) > readsOfC, limitMs);
  // What was decided by hand is not read by itself; what comes after it is.
  expect(reads(b)).toBe(readsOfB);
  a.write(common, shared(10));
  expect(await a.cfg('commit')).toMatchObject({ exitCode: 0 });
  await until(() => reads(b) > readsOfB, limitMs);
  expect(b.read(common)).toBe(shared(10));
});

it('CONF-11.2 a node starts with what it read last when somebody has committed what no node can load', {
  timeout: 180_000,
}, async () => {
  const [a, b] = machines as [Machine, Machine];
  const good = a.read(common);
  a.write(common, `${good}cluster { if_down_limt = 4 }\n`);
  expect((await a.cfg('commit', '-m', 'bad')).errors).toMatch(/nothing was committed/);
  expect(await a.cfg('commit', '--no-validate', '-m', 'bad')).toMatchObject({ exitCode: 0 });
  await until(() => /read again and refused/.test(processOf(b).log()), limitMs);
  await processOf(b).kill();
  const again = await fleet.launch(optionsOf(b));
  await until(() => / serves as /.test(again.log()), limitMs);
  expect(again.log()).toMatch(
    /CFG-2002[\s\S]*starting with the configuration that was read last, .*\.conf\.r/,
  );
  a.write(common, good);
  expect(await a.cfg('commit', '-m', 'mended')).toMatchObject({ exitCode: 0 });
  await until(() => /the configuration was read again/.test(again.log()), limitMs);
});

it('CONF-11.5 a commit on a machine that is cut off from the repository is refused, and its node goes on', {
  timeout: 300_000,
}, async () => {
  const [a] = machines as [Machine];
  await bench.server.stop();
  a.write(common, shared(9));
  const refused = await a.cfg('commit', '--wait', '2', '-m', 'cut off');
  expect(refused.exitCode).toBe(1);
  expect(refused.errors).toMatch(
    /^flotilla: The configuration repository cannot be reached: .*a commit is refused, never queued\. \[FLT-2301\]\n$/,
  );
  expect(await processOf(a).console('cluster info')).toMatch(/^Cluster Group: ec_cluster/m);
  await bench.server.start();
  await until(async () => (await a.cfg('commit', '--wait', '5', '-m', 'again')).exitCode === 0, limitMs);
  // A node that has not heard of it, its link being new, looks once a minute.
  await until(() => machines.every((machine) => machine.read(common) === shared(9)), 2 * limitMs);
});
