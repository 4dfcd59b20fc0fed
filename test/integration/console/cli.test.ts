import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { type ControlListener, startControlListener } from '../../../src/console/control-listener.ts';
import { fakeNode, fakeObject, interpreterOf, row, silentLog } from '../../unit/console/fake-node.ts';
import { accessParts, openEndpoint } from '../../unit/console/open-access.ts';
import { freePort } from '../nats-server.ts';
import { until } from '../until.ts';

const root = new URL('../../..', import.meta.url).pathname;
const bin = join(root, 'bin/flotilla');

let directory: string;
let path: string;
let listener: ControlListener;

beforeAll(async () => {
  if (!existsSync(join(root, 'dist/cli.js')))
    throw new Error('run `npm run build` first: these tests run bin/flotilla');
  directory = mkdtempSync(join(tmpdir(), 'flotilla-cli-'));
  path = join(directory, 'console');
  const shared = fakeObject({
    name: 'big',
    rows: () => new Array(200).fill(Array.from({ length: 1000 }, () => row('10.0.0.1/32 1'))),
  });
  const registry = nodeRegistry(fakeNode({ sharedObjects: () => [shared] }));
  registry.register({
    words: 'hang',
    usage: 'hang',
    help: 'hang',
    impact: 'read',
    run: () => new Promise(() => {}),
  });
  listener = await startControlListener({
    endpoints: [openEndpoint({ path })],
    access: accessParts(),
    interpreter: interpreterOf(registry),
    log: silentLog,
  });
});

afterAll(async () => {
  await listener.stop();
  rmSync(directory, { recursive: true });
});

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input?: string): Promise<Outcome> {
  const child = spawn(bin, args, { env: { ...process.env, HOME: directory } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
}

describe('flotilla: wrong arguments', () => {
  it.each([
    [[], 'no command given'],
    [['nod'], "unknown command 'nod' (Did you mean node?)"],
    [['--nope'], "unknown option '--nope'"],
    [['node', '--nope'], "unknown option '--nope'"],
    [['node', 'x'], "too many arguments for 'node'. Expected 0 arguments but got 1"],
    [['manager', '--nope'], "unknown option '--nope'"],
    [['cidr-maintain'], "required option '-c, --config <file>' not specified"],
    [['node', '--config'], "option '-c, --config <file>' argument missing"],
    [
      ['node', '--servers', 'a,,b'],
      "option '--servers <url,...>' argument 'a,,b' is invalid. Separate the URLs by commas",
    ],
    [['check-config'], "missing required argument 'file'"],
    [['check-config', 'a', 'b'], "too many arguments for 'check-config'. Expected 1 argument but got 2"],
    [['version', 'x'], "too many arguments for 'version'. Expected 0 arguments but got 1"],
    [['help', 'nothing'], "unknown command 'nothing'"],
    [
      ['console', 'relay-1'],
      "'relay-1' is no console endpoint: use /path, host:port, [v6]:port or nats://server/node",
    ],
    [
      ['console', '-t', '0'],
      "option '-t <seconds>' argument '0' is invalid. Give a number of seconds above 0",
    ],
    [['console', '-x', '-j'], "option '-x' cannot be used with option '-j'"],
    [['console', '/tmp/x', '--nope'], "unknown option '--nope'"],
  ])('%j: one clear line and exit 2', async (args, problem) => {
    expect(await run(args)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `flotilla: ${problem}; see 'flotilla help'\n`,
    });
  });
});

describe('flotilla version and help', () => {
  it('prints the version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await run(['version'])).toEqual({ exitCode: 0, stdout: `flotilla ${version}\n`, stderr: '' });
    expect((await run(['--version'])).stdout).toBe(`flotilla ${version}\n`);
  });

  it('help names every command, help of one explains it', async () => {
    const { exitCode, stdout } = await run(['help']);
    expect(exitCode).toBe(0);
    for (const command of ['node', 'manager', 'console', 'check-config', 'version', 'help'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect((await run(['help', 'node'])).stdout).toContain('--state-dir <directory>');
  });
});

describe('flotilla passwd', () => {
  it('CON-29 keeps users with their hashes, replaces them and takes them out', async () => {
    const file = join(directory, 'passwd');
    expect(await run(['passwd', file, 'tom'], 'sesame\n')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await run(['passwd', file, 'ann'], 'other\n')).exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(before).toMatch(/^tom:\$scrypt\$ln=15,r=8,p=1\$\S+\nann:\$scrypt\$\S+\n$/);
    expect((await run(['passwd', file, 'tom'], 'changed\n')).exitCode).toBe(0);
    expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(before.split('\n')[1]);
    expect((await run(['passwd', '-D', file, 'ann'])).exitCode).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^tom:\S+\n$/);
    for (const [words, input, problem] of [
      [['-D', file, 'ann'], '', `there is no user 'ann' in ${file}`],
      [[file, 'a:b'], 'x\n', "'a:b' is no user name"],
      [[file, 'tom'], '\n', 'the password is empty'],
    ] as const) {
      const outcome = await run(['passwd', ...words], input);
      expect(outcome.exitCode).toBe(1);
      expect(outcome.stderr).toContain(problem);
    }
  });
});

describe('flotilla check-config', () => {
  it('CONF-9.2 exits 0 for a valid file, 1 with its problems for an invalid one, 2 when there is none', async () => {
    const good = join(directory, 'good.conf');
    const bad = join(directory, 'bad.conf');
    writeFileSync(
      good,
      'cluster {\n  nodename = "relay-1"\n  nodeaddr = "10.0.0.1"\n  Replicate "inbound_cidr" {}\n}\n',
    );
    writeFileSync(bad, 'cluster {\n  if_down_limt = 4\n}\n');
    expect(await run(['check-config', good])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Configuration valid'),
    });
    expect(await run(['check-config', bad])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`${bad}:2:3: error CFG-2002`),
    });
    expect((await run(['check-config', join(directory, 'none.conf')])).exitCode).toBe(2);
    const { exitCode, stdout } = await run(['check-config', '--json', bad]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)[0]).toMatchObject({ line: 2, column: 3, code: 'CFG-2002' });
  });
});

