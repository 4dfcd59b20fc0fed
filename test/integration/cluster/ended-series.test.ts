/** Counts over time of processes that are gone: killed or stopped, and known to those who were not there then. */
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree, type NodeProcess } from './fleet.ts';

let client: NatsConnection;
let fleet: Fleet;
let url: string;

beforeAll(async () => {
  ({ url } = await startNatsServer());
  client = await connect({ servers: url });
  fleet = new Fleet();
});

afterAll(async () => {
  await client?.close();
  await fleet?.end();
  await stopNatsServers();
});

async function ask(node: NodeProcess, verb: string, body: object): Promise<Record<string, unknown>> {
  const subject = `ec_cluster.api.${node.name}.${verb}`;
  return (await client.request(subject, JSON.stringify(body), { timeout: 20_000 })).json();
}

async function start(name: string, maxDelayS = 0.02): Promise<NodeProcess> {
  const cluster = `Replicate "metrics" { max_delay = ${maxDelayS} parameters = "snapshot;audit_series;gauge_cache" }`;
  const node = await fleet.start({ name, servers: [url], cluster });
  // Windows of a day: hardly ever does one begin while the test runs.
  const series = { name: 'spam', type: 'string', intervalS: 86_400, windows: 2, replicate: 'cluster' };
  // Its console answers before it is in a view, and only then the bus knows its verbs.
  await until(() =>
    ask(node, 'series.define', series).then(
      ({ ok }) => ok === true,
      () => false,
    ),
  );
  await ask(node, 'gauge.define', { name: 'open', max: 10, ttlS: 86_400 });
  return node;
}

async function add(node: NodeProcess, count: number): Promise<void> {
  await ask(node, 'series.add', { name: 'spam', key: 'x', count });
  await ask(node, 'gauge.add', { name: 'open', key: 'x', by: count });
}

/** All say so in the end. */
function allSay(total: number, ...nodes: readonly NodeProcess[]): Promise<void> {
  return until(async () => {
    for (const node of nodes) {
      const { sum } = await ask(node, 'series.sum', { name: 'spam', key: 'x', endv: 1 });
      const { value } = await ask(node, 'gauge.get', { name: 'open', key: 'x' });
      if (sum !== total || value !== total) return false;
    }
    return true;
  });
}

describe('counts over time of processes that are gone', { timeout: 60_000 }, () => {
  it('REP-8.9 REP-4.5 REP-13.4 of one that was killed, and of one that stopped, a joiner says what the others say', async () => {
    const [one, two] = [await start('relay-1'), await start('relay-2')];
    await membersAgree(one, two);
    await add(one, 6);
    await add(two, 6);
    await allSay(12, one, two);
    await two.kill();
    const three = await start('relay-3', 30);
    await membersAgree(one, three);
    await allSay(12, one, three);

    // It says nothing of this until it stops.
    await add(three, 30);
    three.signal('SIGTERM');
    await three.ended;
    await allSay(42, one);

    // Whoever was told tells others, and a node that begins anew hears of its own last life.
    const again = await start('relay-2');
    await membersAgree(one, again);
    await allSay(42, one, again);
    await one.kill();
    const four = await start('relay-4');
    await membersAgree(again, four);
    await allSay(42, again, four);
  });
});
