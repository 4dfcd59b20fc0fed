import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { connectConfigBus } from '../../../src/bus/config-bus.ts';
import { freePort, type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Machine } from './workbench.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-cfg-cluster-'));

afterEach(async () => {
  await stopNatsServers();
  rmSync(folder, { recursive: true, force: true });
});

async function startThree(): Promise<NatsServer[]> {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  return await Promise.all(
    ports.map((port, index) =>
      startNatsServer({
        cluster: { port, routes: ports.filter((other) => other !== port) },
        // Pings as usual elsewhere: this is not about links.
        config: `jetstream { store_dir: "${join(folder, `js-${index}`)}" }\nping_interval: "20s"`,
      }),
    ),
  );
}

it('CONF-11.5 three servers keep three copies, a minority takes no commit, and the majority goes on', {
  timeout: 180_000,
}, async () => {
  const servers = await startThree();
  const [first, second, third] = servers as [NatsServer, NatsServer, NatsServer];
  const machines = servers.map(
    (server, index) => new Machine(`relay-${index + 1}`, join(folder, `${index}`), server),
  );
  const [a, b] = machines as [Machine, Machine, Machine];
  // The servers elect before they keep anything.
  await until(async () => (await a.cfg('bootstrap', '--singlenode')).exitCode === 0, 120_000);
  await until(async () => (await b.cfg('bootstrap', '--clustername', 'default')).exitCode === 0, 60_000);
  const bus = await connectConfigBus({
    urls: [first.url],
    credentials: {},
    tls: undefined,
    clusterGroup: 'ec_cluster',
    timeoutMs: 10_000,
  });
  const placement = await bus.placement('default');
  expect([placement?.leader, ...(placement?.others ?? [])].sort()).toEqual(
    servers.map(({ port }) => `server-${port}`).sort(),
  );
  await bus.close();

  await second.kill();
  await third.kill();
  a.write('default/ecelerity.conf', 'include "ecelerity-cluster.conf"\n# cut off\n');
  const refused = await a.cfg('commit', '--wait', '2');
  expect(refused.exitCode).toBe(1);
  expect(refused.errors).toMatch(/cannot be reached: .*majority.*never queued\. \[FLT-2301\]/);

  await second.start();
  await until(async () => (await a.cfg('commit', '-m', 'with a majority')).exitCode === 0, 120_000);
  // With one of them still down, nothing may wait for that one.
  await until(async () => (await b.cfg('pull')).exitCode === 0, 60_000);
  expect(b.read('default/ecelerity.conf')).toContain('# cut off');
  expect((await b.cfg('info')).output).toContain('\nRevision: 2\n');
});
