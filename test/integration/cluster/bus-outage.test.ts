/** The bus taken away: the server killed, not there yet, or one of the two links cut off alone. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree, sumsAre } from './fleet.ts';
import { LinkGate } from './link-gate.ts';
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

describe('without the bus', () => {
  it('CON-5 MEM-4 REP-4.15 nodes answer, list nobody and count for themselves; with it again, sums are exact', async () => {
    const server = await startNatsServer();
    const options = { servers: [server.url], upstreamPort: upstream.port };
    const [first, second] = await fleet.startTogether(['relay-1', 'relay-2'], options);
    const [one, two] = [new Clients(first.port), new Clients(second.port)];
    await Promise.all([one.fill(1, 5), two.fill(2, 5)]);
    await sumsAre(openTogether(one, two), first, second);

    await server.kill();
    await until(async () => (await first.membership()).length + (await second.membership()).length === 0);
    expect(await first.console('cluster info')).toContain('Daemon: - [m:-,s:-]');
    await Promise.all([one.close(2), one.fill(3, 4), two.close(5)]);
    await Promise.all([sumsAre(one.open, first), sumsAre(two.open, second)]);

    await server.start();
    await membersAgree(first, second);
    await sumsAre(openTogether(one, two), first, second);
  });

  it('LIFE-4 LIFE-6 a node starts, answers and counts before the server is there, and joins when it comes', async () => {
    const port = await freePort();
    const options = { servers: [`nats://127.0.0.1:${port}`], upstreamPort: upstream.port };
    const [first, second] = await Promise.all([
      fleet.start({ ...options, name: 'relay-1' }),
      fleet.start({ ...options, name: 'relay-2' }),
    ]);
    expect(await first.console('cluster nodename')).toBe('relay-1\n');
    expect(await first.membership()).toEqual([]);
    const clients = new Clients(first.port);
    await clients.fill(1, 5);
    await sumsAre(clients.open, first);

    await startNatsServer({ port });
    await membersAgree(first, second);
    await sumsAre(clients.open, first, second);
  });

  it('ID-17 LIFE-21 with link `s` cut off alone the view stays, and rows are repaired when it is back', async () => {
    const server = await startNatsServer();
    const gate = await LinkGate.before(server.port);
    const common = { upstreamPort: upstream.port };
    const [first, second] = await Promise.all([
      fleet.start({ ...common, name: 'relay-1', servers: [gate.url] }),
      fleet.start({ ...common, name: 'relay-2', servers: [server.url] }),
    ]);
    await membersAgree(first, second);
    const [one, two] = [new Clients(first.port), new Clients(second.port)];
    await Promise.all([one.fill(1, 5), two.fill(2, 5)]);
    await sumsAre(openTogether(one, two), first, second);
    const views = [await first.view(), await second.view()];

    gate.shut('s');
    await until(async () => (await first.console('cluster info')).includes(',s:-]'));
    await Promise.all([one.close(2), one.fill(3, 4), two.fill(4, 4)]);
    await until(async () => (await first.inbound('relay-1')).size === one.open.size);
    expect(await second.inbound('relay-1')).not.toEqual(one.open);
    // Waits grow to half a second: together longer than beats over `s` could have been missed.
    await until(() => gate.refusals >= 8);
    await membersAgree(first, second);

    gate.open();
    await sumsAre(openTogether(one, two), first, second);
    expect([await first.view(), await second.view()]).toEqual(views);
    await gate.stop();
  });
});
