import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectWire, type NatsWire } from '../../../src/bus/connection.ts';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../../src/bus/embedded-server.ts';
import type { EmbeddedServerSettings } from '../../../src/core/settings.ts';
import { freePort } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { certificates } from './certificates.ts';
import { killChildren, startChild } from './child.ts';
import { isAlive, removeStateFolders, stateFolder } from './state-folder.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await killChildren();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await removeStateFolders();
});

async function settingsFor(change: Partial<EmbeddedServerSettings> = {}): Promise<EmbeddedServerSettings> {
  const [clientPort, routePort] = [await freePort(), await freePort()];
  return { clientPort, routeHost: '127.0.0.1', routePort, peers: [], secret: undefined, ...change };
}

async function start(
  stateDir: string,
  settings: EmbeddedServerSettings,
  change: Partial<EmbeddedServerOptions> = {},
) {
  const recording = new RecordingLog();
  const counters = new RecordingCounters();
  const server = await startEmbeddedServer({
    nodename: 'relay-1',
    clusterGroup: 'ec_cluster',
    stateDir,
    settings,
    beatIntervalMs: 200,
    tls: undefined,
    log: recording.log,
    counters,
    clock,
    random,
    ...change,
  });
  cleanups.push(() => server.stop());
  return { server, recording, counters };
}

async function connected(server: EmbeddedServer, system = false): Promise<NatsWire> {
  const credentials = system ? server.systemCredentials : server.credentials;
  const settings = { ...wireSettings, credentials };
  const { log } = new RecordingLog();
  const counters = new RecordingCounters();
  const wire = connectWire({
    link: 'm',
    name: 't',
    urls: [server.url],
    settings,
    log,
    counters,
    clock,
    random,
  });
  cleanups.push(() => wire.close());
  await until(() => wire.state === 'up');
  return wire;
}

function peersOn(all: readonly EmbeddedServerSettings[]): EmbeddedServerSettings['peers'] {
  return all.map(({ routePort }, i) => ({ name: `relay-${i + 1}`, address: '127.0.0.1', port: routePort }));
}

/** Waits until a message crosses the route. */
async function crossing(from: EmbeddedServer, to: EmbeddedServer): Promise<void> {
  const [sender, receiver] = [await connected(from), await connected(to)];
  let received = 0;
  receiver.subscribe('across', () => received++);
  await until(() => {
    sender.publish('across', new Uint8Array(1));
    return received > 0;
  });
}

/** Ends whoever listens on the port until the port is ours. */
async function takePort(port: number, endListener: () => void): Promise<Server> {
  for (;;) {
    endListener();
    for (let attempt = 0; attempt < 50; attempt++) {
      const server = createServer();
      const outcome = new Promise((resolve) => {
        server.once('error', () => resolve('taken'));
        server.listen(port, '127.0.0.1', () => resolve('ours'));
      });
      if ((await outcome) === 'ours') return server;
      await new Promise(setImmediate);
    }
  }
}

/** The same node as a process of its own. */
async function startOwner(stateDir: string, settings: EmbeddedServerSettings, change: object = {}) {
  const order = { nodename: 'relay-1', stateDir, settings, connectionNames: [], ...change };
  const child = await startChild('owner.ts', JSON.stringify(order));
  return { child, serverPid: Number(/ready (\d+)/.exec(child.output)?.[1]) };
}

const binaries = await natsBinaries();

