/**
 * The configuration of floating addresses changes while three nodes serve them: a client that asks every few
 * milliseconds notices only what was meant to change.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Asker } from '../../../lab/asker.ts';
import { FloatingNetwork } from '../../../lab/floating-network.ts';
import { Fleet, membersAgree, type NodeProcess } from '../cluster/fleet.ts';
import { until } from '../until.ts';
import { HeldSessions } from './held-sessions.ts';
import { seenDuring, shownBy } from './labels.ts';

const machines = ['a', 'b', 'c'] as const;
type Machine = (typeof machines)[number];
const servicePort = 2500;
const echoServicePort = 2501;
const frontPort = 2525;
const echoPort = 2526;
const secondPort = 2527;
const askEveryMs = 20;

interface Vip {
  readonly ip: string;
  readonly prefers: Machine;
  readonly ports?: readonly number[];
}

const first: readonly Vip[] = [
  { ip: '10.84.0.1', prefers: 'a' },
  { ip: '10.84.0.2', prefers: 'b' },
  { ip: '10.84.0.3', prefers: 'a' },
  { ip: '10.84.0.4', prefers: 'b' },
];
const added: readonly Vip[] = [
  { ip: '10.84.0.5', prefers: 'a' },
  { ip: '10.84.0.6', prefers: 'c' },
];

let network: FloatingNetwork;
let fleet: Fleet;
let asker: Asker;
let services: ChildProcess[];
const nodes = new Map<Machine, NodeProcess>();
const written = new Map<Machine, string>();
const answeredBy = new Map<string, Set<string>>();
let sessions: HeldSessions | undefined;
let manager: NodeProcess;

beforeAll(async () => {
  network = new FloatingNetwork(...machines, 'client');
  fleet = new Fleet();
  services = machines.map(startService);
  asker = Asker.start(
    network.on('client'),
    frontPort,
    [...first, ...added].map(({ ip }) => ip),
    askEveryMs,
  );
  // The third has no floating address yet.
  await Promise.all([start('a', first), start('b', first), start('c', [])]);
  await membersAgree(...nodes.values());
  await servedAsPreferred(first);
});

afterAll(async () => {
  sessions?.end();
  asker.stop();
  for (const service of services) service.kill('SIGKILL');
  await Promise.all([...nodes.values()].map((node) => node.kill()));
  network.remove();
  await fleet.end();
});

describe('a configuration that is read again', () => {
  it('CONF-10 DVC-14 a bad one is refused whole: findings, the verdict, and everything as before', async () => {
    await watch(first);
    rewrite('a', scopes([], 'Binding "x" { Enable_Durvip = true }'));
    expect(await reload('a')).toMatch(
      /^status 1: .*error CFG-2002: 'Enable_Durvip' is not .*\n[\s\S]*\nReconfigure failed\.\n$/,
    );
    expect(await node('a').console('config reload /nowhere')).toBe(
      'status 1: No configuration found\nReconfigure failed.\n',
    );
    await uninterrupted(first);
  });

  it('DVC-14 DVC-16 addresses come and go on all nodes, one after the other, and the others are not touched', async () => {
    await watch(first.slice(0, 3));
    const now = [...first.slice(0, 3), ...added];
    const asked = [...added.map(({ ip }) => `DuraVIP ${ip} added`), 'DuraVIP 10.84.0.4 removed'];
    for (const machine of ['a', 'b'] as const) {
      rewrite(machine, scopes(now));
      const answer = JSON.parse(await node(machine).console('json config reload'));
      for (const change of asked) expect(answer.changes).toContain(change);
      expect(answer).toMatchObject({ applied: true, needRestart: [] });
    }
    await until(() => !plumbed('a').includes('10.84.0.4') && !plumbed('b').includes('10.84.0.4'));
    // The third takes its first address: until now nobody had asked whether its machine can.
    rewrite('c', scopes(now));
    node('c').signal('SIGHUP');
    await until(() => node('c').log().includes('DuraVIP 10.84.0.6 added'));
    await servedAsPreferred(now);
    await uninterrupted(first.slice(0, 3));
    expect(plumbed('b')).toEqual(['10.84.0.2']);
  });

  it('NET-12 DVC-14 a listener is added to an address that is on, and the one beside it goes on', async () => {
    await watch([...first.slice(0, 3), ...added]);
    const now = [...first.slice(0, 3), ...added].map((vip) =>
      vip.ip === '10.84.0.2' ? { ...vip, ports: [secondPort] } : vip,
    );
    expect(answersOn('10.84.0.2', secondPort)).toBe('');
    for (const machine of machines) {
      rewrite(machine, scopes(now));
      await reload(machine);
    }
    await until(() => answersOn('10.84.0.2', secondPort) === 'b');
    await uninterrupted(now);
  });

  it('DVC-17 another Topology: the address moves on its node, and no other', async () => {
    await watch(first.slice(1, 3));
    const owner = await owners();
    rewriteCluster('a', 'Topology "10.84.0.1/32" { interface = lo }');
    await reload('a');
    await until(() => on('a', 'lo').includes('10.84.0.1') && !on('a', 'eth0').includes('10.84.0.1'));
    await until(async () => (await look())['10.84.0.1']?.last === 'a');
    expect(await owners()).toBe(owner);
    await uninterrupted(first.slice(1, 3));
  });

  it('DVC-14 options of time take effect, and what needs a restart is named and left', async () => {
    rewriteCluster('b', 'if_check_interval = 7\n bus_failure_timeout = 2\n');
    const answer = await node('b').console('config reload');
    expect(answer).toBe(
      'Reconfigured:\n  if_check_interval\nNot applied, needs a restart:\n  bus_failure_timeout\n  bus_loss_hold\n',
    );
    expect(await node('b').console('config reload')).toContain('Reconfigured: nothing is different.');
    await uninterrupted(first.slice(1, 3));
  });

  it('MGR-17 DVC-14 a manager has all nodes read their files again, then announce their views, then move an address', async () => {
    const ip = '10.84.0.7';
    const now = [...first.slice(0, 3), ...added, { ip, prefers: 'c' } as const];
    for (const machine of machines) rewrite(machine, scopes(now));
    manager = await startManager();
    await until(async () => (await manager.console('info -v')).includes('(3 nodes, settled)'));
    const answers = async (command: string) =>
      (await manager.console(`broadcast -w 30 ${command}`)).replace(/\(#\S+\) \S+Z/g, 'AT');
    expect(await answers('config reload')).toMatch(
      new RegExp(
        machines
          .map((machine) => `== ${machine} AT \\[0\\]\n[\\s\\S]*DuraVIP ${ip} added\n`)
          .join('[\\s\\S]*'),
      ),
    );
    expect(await answers('cluster duravip announce view')).toBe(
      machines.map((machine) => `== ${machine} AT [0]\nView announced (${now.length} VIPs).\n`).join(''),
    );
    await until(() => plumbed('c').includes(ip));
    await until(async () =>
      (await manager.console(`unicast -w a cluster duravip move ${ip} to b`)).includes('Moving'),
    );
    await until(() => plumbed('b').includes(ip) && !plumbed('c').includes(ip));
  });

  it('EXT-9 STA-12 names and services change on one node after the other, and no label says that anything is wrong', async () => {
    const now = [...first.slice(1, 3), ...added];
    const ips = now.map(({ ip }) => ip);
    const withPort = now.map((vip) => ({ ...vip, ports: [secondPort] }));
    const named = (prefix: string) => scopes(withPort).replaceAll('"out-', `"${prefix}-`);
    const knownToAll = (prefix: string) =>
      until(async () => {
        const shown = await Promise.all([...nodes.values()].map((each) => shownBy(each, ips)));
        return shown.flat().every(({ names }) => names.every((name) => name.startsWith(prefix)));
      }, 50_000);
    // However slow this machine is, all are done before the time is over in which nodes may differ.
    for (const machine of machines) {
      rewriteFile(machine, 'view_mature_time = 1\n', 'view_mature_time = 600\n');
      expect(await reload(machine)).toContain('view_mature_time');
    }
    await watch(first.slice(1, 3));
    const oneByOne = await seenDuring([...nodes.values()], ips, async () => {
      for (const machine of machines) {
        rewrite(machine, named('one'));
        expect(await reload(machine)).toContain('changed\n');
        // The others know that it has changed, and go on for a while as they were.
        await until(async () => (await shownBy(node('a'), ips)).some(({ names }) => names.includes('one-2')));
      }
      await knownToAll('one-');
    });
    const atOnce = await seenDuring([...nodes.values()], ips, async () => {
      for (const machine of machines) rewrite(machine, named('two'));
      expect(await manager.console('broadcast -w 30 config reload')).toContain('changed\n');
      await knownToAll('two-');
    });
    const owners = now.map(({ ip, prefers }) => `${ip} ${prefers}`);
    for (const seen of [oneByOne, atOnce]) {
      expect(seen.labels).toEqual(['immature', 'owned', 'safe']);
      expect(seen.owners).toEqual(owners.sort());
      expect(seen.views).toHaveLength(machines.length);
    }
    await uninterrupted(first.slice(1, 3));
  }, 180_000);
});

/** Beside a node, on the server of that node. */
async function startManager(): Promise<NodeProcess> {
  const logins = JSON.parse(readFileSync(join(node('a').stateDir, 'nats/logins.json'), 'utf8'));
  const { user, password } = logins.fleet;
  return fleet.start({
    name: 'barca',
    role: 'manager',
    through: network.on('a'),
    servers: [`nats://${user}:${password}@127.0.0.1:4222`],
  });
}

