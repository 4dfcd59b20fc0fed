/**
 * The Linux machine as DuraVIP sees it: `KernelPort` by netlink, nftables and raw frames.
 *
 * It owns what this node put on the machine, as the state file lists it, and the tables of the lease.
 * Invariant (NET-11): addresses are removed only when a call, the configuration or the state file names them.
 */
import type {
  KernelChange,
  KernelPort,
  Lease,
  Neighbour,
  NeighbourFrame,
  NetInterface,
  PlumbedAddress,
  PlumbOutcome,
} from '../../actors/kernel-port.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { Log } from '../../core/log.ts';
import { AddressWatch } from './address-watch.ts';
import { Addresses } from './addresses.ts';
import { Guardian } from './guardian.ts';
import { LifetimeLease } from './lifetime-lease.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { NftLease } from './nft-lease.ts';
import { Plumbing } from './plumbing.ts';
import { type Capability, privilegeProblems } from './privileges.ts';
import { StateFile } from './state-file.ts';
import { findTool } from './system-tools.ts';

export interface LinuxKernelOptions {
  readonly nodeName: string;
  /** Of this node alone. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** `valid_lft` even where there is nftables. */
  readonly held?: 'nftables' | 'valid_lft';
  /** Where addresses are put on. */
  readonly interfaces?: readonly string[];
  /** A service listens on a port below 1024. */
  readonly lowPorts?: boolean;
}

/**
 * Behind the lease an address also has a life time, so that one which neither we nor the guardian removed does not
 * stay on the machine for ever.
 */
const lifetimeS = 300;
const renewEveryMs = (lifetimeS * 1_000) / 3;
/** Longest name of a table is 255 bytes; node names have at most 63. */
const tablePrefix = 'flotilla-';

/** Why this machine cannot float addresses, each with its remedy; none: `openLinuxKernel` may be tried. */
export function linuxProblems({ lowPorts = false }: { readonly lowPorts?: boolean } = {}): string[] {
  if (process.platform !== 'linux') return [`floating addresses need Linux, this is ${process.platform}`];
  const wanted: Capability[] = ['CAP_NET_ADMIN', 'CAP_NET_RAW', ...(lowPorts ? lowPortCapability : [])];
  const problems = privilegeProblems(wanted);
  if (!findTool('ip')) problems.push('there is no `ip`, which the guardian needs: apt-get install iproute2');
  return problems;
}
const lowPortCapability: readonly Capability[] = ['CAP_NET_BIND_SERVICE'];

type MachineLease = NftLease | LifetimeLease;

export class LinuxKernel implements KernelPort {
  readonly #options: LinuxKernelOptions;
  readonly #addresses: Addresses;
  readonly #state: StateFile;
  readonly #plumbing: Plumbing;
  readonly #watch: AddressWatch;
  readonly #lease: MachineLease;
  readonly #neighbourhood: Neighbourhood;
  readonly #guardian: Guardian;
  #renewal: Timer | undefined;
  #closed = false;

  /**
   * Waits for the guardian of an earlier life, and replaces the tables it left; its addresses stay silent.
   * @throws Error when another node holds the folder, or the machine cannot do it (`linuxProblems`)
   */
  static async open(options: LinuxKernelOptions): Promise<LinuxKernel> {
    const [problem] = linuxProblems(options);
    if (problem !== undefined) throw new Error(problem);
    const table = `${tablePrefix}${options.nodeName}`;
    const state = await StateFile.open(options.stateFolder, table, options.clock);
    const addresses = new Addresses();
    try {
      const watch = await AddressWatch.open(addresses, options.log);
      const plumbing = new Plumbing(addresses, state);
      const lease = await openLease(options, table, state, plumbing);
      return new LinuxKernel(options, { addresses, state, plumbing, watch, lease });
    } catch (error) {
      addresses.close();
      state.close();
      throw error;
    }
  }

