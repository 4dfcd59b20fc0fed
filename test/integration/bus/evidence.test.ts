import { afterEach, describe, expect, it } from 'vitest';
import { connectWire, type NatsWire } from '../../../src/bus/connection.ts';
import { startEmbeddedServer } from '../../../src/bus/embedded-server.ts';
import { watchEvidence } from '../../../src/bus/evidence.ts';
import { connectionName } from '../../../src/bus/subjects.ts';
import { type Incarnation, newIncarnation } from '../../../src/core/identity.ts';
import type { BusCredentials } from '../../../src/core/settings.ts';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { killChildren, startChild } from './child.ts';
import { removeStateFolders, stateFolder } from './state-folder.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await killChildren();
  await stopNatsServers();
  await removeStateFolders();
});

const surroundings = { log: new RecordingLog().log, counters: new RecordingCounters(), clock, random };
const fleet = { user: 'fleet', password: 'pass' };
const system = { user: 'system', password: 'pass' };

async function opened(url: string, name: string, credentials: BusCredentials): Promise<NatsWire> {
  const settings = { ...wireSettings, credentials };
  const wire = connectWire({ link: 'test', name, urls: [url], settings, ...surroundings });
  cleanups.push(() => wire.close());
  await until(() => wire.state === 'up');
  return wire;
}

interface Watched {
  readonly closed: Incarnation[];
  /** When each report came, as performance.now() tells it. */
  readonly atMs: Map<Incarnation, number>;
}

async function watch(url: string, credentials: BusCredentials = system): Promise<Watched> {
  const evidence = watchEvidence({ wire: await opened(url, 'watcher', credentials), ...surroundings });
  const watched: Watched = { closed: [], atMs: new Map() };
  evidence.onClosed((incarnation) => {
    watched.closed.push(incarnation);
    watched.atMs.set(incarnation, performance.now());
  });
  return watched;
}

const namesOf = (life: Incarnation) => [
  connectionName('m', 'relay-1', life),
  connectionName('s', 'relay-1', life),
];

/** Advisories cross the route only when the servers know each other: proven by a life that closes. */
async function connectedServers(from: string, { closed }: Watched): Promise<void> {
  await until(async () => {
    const life = newIncarnation(random);
    const wires = await Promise.all(namesOf(life).map((name) => opened(from, name, fleet)));
    await Promise.all(wires.map((wire) => wire.close()));
    await until(() => closed.includes(life), 500).catch(() => {});
    return closed.includes(life);
  });
}

const withLogin = (url: string) => url.replace('//', '//fleet:pass@');

describe.each(await natsBinaries())('closed evidence on nats-server $version', ({ version, binary }) => {
  it('BUS-21 a killed process is reported by its own server and by a routed one', async ({ annotate }) => {
    const [portA, portB] = [await freePort(), await freePort()];
    const common = { binary, systemAccount: true };
    const a = await startNatsServer({ ...common, cluster: { port: portA, routes: [portB] } });
    const b = await startNatsServer({ ...common, cluster: { port: portB, routes: [portA] } });
    const [near, far] = [await watch(a.url), await watch(b.url)];
    await connectedServers(a.url, far);
    const delays: string[] = [];
    for (let round = 0; round < 5; round++) {
      const life = newIncarnation(random);
      const child = await startChild('holder.ts', withLogin(a.url), ...namesOf(life));
      const killedMs = performance.now();
      await child.kill();
      await until(() => near.atMs.has(life) && far.atMs.has(life));
      delays.push([near, far].map(({ atMs }) => (atMs.get(life)! - killedMs).toFixed(1)).join(' / '));
    }
    await annotate(
      `nats-server ${version}: SIGKILL to evidence, own / routed server, ms: ${delays.join(', ')}`,
    );
  });

  it('BUS-21 a stopped process is no closed evidence', async () => {
    const server = await startNatsServer({ binary, systemAccount: true });
    const { closed } = await watch(server.url);
    const watcher = await opened(server.url, 'second watcher', system);
    const life = newIncarnation(random);
    const reasons: string[] = [];
    watcher.subscribe('$SYS.ACCOUNT.*.DISCONNECT', ({ data }) => {
      const { client, reason } = JSON.parse(new TextDecoder().decode(data));
      if (client.name?.includes(life)) reasons.push(reason);
    });
    const child = await startChild('holder.ts', withLogin(server.url), ...namesOf(life));
    child.stop();
    await until(() => reasons.length === 2);
    expect(reasons).toEqual(['Stale Connection', 'Stale Connection']);
    await child.kill();
    expect(closed).toEqual([]);
  });

  it('BUS-21 a process that closes one link and opens it again is not reported', async () => {
    const server = await startNatsServer({ binary, systemAccount: true });
    const { closed } = await watch(server.url);
    const life = newIncarnation(random);
    const [m, s] = namesOf(life) as [string, string];
    const first = await opened(server.url, m, fleet);
    for (let round = 0; round < 3; round++) await (await opened(server.url, s, fleet)).close();
    await opened(server.url, s, fleet);
    await first.close();
    const other = newIncarnation(random);
    for (const name of namesOf(other)) await (await opened(server.url, name, fleet)).close();
    await until(() => closed.length > 0);
    expect(closed).toEqual([other]);
  });

  it('BUS-26 a node killed together with nothing else: its own server lives to report it to the others', async () => {
    const stateDirs = [stateFolder(), stateFolder()];
    const ports = await Promise.all([1, 2, 3, 4].map(freePort));
    const peers = [0, 1].map((i) => ({ name: `relay-${i + 1}`, address: '127.0.0.1', port: ports[i + 2]! }));
    const settingsOf = (i: number) => ({
      clientPort: ports[i]!,
      routeHost: '127.0.0.1',
      routePort: ports[i + 2]!,
      peers,
      secret: undefined,
    });
    const survivor = await startEmbeddedServer({
      nodename: 'relay-2',
      clusterGroup: 'ec_cluster',
      stateDir: stateDirs[1]!,
      settings: settingsOf(1),
      beatIntervalMs: 200,
      tls: undefined,
      binary,
      ...surroundings,
    });
    cleanups.push(() => survivor.stop());
    const { closed } = await watch(survivor.url, survivor.systemCredentials);
    const lives = [newIncarnation(random), newIncarnation(random)];
    const owner = {
      nodename: 'relay-1',
      stateDir: stateDirs[0],
      settings: settingsOf(0),
      binary,
      orphanGraceSeconds: 1,
    };
    // The second life meets the server that the first one left behind.
    for (const life of lives) {
      const child = await startChild(
        'owner.ts',
        JSON.stringify({ ...owner, connectionNames: namesOf(life) }),
      );
      await until(async () => joined(survivor.url, survivor.systemCredentials));
      await child.kill();
      await until(() => closed.includes(life));
    }
    expect(closed).toEqual(lives);
  });
});

/** True when the server answers that it has a route. */
async function joined(url: string, credentials: BusCredentials): Promise<boolean> {
  const wire = await opened(url, 'asking', credentials);
  let servers = 0;
  wire.subscribe('answers', () => servers++);
  wire.publish('$SYS.REQ.SERVER.PING', new Uint8Array(0), { reply: 'answers' });
  await until(() => servers >= 2, 200).catch(() => {});
  await wire.close();
  return servers >= 2;
}
