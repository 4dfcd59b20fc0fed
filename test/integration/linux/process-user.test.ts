/** `Security { user }` with real processes, which are started as root: who they are then, and what they can still do. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet, type NodeOptions, type NodeProcess } from '../cluster/fleet.ts';
import { Harbour } from '../duravip/harbour.ts';
import { freePort } from '../nats-server.ts';
import { until } from '../until.ts';

const nobody = 65_534;
/** CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW, as the kernel prints a set. */
const ofNetwork = '0000000000003400';
const none = '0000000000000000';
/** Where no bus is, and none is needed. */
const servers = ['nats://127.0.0.1:1'];

let fleet: Fleet;

beforeAll(() => {
  if (process.getuid?.() !== 0) throw new Error('these tests start processes as root');
  fleet = new Fleet();
  openToAll(fleet);
});

afterAll(() => fleet.end());

/** Whoever the nodes are: they make their directories in it. */
function openToAll({ folder }: Fleet): void {
  chmodSync(folder, 0o1777);
}

/** Of a process, or of one of its threads, as the kernel states it. */
function statusOf(pid: number, task = pid): Readonly<Record<string, string>> {
  const text = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
  const fields = text.split('\n').map((line) => line.split(':\t') as [string, string | undefined]);
  return Object.fromEntries(fields.map(([name, value = '']) => [name, value.trim()]));
}

const identity = ({
  Uid,
  Gid,
  Groups,
  CapPrm,
  CapEff,
  CapBnd,
  CapAmb,
  NoNewPrivs,
}: Record<string, string>) => ({
  ...{ Uid, Gid, Groups, CapPrm, CapEff, CapBnd, CapAmb, NoNewPrivs },
});

const four = (number: number) => [number, number, number, number].join('\t');
const unprivileged = (capabilities: string) => ({
  Uid: four(nobody),
  Gid: four(nobody),
  CapPrm: capabilities,
  CapEff: capabilities,
  CapBnd: capabilities,
  CapAmb: capabilities,
  NoNewPrivs: '1',
});

async function lowPort(): Promise<number> {
  for (let port = 1_023; port > 600; port--) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
  throw new Error('no port below 1024 is free');
}

async function refusal(options: NodeOptions): Promise<string> {
  const node = await fleet.launch(options);
  expect(await node.ended).toBe(1);
  return node.log();
}

describe('CONF-8.8 a process that is started as root', () => {
  it('NET-13 becomes the user with all its threads and children, under its process id, and keeps what a node needs', async () => {
    const port = await lowPort();
    const node = await fleet.start({
      name: 'dropped',
      scopes: `Security { user = nobody }
        msgc_server { port = ${await freePort()} }
        msgcserver_listener { Listen "127.0.0.1:${await freePort()}" { } }
        TCP_Listener { Listen "127.0.0.1:${port}" { Upstream = "127.0.0.1:1" } }`,
    });
    const tasks = readdirSync(`/proc/${node.pid}/task`).map(Number);
    expect(tasks.length).toBeGreaterThan(4);
    for (const task of tasks) expect(statusOf(node.pid, task)).toMatchObject(unprivileged(ofNetwork));
    const pidFile = join(node.stateDir, 'nats/server.pid');
    await until(() => existsSync(pidFile));
    const server = Number(readFileSync(pidFile, 'utf8'));
    expect(statusOf(server)).toMatchObject(unprivileged(ofNetwork));
    expect(statSync(node.socket).uid).toBe(nobody);
    expect(environmentOf(node)).toMatchObject({ USER: 'nobody', LOGNAME: 'nobody', HOME: '/nonexistent' });
    // Once, though the configuration was read twice.
    expect(node.log().match(/CFG-2315/g)).toHaveLength(1);
    const client = connect(port, '127.0.0.1');
    await new Promise((connected) => client.once('connect', connected));
    client.destroy();
    // Its configuration can still be read; who it is stays.
    const changed = readFileSync(configurationOf(node), 'utf8').replace('user = nobody', 'user = mail');
    writeFileSync(configurationOf(node), changed);
    expect(await node.console('config reload')).toContain('Not applied, needs a restart:\n  Security\n');
    expect(statusOf(node.pid)).toMatchObject(unprivileged(ofNetwork));
    node.signal('SIGTERM');
    expect(await node.ended).toBe(0);
  });

  it('NET-13 has the group, groups and capabilities that are stated', async () => {
    const scopes = `Security { user = nobody  group = daemon  supplemental_groups = ( mail news )
      Capabilities = "cap_net_bind_service,cap_chown+ep" }`;
    const node = await fleet.start({ name: 'stated', servers, scopes });
    const { CapEff, CapBnd, Gid, Groups } = statusOf(node.pid);
    expect({ CapEff, CapBnd }).toEqual({ CapEff: '0000000000000401', CapBnd: '0000000000000401' });
    expect([Gid, Groups]).toEqual([four(1), '8 9']);
    const bare = await fleet.start({
      name: 'bare',
      servers,
      scopes: 'Security { user = nobody  supplemental_groups = ()  capabilities = "" }',
    });
    expect(statusOf(bare.pid)).toMatchObject({ ...unprivileged(none), Groups: '' });
  });

  it('MGR-2 as a manager keeps nothing', async () => {
    const manager = await fleet.start({
      name: 'manager',
      role: 'manager',
      servers,
      scopes: 'Security { user = nobody }',
    });
    expect(statusOf(manager.pid)).toMatchObject(unprivileged(none));
  });

  it('stays root, with all it has, where no user or root itself is stated', async () => {
    const own = identity(statusOf(process.pid));
    for (const [name, scopes] of [
      ['unstated', ''],
      ['root', 'Security { user = root  capabilities = "" }'],
    ] as const) {
      const node = await fleet.start({ name, servers, scopes });
      expect(identity(statusOf(node.pid)), name).toEqual(own);
    }
  });
});