  private constructor(
    options: LinuxKernelOptions,
    parts: {
      addresses: Addresses;
      state: StateFile;
      plumbing: Plumbing;
      watch: AddressWatch;
      lease: MachineLease;
    },
  ) {
    this.#options = options;
    const { addresses, state, plumbing, watch, lease } = parts;
    this.#plumbing = plumbing;
    this.#addresses = addresses;
    this.#state = state;
    this.#watch = watch;
    this.#lease = lease;
    this.#neighbourhood = new Neighbourhood({
      watch,
      clock: options.clock,
      owns: (ip) => lease.owns(ip),
      answers: (ip) => lease.answers(ip),
      onForeignClaim: (change) => watch.tell(change),
    });
    this.#guardian = new Guardian({
      nft: lease instanceof NftLease ? findTool('nft') : undefined,
      ip: findTool('ip')!,
      statePath: state.path,
      lockFd: state.lockFd,
      disown: lease instanceof NftLease ? lease.lastWords.disown : '',
      removeTables: lease instanceof NftLease ? lease.lastWords.remove : '',
      clock: options.clock,
      log: options.log,
    });
    this.#scheduleRenewal();
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Process id, for `cluster duravip show` and tests. */
  get guardianPid(): number | undefined {
    return this.#guardian.pid;
  }

  problems(): readonly string[] {
    return linuxProblems(this.#options);
  }

  /**
   * LIFE-1, LIFE-2: removes what an earlier life left and every one of these addresses, on all interfaces. Answers with
   * what was there.
   * @throws Error when one stays; it is silent while this kernel is open
   */
  cleanSlate(configured: readonly Ip[]): Promise<PlumbedAddress[]> {
    return this.#plumbing.clear(configured);
  }

  async interfaces(): Promise<readonly NetInterface[]> {
    return this.#watch.interfaces;
  }

  addresses(): Promise<readonly PlumbedAddress[]> {
    return this.#addresses.list();
  }

  plumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return this.#plumbing.plumb(
      addresses,
      this.#lease instanceof LifetimeLease ? this.#lease.lifetimeS : lifetimeS,
    );
  }

  unplumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return this.#plumbing.unplumb(addresses);
  }

  announce(frames: readonly NeighbourFrame[]): void {
    this.#neighbourhood.announce(frames);
  }

  probe(ip: Ip, interfaceName: string, timeoutMs: number): Promise<string | undefined> {
    return this.#neighbourhood.probe(ip, interfaceName, timeoutMs);
  }

  neighbours(): Promise<readonly Neighbour[]> {
    return this.#addresses.neighbours();
  }

  watch(listener: (change: KernelChange) => void): () => void {
    return this.#watch.listen(listener);
  }

  /** With addresses still on the machine the guardian takes them off, else it just ends. Returns when it has. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#renewal?.cancel();
    this.#neighbourhood.close();
    this.#watch.close();
    if (!this.#plumbing.isEmpty) await this.#guardian.release();
    else {
      await this.#guardian.dismiss();
      if (this.#lease instanceof NftLease) await this.#lease.remove();
    }
    if (this.#lease instanceof NftLease) this.#lease.close();
    this.#addresses.close();
    this.#state.close();
  }

  #scheduleRenewal(): void {
    // There the life time is the lease, which its holder extends himself.
    if (this.#lease instanceof LifetimeLease || this.#closed) return;
    this.#renewal = this.#options.clock.after(renewEveryMs, () => {
      this.#plumbing
        .renew(lifetimeS)
        .catch((error: unknown) =>
          this.#options.log.error('life times of addresses', { error: String(error) }),
        )
        .finally(() => this.#scheduleRenewal());
    });
  }
}

async function openLease(
  { clock, log, held, interfaces = [] }: LinuxKernelOptions,
  table: string,
  { earlierTable: obsoleteTable, addresses }: StateFile,
  plumbing: Plumbing,
): Promise<MachineLease> {
  let reason = 'the configuration wants it so';
  if (held !== 'valid_lft') {
    const nft = findTool('nft');
    const opened = nft
      ? await NftLease.open({
          table,
          nft,
          obsoleteTable,
          leftOver: addresses.map(({ ip }) => ip),
          interfaces,
          clock,
          log,
        })
      : { reason: 'there is no nft' };
    if (opened instanceof NftLease) return opened;
    ({ reason } = opened);
  }
  log.warning('the lease of floating addresses is their life time, which ends a second late', { reason });
  return new LifetimeLease(plumbing, clock);
}
