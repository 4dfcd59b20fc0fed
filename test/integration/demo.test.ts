/** What a newcomer runs first, as a newcomer runs it: scripts/start.sh with real servers, nodes, mail and a kill. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { commandLine, startDemo } from './demo-run.ts';
import { until } from './until.ts';

const sockets = [1, 2, 3].map((number) => `/tmp/flotilla-relay-${number}.sock`);

const start = (...argv: readonly string[]) => startDemo('start.sh', ...argv);

/** Processes whose command line names the configuration files of the example: nodes and nats-server. */
function leftProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => /(three-relays|flotilla-demo-\w+)\/(relay-\d|manager|nats-server)\.conf/.test(line));
}

function leftFiles(): string[] {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('flotilla-demo-'));
  return [...sockets.filter((path) => existsSync(path)), ...folders];
}

test('a run with a duration ends by itself: mail was delivered, a node was killed, every sum was right', async () => {
  const before = leftFiles();
  const { exited, output } = start('--for', '10');
  expect(await exited, output()).toBe(0);
  expect(output()).toMatch(/kill -9 \d+: relay-2, with [1-9]\d* connections?\n/);
  expect(output()).toMatch(/gone from relay-1 after .* gone from relay-3 after /);
  expect(output()).toMatch(/relay-2 serves again/);
  expect(output()).toMatch(/Summary of \d+/);
  expect(output()).toMatch(/mail +[1-9]\d* messages in [1-9]\d* sessions\n +0 wrong client addresses/);
  expect(output()).toMatch(/sums +9 checks, 0 wrong\n/);
  expect(output()).toMatch(
    /logs +[1-9]\d* lines of all nodes in the files of the manager, 0 twice, 0 missing\n/,
  );
  expect(output()).toMatch(/\[subscriber: 'master' @ 00000000:0000[0-9a-f]{3}[1-9a-f]\]/);
  expect(output()).toMatch(/\nEvery sum was right\.\n/);
  expect(output()).not.toMatch(/Warning/);
  expect(leftProcesses()).toEqual([]);
  expect(leftFiles()).toEqual(before);
});

test('a signal ends a run without duration cleanly, and nothing is left behind', async () => {
  const before = leftFiles();
  const run = start();
  await until(() => run.output().includes('Every node agrees'));
  run.process.kill('SIGINT');
  expect(await run.exited, run.output()).toBe(0);
  expect(run.output()).toMatch(/\nEvery sum was right\.\n/);
  expect(leftProcesses()).toEqual([]);
  expect(leftFiles()).toEqual(before);
});

test('a demonstration that is killed takes its children with it', async () => {
  const run = start();
  await until(() => run.output().includes('Ctrl-C stops all of it'));
  expect(leftProcesses()).toHaveLength(5);
  run.process.kill('SIGKILL');
  await run.exited;
  await until(() => leftProcesses().length === 0);
  expect(sockets.filter((path) => existsSync(path))).toEqual([]);
  // Only its folder stays, which nobody was left to remove.
  rmSync(/\S*\/flotilla-demo-\w+/.exec(run.output())?.[0] ?? '', { recursive: true });
});

test('wrong arguments are one clear line and exit code 2', async () => {
  const run = start('--for', 'ever');
  expect(await run.exited).toBe(2);
  expect(run.output().trimEnd().split('\n').at(-1)).toBe(
    'npm start: --for needs a number of seconds from 10 to 604800; see npm start -- --help',
  );
});
