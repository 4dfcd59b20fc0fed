/** What runs where, and how to look around in it. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { RunningFleet } from './fleet.ts';
import { columns, counted } from './screen.ts';

export function introduction(fleet: RunningFleet): string {
  const { bus, relays, manager, clients } = fleet;
  const addresses = counted(clients.addresses.length, 'address', 'addresses');
  return `
${columns([
  ['nats-server', `127.0.0.1:${bus.port}`, `version ${bus.version}`, `pid ${bus.child.pid}`],
  ...relays.map((relay) => [
    relay.name,
    `127.0.0.1:${relay.frontPort}`,
    `mail server behind it on 127.0.0.1:${relay.mailPort}`,
    `pid ${relay.pid}`,
  ]),
  [manager.name, manager.logFolder, 'gets the logs of the relays', `pid ${manager.pid}`],
])}
${clients.clientCount} mail clients connect from ${addresses} of
${clients.networks.join(', ')}.

Look around from another terminal, in this directory:

${waysIn(fleet)
  .map((line) => `  ${line}\n`)
  .join('')}
Ctrl-C stops all of it.

`;
}

function waysIn({ bus, relays, manager }: RunningFleet): string[] {
  const [first, second, last] = relays;
  if (!first || !second || !last) return [];
  return [
    `./bin/flotilla console ${first.consolePath}`,
    `./bin/flotilla console ${first.consolePath} cluster shared show inbound_cidr from ${second.name}`,
    `./bin/flotilla console ${bus.url}/${last.name} cluster membership`,
    ...(isInstalled('nats')
      ? [`nats --server ${bus.url} req ec_console.node.${first.name} 'cluster info'`]
      : []),
    `./bin/flotilla console ${manager.consolePath} show logs`,
    `tail -f ${manager.logFolder}/mainlog/${first.name}`,
    `tail -f ${first.logFile}`,
  ];
}

function isInstalled(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
