/** Three nodes, each with a NATS server of its own: these keep the repository, and nothing else is needed. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet, membersAgree, type NodeProcess } from '../cluster/fleet.ts';
import { freePort } from '../nats-server.ts';
import { until } from '../until.ts';
import { Machine } from './workbench.ts';

const names = ['relay-1', 'relay-2', 'relay-3'];
const limitMs = 90_000;
const common = 'default/common.conf';

let fleet: Fleet;
let machines: Machine[];
let nodes: NodeProcess[];
let routePorts: number[];

beforeAll(async () => {
  fleet = new Fleet();
  machines = names.map((name) => new Machine(name, join(fleet.folder, 'machines', name)));
  routePorts = await Promise.all(names.map(() => freePort()));
  const mains = await Promise.all(names.map(async (name, at) => mainFile(name, at, await freePort())));
  for (const [at, machine] of machines.entries()) {
    machine.write(common, shared(5));
    // The first brings the files of all.
    for (const [of, text] of mains.entries())
      if (at === 0 || of === at) machine.write(`${names[of]}/ecelerity-cluster.conf`, text);
  }
  nodes = await Promise.all(
    machines.map(({ name, conf, environment }) => fleet.start({ name, workingCopy: conf, environment })),
  );
  await membersAgree(...nodes);
}, 120_000);

afterAll(() => fleet.end());

function shared(matureTime: number): string {
  const peers = names.map((name, at) => `${name} = "127.0.0.1:${routePorts[at]}"`).join(' ');
  return `
    cluster { nodeaddr = 127.0.0.1  debug_level = DEBUG  Replicate "inbound_cidr" {}  view_mature_time = ${matureTime} }
    msgc_server { peers = [ ${peers} ] }
  `;
}

/** On one machine each needs ports of its own. */
function mainFile(name: string, at: number, clientPort: number): string {
  return `include "common.conf"
    cluster { state_dir = "${join(fleet.folder, name)}-state" }
    msgc_server { port = ${clientPort} }
    msgcserver_listener { Listen "127.0.0.1:${routePorts[at]}" { } }
    Control_Listener { Listen "${fleet.socketOf(name)}" { } }
  `;
}

/** The servers elect before they keep anything. */
async function done(machine: Machine, ...words: string[]): Promise<void> {
  let said = '';
  await until(async () => {
    const { exitCode, errors } = await machine.cfg(...words, '--wait', '10');
    said = errors;
    return exitCode === 0;
  }, limitMs).catch((error) => {
    throw new Error(`${words.join(' ')}: ${said}`, { cause: error });
  });
}

it('CONF-11.2 CONF-11.5 nodes that start from files on their disks keep a repository among themselves, and show what one commits', {
  timeout: 300_000,
}, async () => {
  const [editor, ...others] = machines as [Machine, Machine, Machine];
  await done(editor, 'bootstrap', '--singlenode', '--keep-local');
  await done(editor, 'commit', '--add-all', '-m', 'as they are');
  for (const other of others) await done(other, 'bootstrap', '--clustername', 'default', '--keep-local');
  for (const other of others) expect((await other.cfg('status')).output).toBe('');

  editor.write(common, shared(7));
  await done(editor, 'commit', '--reload', fleet.socketOf(editor.name), '-m', 'slower');
  const committedMs = performance.now();
  await until(async () => {
    const shown = await Promise.all(nodes.map((node) => node.console('config get cluster view_mature_time')));
    return shown.every((text) => text.trim() === 'View_Mature_Time = 7');
  }, limitMs);
  process.stderr.write(
    `three servers of their own: all nodes show the new value ${Math.round(performance.now() - committedMs)} ms after the commit\n`,
  );
  const { output } = await editor.cfg('subcluster', 'slaves', 'default');
  expect(output.trim().split(/\s+/)).toHaveLength(names.length - 1);
});
