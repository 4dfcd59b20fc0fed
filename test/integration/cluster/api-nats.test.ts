/** The API over NATS with a real nats-server: a plain client, two nodes, one of which does not serve it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-api-'));
let url: string;
let nodes: RunningNode[];
let client: NatsConnection;

beforeAll(async () => {
  ({ url } = await startNatsServer());
  nodes = await Promise.all([start('relay-1'), start('relay-2'), start('quiet', 'api = false')]);
  await until(() => nodes.every(({ view }) => view?.members.length === 3));
  client = await connect({ servers: url });
});

afterAll(async () => {
  await client?.close();
  await Promise.all(nodes.map((node) => node.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

function start(nodename: string, more = ''): Promise<RunningNode> {
  return startNode({
    nodename,
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      Datasource "limits" {}
      cluster {
        nodeaddr = 127.0.0.1
        ${more}
        Replicate "inbound_cidr" { max_delay = 0.02 }
        Replicate "shared_named_throttles" { max_wait = 60 }
        Replicate "metrics" { max_delay = 0.02 parameters = "snapshot;audit_series;gauge_cache" }
        Replicate "limits" { type = cache  parameters = "snapshot"  max_delay = 0.02 }
      }
      Control_Listener { Listen "${join(folder, nodename)}" { } }`,
  });
}

async function ask(node: string, verb: string, body: object | string): Promise<Record<string, unknown>> {
  const data = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await client.request(`ec_cluster.api.${node}.${verb}`, data, { timeout: 10_000 });
  expect(answer.headers?.get('Flotilla-Node')).toBe(node);
  return answer.json();
}

describe('the API over NATS', () => {
  it('REP-18B what a client counts at one node is read at another', async () => {
    const key = { object: 'inbound_cidr', key: '192.0.2.7' };
    expect(await ask('relay-1', 'counter.add', { ...key, by: 2 })).toEqual({ ok: true, count: 2 });
    await until(
      async () => (await ask('relay-2', 'counter.count', { ...key, key: '192.0.2.0/24' })).count === 2,
    );
    expect(await ask('relay-2', 'counter.count', { ...key, from: 'relay-1' })).toEqual({
      ok: true,
      count: 2,
    });

    await ask('relay-1', 'series.define', {
      name: 's',
      type: 'string',
      intervalS: 3600,
      windows: 2,
      replicate: 'cluster',
    });
    await ask('relay-2', 'series.define', {
      name: 's',
      type: 'string',
      intervalS: 3600,
      windows: 2,
      replicate: 'cluster',
    });
    await ask('relay-1', 'series.add', { name: 's', key: 'x', count: 3 });
    await until(async () => (await ask('relay-2', 'series.sum', { name: 's', key: 'x', endv: 1 })).sum === 3);

    await ask('relay-1', 'gauge.define', { name: 'g', max: 10, ttlS: 600 });
    await ask('relay-1', 'gauge.add', { name: 'g', key: 'x' });
    await until(async () => (await ask('relay-2', 'gauge.get', { name: 'g', key: 'x' })).value === 1);

    await ask('relay-1', 'cache.add', { cache: 'limits', key: 'n', by: 5 });
    // There before anybody asks: what came earlier counts, too.
    await until(async () => (await nodes[1]!.console('cluster shared show limits')).text.includes('x00c'));
    expect((await ask('relay-2', 'cache.get', { cache: 'limits', key: 'n' })).value).toBe('5');

    const pair = { cache: 'limits', key: 'k' };
    await ask('relay-1', 'cache.set', { ...pair, value: 'v' });
    await until(async () => (await ask('relay-2', 'cache.get', pair)).value === 'v');
    expect(await ask('relay-2', 'cache.set', { ...pair, value: 'w', only: 'absent' })).toEqual({
      ok: true,
      stored: false,
    });
  });

  it('REP-7.19 REP-21.1 a rate and slots hold over all nodes', async () => {
    const year = { name: 'newsletter', rate: '3/31536000' };
    const takes = Array.from({ length: 8 }, (_, i) => ask(`relay-${(i % 2) + 1}`, 'throttle.take', year));
    expect((await Promise.all(takes)).filter(({ taken }) => taken)).toHaveLength(3);
    const upstream = { name: 'upstream', count: 1 };
    const { slot } = await ask('relay-1', 'slot.take', upstream);
    expect(await ask('relay-2', 'slot.take', upstream)).toEqual({ ok: true, slot: null });
    expect(await ask('relay-2', 'slot.give_back', { slot })).toMatchObject({ code: 'FLT-2105' });
    expect(await ask('relay-1', 'slot.give_back', { slot })).toEqual({ ok: true });
    await until(async () => (await ask('relay-2', 'slot.take', upstream)).slot !== null);
  });

  it('R7 errors are answers, with the headers of NATS micro-services', async () => {
    expect(await ask('relay-1', 'counter.add', 'add one')).toMatchObject({ ok: false, code: 'FLT-2101' });
    const answer = await client.request('ec_cluster.api.relay-1.nothing', '{}', { timeout: 10_000 });
    expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('2102');
    expect(answer.headers?.get('Nats-Service-Error')).toBe('The API over NATS has no such verb');
  });

  it('is found by discovery where it is served, and is not there where it is switched off', async () => {
    const endpointsOf = async (node: RunningNode) => {
      const info = await client.request(`$SRV.INFO.flotilla-node.${node.incarnation}`, '', {
        timeout: 10_000,
      });
      return info.json<{ endpoints: { subject: string }[] }>().endpoints.map(({ subject }) => subject);
    };
    expect(await endpointsOf(nodes[0]!)).toContain('ec_cluster.api.relay-1.>');
    expect((await endpointsOf(nodes[2]!)).filter((subject) => subject.includes('.api.'))).toEqual([]);
    await expect(client.request('ec_cluster.api.quiet.cache.stats', '')).rejects.toThrow('503');
  });
});
