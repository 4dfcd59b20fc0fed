/** The address of this node on the cluster network (ID-7). */
import { lookup } from 'node:dns/promises';
import type { NodeInfo } from '../core/agreement/messages.ts';
import { FlotillaError } from '../core/errors.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { Process } from '../core/view.ts';

/** Throws FLT-1102 when the name does not resolve, or resolves to this machine itself. */
export async function resolveNodeAddress({ nodename, nodeaddr }: NodeSettings): Promise<string> {
  // An explicit loopback address has passed the checks of the configuration: a fleet on one machine.
  if (nodeaddr !== undefined) return nodeaddr;
  let address: string;
  try {
    ({ address } = await lookup(nodename));
  } catch (error) {
    throw new FlotillaError(
      'FLT-1102',
      `the name ${nodename} does not resolve, and nodeaddr is not set`,
      error,
    );
  }
  if (/^(127\.|0\.0\.0\.0$|::1$|::$)/.test(address)) {
    throw new FlotillaError('FLT-1102', `the name ${nodename} resolves to ${address}; check the hosts file`);
  }
  return address;
}

/** Another live process has our name (ID-20): both addresses, because one of the two configurations is wrong. */
export function nameTaken(
  { incarnation }: Process,
  info: NodeInfo | undefined,
  { nodename, clusterPort }: NodeSettings,
  address: string,
): FlotillaError {
  const theirs = info ? `${info.address}:${info.port}` : incarnation;
  return new FlotillaError(
    'FLT-1103',
    `${nodename} is also the name of ${theirs}; this is ${address}:${clusterPort}`,
  );
}
