/** What runs where, and how to look around in it. */
import { columns } from '../three-relays/screen.ts';
import type { RunningFleet } from './fleet.ts';

export function introduction({ ips, port, askEveryMs, network, machines }: RunningFleet): string {
  const [first] = machines;
  if (!first) return '';
  return `
${columns(machines.map(({ name, pid }) => [name, network.address(name), `pid ${pid}`, `namespace ${network.on(name).at(-1)}`]))}
${ips[0]} to ${ips.at(-1)} float between them. A client on a fourth machine connects to port ${port} of
each address every ${askEveryMs} ms, and is told by the service behind it where it runs.

Look around from another terminal, as root, in this directory:

  ./bin/flotilla console ${first.consolePath} cluster duravip show
  ./bin/flotilla console ${first.consolePath} cluster duravip history
  ${network.on(first.name).join(' ')} ip address show dev eth0
  tail -f ${first.logFile}

Ctrl-C stops all of it.

`;
}