describe('flotilla migrate-conf', () => {
  const old = 'Domain /^a/ { }\ninclude "part.conf"\ninclude "all"\n';
  const oldFiles = { 'main.conf': old, 'part.conf': 'logs [ a = b ]\n', 'all/one.conf': 'Host /b/ { }\n' };

  function oldDirectory(): string {
    const place = mkdtempSync(join(directory, 'old-'));
    mkdirSync(join(place, 'all'));
    for (const [name, text] of Object.entries(oldFiles))
      writeFileSync(join(place, name), text, { mode: 0o640 });
    return place;
  }
  const read = (place: string, name: string) => readFileSync(join(place, name), 'utf8');

  it('CONF-3.2 rewrites in place what is included, too, and keeps the originals, out of the way of an include', async () => {
    const place = oldDirectory();
    const { exitCode, stdout } = await run(['migrate-conf', join(place, 'main.conf')]);
    expect({ exitCode, lastLine: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      exitCode: 0,
      lastLine: 'Files changed: 3, in 3 places; left to you: 0.',
    });
    expect(stdout).toContain(`${place}/part.conf:1:1: 'logs [' is 'logs = [' now`);
    expect(read(place, 'main.conf')).toBe(old.replace('/^a/', '"/^a/"'));
    expect(read(place, 'part.conf')).toBe('logs = [ a = b ]\n');
    expect(read(place, 'all/one.conf')).toBe('Host "/b/" { }\n');
    expect(statSync(join(place, 'part.conf')).mode & 0o777).toBe(0o640);
    expect(read(place, 'main.conf.bak')).toBe(old);
    expect(read(place, 'part.conf.bak')).toBe(oldFiles['part.conf']);
    expect(readdirSync(join(place, 'all')).sort()).toEqual(['.one.conf.bak', 'one.conf']);
    const again = await run(['migrate-conf', join(place, 'main.conf')]);
    expect(again).toMatchObject({ exitCode: 0, stdout: 'Files changed: 0, in 0 places; left to you: 0.\n' });
  });

  it('CONF-3.2 writes nothing where an original was kept before, a file cannot be read, or --dry-run asks for it', async () => {
    const place = oldDirectory();
    const unchanged = () =>
      expect(Object.keys(oldFiles).map((name) => read(place, name))).toEqual(Object.values(oldFiles));
    expect(await run(['migrate-conf', '-n', join(place, 'main.conf')])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Files to be changed: 3, in 3 places; left to you: 0.'),
    });
    unchanged();
    writeFileSync(join(place, 'part.conf.bak'), 'precious');
    const refused = await run(['migrate-conf', join(place, 'main.conf')]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toBe(
      `${place}/part.conf.bak is there already, so nothing was changed: move it away\n`,
    );
    expect([existsSync(join(place, 'main.conf.bak')), read(place, 'part.conf.bak')]).toEqual([
      false,
      'precious',
    ]);
    unchanged();
    rmSync(join(place, 'part.conf.bak'));
    writeFileSync(join(place, 'broken.conf'), 'a = "b\n');
    const broken = await run(['migrate-conf', join(place, 'main.conf'), join(place, 'broken.conf')]);
    expect(broken).toMatchObject({ exitCode: 1, stderr: 'Nothing was changed.\n' });
    expect(broken.stdout).toContain(`${place}/broken.conf:1:5: error CFG-1101`);
    unchanged();
  });

  it('CONF-3.2 reads standard input and writes standard output; what is left to a person makes it exit 1', async () => {
    expect(await run(['migrate-conf'], 'Domain /a/ { }\nx')).toEqual({
      exitCode: 1,
      stdout: 'Domain "/a/" { }\nx',
      stderr:
        "standard input:1:8: the regular expression is in quotes now\nstandard input:2:1: left as it is: 'x' is not understood\n",
    });
  });
});

