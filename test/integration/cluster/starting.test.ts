/** Starts that fail, and what an operator is told. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { Fleet, type NodeOptions } from './fleet.ts';

let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
});

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

/** The exit code, and what was printed apart from the log. */
async function failedStart(
  options: Omit<NodeOptions, 'name'>,
): Promise<{ exitCode: unknown; lines: string[] }> {
  const node = await fleet.launch({ name: 'relay-1', ...options });
  const exitCode = await node.ended;
  const lines = node
    .log()
    .split('\n')
    .filter((line) => line.startsWith('flotilla: ') || line.includes(' error '));
  return { exitCode, lines };
}

/** In a mount namespace of its own, the server is a file that cannot be executed. */
const withoutServer = [
  ...['unshare', '--mount', '--kill-child', 'sh', '-c'],
  'mount --bind /dev/null "$(readlink -f "$(command -v nats-server)")" && exec "$@"',
  'sh',
];

describe('a node that cannot start', () => {
  it('FLT-1002 prints every problem of its configuration and ends with 1', async () => {
    const { exitCode, lines } = await failedStart({
      servers: [],
      cluster: 'bus_failure_timeot = 1\n view_mature_time = never',
    });
    expect(exitCode).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/relay-1-1\.conf:\d+:\d+: error CFG-\d{4}: .*bus_failure_timeot/);
    expect(lines[1]).toMatch(/relay-1-1\.conf:\d+:\d+: error CFG-\d{4}: .*never/);
  });

  it('FLT-1203 says in one line that there is no nats-server to start', async () => {
    const { exitCode, lines } = await failedStart({ through: withoutServer });
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/nats-server.*\[FLT-1203\]$/)]);
  });

  it('FLT-1501 does not take the console endpoint of a node that lives', async () => {
    const { url } = await startNatsServer();
    const first = await fleet.start({ name: 'relay-1', servers: [url] });
    const { exitCode, lines } = await failedStart({
      servers: [url],
      scopes: `Control_Listener { Listen "${first.socket}" { } }`,
    });
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/relay-1-1\.sock.*\[FLT-1501\]$/)]);
    expect(await first.console('cluster nodename')).toBe('relay-1\n');
  });

  it('FLT-1401 names the listener whose port is taken', async () => {
    const { url } = await startNatsServer();
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const { exitCode, lines } = await failedStart({ servers: [url], port, upstreamPort: 25 });
    holder.close();
    expect(exitCode).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*in use.*\\[FLT-1401\\]$`)),
    ]);
  });

  it('FLT-1401 names the port of its own server that is taken, as by the service that the package installs', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const { exitCode, lines } = await failedStart({ scopes: `msgc_server { port = ${port} }` });
    holder.close();
    expect(exitCode).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(`127.0.0.1:${port} of the embedded nats-server .*in use.*\\[FLT-1401\\]$`),
    ]);
  });

  it('FLT-1401 says which directory of a console endpoint is missing', async () => {
    const { url } = await startNatsServer();
    const folder = join(fleet.folder, 'missing');
    const { exitCode, lines } = await failedStart({
      servers: [url],
      scopes: `Control_Listener { Listen "${folder}/socket" { } }`,
    });
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(`there is no directory ${folder}\\..*\\[FLT-1401\\]$`)]);
  });

  it('FLT-1104 a second node does not take the state directory of one that lives', async () => {
    const ports = { first: await freePort(), second: await freePort() };
    const first = await fleet.start({ name: 'relay-1', scopes: `msgc_server { port = ${ports.first} }` });
    const { exitCode, lines } = await failedStart({ scopes: `msgc_server { port = ${ports.second} }` });
    expect(exitCode).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(
        `${first.stateDir}.* that of another node, process ${first.pid}\\..*\\[FLT-1104\\]$`,
      ),
    ]);
    expect(await first.console('cluster nodename')).toBe('relay-1\n');
  });

  it('FLT-1104 says which state directory cannot be used', async () => {
    // Root may write everywhere, but not into a file as if it were a directory.
    const stateDir = join(fleet.folder, 'relay-1-state');
    writeFileSync(stateDir, '');
    const { exitCode, lines } = await failedStart({});
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`${stateDir}.*\\[FLT-1104\\]$`))]);
  });
});
