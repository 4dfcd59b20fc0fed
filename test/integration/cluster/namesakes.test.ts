/** One name, two lives: at the same time by mistake, or one after the other by a restart. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { Fleet, membersAgree, sumsAre } from './fleet.ts';
import { Clients, openTogether, Upstream } from './traffic.ts';

let fleet: Fleet;
let upstream: Upstream;
let server: NatsServer;

beforeEach(async () => {
  fleet = new Fleet();
  upstream = await Upstream.start();
  server = await startNatsServer();
});

afterEach(async () => {
  await fleet.end();
  await upstream.stop();
  await stopNatsServers();
});

describe('two processes of one node name', () => {
  it('ID-20 FLT-1103 the later one ends and names both addresses, the first notices nothing', async () => {
    const options = { servers: [server.url], upstreamPort: upstream.port };
    const [first, other] = await fleet.startTogether(['relay-1', 'relay-2'], options);
    const clients = new Clients(first.port);
    await clients.fill(1, 3);
    await sumsAre(clients.open, first, other);
    const views = [await first.view(), await other.view()];

    const later = await fleet.launch({ ...options, name: 'relay-1', nodeaddr: '127.0.0.2' });
    expect(await later.ended).toBe(1);
    const lastLine = later.log().trimEnd().split('\n').at(-1);
    expect(lastLine).toMatch(/^flotilla: .*\b127\.0\.0\.1:4802\b.*\b127\.0\.0\.2\b.*\[FLT-1103\]$/);
    expect([await first.view(), await other.view()]).toEqual(views);
    await sumsAre(clients.open, first, other);
  });

  it('ID-20 REP-4.6 a node that was killed and starts again at once takes the place of the life still listed', async () => {
    const options = { servers: [server.url], upstreamPort: upstream.port };
    const [first, second] = await fleet.startTogether(['relay-1', 'relay-2'], options);
    const [one, two] = [new Clients(first.port), new Clients(second.port)];
    await Promise.all([one.fill(1, 4), two.fill(2, 4)]);
    await sumsAre(openTogether(one, two), first, second);

    await second.kill();
    const again = await fleet.start({ ...options, name: 'relay-2' });
    const newcomers = new Clients(again.port);
    await newcomers.fill(3, 5);
    await membersAgree(first, again);
    await sumsAre(openTogether(one, newcomers), first, again);
    expect(await first.inbound('relay-2')).toEqual(newcomers.open);
  });
});
