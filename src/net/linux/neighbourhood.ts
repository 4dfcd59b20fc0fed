/**
 * The neighbours of this machine, by raw frames: telling them who has an address, asking them who has it, and hearing
 * when somebody else says that it is his.
 *
 * What is announced is checked here, at the last moment: a process that was stopped for a while wakes up with
 * announcements of addresses that others have taken meanwhile. Raw frames pass by all rules of nftables but those of
 * interfaces, which not every kernel has.
 */
import type { KernelChange, NeighbourFrame } from '../../actors/kernel-port.ts';
import type { Clock } from '../../core/clock.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { AddressWatch } from './address-watch.ts';
import { arpAnnouncement, arpClaim, arpClaimFilter, arpEtherType, arpProbe } from './arp-frame.ts';
import { isIpv6, macBytes } from './ip-bytes.ts';
import {
  ipv6EtherType,
  neighbourAdvertisement,
  neighbourClaim,
  neighbourClaimFilter,
  neighbourProbe,
} from './ndp-frame.ts';
import { PacketSocket } from './packet-socket.ts';

export interface NeighbourhoodOptions {
  readonly watch: AddressWatch;
  readonly clock: Clock;
  /** Whether it is owned here, so that somebody else's claim is news. */
  readonly owns: (ip: Ip) => boolean;
  /** Whether it answers at this moment. */
  readonly answers: (ip: Ip) => boolean;
  readonly onForeignClaim: (change: KernelChange & { readonly kind: 'foreign-claim' }) => void;
}

interface Link {
  readonly index: number;
  readonly mac: Buffer;
}

interface Claim {
  readonly ip: Ip;
  readonly mac: string;
}

/** An announcement comes as a burst; one report a second tells it all. */
const claimQuietMs = 1_000;
const maxRememberedClaims = 1_000;
/** A frame takes 6 us. */
const framesATurn = 512;
const maxLeaving = 200_000;
const probesSent = 3;
/** Shorter than this, and a second probe would leave no time for its answer. */
const leastProbeGapMs = 10;

export class Neighbourhood {
  readonly #options: NeighbourhoodOptions;
  readonly #arp = new PacketSocket(arpEtherType, arpClaimFilter);
  readonly #ndp: PacketSocket;
  readonly #waiting = new Set<(claim: Claim, interfaceIndex: number) => void>();
  /** Announcements that are still to be sent. */
  readonly #leaving: NeighbourFrame[] = [];
  readonly #reportedMs = new Map<string, number>();

  constructor(options: NeighbourhoodOptions) {
    this.#options = options;
    try {
      this.#ndp = new PacketSocket(ipv6EtherType, neighbourClaimFilter);
    } catch (error) {
      this.#arp.close();
      throw error;
    }
    this.#arp.listen((frame, index) => this.#hear(arpClaim(frame), index));
    this.#ndp.listen((frame, index) => this.#hear(neighbourClaim(frame), index));
  }

  /** In order; more than a turn of the event loop can bear leave in the next ones. */
  announce(frames: readonly NeighbourFrame[]): void {
    const idle = this.#leaving.length === 0;
    if (this.#leaving.length + frames.length > maxLeaving)
      throw new Error(`${maxLeaving} announcements wait`);
    for (const frame of frames) this.#leaving.push(frame);
    if (idle) this.#sendSome();
  }

  #sendSome(): void {
    const links = new Map<string, Link | undefined>();
    for (const frame of this.#leaving.splice(0, framesATurn)) {
      const name = frame.interface;
      if (!links.has(name)) links.set(name, this.#link(name));
      const link = links.get(name);
      if (link && this.#options.answers(frame.ip)) this.#send(frame, link);
    }
    if (this.#leaving.length > 0) this.#options.clock.after(0, () => this.#sendSome());
  }

  /** The hardware address of who has it; the first to say so. */
  probe(ip: Ip, interfaceName: string, timeoutMs: number): Promise<string | undefined> {
    const link = this.#link(interfaceName);
    if (!link) return Promise.resolve(undefined);
    const [socket, frame] = isIpv6(ip)
      ? [this.#ndp, neighbourProbe(ip, link.mac)]
      : [this.#arp, arpProbe(ip, link.mac)];
    return new Promise((resolve) => {
      const { clock } = this.#options;
      const finish = (holder: string | undefined) => {
        this.#waiting.delete(onClaim);
        for (const timer of timers) timer.cancel();
        resolve(holder);
      };
      const onClaim = (claim: Claim, index: number) => {
        if (index === link.index && claim.ip === ip) finish(claim.mac);
      };
      const gapMs = Math.max(timeoutMs / probesSent, leastProbeGapMs);
      // Timers come before what waits in the sockets: a process that was kept from the processor reads that first.
      const giveUp = () => void setImmediate(() => finish(undefined));
      const timers = [clock.after(timeoutMs, giveUp)];
      for (let atMs = gapMs; atMs < timeoutMs; atMs += gapMs) {
        timers.push(clock.after(atMs, () => socket.send(link.index, frame)));
      }
      this.#waiting.add(onClaim);
      socket.send(link.index, frame);
    });
  }

  close(): void {
    this.#leaving.length = 0;
    this.#arp.close();
    this.#ndp.close();
  }

  /** Undefined: there is none of that name, or it is not Ethernet. */
  #link(name: string): Link | undefined {
    const { index, mac: text } = this.#options.watch.named(name) ?? {};
    const mac = text === undefined ? undefined : macBytes(text);
    return index === undefined || mac === undefined ? undefined : { index, mac };
  }

  #send({ ip, form, to }: NeighbourFrame, { index, mac }: Link): void {
    const toMac = to && macBytes(to.mac);
    // A neighbour without a hardware address cannot be told alone.
    if (to && !toMac) return;
    if (!isIpv6(ip)) this.#arp.send(index, arpAnnouncement(ip, mac, form, toMac));
    else this.#ndp.send(index, neighbourAdvertisement(ip, mac, to && { ip: to.ip, mac: toMac! }));
  }

  #hear(claim: Claim | undefined, index: number): void {
    const { watch, owns, onForeignClaim } = this.#options;
    if (!claim || watch.isOwnMac(claim.mac)) return;
    for (const waiting of this.#waiting) waiting(claim, index);
    const name = watch.interfaceOf(index)?.name;
    if (name === undefined || !owns(claim.ip) || this.#isRecent(claim)) return;
    onForeignClaim({ kind: 'foreign-claim', ip: claim.ip, mac: claim.mac, interface: name });
  }

  #isRecent({ ip, mac }: Claim): boolean {
    const nowMs = this.#options.clock.nowMs();
    const key = `${ip} ${mac}`;
    const reportedMs = this.#reportedMs.get(key);
    if (reportedMs !== undefined && nowMs - reportedMs < claimQuietMs) return true;
    // Forgetting costs a repeated report, no more.
    if (this.#reportedMs.size >= maxRememberedClaims) this.#reportedMs.clear();
    this.#reportedMs.set(key, nowMs);
    return false;
  }
}
