import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../nats-server.ts';
import { until } from '../until.ts';
import { bin, CommandLine, type Outcome } from './command-line.ts';

const commandLine = new CommandLine();
const { directory, run } = commandLine;

afterAll(() => commandLine.remove());

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

  it('CONF-8.8 its pidfile holds its process id while it serves, and what a killed one left is written over', async () => {
    const pidFile = join(directory, 'relay.pid');
    writeFileSync(pidFile, '1\n');
    const node = await startNode('with-pid', `pidfile = "${pidFile}"`);
    await until(() => readFileSync(pidFile, 'utf8') === `${node.child.pid}\n`);
    writeFileSync(node.config, readFileSync(node.config, 'utf8').replace(pidFile, `${pidFile}.other`));
    const { stdout } = await run(['console', node.endpoint, 'config reload']);
    expect(stdout).toContain('Not applied, needs a restart:\n  pidfile\n');
    node.child.kill('SIGTERM');
    expect((await node.exited).exitCode).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
    expect(existsSync(`${pidFile}.other`)).toBe(false);
  });

  it('CONF-8.8 a pidfile that cannot be written is told, and the node serves', async () => {
    const node = await startNode('without-pid', `pidfile = "${join(directory, 'no/such/folder/pid')}"`);
    await until(() => node.errors().includes('flotilla: the pidfile cannot be written: ENOENT'));
    expect((await run(['console', node.endpoint, 'pid'])).stdout).toBe(`${node.child.pid}\n`);
    node.child.kill('SIGTERM');
    expect((await node.exited).exitCode).toBe(0);
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