describe('flotilla node', () => {
  it('exits 1 with the problems of its configuration, or when there is none', async () => {
    const bad = join(directory, 'node.conf');
    writeFileSync(bad, 'cluster { if_down_limt = 4 }\n');
    expect(await run(['node', '--config', bad])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('CFG-2002'),
    });
    const missing = await run(['node', '--config', join(directory, 'none.conf')]);
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /^flotilla: No configuration was found: there is no file .* \[FLT-1003\]\n$/,
      ),
    });
    expect((await run(['node', '--config', '/dev/null'])).stderr).toMatch(
      /^flotilla: No configuration was found: '\/dev\/null': neither a file nor a directory\. .* \[FLT-1003\]\n$/,
    );
    expect((await run(['node', '--nodename', 'relay-7'])).stderr).toMatch(
      /: there is no file 'ecelerity-cluster\.conf' here, in \/.*relay-7.*\. .* \[FLT-1003\]\n$/,
    );
  });
});

describe('flotilla node, running', () => {
  /** A node with its console in `directory`, on a server that may not be there. */
  async function startNode(name: string, more = '', environment: Readonly<Record<string, string>> = {}) {
    const config = join(directory, `${name}.conf`);
    const endpoint = join(directory, `${name}.console`);
    writeFileSync(
      config,
      `cluster {
  nodename = "${name}"
  nodeaddr = "127.0.0.1"
  servers = ( "nats://127.0.0.1:1" )
  Replicate "inbound_cidr" {}
}
Control_Listener { Listen "${endpoint}" {} }
${more}
`,
    );
    const child = spawn(bin, ['node', '--config', config, '--state-dir', directory], {
      env: { ...process.env, ...environment },
    });
    children.push(child);
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const exited = new Promise<Outcome>((resolve) =>
      child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr })),
    );
    return {
      child,
      config,
      endpoint,
      exited,
      errors: () => stderr,
      answers: async () => (await run(['console', endpoint, 'pid'])).exitCode === 0,
    };
  }

  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('CON-5, LIFE-4 its console answers while the bus is down; MEM-4 and it knows no members', async () => {
    const { child, endpoint, exited, answers } = await startNode('lonely');
    await until(answers);
    const ask = async (...words: string[]) => (await run(['console', endpoint, ...words])).stdout;
    expect(await ask('pid')).toBe(`${child.pid}\n`);
    expect(await ask('cluster', 'info')).toBe(
      'Daemon: - [m:-,s:-]\nControl Group: ec_console\nCluster Group: ec_cluster (no leader)\nLogger Group: none\n',
    );
    expect(await ask('cluster', 'membership')).toBe('');
    expect(await ask('cluster', 'shared', 'show', 'inbound_cidr')).toBe(
      "lazy, snapped cidrtree 'inbound_cidr', view 'global'\n",
    );
    expect(await ask('shutdown')).toBe('Shutting down.\n');
    expect((await exited).exitCode).toBe(0);
    expect(existsSync(endpoint)).toBe(false);
  });

  it('LIFE-4 says in one line that it serves, and in one that it does not reach the bus; Ctrl-C meanwhile ends it with 0', async () => {
    const { child, endpoint, exited, errors } = await startNode('newcomer');
    const errorLines = () =>
      errors()
        .split('\n')
        .filter((line) => line.startsWith('{'));
    await until(() => errorLines().length > 0);
    child.kill('SIGINT');
    const { exitCode, stdout } = await exited;
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `flotilla: newcomer serves in ec_cluster: bus nats://127.0.0.1:1, console ${endpoint}\n`,
    });
    expect(errorLines().map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'error',
        code: 'FLT-1201',
        msg: expect.stringMatching(/^Cannot connect, .*nats:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/),
        advice: expect.stringContaining('`servers`'),
      },
    ]);
  });

  it('MGR-1 a manager takes the options of eccmgr: group, verbose, no lock, foreground, and an extension directory in vain', async () => {
    const config = join(directory, 'barca.conf');
    const endpoint = join(directory, 'barca.console');
    const cluster = 'nodename = barca cluster_group = other servers = ( "nats://127.0.0.1:1" )';
    writeFileSync(config, `cluster { ${cluster} } Control_Listener { Listen "${endpoint}" {} }`);
    const options = ['-c', config, '-g', 'blue', '-n', '-vvvv', '-d', '-e', '/tmp', '--state-dir', directory];
    const child = spawn(bin, ['manager', ...options]);
    children.push(child);
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const exited = once(child, 'close');
    await until(async () => (await run(['console', endpoint, 'pid'])).exitCode === 0);
    const group = await run(['console', endpoint, 'config', 'eval', 'cluster', 'cluster_group']);
    expect(group.stdout.trim()).toBe('Cluster_Group = "blue"');
    await until(() => /"level":"debug"/.test(errors));
    expect(errors).toMatch(/^flotilla: -e has no effect$/m);
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    expect(await run(['manager', '-V'])).toEqual(await run(['version']));
  });

  it('shows a person on a terminal what it does, unless debug_level says how much', async () => {
    const watch = async (name: string, options = '') => {
      const config = join(directory, `${name}.conf`);
      const endpoint = join(directory, `${name}.console`);
      const cluster = `nodename = "${name}" nodeaddr = 127.0.0.1 servers = ( "nats://127.0.0.1:1" ) ${options}`;
      writeFileSync(config, `cluster { ${cluster} } Control_Listener { Listen "${endpoint}" {} }`);
      const child = spawn('script', ['-qec', `${bin} node --config ${config}`, '/dev/null']);
      children.push(child);
      let screen = '';
      child.stdout.on('data', (text) => {
        screen += text;
      });
      const exited = once(child, 'close');
      await until(() => screen.includes(`flotilla: ${name} serves in ec_cluster`));
      await run(['console', endpoint, 'shutdown']);
      await exited;
      return screen;
    };
    expect(await watch('watched')).toMatch(/NOTICE +flotilla .* serves as watched/);
    expect(await watch('quiet', 'debug_level = error')).not.toContain('NOTICE');
  });

  it('serves on when the terminal it was started on is closed, though it has more to say', async () => {
    const config = join(directory, 'orphaned.conf');
    const endpoint = join(directory, 'orphaned.console');
    const cluster = `nodename = orphaned nodeaddr = 127.0.0.1 servers = ( "nats://127.0.0.1:1" ) debug_level = debug`;
    writeFileSync(config, `cluster { ${cluster} } Control_Listener { Listen "${endpoint}" {} }`);
    const terminal = spawn('script', ['-qec', `${bin} node --config ${config}`, '/dev/null']);
    children.push(terminal);
    const linesTold = async () =>
      (await run(['console', endpoint, 'paniclog'])).stdout.split('\n').filter((line) => line !== '').length;
    await until(async () => (await run(['console', endpoint, 'pid'])).exitCode === 0);
    const pid = Number((await run(['console', endpoint, 'pid'])).stdout);
    terminal.kill('SIGKILL');
    await once(terminal, 'exit');
    // Each exchange is a line for debugging.
    for (let i = 0; i < 5; i++) expect(await linesTold()).toBeGreaterThan(0);
    process.kill(pid, 'SIGTERM');
    // It left in its own way: a dead one would leave its socket behind.
    await until(() => !existsSync(endpoint));
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'LIFE-9 %s stops it gracefully; SIGHUP does not',
    async (signal) => {
      const { child, endpoint, exited, answers } = await startNode(signal.toLowerCase());
      await until(answers);
      child.kill('SIGHUP');
      await until(answers);
      child.kill(signal);
      expect((await exited).exitCode).toBe(0);
      expect(existsSync(endpoint)).toBe(false);
    },
  );

  it('LIFE-9 signals that come together are one wish: Ctrl-C under npm is two of them', async () => {
    const { child, endpoint, exited, answers } = await startNode('wished');
    await until(answers);
    const startMs = performance.now();
    const signals = ['SIGTERM', 'SIGINT'] as const;
    // Until the end, so that one comes in its last moments; but for less time than it takes to be another wish.
    for (let count = 0; child.exitCode === null && performance.now() - startMs < 100; count++) {
      child.kill(signals[count % 2]);
      await new Promise(setImmediate);
    }
    expect((await exited).exitCode).toBe(0);
    expect(existsSync(endpoint)).toBe(false);
  });

  it('a signal while it is leaving ends it at once', async () => {
    const upstream = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    const front = await freePort();
    const { child, exited, answers } = await startNode(
      'hasty',
      `TCP_Listener { Listen "127.0.0.1:${front}" { Upstream = "127.0.0.1:${port}" } }`,
    );
    await until(answers);
    // A session that goes on keeps the node from leaving for two seconds.
    const client = connect(front, '127.0.0.1').on('error', () => {});
    await once(upstream, 'connection');
    child.kill('SIGTERM');
    const impatience = setInterval(() => child.kill('SIGINT'), 50);
    expect((await exited).exitCode).toBe(130);
    clearInterval(impatience);
    client.destroy();
    upstream.close();
  });

  it('an exception that nobody caught is shown, and the node leaves in its own way, with 1', async () => {
    const defect = "process.on('SIGUSR2',()=>{throw(new(Error)('boom'))})";
    const { child, endpoint, exited, answers } = await startNode('broken', '', {
      NODE_OPTIONS: `--import data:text/javascript,${defect}`,
    });
    await until(answers);
    child.kill('SIGUSR2');
    const { exitCode, stderr } = await exited;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^flotilla: Error: boom\n {4}at /m);
    expect(existsSync(endpoint)).toBe(false);
  });

  it('CON-4 exits 1 with one line when another process has its console endpoint', async () => {
    const { child, config, exited, answers } = await startNode('first');
    await until(answers);
    const { exitCode, stderr } = await run(['node', '--config', config, '--state-dir', directory]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^flotilla: The console endpoint is in use: .*first\.console\. .* \[FLT-1501\]$/m);
    child.kill('SIGTERM');
    expect((await exited).exitCode).toBe(0);
  });
});

