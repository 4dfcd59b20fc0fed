/** A process that is stopped and goes on, as under a debugger, a frozen container or a machine out of memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { Fleet, membersAgree, type NodeProcess, sumsAre } from './fleet.ts';
import { Clients, openTogether, Upstream } from './traffic.ts';

const fleet = new Fleet();
let upstream: Upstream;
let nodes: readonly [NodeProcess, NodeProcess, NodeProcess];
let clients: readonly Clients[];

beforeAll(async () => {
  upstream = await Upstream.start();
  const { url } = await startNatsServer();
  const options = { servers: [url], upstreamPort: upstream.port };
  nodes = await fleet.startTogether(['relay-1', 'relay-2', 'relay-3'], options);
  clients = nodes.map(({ port }) => new Clients(port));
  for (const [at, each] of clients.entries()) await each.fill(at + 1, 6);
  await sumsAre(openTogether(...clients), ...nodes);
});

afterAll(async () => {
  await fleet.end();
  await upstream.stop();
  await stopNatsServers();
});

describe('a node that is stopped', () => {
  it('BUS-21 nobody drops it when it goes on within the failure timeout', async () => {
    const before = await Promise.all(nodes.map((node) => node.view()));
    nodes[2].signal('SIGSTOP');
    await new Promise((resume) => setTimeout(resume, 500));
    nodes[2].signal('SIGCONT');
    // When the others know of this session, they have heard the node again.
    await clients[2]!.fill(4, 1);
    await sumsAre(openTogether(...clients), ...nodes);
    expect(await Promise.all(nodes.map((node) => node.view()))).toEqual(before);
  });

  it('BUS-21 REP-4.5 the others drop it and its share; when it goes on it rejoins, and sums are exact', async () => {
    const [first, second, third] = nodes;
    const [one, two, three] = clients as [Clients, Clients, Clients];
    third.signal('SIGSTOP');
    await sumsAre(openTogether(one, two), first, second);
    await membersAgree(first, second);
    // It learns only when it goes on that some of its clients have left and that others count otherwise.
    await Promise.all([three.close(2), one.fill(5, 4), two.close(3)]);
    await sumsAre(openTogether(one, two), first, second);

    third.signal('SIGCONT');
    await membersAgree(...nodes);
    await sumsAre(openTogether(one, two, three), ...nodes);
    expect(await first.inbound('relay-3')).toEqual(three.open);
  });
});