function node(machine: Machine): NodeProcess {
  return nodes.get(machine)!;
}

async function start(machine: Machine, vips: readonly Vip[]): Promise<void> {
  written.set(machine, scopes(vips));
  const started = await fleet.start({
    name: machine,
    nodeaddr: network.address(machine),
    through: network.on(machine),
    cluster: `Topology "10.84.0.0/16" { interface = eth0 }
      view_mature_time = 1
      # Only preferences move addresses here.
      view_balance_interval = 3600`,
    scopes: `${bus()} ${scopes(vips)}`,
  });
  nodes.set(machine, started);
}

function startService(machine: Machine): ChildProcess {
  const program = `const { createServer } = require('node:net');
    createServer((s) => s.on('error', () => {}).end('${machine}\\n')).listen(${servicePort}, '127.0.0.1');
    createServer((s) => s.on('error', () => {}).pipe(s)).listen(${echoServicePort}, '127.0.0.1');`;
  const [command = '', ...words] = [...network.on(machine), process.execPath, '-e', program];
  return spawn(command, words, { stdio: 'ignore' });
}

function bus(): string {
  const peers = machines.map((machine) => `${machine} = ${network.address(machine)}`).join('\n');
  return `msgc_server { port = 4222 peers = [\n${peers}\n] secret = "reload" } msgcserver_listener { Listen ":4809" { } }`;
}