describe('flotilla console: batch', () => {
  it('CON-17 words after the endpoint are one command; the output is printed as it is', async () => {
    expect(await run(['console', path, 'cluster', 'nodename'])).toEqual({
      exitCode: 0,
      stdout: 'labrat-1\n',
      stderr: '',
    });
    expect((await run(['console', path, 'cluster nodename'])).stdout).toBe('labrat-1\n');
    expect((await run(['console', path, 'cluster', 'info', '-v'])).stdout).toContain(
      'View: 7@labrat-4 (3 nodes, settled)',
    );
    expect((await run(['console', path, 'cluster', 'shared', 'show', 'no such'])).stdout).toBe(
      "no such shared object 'no such'\n",
    );
  });

  it('CON-17 lines on standard input run in turn', async () => {
    const { exitCode, stdout } = await run(['console', path], 'pid\n\ncluster nodeaddr\r\nquit\npid\n');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '22787\n10.80.116.201:4802\n' });
  });

  it.each([
    [['pid'], 0],
    [['cluster', 'shared', 'show', 'nothing'], 1],
    [['nothing'], 2],
    [['pid', 'pid'], 4],
    [['-t', '0.2', 'hang'], 5],
    [['-e', 'pid', '-e', 'nothing', '-e', 'pid pid'], 2],
  ])('CON-17 %j exits with %d, the first status that is not 0', async (words, exitCode) => {
    expect((await run(['console', path, ...words])).exitCode).toBe(exitCode);
  });

  it('CON-17 exits 10 when the connection fails', async () => {
    const { exitCode, stdout, stderr } = await run(['console', join(directory, 'nobody'), 'pid']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 10, stdout: '' });
    expect(stderr).toMatch(
      /^flotilla: The console cannot be reached: .*nobody: ENOENT, there is no such socket\. .* \[FLT-1502\]\n$/,
    );
    expect(await run(['console', '127.0.0.1:1', 'pid'])).toMatchObject({
      exitCode: 10,
      stderr: expect.stringContaining('127.0.0.1:1: ECONNREFUSED, nobody listens there.'),
    });
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(await run(['console', file, 'pid'])).toMatchObject({
      exitCode: 10,
      stderr: expect.stringMatching(/file: (ENOTSOCK|ECONNREFUSED), .*\[FLT-1502\]\n$/),
    });
  });

  it('CON-18 -e is repeatable, -x and -j choose the form, before the endpoint or behind it', async () => {
    expect((await run(['console', '-e', 'pid', '-e', 'cluster nodename', path])).stdout).toBe(
      '22787\nlabrat-1\n',
    );
    expect((await run(['console', path, '-j', 'pid'])).stdout).toBe('{"pid":22787}\n');
    expect((await run(['console', '-x', path, 'pid'])).stdout).toBe('<Pid>22787</Pid>\n');
    expect((await run(['console', path, 'json', 'pid'])).stdout).toBe('{"pid":22787}\n');
  });

  it('CON-14 an answer of 200,000 rows arrives whole', async () => {
    const { stdout } = await run(['console', path, 'cluster', 'shared', 'show', 'big']);
    expect(stdout.split('\n')).toHaveLength(200_002);
  });

  it('a reader that leaves early, as head does, is no failure', async () => {
    const child = spawn(bin, ['console', path, 'cluster', 'shared', 'show', 'big']);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const exitCode = await new Promise((resolve) => child.on('close', resolve));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

describe('flotilla console: interactive', () => {
  it('CON-19, CON-20, CON-21 on a terminal: banner, prompt, answers, completion, quit, history', async () => {
    // script(1) gives the client a terminal; what is typed goes to its standard input.
    const home = mkdtempSync(join(tmpdir(), 'flotilla-home-'));
    const child = spawn('script', ['-qec', `${bin} console ${path}`, '/dev/null'], {
      env: { ...process.env, HOME: home, TERM: 'xterm' },
    });
    let screen = '';
    child.stdout.on('data', (text) => {
      screen += text;
    });
    const exited = new Promise((resolve) => child.on('close', resolve));
    const prompts = () => screen.match(/\d\d:\d\d:\d\d labrat-1\([^)]*console\)> /g)?.length ?? 0;
    await until(() => prompts() >= 1);
    expect(screen).toContain('# flotilla version: 0.1.0');
    // A tab within a longer piece counts as pasted.
    child.stdin.write('cluster noden');
    await until(() => screen.endsWith('cluster noden'));
    child.stdin.write('\t');
    await until(() => screen.endsWith('ame '));
    child.stdin.write('\r');
    await until(() => screen.includes('\nlabrat-1\r\n'));
    child.stdin.write('config set password x\r');
    await until(() => screen.includes('usage: config set'));
    child.stdin.write('quit\r');
    expect(await exited).toBe(0);
    expect(readFileSync(join(home, '.ec_console_history'), 'utf8')).toBe('cluster nodename \nquit\n');
    rmSync(home, { recursive: true });
  });
});
