/**
 * Who owns which floating address: exchanges claims at the beginning of a view, follows the leader's decisions, and tells
 * the addresses of this node what is theirs (OWN-1 .. OWN-35).
 *
 * Invariants: nothing is decided while claims are missing (OWN-5); decisions that come early wait, in their order; the
 * node serves only under a lease taken in the present view (LIFE-18).
 */

import type { RowDigest } from '../core/agreement/messages.ts';
import type { Loss } from '../core/duravip/merge.ts';
import type {
  ClaimsMessage,
  Decision,
  ReleasedMessage,
  RequestMessage,
  Stamp,
  VipMessage,
} from '../core/duravip/messages.ts';
import { type QuorumLack, quorumLack } from '../core/duravip/quorum.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { type OwnerChange, VipTable, type VipTableSettings } from '../core/duravip/vip-table.ts';
import type { Incarnation } from '../core/identity.ts';
import { memberOf, nodesOf, type View } from '../core/view.ts';
import type { Handover, VipHost } from './duravip.ts';
import { Gathering } from './gathering.ts';
import { type HandoverSettings, Handovers } from './handovers.ts';
import type { KernelPort, PlumbedAddress } from './kernel-port.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { type LocalVip, LocalVips, type LocalVipsSettings } from './local-vips.ts';
import type { Membership } from './membership.ts';
import type { Standing } from './membership-machine.ts';
import { Neighbourhood, type NeighbourhoodSettings } from './neighbourhood.ts';
import { type OwnershipDuties, ownershipMachine } from './ownership-machine.ts';
import type { VipChannel, World } from './ports.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';
import { VipLeader, type VipLeaderSettings } from './vip-leader.ts';

export interface DuravipSettings extends VipLeaderSettings, LocalVipsSettings {
  readonly table: VipTableSettings;
  readonly handover: HandoverSettings;
  /** `bus_loss_hold` */
  readonly holdMs: number;
  /** Nodes that a component needs to own addresses; undefined: `quorum = none`. */
  readonly quorum: number | undefined;
  readonly keepOnOutage: boolean;
  readonly neighbours: NeighbourhoodSettings;
  readonly beatIntervalMs: number;
}

export interface VipWorld extends World {
  readonly vips: VipChannel;
  readonly kernel: KernelPort;
  readonly host: VipHost;
}

export interface OwnershipListener {
  ownersChanged?(changes: readonly OwnerChange[]): void;
  /** A new view has its owners: neighbours may have heard others meanwhile. */
  running?(): void;
}

/** The lease ends before others count as lost, so a shorter silence tells an outage of the bus (LIFE-20). */
const heardWithinBeats = 2;

export class Ownership {
  readonly table: VipTable;
  readonly local: LocalVips;
  readonly lease: LeaseKeeper;
  readonly neighbourhood: Neighbourhood;
  readonly #world: VipWorld;
  readonly #membership: Membership;
  #settings: DuravipSettings;
  readonly #leader: VipLeader;
  readonly #handovers: Handovers;
  readonly #actor: SupervisedActor<typeof ownershipMachine>;
  readonly #listeners: OwnershipListener[] = [];
  readonly #gathering: Gathering;
  readonly #early: Decision[] = [];
  /** Released in this turn, and not told yet. */
  readonly #off: Ip[] = [];
  #view: View;
  /** The lease ran out: what the table still says of this node is no longer true. */
  #gaveUp = false;
  /** Alone it decides nothing before then. */
  #silentUntilMs = Number.NEGATIVE_INFINITY;
  #applied = 0;

