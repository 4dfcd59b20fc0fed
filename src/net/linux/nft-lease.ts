/**
 * The lease in nftables (LIFE-18): the kernel keeps the time, so a process that is stopped or dead does not go on
 * answering.
 *
 * It keeps a copy of the sets. Somebody who reloads his firewall (`flush ruleset`) takes our tables along; the next
 * call notices and puts them back, with what is left of the lease.
 */
import type { Lease } from '../../actors/kernel-port.ts';
import type { Clock } from '../../core/clock.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { Log } from '../../core/log.ts';
import { ipBytes, isIpv6 } from './ip-bytes.ts';
import {
  disownEverything,
  type GuardedInterfaces,
  leaseFamilies,
  leaseTables,
  removeLeaseTables,
} from './lease-tables.ts';
import { describeError, errorNumber, libcCalls } from './libc.ts';
import { NetlinkSocket, netlinkProtocol } from './netlink-socket.ts';
import { SetBatch, type SetName, type TableFamily } from './set-batch.ts';
import { runTool } from './system-tools.ts';

export interface NftLeaseOptions {
  /** Of the tables; one of its own for each node on the machine. */
  readonly table: string;
  /** Of the program `nft`. */
  readonly nft: string;
  /** Tables of an earlier life under another name, which go in the same transaction. */
  readonly obsoleteTable?: string | undefined;
  /**
   * What an earlier life put on and perhaps nobody took off. Managed from the beginning: between the end of its tables
   * and the clean slate these would answer, while somebody else serves them.
   */
  readonly leftOver?: readonly Ip[];
  /** Where addresses are put on: on those that exist, announcements are under the lease as well. */
  readonly interfaces?: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

const leaseKey = [Buffer.alloc(4)];
/** Longer between the decision and its effect, and the lease is set again with what is left of it. */
const dawdlingMs = 5;

export class NftLease implements Lease {
  readonly held = 'nftables';
  readonly #options: NftLeaseOptions;
  #guarded: GuardedInterfaces;
  readonly #socket = new NetlinkSocket(netlinkProtocol.netfilter);
  #managed: ReadonlySet<Ip>;
  readonly #owned = new Set<Ip>();
  #untilMs = Number.NEGATIVE_INFINITY;
  #restoring: Promise<void> | undefined;

  private constructor(options: NftLeaseOptions, guarded: GuardedInterfaces) {
    this.#options = options;
    this.#guarded = guarded;
    this.#managed = new Set(options.leftOver);
  }

  /** Answers with the reason when the machine has no use of nftables. */
  static async open(options: NftLeaseOptions): Promise<NftLease | { readonly reason: string }> {
    const { table, obsoleteTable = table, interfaces = [], nft, log } = options;
    const guarded = presentAmong(interfaces);
    if (guarded.length > 0) {
      const reason = await makeTables(options, guarded);
      if (reason === undefined) return new NftLease(options, guarded);
      log.notice('announcements are not under the lease in the kernel, which takes Linux 5.16', { reason });
    }
    // Of another kernel or another configuration: it would stop our announcements.
    for (const name of new Set([table, obsoleteTable]))
      await runTool(nft, ['-f', '-'], removeLeaseTables(name, ['netdev']));
    const reason = await makeTables(options, []);
    return reason === undefined ? new NftLease(options, []) : { reason };
  }

  /** True: it would answer now, as far as this process knows. The kernel may know better, never worse. */
  answers(ip: Ip): boolean {
    return !this.#managed.has(ip) || (this.#owned.has(ip) && this.#options.clock.nowMs() < this.#untilMs);
  }

  owns(ip: Ip): boolean {
    return this.#owned.has(ip);
  }

