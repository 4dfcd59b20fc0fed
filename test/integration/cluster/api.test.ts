/** The public API: two nodes inside this process, as a Node.js program runs them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFlotillaError, type RunningNode, startNode, type View } from '../../../src/index.ts';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-api-'));
const silent = { write: () => {} };
let url: string;
/** Of the first node, for SMTP and the console. */
let ports: readonly [smtp: number, console: number];
let one: RunningNode;
let two: RunningNode;

beforeAll(async () => {
  ({ url } = await startNatsServer());
  ports = [await freePort(), await freePort()];
  const [smtp, consolePort] = ports.map((port) => `127.0.0.1:${port}`);
  const listeners = `
      ESMTP_Listener { Listen "${smtp}" { } }
      Control_Listener { Listen "${consolePort}" { } }`;
  [one, two] = await Promise.all([start('relay-1', listeners), start('relay-2')]);
  await until(() => [one, two].every(({ view }) => view?.members.length === 2));
});

afterAll(async () => {
  await Promise.all([one, two].map((node) => node?.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

function start(nodename: string, listeners = ''): Promise<RunningNode> {
  return startNode({
    nodename,
    services: { [`127.0.0.1:${ports[0]}`]: (socket) => void socket.on('end', () => socket.end()).resume() },
    servers: [url],
    logOutput: silent,
    configText: `
      cluster {
        nodeaddr = 127.0.0.1
        Replicate "inbound_cidr" { max_delay = 0.02 }
        Replicate "outbound_cidr" { max_delay = 0.02 }
        Replicate "outbound_domains" { max_delay = 0.02 }
      }
      Control_Listener { Listen "${join(folder, nodename)}" { } }
      ${listeners}
      cluster_max_outbound_connections = 3`,
  });
}

describe('two nodes in one program', () => {
  it('API counts of both nodes add up, by key, by prefix and by node', async () => {
    const [here, there] = [one.shared('inbound_cidr'), two.shared('inbound_cidr')];
    expect(here.increment('10.1.1.1')).toBe(1);
    here.set('10.1.2.2', 5);
    there.increment('10.1.1.1', 2);
    await until(() => here.count('10.1.0.0/16') === 8 && there.count('10.1.0.0/16') === 8);
    expect(there.count('10.1.1.1')).toBe(3);
    expect(there.count('10.1.1.1', { from: 'relay-1' })).toBe(1);
    expect(Object.fromEntries(here.entries({ from: 'relay-2' }))).toEqual({ '10.1.1.1': 2 });
    expect(Object.fromEntries(there.entries())).toEqual({ '10.1.1.1': 3, '10.1.2.2': 5 });
    here.decrement('10.1.1.1');
    here.set('10.1.2.2', 0);
    await until(() => there.count('0.0.0.0/0') === 2);
  });

  it('FLT-1301 FLT-1302 FLT-1303 wrong names and keys are errors with a code', () => {
    const codeOf = (run: () => unknown) => {
      try {
        return run();
      } catch (error) {
        return isFlotillaError(error) ? error.code : error;
      }
    };
    expect(codeOf(() => one.shared('nothing'))).toBe('FLT-1301');
    expect(codeOf(() => one.shared('inbound_cidr').increment('10.1.1'))).toBe('FLT-1302');
    expect(codeOf(() => one.shared('inbound_cidr').count('10.1.1.1', { from: 'relay-9' }))).toBe('FLT-1303');
  });

  it('REP-6.8 REP-6.10 a cluster cap on outbound connections holds over both nodes', async () => {
    const attempt = { binding: 'default', domain: 'example.com' };
    const connection = { ...attempt, address: '192.0.2.1' };
    for (const node of [one, two, two]) {
      expect(node.mayConnect(attempt)).toMatchObject({ allowed: true });
      node.outboundOpened(connection);
    }
    await until(() => [one, two].every((node) => node.shared('outbound_domains').count('example.com') === 3));
    for (const node of [one, two]) {
      expect(node.mayConnect(attempt)).toMatchObject({
        allowed: false,
        limit: 'cluster_max_outbound_connections',
        value: 3,
        count: 3,
      });
    }
    two.outboundClosed(connection);
    await until(() => one.mayConnect(attempt).allowed);
  });

  it('REP-8.18 REP-8.19 says who is connected now, to which service and listener, here and in the cluster', async () => {
    const [smtp, consolePort] = ports;
    const counts = () => [
      one.sessions.count('SMTP', '127.0.0.0/8'),
      one.sessions.countOn(`127.0.0.1:${smtp}`, '/24', '127.0.0.1'),
      one.sessions.count('Control', '127.0.0.1'),
      two.sessions.count('SMTP', '127.0.0.0/8'),
      two.sessions.count('inbound_cidr', '127.0.0.1'),
    ];
    const isNow = (...wanted: number[]) => until(() => String(counts()) === String(wanted));
    const clients = [smtp, smtp, consolePort].map((port) => connect(port, '127.0.0.1'));
    await isNow(2, 2, 1, 0, 2);
    for (const client of clients) client.destroy();
    await isNow(0, 0, 0, 0, 0);
    expect(() => one.sessions.count('HTTP', '127.0.0.1')).toThrow("unknown service 'HTTP'");
  });

  it('API console lines, events and stop', async () => {
    expect(await one.console('cluster nodename')).toEqual({ text: 'relay-1\n', status: 0 });
    expect((await two.console('make coffee')).status).toBe(2);
    const views: View[] = [];
    one.on('view', (view) => views.push(view));
    let stopped: unknown = 'not yet';
    two.on('stopped', (error) => {
      stopped = error;
    });
    await two.stop();
    expect(stopped).toBeUndefined();
    await two.ended;
    await until(() => one.view?.members.length === 1);
    expect(views.at(-1)?.members.map(({ node }) => node)).toEqual(['relay-1']);
    expect(one.shared('inbound_cidr').count('0.0.0.0/0')).toBe(0);
  });
});
