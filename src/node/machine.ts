/**
 * The machine under a node, as far as floating addresses go: asked for only when there are some, with a clean slate
 * before anything is joined (LIFE-1 to LIFE-3).
 *
 * Invariant: a machine that cannot float addresses never keeps a node from serving everything else (spec 5.3).
 */
import { join } from 'node:path';
import type { KernelPort } from '../actors/kernel-port.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { errorCatalogue } from '../core/errors.ts';
import type { NodeSettings, VipAddressSettings, VipSettings } from '../core/settings.ts';
import { LinuxKernel, linuxProblems } from '../net/linux/kernel.ts';
import { PowerlessKernel } from './powerless-kernel.ts';
import type { Surroundings } from './surroundings.ts';

export interface Machine {
  readonly kernel: KernelPort;
  /** As configured; without a place for any address where the machine has none to offer. */
  readonly settings: VipSettings;
}

/** Ports below it are for the privileged. */
const lowPorts = 1_024;

export async function openMachine(settings: NodeSettings, around: Surroundings): Promise<Machine> {
  const { duravip } = settings;
  if (duravip.vips.length === 0) return { kernel: new PowerlessKernel([]), settings: duravip };
  const needs = { lowPorts: listensOnLowPort(duravip.vips) };
  const problems = linuxProblems(needs);
  if (problems.length > 0) return powerless(duravip, problems, around);
  try {
    const kernel = await LinuxKernel.open({
      nodeName: settings.nodename,
      stateFolder: join(settings.stateDir, 'duravip'),
      ...around,
      ...needs,
    });
    await clearSlate(kernel, duravip.vips, around);
    reportUncovered(duravip.vips, around);
    return { kernel, settings: duravip };
  } catch (error) {
    return powerless(duravip, [error instanceof Error ? error.message : String(error)], around);
  }
}

/** Every address that may be on here at some time: followers, too, and those without a place. */
export function floatingIpsOf(vips: readonly VipAddressSettings[]): ReadonlySet<Ip> {
  return new Set(vips.flatMap(({ announcement: { ip, followers } }) => [ip, ...followers]));
}

function powerless(settings: VipSettings, problems: readonly string[], { log }: Surroundings): Machine {
  const count = settings.vips.length;
  const { title, advice } = errorCatalogue['FLT-1601'];
  log.critical(`${title}, ${count} are configured: ${problems.join('; ')}`, { code: 'FLT-1601', advice });
  const vips = settings.vips.map((vip) => ({ ...vip, places: undefined }));
  return { kernel: new PowerlessKernel(problems), settings: { ...settings, vips } };
}

async function clearSlate(
  kernel: LinuxKernel,
  vips: readonly VipAddressSettings[],
  { log }: Surroundings,
): Promise<void> {
  const found = await kernel.cleanSlate([...floatingIpsOf(vips)]);
  if (found.length === 0) return;
  log.notice(`${found.length} floating addresses of an earlier life were still on, and were taken off`, {
    first: found[0],
  });
}

/** NET-4: once, however many there are. */
function reportUncovered(vips: readonly VipAddressSettings[], { log }: Surroundings): void {
  const [first, ...others] = vips.filter(({ places }) => places === undefined);
  if (!first) return;
  const more = others.length === 0 ? '' : ` and ${others.length} others`;
  log.critical(`can't get network info for ${first.announcement.ip}${more}: no Topology with an interface`);
}

function listensOnLowPort(vips: readonly VipAddressSettings[]): boolean {
  const ports = vips.flatMap(({ announcement: { services } }) =>
    services.map(({ endpoint }) => Number(/:(\d+)$/.exec(endpoint)?.[1])),
  );
  return ports.some((port) => port < lowPorts);
}
