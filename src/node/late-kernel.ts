/**
 * The machine of a node to which floating addresses may come later (DVC-14): actors hold on to this one, and what is
 * behind it is exchanged once, when the first address is configured.
 *
 * Invariant: who watches goes on watching over the exchange, and is told to look again.
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
} from '../actors/kernel-port.ts';
import type { Ip } from '../core/duravip/vip.ts';

type Watcher = (change: KernelChange) => void;

export class LateKernel implements KernelPort {
  readonly lease: Lease;
  readonly #watchers = new Set<Watcher>();
  #kernel: KernelPort;
  #stopWatching: () => void;

  constructor(kernel: KernelPort) {
    this.#kernel = kernel;
    this.lease = this.#leaseOfPresent();
    this.#stopWatching = this.#watchPresent();
  }

  /** The one before has nothing on, and is not used any more. */
  exchange(kernel: KernelPort): void {
    this.#stopWatching();
    this.#kernel = kernel;
    this.#stopWatching = this.#watchPresent();
    this.#tell({ kind: 'unsure' });
  }

  problems(): readonly string[] {
    return this.#kernel.problems();
  }

  interfaces(): Promise<readonly NetInterface[]> {
    return this.#kernel.interfaces();
  }

  addresses(): Promise<readonly PlumbedAddress[]> {
    return this.#kernel.addresses();
  }

  plumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return this.#kernel.plumb(addresses);
  }

  unplumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return this.#kernel.unplumb(addresses);
  }

  announce(frames: readonly NeighbourFrame[]): void {
    this.#kernel.announce(frames);
  }

  probe(ip: Ip, interfaceName: string, timeoutMs: number): Promise<string | undefined> {
    return this.#kernel.probe(ip, interfaceName, timeoutMs);
  }

  neighbours(): Promise<readonly Neighbour[]> {
    return this.#kernel.neighbours();
  }

  watch(listener: Watcher): () => void {
    // A set: a listener of its own for each call.
    const watcher: Watcher = (change) => listener(change);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#stopWatching();
    await this.#kernel.close();
  }

  #watchPresent(): () => void {
    return this.#kernel.watch((change) => this.#tell(change));
  }

  #tell(change: KernelChange): void {
    for (const watcher of [...this.#watchers]) watcher(change);
  }

  #leaseOfPresent(): Lease {
    const present = () => this.#kernel.lease;
    return {
      get held() {
        return present().held;
      },
      manage: (ips) => present().manage(ips),
      take: (durationMs) => present().take(durationMs),
      refresh: (durationMs) => present().refresh(durationMs),
      drop: () => present().drop(),
      own: (ips) => present().own(ips),
      disown: (ips) => present().disown(ips),
    };
  }
}
