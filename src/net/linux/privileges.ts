/** What the process may do, as the kernel states it in /proc/self/status (NET-13). */
import { readFileSync } from 'node:fs';

const capabilities = { CAP_NET_BIND_SERVICE: 10, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;
export type Capability = keyof typeof capabilities;

const purpose: Record<Capability, string> = {
  CAP_NET_ADMIN: 'adds and removes addresses and holds their lease',
  CAP_NET_RAW: 'announces addresses by ARP and NDP',
  CAP_NET_BIND_SERVICE: 'listens on ports below 1024',
};

/** Of those asked for. `status` is the text of /proc/self/status. */
export function missingCapabilities(wanted: readonly Capability[], status = readStatus()): Capability[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return wanted.filter((name) => ((effective >> BigInt(capabilities[name])) & 1n) === 0n);
}

/** One text for each, with the remedy. */
export function privilegeProblems(wanted: readonly Capability[], status = readStatus()): string[] {
  return missingCapabilities(wanted, status).map(
    (name) =>
      `${name} is missing, which ${purpose[name]}: run as root, or give it with AmbientCapabilities=${name} in the ` +
      'systemd unit, or in capabilities of Security { }; in a container run as root with all other capabilities dropped',
  );
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
