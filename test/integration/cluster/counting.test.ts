/** The heart of it: three nodes on real connections, their sums, and one of them killed and started again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NatsServerOptions, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { Fleet, membersAgree, sumsAre } from './fleet.ts';
import { Clients, openTogether, Upstream } from './traffic.ts';

let fleet: Fleet;
let upstream: Upstream;

beforeEach(async () => {
  fleet = new Fleet();
  upstream = await Upstream.start();
});

afterEach(async () => {
  await fleet.end();
  await upstream.stop();
  await stopNatsServers();
});

const names = ['relay-1', 'relay-2', 'relay-3'] as const;
/** The goals are 1.5 s and 50 ms; a machine that is busy with other tests is given more. */
const generousMs = 5_000;

const closedEvidence: NatsServerOptions = { systemAccount: true };
const withSystemLogin = `bus_user = "fleet" bus_password = "pass" bus_system_user = "system" bus_system_password = "pass"`;

describe.each(await natsBinaries())('three nodes on real connections, nats-server $version', ({ binary }) => {
  it('REP-22.3 each shows the open connections of all; `from` shows those of one; sums follow opens and closes', async () => {
    const server = await startNatsServer({ binary });
    const nodes = await fleet.startTogether(names, { servers: [server.url], upstreamPort: upstream.port });
    const [one, two, three] = nodes.map(({ port }) => new Clients(port)) as [Clients, Clients, Clients];
    await Promise.all([one.fill(1, 40), two.fill(2, 30), three.fill(3, 20)]);
    // One client of all three: its count is a sum of three rows.
    for (const clients of [one, two, three]) await clients.connect('127.9.9.9');

    await sumsAre(openTogether(one, two, three), ...nodes);
    expect((await nodes[0].inbound()).get('127.9.9.9')).toBe(3);
    for (const node of nodes) {
      expect(await node.inbound('relay-1')).toEqual(one.open);
      expect(await node.inbound('relay-2')).toEqual(two.open);
      expect(await node.inbound('relay-3')).toEqual(three.open);
    }

    await Promise.all([one.close(15), two.close(30), three.fill(4, 25)]);
    await sumsAre(openTogether(one, two, three), ...nodes);
    await Promise.all([one.close(), two.close(), three.close()]);
    await sumsAre(new Map(), ...nodes);
  });

  it.each([
    { evidence: 'silence only (BUS-21)', server: {}, cluster: '' },
    {
      evidence: 'closed evidence of the servers (BUS-21)',
      server: closedEvidence,
      cluster: withSystemLogin,
    },
  ])(
    'REP-4.5 REP-4.6 ID-20 a killed node takes its share with it, and comes back as another life: $evidence',
    async ({ evidence, server: serverOptions, cluster }) => {
      const server = await startNatsServer({ ...serverOptions, binary });
      const [first, second, third] = await fleet.startTogether(names, {
        servers: [server.url],
        upstreamPort: upstream.port,
        cluster,
      });
      const [one, two, three] = [first, second, third].map(({ port }) => new Clients(port)) as [
        Clients,
        Clients,
        Clients,
      ];
      await Promise.all([one.fill(1, 10), two.fill(2, 10), three.fill(3, 10)]);
      await sumsAre(openTogether(one, two, three), first, second, third);
      const [deadName] = (await first.membership()).filter((name) => name.endsWith('#relay-3'));

      const killedMs = performance.now();
      await third.kill();
      await sumsAre(openTogether(one, two), first, second);
      const goneMs = performance.now() - killedMs;
      console.info(`share of a killed node gone after ${goneMs.toFixed(0)} ms (${evidence})`);
      expect(goneMs).toBeLessThan(generousMs);
      await membersAgree(first, second);
      expect(await first.console('cluster shared show inbound_cidr from relay-3')).toBe(
        "status 1: no view of 'inbound_cidr' from node 'relay-3'\n",
      );

      const again = await fleet.start({
        name: 'relay-3',
        servers: [server.url],
        upstreamPort: upstream.port,
        cluster,
      });
      await membersAgree(first, second, again);
      const newcomers = new Clients(again.port);
      await newcomers.fill(5, 5);
      await sumsAre(openTogether(one, two, newcomers), first, second, again);
      expect(await first.inbound('relay-3')).toEqual(newcomers.open);
      expect(await first.membership()).not.toContain(deadName);
      // Rows of others that it keeps: none of the dead life, under whatever name.
      const origins = [
        ...(await first.console('cluster shared stats inbound_cidr')).matchAll(/from '(.*)':/g),
      ];
      expect(origins.map(([, origin]) => origin!.split('#')[2]).sort()).toEqual(['relay-2', 'relay-3']);
    },
  );
});