describe('CONF-8.8 a process that cannot become the user does not serve as root, and says what to do', () => {
  const scopes = 'Security { user = nobody }';

  it('when there is no such user or group', async () => {
    const text = await refusal({ name: 'nameless', scopes: 'Security { user = no-such-user }' });
    expect(text).toMatch(/there is no user 'no-such-user' on this machine.*\[FLT-1106\]\n$/);
    const groupless = { name: 'groupless', scopes: 'Security { user = nobody  group = no-such-group }' };
    expect(await refusal(groupless)).toMatch(/setpriv: .*no-such-group.*\[FLT-1106\]\n$/);
  });

  it('when its state, of an earlier life as root, or its configuration is closed to the user', async () => {
    const state = join(fleet.folder, 'closed-state');
    mkdirSync(state);
    const closed = await refusal({ name: 'closed', scopes });
    expect(closed).toMatch(new RegExp(`nobody cannot make files in ${state}\\..*\\[FLT-1106\\]\n$`));
    chmodSync(state, 0o777);
    writeFileSync(join(state, 'of-root'), '');
    expect(await refusal({ name: 'closed', scopes })).toContain(`nobody cannot write ${state}/of-root.`);
    const secret = join(fleet.folder, 'secret.conf');
    writeFileSync(secret, '', { mode: 0o600 });
    const include = { name: 'secretive', scopes: `${scopes}\ninclude "${secret}"` };
    expect(await refusal(include)).toContain(`nobody cannot read ${secret}.`);
  });

  it('when setpriv is missing, or whoever started it has taken from root what it takes', async () => {
    const hidden = 'mount --bind /dev/null /usr/bin/setpriv && exec "$@"';
    const without = ['unshare', '--mount', 'sh', '-c', hidden, 'sh'];
    expect(await refusal({ name: 'toolless', scopes, through: without })).toContain(
      'the program setpriv is missing: apt-get install util-linux.',
    );
    const contained = ['setpriv', '--bounding-set=-setuid,-setgid'];
    expect(await refusal({ name: 'contained', scopes, through: contained })).toContain(
      'has taken cap_setuid and cap_setgid from it: start it as the user instead.',
    );
  });

  it('what it can do without is told, and it serves: a log that is closed to the user, a capability that root lacks', async () => {
    const log = join(fleet.folder, 'of-root.log');
    writeFileSync(log, '', { mode: 0o600 });
    const node = await fleet.start({
      name: 'lossy',
      servers,
      through: ['setpriv', '--bounding-set=-sys_time'],
      scopes: `Security { user = nobody  capabilities = "cap_sys_time+ep" }
        custom_logger "c" { mainlog = "${log}"  delivery_format = "%M" }`,
    });
    expect(node.log()).toContain(
      'this process has no cap_sys_time: Security { capabilities } cannot keep it\n',
    );
    expect(node.log()).toContain(`flotilla: nobody cannot write ${log}\n`);
    expect(statusOf(node.pid)).toMatchObject(unprivileged(none));
  });
});

describe('CONF-8.8 a process that a service manager has started as a user', () => {
  const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const raw = ['--inh-caps=-all,+net_raw', '--ambient-caps=-all,+net_raw'];

  it('stays who it is, with what it was given; another name in Security is told', async () => {
    const through = [...asNobody, ...raw];
    const same = await fleet.start({ name: 'same', servers, through, scopes: 'Security { user = nobody }' });
    expect(statusOf(same.pid)).toMatchObject({
      Uid: four(nobody),
      CapEff: '0000000000002000',
      NoNewPrivs: '0',
    });
    expect(same.log()).not.toContain('Security');
    const other = await fleet.start({ name: 'other', servers, through, scopes: 'Security { user = mail }' });
    expect(statusOf(other.pid)).toMatchObject({ Uid: four(nobody), CapEff: '0000000000002000' });
    expect(other.log()).toContain(
      'flotilla: Security { user = mail } has no effect: the process was started as nobody, not as root\n',
    );
  });
});

describe('CONF-8.8 NET-13 floating addresses of processes that have become a user', () => {
  let harbour: Harbour;

  beforeAll(() => {
    harbour = new Harbour(['a', 'b'], { addresses: 4 });
    openToAll(harbour.fleet);
  });

  afterAll(() => harbour.end());

  it('EXT-3 LIFE-18 are put on, announced, and answered; a killed one leaves nothing behind', async () => {
    const scopes = 'Security { user = nobody }';
    const [a] = await Promise.all([harbour.start('a', { scopes }), harbour.start('b', { scopes })]);
    expect(statusOf(a.pid)).toMatchObject(unprivileged(ofNetwork));
    await harbour.servedBy('a', 'b');
    expect(a.log()).not.toContain('FLT-1601');
    await a.kill();
    await harbour.servedBy('b');
    await until(() => harbour.plumbedOn('a').length === 0);
    await harbour.start('a', { scopes });
    await harbour.servedBy('a', 'b');
  });
});

function environmentOf({ pid }: NodeProcess): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return Object.fromEntries(lines.map((line) => line.split('=', 2) as [string, string]));
}

function configurationOf({ pid }: NodeProcess): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return words[words.indexOf('--config') + 1]!;
}