describe.each(binaries)('the embedded server on nats-server $version', ({ binary }) => {
  it('BUS-26 starts with two accounts, private files, and ends with stop', async () => {
    const stateDir = stateFolder();
    const { server, recording } = await start(stateDir, await settingsFor(), { binary });
    await server.ready;
    const pid = server.pid()!;
    const [fleet, system] = [await connected(server), await connected(server, true)];
    const advisories: string[] = [];
    system.subscribe('$SYS.ACCOUNT.*.DISCONNECT', ({ data }) =>
      advisories.push(Buffer.from(data).toString()),
    );
    const leaked: string[] = [];
    fleet.subscribe('$SYS.>', ({ subject }) => leaked.push(subject));
    await until(async () => {
      await (await connected(server)).close();
      return advisories.some((text) => text.includes('FLOTILLA'));
    });
    expect(leaked).toEqual([]);
    for (const name of ['server.conf', 'logins.json', 'server.log']) {
      expect(statSync(join(stateDir, 'nats', name)).mode & 0o077).toBe(0);
    }
    await server.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(stateDir, 'nats/owner'))).toBe(false);
    expect(recording.texts('error')).toEqual([]);
    expect(recording.texts('debug').some((text) => text.includes('Server is ready'))).toBe(true);
  });

  it('starts the server again when it dies, and connections return', async () => {
    const { server, recording, counters } = await start(stateFolder(), await settingsFor(), { binary });
    const wire = await connected(server);
    const states: string[] = [];
    wire.onState((state) => states.push(state));
    const pid = server.pid()!;
    process.kill(pid, 'SIGKILL');
    await until(() => states.join() === 'down,up');
    expect(server.pid()).not.toBe(pid);
    expect(counters.count('bus_server_restarts')).toBe(1);
    expect(recording.problems('FLT-1203')).toHaveLength(1);
  });

  it('FLT-1203 tells once why it cannot listen again, goes on trying, and starts when the port is free', async () => {
    const settings = await settingsFor();
    const { server, recording, counters } = await start(stateFolder(), settings, { binary });
    await server.ready;
    const thief = await takePort(settings.clientPort, () => {
      // Between two lives of the server there is nobody to end.
      const pid = server.pid();
      if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    });
    const startsBefore = counters.count('bus_server_restarts');
    // The end of the server that was killed, and two that found the port taken; each wait is twice the one before.
    await until(() => counters.count('bus_server_restarts') >= startsBefore + 3);
    const problems = recording.problems('FLT-1203').map(({ text }) => text);
    expect(problems.filter((text) => text.includes('address already in use'))).toHaveLength(1);
    thief.close();
    await until(() => recording.texts('notice').filter((text) => text.includes('is ready')).length >= 2);
    await connected(server);
  });

  it('BUS-26 the server of a killed node lives on, and the next life adopts it with its connections', async () => {
    const stateDir = stateFolder();
    const settings = await settingsFor();
    const { child, serverPid } = await startOwner(stateDir, settings, { binary });
    await child.kill();
    expect(isAlive(serverPid)).toBe(true);
    const { server, recording } = await start(stateDir, settings, { binary });
    await server.ready;
    expect(server.pid()).toBe(serverPid);
    expect(recording.texts('notice').some((text) => text.includes('adopted'))).toBe(true);
    await connected(server);
    process.kill(serverPid, 'SIGKILL');
    await until(() => server.pid() !== undefined && server.pid() !== serverPid);
    await connected(server);
  });

  it('BUS-26 a server left over with another configuration is ended and started anew', async () => {
    const stateDir = stateFolder();
    const { child, serverPid } = await startOwner(stateDir, await settingsFor(), { binary });
    await child.kill();
    const { server } = await start(stateDir, await settingsFor(), { binary });
    expect(isAlive(serverPid)).toBe(false);
    await server.ready;
  });

  it('BUS-26 a left over server that is stopped (SIGSTOP) is replaced', async () => {
    const stateDir = stateFolder();
    const settings = await settingsFor();
    const { child, serverPid } = await startOwner(stateDir, settings, { binary });
    await child.kill();
    process.kill(serverPid, 'SIGSTOP');
    const { server } = await start(stateDir, settings, { binary });
    await server.ready;
    expect(server.pid()).not.toBe(serverPid);
    expect(isAlive(serverPid)).toBe(false);
  });

  it('an orphan ends after its grace, and one that was adopted meanwhile does not', async () => {
    const [lone, lucky] = [stateFolder(), stateFolder()];
    const luckySettings = await settingsFor();
    const grace = { binary, orphanGraceSeconds: 1 };
    const orphan = await startOwner(lone, await settingsFor(), grace);
    const first = await startOwner(lucky, luckySettings, grace);
    await first.child.kill();
    const { server } = await start(lucky, luckySettings, { binary });
    await orphan.child.kill();
    await until(() => !isAlive(orphan.serverPid));
    expect(server.pid()).toBe(first.serverPid);
    expect(isAlive(first.serverPid)).toBe(true);
  });

  it('two servers on loopback join: a message crosses the route, with a secret and without', async () => {
    for (const secret of [undefined, 'the "secret" of \\ $2a$ all']) {
      const [one, two] = [await settingsFor(), await settingsFor()];
      const peers = peersOn([one, two]);
      const [a, b] = [
        await start(stateFolder(), { ...one, peers, secret }, { binary }),
        await start(stateFolder(), { ...two, peers, secret }, { binary, nodename: 'relay-2' }),
      ];
      await crossing(a.server, b.server);
    }
  });

  it('a server with the wrong secret does not get in', async () => {
    const [one, two] = [await settingsFor(), await settingsFor()];
    const peers = peersOn([one, two]);
    const a = await start(stateFolder(), { ...one, peers, secret: 'right' }, { binary });
    const b = await start(stateFolder(), { ...two, peers, secret: 'wrong' }, { binary, nodename: 'relay-2' });
    const [from, to] = [await connected(a.server), await connected(b.server)];
    let received = 0;
    to.subscribe('across', () => received++);
    const refused = () =>
      [a, b].some(({ recording }) =>
        recording.texts('error').some((text) => /authentication|authorization/i.test(text)),
      );
    await until(() => {
      from.publish('across', new Uint8Array(1));
      return refused();
    });
    expect(received).toBe(0);
  });
});