function scopes(vips: readonly Vip[], more = ''): string {
  const binding = ({ ip, prefers }: Vip) =>
    `Binding "out-${ip.at(-1)}" { Bind_Address = ${ip}  Enable_Duravip = true  Duravip_Preference = ${prefers} }`;
  const listen = ({ ip, ports = [] }: Vip) =>
    [frontPort, echoPort, ...ports].map((port) => {
      const service = port === echoPort ? echoServicePort : servicePort;
      return `Listen "${ip}:${port}" { Enable_Duravip = true  Upstream = "127.0.0.1:${service}" }`;
    });
  return `${vips.map(binding).join('\n')}\nTCP_Listener { ${vips.flatMap(listen).join('\n')} }\n${more}`;
}

function configFile(machine: Machine): string {
  return join(fleet.folder, `${machine}-1.conf`);
}

function rewrite(machine: Machine, text: string): void {
  const before = readFileSync(configFile(machine), 'utf8');
  writeFileSync(configFile(machine), before.replace(written.get(machine)!, text));
  written.set(machine, text);
}

function rewriteCluster(machine: Machine, more: string): void {
  rewriteFile(machine, 'cluster {', `cluster {\n${more}`);
}

function rewriteFile(machine: Machine, before: string, after: string): void {
  const text = readFileSync(configFile(machine), 'utf8');
  expect(text).toContain(before);
  writeFileSync(configFile(machine), text.replace(before, after));
}

function reload(machine: Machine): Promise<string> {
  return node(machine).console('config reload');
}

function on(machine: Machine, device: string): string[] {
  const shown = network.run(machine, 'ip', '-json', 'address', 'show', 'dev', device);
  const [link] = JSON.parse(shown) as { addr_info: { local: string }[] }[];
  return link!.addr_info.map(({ local }) => local).filter((ip) => ip.startsWith('10.84.'));
}

function plumbed(machine: Machine): string[] {
  return on(machine, 'eth0').sort();
}

async function owners(): Promise<string> {
  return node('b').console('cluster duravip show brief').then(withoutAges);
}

function withoutAges(text: string): string {
  return text.replace(/\d+ seconds?/g, '');
}

/** One connection from the client's machine; empty: nobody answers. */
function answersOn(ip: string, port: number): string {
  const program = `const s = require('node:net').connect(${port}, '${ip}'); s.on('error', () => {}).pipe(process.stdout)`;
  return network.run('client', process.execPath, '-e', program).trim();
}

async function servedAsPreferred(vips: readonly Vip[]): Promise<void> {
  await until(async () => {
    const answers = await look();
    return vips.every(({ ip, prefers }) => answers[ip]?.last === prefers);
  });
}

/** Watches from now on who answers on these addresses, and holds a session on each. */
async function watch(vips: readonly Vip[]): Promise<void> {
  sessions?.end();
  const ips = vips.map(({ ip }) => ip);
  sessions = await HeldSessions.open(network.on('client'), echoPort, ips);
  expect(await sessions.lost()).toEqual([]);
  await look();
  answeredBy.clear();
}

async function look(): ReturnType<Asker['report']> {
  const answers = await asker.report();
  for (const [ip, { by }] of Object.entries(answers))
    answeredBy.set(ip, new Set([...(answeredBy.get(ip) ?? []), ...by]));
  return answers;
}

/** Since `watch` each was answered by the same machine, and no session was cut. */
async function uninterrupted(vips: readonly Vip[]): Promise<void> {
  await until(async () => {
    await look();
    return vips.every(({ ip }) => answeredBy.get(ip)!.size > 0);
  });
  for (const { ip, prefers } of vips)
    expect({ ip, by: [...answeredBy.get(ip)!] }).toEqual({ ip, by: [prefers] });
  expect(await sessions!.lost()).toEqual([]);
}
