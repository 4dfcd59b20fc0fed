/** A cap that no node could keep alone. */
import { afterEach, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, sumsAre } from './fleet.ts';
import { Clients, openTogether, Upstream } from './traffic.ts';

const fleet = new Fleet();

afterEach(async () => {
  await fleet.end();
  await stopNatsServers();
});

describe('cluster_service_sessions', () => {
  it('REP-15.3 REP-21.2 counts a netblock on both nodes, turns away with 421 4.4.5, and lets in when one has left', async () => {
    const upstream = await Upstream.start();
    const { url } = await startNatsServer();
    const [first, second] = await fleet.startTogether(['relay-1', 'relay-2'], {
      servers: [url],
      upstreamPort: upstream.port,
      listener: 'Peer "127.5.0.0/16" { Cluster_Service_Sessions = 3 }',
    });
    const [one, two] = [new Clients(first.port), new Clients(second.port)];
    await one.fill(5, 2);
    const last = await two.connect('127.5.7.7');
    await sumsAre(openTogether(one, two), first, second);

    for (const clients of [one, two]) {
      const { greeting, close } = await clients.connect('127.5.8.8');
      expect(greeting).toMatch(/^421 4\.4\.5 /);
      await close();
      // Clients of other netblocks do not count, nor are they kept out.
      expect((await clients.connect('127.6.0.1')).greeting).toMatch(/^220 /);
    }
    await sumsAre(openTogether(one, two), first, second);

    await last.close();
    await sumsAre(openTogether(one, two), first, second);
    await until(async () => (await one.connect('127.5.9.9')).greeting.startsWith('220 '));
    await sumsAre(openTogether(one, two), first, second);
    expect((await two.connect('127.5.9.9')).greeting).toMatch(/^421 4\.4\.5 /);
    await upstream.stop();
  });
});
