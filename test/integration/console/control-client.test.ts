import net from 'node:net';
import { connect } from 'nats';
import { afterEach, describe, expect, it } from 'vitest';
import { connectConfigBus } from '../../../src/bus/config-bus.ts';
import { connectWire } from '../../../src/bus/connection.ts';
import { serveControl } from '../../../src/bus/control.ts';
import { connectControl } from '../../../src/bus/control-client.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { newIncarnation } from '../../../src/core/identity.ts';
import { fakeNode, fakeObject, interpreterOf, row } from '../../unit/console/fake-node.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from '../bus/surroundings.ts';
import { freePort, type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await stopNatsServers();
});

/** The console of a node on a real wire. */
async function serve(server: NatsServer, url = server.url) {
  const surroundings = { log: new RecordingLog().log, counters: new RecordingCounters(), clock, random };
  const wire = connectWire({ link: 'm', name: 'node', urls: [url], settings: wireSettings, ...surroundings });
  cleanups.push(() => wire.close());
  await until(() => wire.state === 'up');
  const big = fakeObject({
    name: 'big',
    rows: () => new Array(50).fill(Array.from({ length: 1000 }, () => row('10.0.0.1/32 1'))),
  });
  const interpreter = interpreterOf(nodeRegistry(fakeNode({ sharedObjects: () => [big] })));
  serveControl({
    wire,
    groups: { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' },
    self: {
      node: 'labrat-1',
      privateName: '#ec0-22787#labrat-1',
      subcluster: 'default',
      version: '0.1.0',
      incarnation: newIncarnation(random),
    },
    execute: (line) => interpreter.run(line),
    ...surroundings,
  });
}

async function client(url: string, { node = 'labrat-1', timeoutMs = 5000 } = {}) {
  const connection = await connectControl({ url, node, controlGroup: 'ec_console', timeoutMs });
  cleanups.push(() => connection.close());
  const ask = async (line: string, format: 'text' | 'xml' | 'json' = 'text') => {
    const reply = connection.request(line, format);
    let text = '';
    for (;;) {
      const next = await reply.next();
      if (next.done) return { text, status: next.value };
      text += next.value;
    }
  };
  return { connection, ask };
}

describe('console over NATS', () => {
  it('CON-15 runs commands on the node named, one after the other, in each form', async () => {
    const server = await startNatsServer();
    await serve(server);
    const { ask } = await client(server.url);
    expect(await ask('cluster nodename')).toEqual({ text: 'labrat-1\n', status: 0 });
    expect(await ask('nothing')).toEqual({ text: 'Unknown command\n', status: 2 });
    expect(await ask('')).toEqual({ text: '', status: 4 });
    expect(await ask('pid', 'json')).toEqual({ text: '{"pid":22787}\n', status: 0 });
    expect(await ask('xml pid', 'json')).toEqual({ text: '<Pid>22787</Pid>\n', status: 0 });
  });

  it('a server that accepts and says nothing, as a stopped one, is given up with its socket: else a command would not end', async () => {
    const silent = net.createServer();
    let opened = 0;
    const open = new Set<net.Socket>();
    silent.on('connection', (socket) => {
      opened += 1;
      open.add(socket.on('error', () => {}).resume());
      socket.once('close', () => open.delete(socket));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    const url = `nats://127.0.0.1:${port}`;
    await expect(client(url, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'FLT-1502' });
    const [credentials, clusterGroup] = [{}, 'ec_cluster'];
    await expect(
      connectConfigBus({ urls: [url], credentials, tls: undefined, clusterGroup, timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: 'FLT-2301' });
    await until(() => opened >= 2 && open.size === 0);
  });

  it('CON-7 a long answer comes whole and in order', async () => {
    const server = await startNatsServer();
    await serve(server);
    const { ask } = await client(server.url);
    const { text, status } = await ask('cluster shared show big');
    expect(status).toBe(0);
    expect(text.split('\n')).toHaveLength(50_002);
  });

  it('FLT-1502 no node of this name', async () => {
    const server = await startNatsServer();
    const { ask } = await client(server.url, { node: 'nobody' });
    await expect(ask('pid')).rejects.toMatchObject({
      code: 'FLT-1502',
      message: expect.stringContaining('no node of this name'),
    });
  });

  it('FLT-1502 no server, or one that refuses the credentials; none of it shows the password', async () => {
    const nobody = `nats://ops:secret@127.0.0.1:${await freePort()}`;
    const server = await startNatsServer({ config: 'authorization { user: ops, password: right }' });
    for (const url of [nobody, `nats://ops:secret@127.0.0.1:${server.port}`]) {
      const error = await client(url).catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: 'FLT-1502' });
      expect((error as Error).message).not.toContain('secret');
    }
    await client(`nats://ops:right@127.0.0.1:${server.port}`);
  });

  it('FLT-1502 the server goes away', async () => {
    const server = await startNatsServer();
    await serve(server);
    const { ask, connection } = await client(server.url);
    await server.kill();
    await until(() => !connection.isOpen);
    await expect(ask('pid')).rejects.toMatchObject({ code: 'FLT-1502' });
  });

  /** A node that answers in its own way. */
  async function badNode(server: NatsServer, parts: readonly Record<string, string>[]) {
    const { headers } = await import('nats');
    const nc = await connect({ servers: server.url });
    cleanups.push(() => nc.close());
    nc.subscribe('ec_console.node.labrat-1', {
      callback: (_, message) => {
        for (const part of parts) {
          const head = headers();
          for (const [name, value] of Object.entries(part)) head.set(name, value);
          message.respond('x', { headers: head });
        }
      },
    });
    await nc.flush();
  }

  it.each([
    ['a part is missing', [{ 'Flotilla-Part': '1' }, { 'Flotilla-Part': '3' }]],
    ['a part comes twice', [{ 'Flotilla-Part': '1' }, { 'Flotilla-Part': '1' }]],
    ['there are no headers', [{}]],
    ['the end has no status', [{ 'Flotilla-Part': '1', 'Flotilla-End': 'true' }]],
    ['the status is none', [{ 'Flotilla-Part': '1', 'Flotilla-End': 'true', 'Flotilla-Status': 'fine' }]],
  ])('FLT-1503 %s', async (_, parts) => {
    const server = await startNatsServer();
    await badNode(server, parts as Record<string, string>[]);
    const { ask } = await client(server.url);
    await expect(ask('pid')).rejects.toMatchObject({ code: 'FLT-1503' });
  });

  it('CON-18 a node that stays silent is given up after the timeout, with status 5', async () => {
    const server = await startNatsServer();
    await badNode(server, []);
    const { ask } = await client(server.url, { timeoutMs: 100 });
    expect(await ask('pid')).toEqual({ text: 'No answer within 0.1 s\n', status: 5 });
  });
});