  constructor(system: ActorSystem, world: VipWorld, membership: Membership, settings: DuravipSettings) {
    this.#world = world;
    this.#membership = membership;
    this.#settings = settings;
    this.#view = membership.view;
    this.table = new VipTable(settings.table);
    this.#gathering = new Gathering(this.table, this.#view, settings.handover.failureTimeoutMs, {
      ...world,
      self: this.#self,
      hears: (member) => membership.hears(member),
      isWithUs: (member) => membership.isWithUs(member),
      distrust: (member, untilMs) => membership.distrust(member, untilMs),
    });
    this.#handovers = new Handovers(settings.handover);
    this.local = new LocalVips(system, settings, this.#localPorts());
    this.neighbourhood = new Neighbourhood(settings.neighbours, {
      ...world,
      self: world.self.incarnation,
      share: (message) => world.vips.broadcast(message),
      isVip: (ip) => this.table.rows.get(ip) !== undefined,
      blockOf: (ip) => this.local.blockOf(ip),
      answers: () => this.lease.isAlive,
    });
    this.lease = new LeaseKeeper(settings, {
      ...world,
      lease: world.kernel.lease,
      expired: () => this.#leaseExpired(),
      keepsOnOutage: () => this.#settings.keepOnOutage && this.#hearsNobody(),
    });
    this.#leader = new VipLeader(this.table, settings, {
      ...world,
      order: (decision) => membership.order(world.vips.encode(decision)),
      applied: () => this.#applied,
      isHeard: (incarnation) => membership.hears(incarnation),
      // Cut off from everybody it would give itself what others keep (LIFE-20).
      hasQuorum: () => this.hasQuorum && membership.standing !== 'offline' && this.#maySpeak(),
    });
    this.#actor = system.start(
      'ownership',
      ownershipMachine,
      { duties: this.#duties() },
      { onRestart: () => this.#stand(membership.standing) },
    );
    world.vips.onMessage((message) => this.#receive(message));
    membership.listen({
      viewInstalled: (view) => this.#viewInstalled(view),
      delivered: (payload) => this.#delivered(payload),
      standingChanged: (standing) => this.#stand(standing),
      rowsSeen: (from, digests) => this.#gathering.compare(from, digests),
      beatSent: (count) => {
        this.lease.beatSent(count);
        if (membership.isShadowed) this.#shadowed();
      },
      beatEchoed: (count) => this.lease.echoed(count),
      // A manager in a component says nothing about the nodes that could own addresses elsewhere.
      beatHeard: (by, bits) => {
        if (by.type === 'Momentum') this.lease.heardBy(by.node, by.incarnation, bits);
      },
    });
    this.#stand(membership.standing);
  }

  /** `down`, `gathering`, `following` or `leading`. */
  get state(): string {
    return this.#actor.state;
  }

  /** Last decision of the leader applied in this view. */
  get applied(): number {
    return this.#applied;
  }

  get hasQuorum(): boolean {
    return this.lackOfQuorum() === undefined;
  }

  /** Undefined: enough nodes are here to own addresses, or would be without this one (EXT-1). */
  lackOfQuorum(without?: Incarnation): QuorumLack | undefined {
    const members = this.#view.members.filter(({ incarnation }) => incarnation !== without);
    return quorumLack(nodesOf(members), this.#settings.quorum);
  }

  /** For the beats. */
  get digest(): RowDigest {
    return this.#gathering.digest;
  }

  listen(listener: OwnershipListener): void {
    this.#listeners.push(listener);
  }

  /** Carried out by the leader, once, whoever asks (OWN-29). */
  request(request: Omit<RequestMessage, 'kind' | 'from'>): void {
    const message = { kind: 'request', from: this.#self, ...request } as const;
    if (this.#membership.isLeader) this.#leader.request(message);
    else this.#world.vips.broadcast(message);
  }

  /** Says to all what this node's addresses are like now (STA-1, DVC-15). */
  announce(): void {
    const { announcements: vips, revision } = this.local;
    this.#gathering.announce({ vips, revision });
    this.#actor.send({ type: 'LOOK' });
  }

  /** The configuration was read again. What the others were told stays as it is: lease, quorum and beats (DVC-14). */
  configure(settings: DuravipSettings): void {
    const { holdMs, quorum, beatIntervalMs } = this.#settings;
    this.#settings = { ...settings, holdMs, quorum, beatIntervalMs };
    this.table.configure(settings.table);
    this.#handovers.configure(settings.handover);
    this.#leader.configure(settings);
    this.neighbourhood.configure(settings.neighbours);
    this.local.configure(settings);
    this.reconfigure(settings.vips);
  }

  /** Other addresses than before, or other things about them: takes effect at once (DVC-14 to DVC-17). */
  reconfigure(vips: readonly LocalVip[]): void {
    const added = this.local.reconfigure(vips);
    // Removed and added again, and no decision that gives it to another has come: still ours, perhaps.
    const ours = added.filter((ip) => !this.#gaveUp && this.table.ownerOf(ip) === this.#self);
    this.local.assign(new Map(ours.map((ip) => [ip, this.#waitAgain(ip)])));
    // Without any address when the view began there was nothing to have a lease for; an earlier one may have run out.
    const isRunning = !this.table.gathering && this.table.seats.members.length > 0;
    if (isRunning && !this.#gaveUp) this.#beginLease();
  }

  stop(): void {
    this.neighbourhood.stop();
    this.#actor.stop();
    this.local.stop();
  }

  get #self(): Incarnation {
    return this.#world.self.incarnation;
  }

  #stand(standing: Standing): void {
    this.#actor.send({ type: standing === 'offline' ? 'DOWN' : 'UP' });
    // Nobody to agree with on a first view, but one that has to be served (LIFE-5).
    const isFirst = !this.table.gathering && this.table.seats.members.length === 0;
    if (standing === 'alone' && isFirst) this.#viewInstalled(this.#membership.view);
  }

  #duties(): OwnershipDuties {
    const self = this;
    return {
      solicitMs: this.#settings.beatIntervalMs,
      get untilSweepMs() {
        return self.#leader.untilSweepMs;
      },
      get leads() {
        return self.#membership.isLeader;
      },
      get isGathering() {
        return self.table.gathering;
      },
      solicit: () => this.#gathering.solicit(),
      sweep: () => this.#leader.sweep(),
    };
  }

  #localPorts() {
    return {
      ...this.#world,
      mayBegin: () => !this.table.gathering && this.hasQuorum,
      announcementChanged: () => this.announce(),
      released: (ip: Ip) => this.#released(ip),
      leaving: (ips: readonly Ip[]) => {
        for (const ip of ips) this.neighbourhood.released(ip);
      },
      acquired: (addresses: readonly PlumbedAddress[]) => this.neighbourhood.announce(addresses),
      claimed: (address: PlumbedAddress, mac: string) => this.neighbourhood.defend(address, mac),
    };
  }

  // --- a new view ----------------------------------------------------------------------------------------------------

  #viewInstalled(view: View): void {
    this.#tellReleased();
    const nowMs = this.#world.clock.nowMs();
    const trace = (member: Incarnation) => this.#membership.traceOf(member);
    const ended = this.#view.members.filter(({ incarnation }) => {
      const evidence = trace(incarnation)?.evidence;
      return evidence === 'closed' || evidence === 'goodbye';
    });
    this.#handovers.viewInstalled(view, this.#view, trace, nowMs);
    this.table.applyView(view.members, nowMs, new Set(ended.map(({ incarnation }) => incarnation)));
    this.#view = view;
    this.#applied = 0;
    this.#early.length = 0;
    this.#actor.send({ type: 'VIEW' });
    // What was announced before the first view is in no table yet.
    if (this.#gathering.announced === 0) this.announce();
    this.#gathering.begin(view);
    this.#gathering.claim(this.#ownClaims());
    this.#completeWhenAllAreHere();
  }

  #ownClaims(): ClaimsMessage {
    const { announced } = this.#gathering;
    const standing = { announced, stuck: this.local.stuck, leaseMs: this.#settings.holdMs };
    const claims = this.table.claimsOf(this.#self, standing);
    // A component without quorum serves nothing: the claims of those who do are the ones that count.
    if (this.#settings.quorum !== undefined && this.lease.state !== 'held') this.#giveUp();
    const claimed = this.#gaveUp ? [] : claims.claims;
    return {
      kind: 'claims',
      view: this.#view.id,
      lost: this.#handovers.lost(this.#world.clock.nowMs()),
      ...claims,
      claims: claimed,
      leaving: this.local.presentBesides(claimed),
    };
  }

  #completeWhenAllAreHere(): void {
    if (!this.table.gathering) return;
    const { claims } = this.#gathering;
    if (this.table.lacking(claims).length > 0) return;
    const hasNewcomers = this.#view.members.some(({ incarnation }) => !this.table.seats.has(incarnation));
    const { changes, losses } = this.table.merge(claims, this.#world.clock.nowMs());
    this.#gaveUp = false;
    this.#handovers.claimed(claims);
    for (const claim of claims) this.#learnOfHolders(claim);
    this.#handovers.forget(this.#view, this.#world.clock.nowMs());
    this.#gathering.end();
    this.#beginLease();
    this.#follow(changes);
    this.#waitForLosers(losses);
    this.local.waitAnew((ip) => this.#waitFor(ip));
    this.#leader.begin();
    for (const decision of this.#early.splice(0)) this.#apply(decision);
    // The leader decides about orphans before anything is done that can wait.
    this.#actor.send({ type: 'COMPLETE' });
    // What the other side of a partition said last about our addresses is wrong now (OWN-8).
    if (hasNewcomers) this.neighbourhood.announce(this.local.plumbed);
    this.neighbourhood.share();
    for (const listener of this.#listeners) listener.running?.();
  }

  /** A node that can put nothing on has no lease to lose, and no view to leave for it. */
  #beginLease(): void {
    if (this.local.configured.some(({ places }) => places)) this.lease.begin(nodesOf(this.#view.members));
  }

  #learnOfHolders({ from, lost }: ClaimsMessage): void {
    if (from === this.#self) return;
    for (const holder of lost) {
      if (memberOf(this.#view, holder.member)) continue;
      this.#handovers.lostElsewhere(holder, this.#stamp, this.#gathering.claimedMs(from));
    }
  }

  /** A claim that does not stand may have been an address that is on; the winner's may not have been (OWN-35). */
  #waitForLosers(losses: readonly Loss[]): void {
    const mine = new Map<Ip, Handover>();
    for (const { ip, claimant, winner } of losses) {
      if (claimant === this.#self) continue;
      this.#handovers.owned(ip, claimant, this.#stamp, this.#world.clock.nowMs());
      if (winner === this.#self) mine.set(ip, this.#waitFor(ip));
    }
    this.local.assign(mine);
  }

  get #stamp(): Stamp {
    return { view: this.#view.id, applied: this.#applied };
  }

  #waitFor(ip: Ip): Handover {
    return this.#handovers.waitFor(ip, this.#self, this.#view, this.#world.clock.nowMs());
  }

  #waitAgain(ip: Ip): Handover {
    if (this.#view.members.length > 1) this.#handovers.waitForDecision(ip, this.#world.clock.nowMs());
    return this.#waitFor(ip);
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  #receive(message: VipMessage): void {
    switch (message.kind) {
      case 'claims':
        this.#gathering.claimed(message);
        this.#completeWhenAllAreHere();
        return;
      case 'announcement':
        this.table.announced(message, this.#world.clock.nowMs());
        this.#completeWhenAllAreHere();
        this.#actor.send({ type: 'LOOK' });
        return;
      case 'solicit':
        this.#gathering.answer(message.from, message.want);
        return;
      case 'released':
        this.#freed(message);
        return;
      case 'request':
        if (this.#membership.isLeader) this.#leader.request(message);
        return;
      case 'hosts':
        this.neighbourhood.heard(message);
        return;
    }
  }

  #delivered(payload: Uint8Array): void {
    const decision = this.#world.vips.decode(payload);
    if (!decision) return;
    if (this.table.gathering) this.#early.push(decision);
    else this.#apply(decision);
  }

  #apply(decision: Decision): void {
    this.#tellReleased();
    this.#applied = decision.sequence;
    const { changes, unknown } = this.table.apply(decision, this.#world.clock.nowMs());
    if (unknown.length > 0)
      this.#world.log.critical(`mature request on unknown DuraVIP ${unknown.join(' ')}`, {
        at: this.#applied,
      });
    this.#follow(changes);
  }

  // --- consequences --------------------------------------------------------------------------------------------------

  #follow(changes: readonly OwnerChange[]): void {
    const mine = new Map<Ip, Handover>();
    const leaving: Ip[] = [];
    for (const { ip, to } of changes) {
      if (to !== undefined) this.#handovers.owned(ip, to, this.#stamp, this.#world.clock.nowMs());
      if (to === this.#self) mine.set(ip, this.#waitFor(ip));
      else leaving.push(ip);
    }
    this.local.unassign(leaving);
    this.local.assign(mine);
    for (const ip of mine.keys()) if (!this.local.get(ip)) this.#disown(ip);
    if (changes.length > 0) for (const listener of this.#listeners) listener.ownersChanged?.(changes);
  }

  /** The leader did not know yet that it is not configured here any more (OWN-18). */
  #disown(ip: Ip): void {
    this.#world.log.critical(`asked to own ${ip}, which is not configured here`);
    this.#released(ip);
  }

  /** What came off together is told together, so that whoever waits for it puts it on together. */
  #released(ip: Ip): void {
    this.#handovers.released(ip, this.#self, this.#stamp);
    if (this.#off.push(ip) === 1) queueMicrotask(() => this.#tellReleased());
  }

  /** Before the next decision at the latest: what that one gives back is not let go of. */
  #tellReleased(): void {
    const ips = this.#off.splice(0);
    if (ips.length === 0) return;
    this.#world.vips.broadcast({ kind: 'released', from: this.#self, upTo: this.#stamp, ips });
  }

  /** The loser of a merge has let go: neighbours may have heard it last (OWN-8). */
  #freed({ ips, from, upTo }: ReleasedMessage): void {
    for (const ip of ips) this.#handovers.released(ip, from, upTo);
    this.local.waitAnew((ip) => this.#waitFor(ip), ips);
    this.neighbourhood.announce(ips.flatMap((ip) => this.local.get(ip)?.answering ?? []));
  }

  /** LIFE-18: nothing here answers any more; give it up in good order, and come back as a newcomer. */
  #leaseExpired(): void {
    this.#world.log.critical('the lease of the addresses ran out: releasing them all');
    this.#startOver();
  }

  /** What an earlier process of the same name owns is decided without this one (ID-20). */
  #shadowed(): void {
    if (this.#gaveUp || this.table.gathering || !this.local.wantsAny) return;
    this.#world.log.critical('an earlier process has the name of this node: releasing all addresses');
    this.#startOver();
  }

  /**
   * One that hears its namesake, or has just woken up to find its lease over, is in a view of its own only until the
   * others are heard: it would give itself what they serve.
   */
  #maySpeak(): boolean {
    const isWaiting = this.#view.members.length === 1 && this.#world.clock.nowMs() < this.#silentUntilMs;
    return !isWaiting && !this.#membership.isShadowed;
  }

  #startOver(): void {
    this.#silentUntilMs = this.#world.clock.nowMs() + 2 * this.#settings.handover.failureTimeoutMs;
    this.#giveUp();
    if (this.#view.members.length > 1) this.#membership.secede();
    // Alone there is no view to leave: what was given up is an orphan all the same.
    else this.#viewInstalled(this.#view);
  }

  #giveUp(): void {
    this.#gaveUp = true;
    this.local.unassignAll();
  }

  #hearsNobody(): boolean {
    const { clock } = this.#world;
    const silentSinceMs = clock.nowMs() - heardWithinBeats * this.#settings.beatIntervalMs;
    return this.#view.members.every(({ incarnation }) => {
      if (incarnation === this.#self) return true;
      const heardMs = this.#membership.traceOf(incarnation)?.heardMs ?? Number.NEGATIVE_INFINITY;
      return heardMs < silentSinceMs;
    });
  }
}
