/**
 * Logs of two nodes in the files of two managers, over a real bus: each line once, over kills of manager and server, over
 * midnight, and the same bytes on both managers (logging 10, 12, 15, 17).
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { Fleet, type NodeProcess } from '../cluster/fleet.ts';
import { type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-aggregation-'));
/** For machines that do much else at the same time. */
const patienceMs = 60_000;
const quick = 'log_active_interval = 0  log_idle_interval = 1';
const nodes = ['relay-1', 'relay-2'] as const;
const files = await openDiskFiles();
let server: NatsServer;
let fleet: Fleet;
const relays: RunningNode[] = [];
const journals = new Map<string, Journal>();
/** What was written of each node. */
const written = new Map<string, string[]>(nodes.map((node) => [node, []]));

/** A clock that journals stamp their records with: so many seconds from now. */
let aheadS = 0;
const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadS * 1000 };

const journalPath = (node: string): string => join(folder, `${node}.mainlog`);

beforeAll(async () => {
  server = await startNatsServer();
  fleet = new Fleet();
  for (const node of nodes) {
    const path = journalPath(node);
    const subscribers = ['mgr-1', 'mgr-2'];
    const open = { path, files, clock, random: systemRandom } as const;
    journals.set(
      node,
      await openJournal({ ...open, access: 'own', subscribers, create: { unitLimit: 4096 } }),
    );
    await write(node, 50);
    await journals.get(node)!.close();
    relays.push(
      await startNode({
        nodename: node,
        servers: [server.url],
        logOutput: { write: () => {} },
        configText: `cluster { nodeaddr = 127.0.0.1 ${quick} logs = [ mainlog = "${path}" ] }`,
      }),
    );
    journals.set(node, await openJournal({ ...open, access: 'share' }));
  }
});

afterAll(async () => {
  for (const journal of journals.values()) await journal.close().catch(() => {});
  await Promise.all(relays.map((node) => node.stop()));
  await fleet?.end();
  await stopNatsServers();
  rmSync(folder, { recursive: true, force: true });
});

async function write(node: string, count: number): Promise<void> {
  const lines = written.get(node)!;
  const added = Array.from({ length: count }, (_, n) => `${node} line ${lines.length + n + 1}\n`);
  lines.push(...added);
  await Promise.all(added.map((line) => journals.get(node)!.append(Buffer.from(line))));
}

function startManager(name: string): Promise<NodeProcess> {
  const scopes = `Logs { logfile = "${folder}/${name}/%Y-%m-%d/%{l}/%{s}/%{n}"  dir_mode = 0750  max_open = 1 }`;
  return fleet.start({ name, role: 'manager', servers: [server.url], cluster: quick, scopes });
}

/** Files of a manager with their bytes, the oldest day first; states aside. */
function output(manager: string): Map<string, string> {
  const place = join(folder, manager);
  if (!existsSync(place)) return new Map();
  const paths = readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(paths.map((path) => [path.slice(place.length + 1), readFileSync(path, 'utf8')]));
}

const linesOf = (manager: string, node: string): string =>
  [...output(manager)]
    .filter(([path]) => path.endsWith(`/${node}`))
    .map(([, text]) => text)
    .join('');

function hasAll(...managers: readonly string[]): Promise<void> {
  return until(
    () =>
      managers.every((manager) =>
        nodes.every((node) => linesOf(manager, node).length >= written.get(node)!.join('').length),
      ),
    patienceMs,
  );
}

function expectOnce(...managers: readonly string[]): void {
  for (const manager of managers)
    for (const node of nodes) expect(linesOf(manager, node)).toBe(written.get(node)!.join(''));
}

describe('aggregation', () => {
  let first: NodeProcess;

  it('LOG-10 lines from before the manager came, and those that come, are in the file of their node and day', async () => {
    first = await startManager('mgr-1');
    await hasAll('mgr-1');
    expect(await first.console('reopen logs')).toBe('Executed\n');
    for (const node of nodes) await write(node, 10);
    await hasAll('mgr-1');
    expectOnce('mgr-1');
    const [path = ''] = output('mgr-1').keys();
    expect(path).toMatch(/^\d{4}-\d\d-\d\d\/mainlog\/default\/relay-1$/);
    expect(statSync(join(folder, 'mgr-1', path, '..')).mode & 0o777).toBe(0o750);
    expect(statSync(join(folder, 'mgr-1', path)).mode & 0o777).toBe(0o640);
  });

  it('R6 LOG-1 LOG-15 manager and server are killed while lines come: each line is there once', async () => {
    for (let round = 0; round < 4; round++) {
      const before = linesOf('mgr-1', 'relay-1').length;
      const writing = (async () => {
        for (let n = 0; n < 20; n++) for (const node of nodes) await write(node, 7);
      })();
      // A little later in each round, somewhere in what it does then.
      await until(() => linesOf('mgr-1', 'relay-1').length > before + round * 500, patienceMs);
      await first.kill();
      if (round % 2 === 1) {
        await server.kill();
        await server.start();
      }
      await writing;
      first = await startManager('mgr-1');
    }
    await hasAll('mgr-1');
    expectOnce('mgr-1');
  }, 240_000);

  it('LOG-17.9 a second manager with a subscriber of its own writes the same bytes', async () => {
    await startManager('mgr-2');
    await hasAll('mgr-2');
    expect(output('mgr-2')).toEqual(output('mgr-1'));
  }, 120_000);

  it('LOG-17.10 lines of the next day go into its file, and those of today that are late into its own', async () => {
    for (const days of [1, 0, 2]) {
      aheadS = days * 86_400;
      for (const node of nodes) await write(node, 10);
    }
    await hasAll('mgr-1', 'mgr-2');
    expect(output('mgr-2')).toEqual(output('mgr-1'));
    const days = new Set([...output('mgr-1').keys()].map((path) => path.slice(0, 10)));
    expect(days.size).toBeGreaterThanOrEqual(3);
    for (const node of nodes) {
      const all = written.get(node)!;
      const [today = ''] = output('mgr-1').keys();
      const late = [...output('mgr-1')].find(
        ([path]) => path.startsWith(today.slice(0, 10)) && path.endsWith(node),
      );
      expect(late?.[1].endsWith(all.slice(-20, -10).join(''))).toBe(true);
      const found = linesOf('mgr-1', node).split(/(?<=\n)/);
      expect(new Set(found).size).toBe(all.length);
      expect(found).toHaveLength(all.length);
    }
  }, 120_000);
});
