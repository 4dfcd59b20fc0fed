/** Machines of their own, a NATS server on each, and the network between them cut. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { Fleet, membersAgree, type NodeProcess, sumsAre } from './fleet.ts';
import { MachineTraffic } from './machine-traffic.ts';
import { Network } from './network.ts';
import { openTogether } from './traffic.ts';

const machines = ['a', 'b', 'c'] as const;
type Machine = (typeof machines)[number];
const frontPort = 2525;

let network: Network;
let fleet: Fleet;
let nodes: Record<Machine, NodeProcess>;
let traffic: Record<Machine, MachineTraffic>;

beforeEach(async () => {
  network = new Network(...machines);
  fleet = new Fleet();
  const each = async <T>(start: (machine: Machine) => Promise<T>) =>
    Object.fromEntries(await Promise.all(machines.map(async (name) => [name, await start(name)]))) as Record<Machine, T>;
  traffic = await each((machine) => MachineTraffic.start(network.on(machine), frontPort));
  nodes = await each((machine) =>
    fleet.start({
      name: `relay-${machine}`,
      nodeaddr: network.address(machine),
      port: frontPort,
      upstreamPort: traffic[machine].upstreamPort,
      through: network.on(machine),
      scopes: embeddedServer,
    }),
  );
  await membersAgree(...Object.values(nodes));
  await Promise.all([traffic.a.fill(1, 12), traffic.b.fill(2, 8), traffic.c.fill(3, 5)]);
  await sumsAre(openTogether(...Object.values(traffic)), ...Object.values(nodes));
});

afterEach(async () => {
  for (const { stop } of Object.values(traffic)) stop();
  await fleet.end();
  network.remove();
});
