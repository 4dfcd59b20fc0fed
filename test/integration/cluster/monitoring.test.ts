/** What monitoring is told by real processes: health without and with a bus, readiness, figures of nodes and managers. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exposedName, metricCatalogue } from '../../../src/observe/catalogue.ts';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet } from './fleet.ts';

let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
});

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(port: number, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', reject).end();
  });
}

const failingChecks = ({ body }: Answer): string[] =>
  (JSON.parse(body) as { checks: { name: string; status: string }[] }).checks.flatMap(({ name, status }) =>
    status === 'ok' ? [] : [name],
  );

describe('Metrics_Listener', () => {
  it('tells of nodes and managers: alive whatever the bus does, ready with bus, view and rows, figures of the catalogue', async () => {
    const server = await startNatsServer();
    await server.stop();
    const ports = { 'relay-1': await freePort(), 'relay-2': await freePort(), manager: await freePort() };
    const servers = [server.url];
    const launch = (name: keyof typeof ports) =>
      fleet.start({
        name,
        servers,
        ...(name === 'manager' ? { role: 'manager' as const } : {}),
        scopes: `Metrics_Listener { Listen "127.0.0.1:${ports[name]}" { } }`,
      });
    await Promise.all([launch('relay-1'), launch('relay-2'), launch('manager')]);
    // There is no server: they live, and are not ready for work.
    for (const port of Object.values(ports)) {
      expect((await ask(port, '/healthz')).status).toBe(200);
      const unready = await ask(port, '/readyz');
      expect(unready.status).toBe(503);
      expect(failingChecks(unready)).toEqual(['bus', 'view']);
    }

    await server.start();
    const areReady = async () => {
      for (const port of Object.values(ports)) {
        const [answer, { body }] = await Promise.all([ask(port, '/readyz'), ask(port, '/metrics')]);
        if (answer.status !== 200 || !body.includes('\nflotilla_view_members 3\n')) return false;
      }
      return true;
    };
    await until(areReady);
    const known = new Set(Object.entries(metricCatalogue).map(([name, metric]) => exposedName(name, metric)));
    for (const [name, port] of Object.entries(ports)) {
      const { body } = await ask(port, '/metrics');
      const names = [...body.matchAll(/^([a-z_0-9]+)(?:\{[^}]*\})? \S+$/gm)].map(([, metric]) => metric!);
      expect(names.filter((metric) => !known.has(metric))).toEqual([]);
      expect(body).toMatch(
        new RegExp(`^flotilla_info\\{role="${name === 'manager' ? 'manager' : 'node'}",version="`, 'm'),
      );
      for (const line of ['flotilla_ready 1', 'flotilla_healthy 1', 'flotilla_link_up 2'])
        expect(body).toContain(`\n${line}\n`);
      expect(body).not.toMatch(/127\.0\.0\.1|relay-/);
    }
    const leaders = await Promise.all(Object.values(ports).map((port) => ask(port, '/metrics')));
    expect(leaders.filter(({ body }) => body.includes('\nflotilla_view_leader 1\n'))).toHaveLength(1);

    await server.stop();
    await until(async () => (await ask(ports['relay-1'], '/readyz')).status === 503);
    expect((await ask(ports['relay-1'], '/healthz')).status).toBe(200);
  });

  it('is asked with GET and HEAD only, and lets go of who says nothing or nonsense', async () => {
    const { url } = await startNatsServer();
    const port = await freePort();
    const scopes = `Metrics_Listener { Listen "127.0.0.1:${port}" { } }`;
    const node = await fleet.start({ name: 'relay-1', servers: [url], scopes });
    expect((await ask(port, '/healthz', 'POST')).status).toBe(405);
    expect((await ask(port, '/etc/passwd')).status).toBe(404);
    expect(await ask(port, '/healthz', 'HEAD')).toEqual({ status: 200, body: '' });
    const nonsense = connect(port, '127.0.0.1', () => nonsense.end('\x16\x03\x01 not HTTP\r\n\r\n'));
    await new Promise((closed) => nonsense.on('error', () => {}).once('close', closed));
    expect((await ask(port, '/metrics?x=1')).status).toBe(200);
    expect(node.exitCode).toBeUndefined();
  });
});
