import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { type ControlListener, startControlListener } from '../../../src/console/control-listener.ts';
import { fakeNode, fakeObject, interpreterOf, row, silentLog } from '../../unit/console/fake-node.ts';
import { accessParts, openEndpoint } from '../../unit/console/open-access.ts';
import { until } from '../until.ts';
import { bin, CommandLine } from './command-line.ts';

const commandLine = new CommandLine();
const { directory, run } = commandLine;
const path = join(directory, 'console');
let listener: ControlListener;

beforeAll(async () => {
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
  commandLine.remove();
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
