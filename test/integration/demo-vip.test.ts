/** The demonstration of floating addresses, as a newcomer runs it. Needs root, as the demonstration does. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { commandLine, type DemoRun, startDemo, startDemoWith } from './demo-run.ts';
import { until } from './until.ts';

/** Three nodes, a switch and a client start at once, which takes long where others work, too. */
const startLimitMs = 50_000;

vi.setConfig({ testTimeout: 120_000 });

/** What a run has made, to be looked for afterwards. */
interface Traces {
  readonly namespaces: readonly string[];
  /** As the kernel names them: a process stays in its namespace when the name is gone. */
  readonly networks: ReadonlySet<string>;
  readonly paths: readonly string[];
}

async function tracesOf(run: DemoRun): Promise<Traces> {
  await until(() => run.output().includes('Ctrl-C stops all of it'), startLimitMs);
  const prefix = `flotilla-${run.process.pid}-`;
  const namespaces = namespacesNow().filter((name) => name.startsWith(prefix));
  const [, relayPid = ''] = /relay-1 .* pid (\d+)/.exec(run.output()) ?? [];
  return {
    namespaces,
    networks: new Set(namespaces.map((name) => runIn(name, 'readlink', '/proc/self/ns/net'))),
    paths: [
      ...[1, 2, 3].map((number) => `/tmp/flotilla-floating-${number}.sock`),
      /\/\S*flotilla-demo-\w+/.exec(run.output())![0],
      /\/\S*flotilla-lab-\w+/.exec(commandLine(relayPid))![0],
    ],
  };
}

function namespacesNow(): string[] {
  const text = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return text.split('\n').map((line) => line.split(' ')[0]!);
}

function runIn(namespace: string, ...words: readonly string[]): string {
  return execFileSync('ip', ['netns', 'exec', namespace, ...words], { encoding: 'utf8' }).trim();
}

function processesIn(networks: ReadonlySet<string>): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return networks.has(readlinkSync(`/proc/${pid}/ns/net`));
      } catch {
        return false;
      }
    })
    .map(commandLine);
}

function expectNothingLeft({ namespaces, networks, paths }: Traces): void {
  expect(namespacesNow().filter((name) => namespaces.includes(name))).toEqual([]);
  expect(processesIn(networks)).toEqual([]);
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
}

test('a run with a duration ends by itself: a node was lost and came back, and every address was served', async () => {
  const run = startDemo('demo-vip.sh', '--for', '15');
  const traces = await tracesOf(run);
  // Three machines, the client and the switch; a node, its NATS server, a service and more in each of the three.
  expect(traces.networks.size).toBe(5);
  expect(processesIn(traces.networks).length).toBeGreaterThan(9);
  expect(await run.exited, run.output()).toBe(0);
  expect(run.output()).toMatch(/kill -9 \d+: relay-2 is killed\. It owns 2 addresses\.\n/);
  // On a busy machine the gap may be longer than the picture.
  expect(run.output()).toMatch(/ {2}10\.84\.0\.\d {2}[ .2]*[13][ .13]* gap \d+ ms\n/);
  expect(run.output()).toMatch(/relay-2 has its share again, after /);
  expect(run.output()).toMatch(/Summary of 15 s\n/);
  expect(run.output()).toMatch(/\n {2}3 checks: each address was on one live node, which answered/);
  expect(run.output()).not.toMatch(/Warning/);
  expectNothingLeft(traces);
});

test('Ctrl-C ends it cleanly, also while a node is frozen, and leaves nothing behind', async () => {
  const run = startDemo('demo-vip.sh');
  const traces = await tracesOf(run);
  await until(() => /relay-3 {2}frozen\n/.test(run.output()), startLimitMs);
  run.process.kill('SIGINT');
  expect(await run.exited, run.output()).toBe(0);
  expect(run.output()).toMatch(/\n {2}\d checks: each address was on one live node, which answered/);
  expectNothingLeft(traces);
});

test('where no namespaces can be made it says so in one line, and what the system said', async () => {
  const run = startDemoWith(['setpriv', '--bounding-set', '-sys_admin', '--'], 'demo-vip.sh');
  expect(await run.exited).toBe(1);
  expect(run.output()).toMatch(
    /\nnpm run demo:vip: network namespaces cannot be made here; root and the capabilities SYS_ADMIN and NET_ADMIN are needed/,
  );
  expect(namespacesNow().filter((name) => name.startsWith(`flotilla-${run.process.pid}-`))).toEqual([]);
});