describe('the embedded server', () => {
  it('BUS-26 servers of the oldest and the newest version join, with TLS and no secret', async () => {
    const folder = stateFolder();
    const pki = certificates(folder);
    const tls = { caFile: pki.ca, certFile: pki.server.cert, keyFile: pki.server.key };
    const [oldest, newest] = [binaries[0]!, binaries.at(-1)!];
    const [one, two] = [await settingsFor(), await settingsFor()];
    const peers = peersOn([one, two]);
    const a = await start(stateFolder(), { ...one, peers }, { binary: oldest.binary, tls });
    const b = await start(
      stateFolder(),
      { ...two, peers },
      { binary: newest.binary, tls, nodename: 'relay-2' },
    );
    await crossing(a.server, b.server);
    await crossing(b.server, a.server);
  });

  it('FLT-1203 a missing binary is told with the way to install it', async () => {
    const starting = start(stateFolder(), await settingsFor(), { binary: 'no-such-nats-server' });
    await expect(starting).rejects.toMatchObject({
      code: 'FLT-1203',
      advice: expect.stringContaining('apt-get install'),
    });
  });

  it('FLT-1401 a port that is taken at the start is named, with the option to change, and nothing stays behind', async () => {
    const settings = await settingsFor();
    const peers = peersOn([settings, settings]);
    const other = createServer().listen(settings.clientPort, '127.0.0.1');
    await once(other, 'listening');
    const { clientPort, routePort } = settings;
    await expect(start(stateFolder(), settings)).rejects.toMatchObject({
      code: 'FLT-1401',
      message: expect.stringMatching(
        `127.0.0.1:${clientPort} of the embedded nats-server \\(msgc_server { port }\\): .*EADDRINUSE`,
      ),
    });
    const stateDir = stateFolder();
    const routeIsTaken = start(stateDir, {
      ...settings,
      clientPort: routePort,
      routePort: clientPort,
      peers,
    });
    await expect(routeIsTaken).rejects.toMatchObject({
      code: 'FLT-1401',
      message: expect.stringMatching(`127.0.0.1:${clientPort} .*\\(msgcserver_listener\\)`),
    });
    expect(existsSync(join(stateDir, 'nats/owner'))).toBe(false);
    other.close();
    const { server } = await start(stateDir, settings);
    await server.ready;
  });

  it('FLT-1104 a state directory that a living node uses is refused, and its server is left alone', async () => {
    const stateDir = stateFolder();
    const settings = await settingsFor();
    const { serverPid } = await startOwner(stateDir, settings);
    await expect(start(stateDir, settings)).rejects.toMatchObject({ code: 'FLT-1104' });
    expect(isAlive(serverPid)).toBe(true);
  });

  it('FLT-1207 routes beyond loopback without protection are refused before anything starts', async () => {
    const stateDir = stateFolder();
    const peers = [{ name: 'relay-2', address: '10.0.0.2', port: 4809 }];
    const settings = await settingsFor({ peers });
    await expect(start(stateDir, settings)).rejects.toMatchObject({ code: 'FLT-1207' });
    expect(existsSync(join(stateDir, 'nats/server.pid'))).toBe(false);
  });

  it('a process id that now belongs to another program is never signalled', async () => {
    const stateDir = stateFolder();
    const settings = await settingsFor();
    const bystander = spawn('sleep', ['100']);
    cleanups.push(() => bystander.kill());
    const first = await start(stateDir, settings);
    await first.server.stop();
    writeFileSync(join(stateDir, 'nats/server.pid'), `${bystander.pid}`);
    writeFileSync(join(stateDir, 'nats/owner'), `${bystander.pid} 12345`);
    const { server } = await start(stateDir, settings);
    await server.ready;
    expect(bystander.exitCode).toBeNull();
    expect(isAlive(bystander.pid!)).toBe(true);
  });

  it('lost or damaged logins are made anew and the server is started with them', async () => {
    const stateDir = stateFolder();
    const settings = await settingsFor();
    const { child } = await startOwner(stateDir, settings);
    await child.kill();
    writeFileSync(join(stateDir, 'nats/logins.json'), '{"fleet"');
    const { server } = await start(stateDir, settings);
    await connected(server);
  });
});
