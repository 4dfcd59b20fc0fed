import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { connectConfigBus, type Placement } from '../../../src/bus/config-bus.ts';
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

async function placementOn({ url }: NatsServer): Promise<Placement | undefined> {
  const bus = await connectConfigBus({
    urls: [url],
    credentials: {},
    tls: undefined,
    clusterGroup: 'ec_cluster',
    timeoutMs: 10_000,
  });
  try {
    return await bus.placement('default');
  } finally {
    await bus.close();
  }
}

it('CONF-11.5 three servers keep three copies, two of them go on without waiting for the third, one alone takes nothing', {
  timeout: 180_000,
}, async () => {
  const servers = await startThree();
  const machines = servers.map(
    (server, index) => new Machine(`relay-${index + 1}`, join(folder, `${index}`), server),
  );
  // The servers elect before they keep anything.
  await until(async () => (await machines[0]!.cfg('bootstrap', '--singlenode')).exitCode === 0, 120_000);
  for (const machine of machines.slice(1))
    await until(async () => (await machine.cfg('bootstrap', '--clustername', 'default')).exitCode === 0);
  const placement = await placementOn(servers[0]!);
  const names = servers.map(({ port }) => `server-${port}`);
  expect([placement?.leader, ...(placement?.others ?? [])].sort()).toEqual([...names].sort());

  // Its leader stays: an election would take longer than all the rest.
  const leads = names.indexOf(placement?.leader ?? '');
  const [other, lost] = [(leads + 1) % 3, (leads + 2) % 3];
  const [a, b] = [machines[leads]!, machines[other]!];
  await servers[lost]!.kill();
  for (const number of [1, 2, 3, 4]) a.write(`default/part-${number}.conf`, `# ${number}\n`);
  expect(await a.cfg('commit', '--add-all', '--wait', '10')).toMatchObject({ exitCode: 0 });
  expect(await b.cfg('pull', '--wait', '10')).toMatchObject({ exitCode: 0, errors: '' });
  expect(b.read('default/part-4.conf')).toBe('# 4\n');
  expect((await b.cfg('info')).output).toContain('\nRevision: 2\n');

  await servers[other]!.kill();
  a.write('default/part-1.conf', '# cut off\n');
  const refused = await a.cfg('commit', '--wait', '2');
  expect(refused.exitCode).toBe(1);
  expect(refused.errors).toMatch(/cannot be reached: .*majority.*never queued\. \[FLT-2301\]/);
  expect((await a.cfg('status')).output).toBe('M       default/part-1.conf\n');
});
