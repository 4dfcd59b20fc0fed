/**
 * The machine under a node, as far as floating addresses go: asked for only when there are some, with a clean slate
 * before anything is joined (LIFE-1 to LIFE-3).
 *
 * Invariant: a machine that cannot float addresses never keeps a node from serving everything else (spec 5.3).
 */
import { join } from 'node:path';
import { errorCatalogue, FlotillaError } from '../core/errors.ts';
import type { NodeSettings, VipAddressSettings, VipSettings } from '../core/settings.ts';
import { LinuxKernel, linuxProblems } from '../net/linux/kernel.ts';
import { LateKernel } from './late-kernel.ts';
import { PowerlessKernel } from './powerless-kernel.ts';
import type { Surroundings } from './surroundings.ts';
import { floatingIpsOf } from './vip-listeners.ts';

/** Ports below it are for the privileged. */
const lowPorts = 1_024;

export class Machine {
  readonly kernel: LateKernel;
  readonly #around: Surroundings;
  /** Undefined: nothing floats here, so nobody has asked yet. */
  #isAble: boolean | undefined;
  #settings: VipSettings;

  static async open(settings: NodeSettings, around: Surroundings): Promise<Machine> {
    const { duravip } = settings;
    if (duravip.vips.length === 0) return new Machine(new PowerlessKernel([]), undefined, duravip, around);
    const kernel = await openKernel(settings, around);
    if (kernel instanceof LinuxKernel) {
      reportUncovered(duravip.vips, around);
      return new Machine(kernel, true, duravip, around);
    }
    reportPowerless(duravip.vips.length, kernel, around);
    return new Machine(new PowerlessKernel(kernel), false, duravip, around);
  }

  private constructor(
    kernel: LinuxKernel | PowerlessKernel,
    isAble: boolean | undefined,
    settings: VipSettings,
    around: Surroundings,
  ) {
    this.kernel = new LateKernel(kernel);
    this.#isAble = isAble;
    this.#settings = settings;
    this.#around = around;
  }

  /** As configured; without a place for any address where the machine has none to offer. */
  get settings(): VipSettings {
    const settings = this.#settings;
    if (this.#isAble !== false) return settings;
    return { ...settings, vips: settings.vips.map((vip) => ({ ...vip, places: undefined })) };
  }

  /**
   * Makes sure that the addresses of another configuration can float here; `configure` is to follow (DVC-14). A machine
   * that could not float any at the start cannot now.
   * @throws FlotillaError FLT-1601 when it has to do more than it can; nothing has changed then
   */
  async prepare(settings: NodeSettings): Promise<void> {
    const { vips } = settings.duravip;
    if (vips.length === 0 || this.#isAble === false) return;
    const [problem] = linuxProblems({ lowPorts: listensOnLowPort(vips) });
    if (problem !== undefined) throw new FlotillaError('FLT-1601', problem);
    if (this.#isAble) return;
    const kernel = await openKernel(settings, this.#around);
    if (!(kernel instanceof LinuxKernel)) throw new FlotillaError('FLT-1601', kernel.join('; '));
    this.kernel.exchange(kernel);
    this.#isAble = true;
  }

  configure(settings: VipSettings): void {
    this.#settings = settings;
    if (this.#isAble) reportUncovered(settings.vips, this.#around);
  }
}

/** Or what is missing for it. */
async function openKernel(
  { nodename, stateDir, duravip: { vips } }: NodeSettings,
  around: Surroundings,
): Promise<LinuxKernel | readonly string[]> {
  const needs = { lowPorts: listensOnLowPort(vips) };
  const problems = linuxProblems(needs);
  if (problems.length > 0) return problems;
  const stateFolder = join(stateDir, 'duravip');
  const interfaces = [...new Set(vips.flatMap(({ places = [] }) => places.map((place) => place.interface)))];
  try {
    const kernel = await LinuxKernel.open({
      nodeName: nodename,
      stateFolder,
      interfaces,
      ...around,
      ...needs,
    });
    await clearSlate(kernel, vips, around);
    return kernel;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function reportPowerless(count: number, problems: readonly string[], { log }: Surroundings): void {
  const { title, advice } = errorCatalogue['FLT-1601'];
  log.critical(`${title}, ${count} are configured: ${problems.join('; ')}`, { code: 'FLT-1601', advice });
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