  async manage(ips: readonly Ip[]): Promise<void> {
    const earlier = this.#managed;
    this.#managed = new Set(ips);
    const gone = [...earlier].filter((ip) => !this.#managed.has(ip));
    for (const ip of gone) this.#owned.delete(ip);
    await this.#change('manage', () => {
      const batch = new SetBatch();
      this.#eachSet('owned', gone, (name, keys) => batch.discard(name, keys));
      this.#eachSet('managed', gone, (name, keys) => batch.discard(name, keys));
      this.#eachSet('managed', ips, (name, keys) => batch.add(name, keys));
      return batch;
    });
  }

  async take(durationMs: number): Promise<void> {
    const untilMs = this.#options.clock.nowMs() + durationMs;
    this.#untilMs = untilMs;
    await this.#change('take', () => {
      const batch = new SetBatch();
      for (const family of this.#families) {
        batch
          .discard(this.#set(family, 'lease'), leaseKey)
          .add(this.#set(family, 'lease'), leaseKey, durationMs);
      }
      return batch;
    });
    this.#shorten(untilMs, durationMs);
  }

  async refresh(durationMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const startMs = clock.nowMs();
    if (startMs >= this.#untilMs) return false;
    const untilMs = startMs + durationMs;
    let errors = this.#extend(durationMs);
    if (this.#tableMissing(errors)) {
      await this.#restore();
      errors = this.#extend(untilMs - clock.nowMs());
    }
    if (errors.some((error) => error === errorNumber.noEntry)) {
      this.#untilMs = Number.NEGATIVE_INFINITY;
      return false;
    }
    this.#check('refresh', errors);
    this.#untilMs = untilMs;
    return this.#shorten(untilMs, durationMs);
  }

  async drop(): Promise<void> {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    await this.#change('drop', () => this.#endOfLease());
  }

  async own(ips: readonly Ip[]): Promise<void> {
    for (const ip of ips) this.#owned.add(ip);
    await this.#change('own', () => {
      const batch = new SetBatch();
      this.#eachSet('owned', ips, (name, keys) => batch.add(name, keys));
      return batch;
    });
  }

  /** Not only those it remembers to own: a call that failed half-way is made again. */
  async disown(ips: readonly Ip[]): Promise<void> {
    for (const ip of ips) this.#owned.delete(ip);
    await this.#change('disown', () => {
      const batch = new SetBatch();
      this.#eachSet('owned', ips, (name, keys) => batch.discard(name, keys));
      return batch;
    });
  }

  /** Takes the tables away: addresses that are still on the machine answer from then on. */
  async remove(): Promise<void> {
    const { nft, table, log } = this.#options;
    const reason = await runTool(nft, ['-f', '-'], removeLeaseTables(table, this.#families));
    if (reason !== undefined) log.warning('the tables of the lease stay on the machine', { table, reason });
  }

  /** Commands by which the guardian ends all answers, and takes the tables away. */
  get lastWords(): { readonly disown: string; readonly remove: string } {
    const { table } = this.#options;
    return {
      disown: disownEverything(table, this.#families),
      remove: removeLeaseTables(table, this.#families).replaceAll('\n', '; '),
    };
  }

  close(): void {
    this.#socket.close();
  }

  #extend(durationMs: number): number[] {
    const batch = new SetBatch();
    for (const family of this.#families) {
      const name = this.#set(family, 'lease');
      batch.remove(name, leaseKey).add(name, leaseKey, durationMs);
    }
    return this.#socket.exchange(batch.finish());
  }

  /**
   * The kernel counts from when it got the request. A process that was stopped in between, or waited for the lock of
   * the tables, would have a lease that is longer than what it stated to the others.
   */
  #shorten(untilMs: number, durationMs: number): boolean {
    const leftMs = untilMs - this.#options.clock.nowMs();
    if (leftMs > durationMs - dawdlingMs) return true;
    if (leftMs > 0) {
      this.#extend(leftMs);
      return true;
    }
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#socket.exchange(this.#endOfLease().finish());
    return false;
  }

  #endOfLease(): SetBatch {
    const batch = new SetBatch();
    for (const family of this.#families) batch.discard(this.#set(family, 'lease'), leaseKey);
    return batch;
  }

  /** Restoring puts the sets as they should be by now, so that the change itself is in it; doing it again is harmless. */
  async #change(what: string, batchOf: () => SetBatch): Promise<void> {
    if (this.#restoring) await this.#restoring;
    const batch = batchOf();
    if (batch.empty) return;
    let errors = this.#socket.exchange(batch.finish());
    if (this.#tableMissing(errors)) {
      await this.#restore();
      errors = this.#socket.exchange(batchOf().finish());
    }
    this.#check(what, errors);
  }

  #check(what: string, errors: readonly number[]): void {
    const error = errors.find((each) => each !== 0);
    if (error !== undefined) throw new Error(`nftables, ${what}: ${describeError(error)}`);
  }

  /** Deleting an element that has run out gives the same number, so the table itself is asked for. */
  #tableMissing(errors: readonly number[]): boolean {
    if (!errors.includes(errorNumber.noEntry)) return false;
    return this.#families.some((family) => {
      const probe = new SetBatch().discard(this.#set(family, 'managed4'), [unusedAddress]);
      return this.#socket.exchange(probe.finish()).includes(errorNumber.noEntry);
    });
  }

  #restore(): Promise<void> {
    this.#restoring ??= this.#restoreNow().finally(() => {
      this.#restoring = undefined;
    });
    return this.#restoring;
  }

  async #restoreNow(): Promise<void> {
    const { nft, table, clock, log } = this.#options;
    log.warning('somebody removed the tables of the lease; they are put back', { table });
    const contents = { managed: [...this.#managed], owned: [...this.#owned] };
    const obsolete = removeLeaseTables(table, this.#families);
    // One that is gone would make all of it fail.
    this.#guarded = presentAmong(this.#guarded);
    const text = `${obsolete}\n${leaseTables(table, contents, this.#guarded)}`;
    const reason = await runTool(nft, ['-f', '-'], text);
    if (reason !== undefined) throw new Error(`nftables, tables of the lease: ${reason}`);
    const leftMs = this.#untilMs - clock.nowMs();
    if (leftMs <= 0) return;
    const batch = new SetBatch();
    for (const family of this.#families) batch.add(this.#set(family, 'lease'), leaseKey, leftMs);
    this.#check('restore', this.#socket.exchange(batch.finish()));
  }

  /** The sets of one kind and their part of the addresses; those with nothing to do are left out. */
  #eachSet(
    kind: 'managed' | 'owned',
    ips: readonly Ip[],
    run: (name: SetName, keys: Buffer[]) => void,
  ): void {
    const ipv4 = ips.filter((ip) => !isIpv6(ip)).map(ipBytes);
    const ipv6 = ips.filter(isIpv6).map(ipBytes);
    for (const family of this.#families) {
      if (ipv4.length > 0) run(this.#set(family, `${kind}4`), ipv4);
      if (ipv6.length > 0 && family !== 'arp') run(this.#set(family, `${kind}6`), ipv6);
    }
  }

  get #families(): readonly TableFamily[] {
    return leaseFamilies(this.#guarded);
  }

  #set(family: TableFamily, set: string): SetName {
    return { family, table: this.#options.table, set };
  }
}

/** No host has it; put in and taken out in one transaction, so that no packet ever meets it. */
const unusedAddress = Buffer.alloc(4);

/** In one transaction, those of an earlier life gone. Answers with the reason when it cannot be done. */
function makeTables(
  { table, obsoleteTable = table, leftOver = [], nft }: NftLeaseOptions,
  guarded: GuardedInterfaces,
): Promise<string | undefined> {
  const obsolete = removeLeaseTables(obsoleteTable, leaseFamilies(guarded));
  const text = leaseTables(table, { managed: leftOver, owned: [] }, guarded);
  return runTool(nft, ['-f', '-'], `${obsolete}\n${text}`);
}

function presentAmong(interfaces: readonly string[]): string[] {
  return interfaces.filter((name) => libcCalls.interfaceIndex(name) !== 0);
}
