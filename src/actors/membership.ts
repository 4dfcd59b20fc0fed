/**
 * The membership of this process in the cluster group: drives the view agreement, carries out its effects, keeps the
 * table of node information (MEM-1), and tells the others of each change of view.
 *
 * Beats are the hot path: they go straight into the agreement, and the machine hears only of a change of standing.
 */
import { Agreement } from '../core/agreement/agreement.ts';
import type { Effect } from '../core/agreement/effects.ts';
import type { Beat, Heartbeat, NodeInfo, RowDigest, ViewMessage } from '../core/agreement/messages.ts';
import { Suspicion, type Verdict } from '../core/agreement/suspicion.ts';
import type { Lag } from '../core/agreement/view-stream.ts';
import { hashBytes } from '../core/hash.ts';
import type { Incarnation } from '../core/identity.ts';
import type { MembershipSettings } from '../core/settings.ts';
import {
  leaderOf,
  memberOf,
  membershipName,
  type Process,
  sameViewId,
  type View,
  type ViewCause,
  viewKey,
} from '../core/view.ts';
import {
  type MembershipDuties,
  membershipMachine,
  type Standing,
  standingEvents,
} from './membership-machine.ts';
import type { World } from './ports.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** Most processes remembered at a time; strangers beyond it are not heard. */
const maxPeers = 1024;
/** A gap of so many beats is no jitter. */
const unbrokenBeats = 2;

export interface MembershipListener {
  viewInstalled?(view: View, cause: ViewCause, survivors: readonly Incarnation[]): void;
  /** An ordered message, the same for every member of the view (BUS-9). Own ones are delivered too (BUS-7). */
  delivered?(payload: Uint8Array, number: number, view: View): void;
  standingChanged?(standing: Standing): void;
  /** Right before a beat leaves. */
  beatSent?(count: number): void;
  /** A beat of ours came back over the bus. */
  beatEchoed?(count: number): void;
  /** A member says which of our beats it heard last: the low eight bits of the count (LIFE-18). */
  beatHeard?(by: Process, countBits: number): void;
  /** Digests of a peer's rows, with each beat: keep it cheap. */
  rowsSeen?(from: Incarnation, digests: readonly RowDigest[]): void;
  /** What a process says about itself was learned. */
  infoLearned?(info: NodeInfo): void;
  /** A member does not behave as one (MEM-16); it may be this process itself. */
  byzantine?(node: string, reason: ByzantineReason): void;
  /** Another live process has our name, and we are the later one (ID-20). */
  nameTaken?(other: Process, info: NodeInfo | undefined): void;
  /** This process differs from its leader and has to start over as a new incarnation (MEM-17). */
  resetNeeded?(reason: string): void;
}

/**
 * `silent`: no heartbeats. `diverged`: another table, or a sequence that stays behind. `alien`: keeps another view.
 * `mute`: does not say what it owns.
 */
export type ByzantineReason = 'silent' | 'diverged' | 'alien' | 'mute';

const byzantineWords: Readonly<Record<ByzantineReason, (name: string) => string>> = {
  silent: (name) => `no heartbeats of ${name}`,
  diverged: (name) => `${name} has another table`,
  alien: (name) => `${name} keeps another view`,
  mute: (name) => `${name} does not say what it owns`,
};

/** The last sign of life of a process. */
export interface Trace {
  /** `silent` also means: not known to have ended. */
  readonly evidence: 'silent' | 'closed' | 'goodbye';
  readonly heardMs: number;
  /** When its end was reported, for the evidence `closed`. */
  readonly closedMs: number;
}

export class Membership {
  readonly #world: World;
  readonly #agreement: Agreement;
  readonly #suspicion: Suspicion;
  readonly #infos = new Map<Incarnation, NodeInfo>();
  readonly #listeners: MembershipListener[] = [];
  readonly #actor: SupervisedActor<typeof membershipMachine>;
  readonly #stopListening: (() => void)[];
  readonly #effects: Effect[] = [];
  readonly #beatIntervalMs: number;
  #running = false;
  #standing: Standing = 'offline';
  /** Digest of everything ordered messages have said in this view. */
  #table = 0;
  #left = false;

  constructor(system: ActorSystem, world: World, settings: MembershipSettings) {
    this.#world = world;
    this.#beatIntervalMs = settings.beatIntervalMs;
    const { self, clock } = world;
    const process: Process = {
      incarnation: self.incarnation,
      type: self.type,
      node: self.node,
      number: self.number,
      seniority: Number.POSITIVE_INFINITY,
    };
    this.#agreement = new Agreement(process, { ...settings, maxPeers }, clock.nowMs());
    const isSuspected = (incarnation: Incarnation) =>
      this.#agreement.peers.get(incarnation)?.suspected === true;
    this.#suspicion = new Suspicion(settings, isSuspected, clock.nowMs());
    const duties = this.#duties(clock.nowMs() + settings.heartbeatStartDelayMs);
    this.#actor = system.start(
      'membership',
      membershipMachine,
      { duties, ...settings },
      {
        onRestart: () => this.#actor.send(standingEvents[this.#standing]),
        pulse: {
          everyMs: settings.beatIntervalMs,
          run: () => this.#run(this.#agreement.tick(clock.nowMs())),
        },
      },
    );
    world.views.onMessage((message) => this.#receive(message));
    world.views.onEcho((count) => {
      for (const listener of this.#listeners) listener.beatEchoed?.(count);
    });
    this.#stopListening = [
      world.links.m.onState(() => this.#assess()),
      world.evidence.onClosed((incarnation) => this.#run(this.#agreement.closed(clock.nowMs(), incarnation))),
    ];
    this.#assess();
  }

  get view(): View {
    return this.#agreement.view;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** State names of the actor, as the console prints them. */
  get state(): string {
    return this.#actor.state;
  }

  /** Highest ordered message of the view applied here. */
  get applied(): number {
    return this.#agreement.applied;
  }

  get table(): number {
    return this.#table;
  }

  get self(): Process {
    return this.#agreement.self;
  }

  /** Undefined while disconnected or while the view is changing (MEM-12). */
  get leader(): Process | undefined {
    return this.#standing === 'offline' || this.#standing === 'settling' ? undefined : leaderOf(this.view);
  }

  get isLeader(): boolean {
    return this.#agreement.isLeader;
  }

  /** Members with what is known of them, in member order; none while disconnected (MEM-3, MEM-4). */
  members(): { readonly process: Process; readonly info: NodeInfo | undefined }[] {
    if (this.#standing === 'offline') return [];
    return this.view.members.map((process) => ({ process, info: this.infoOf(process.incarnation) }));
  }

  /** How and when a process was last heard of; undefined: unknown, or forgotten since. */
  traceOf(incarnation: Incarnation): Trace | undefined {
    const peer = this.#agreement.peers.get(incarnation);
    return peer && { evidence: peer.evidence, heardMs: peer.atMs, closedMs: peer.closedMs };
  }

  /** An earlier live process carries our name, so this one is about to end (ID-20). */
  get isShadowed(): boolean {
    return this.#agreement.earlierNamesake(this.#world.clock.nowMs()) !== undefined;
  }

  /** A process is heard at present, in the view or not. */
  hears(incarnation: Incarnation): boolean {
    return this.#agreement.peers.fresh(incarnation, this.#world.clock.nowMs());
  }

  /** A member beats in this view, without a gap, and hears this process. */
  isWithUs(member: Incarnation): boolean {
    const { peers } = this.#agreement;
    const peer = peers.get(member);
    const nowMs = this.#world.clock.nowMs();
    if (!peer || !sameViewId(peer.beat.view, this.view.id)) return false;
    return nowMs - peer.atMs < unbrokenBeats * this.#beatIntervalMs && peers.mutual(member, nowMs);
  }

  infoOf(incarnation: Incarnation): NodeInfo | undefined {
    return incarnation === this.#world.self.incarnation ? this.#world.self : this.#infos.get(incarnation);
  }

  /** Where the digests of the own rows come from; they ride on each beat. */
  announceRows(digests: () => readonly RowDigest[]): void {
    this.#agreement.digests = digests;
  }

  listen(listener: MembershipListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Leader only: a message all members deliver in the same order. False: not now, or not here. `most`: what members may
   * lag behind, this message included.
   */
  order(payload: Uint8Array, most?: Lag): boolean {
    const effects = this.#agreement.order(payload, most);
    if (effects) this.#run(effects);
    return effects !== undefined;
  }

  /** Leaves a member out of the view that all others wait for (OWN-4); a time that is past trusts it again. */
  distrust(member: Incarnation, untilMs: number): void {
    const nowMs = this.#world.clock.nowMs();
    if (untilMs > nowMs) this.#reportByzantine(member, 'mute');
    this.#run(this.#agreement.distrust(nowMs, member, untilMs));
  }

  /** Leaves the view for one of its own; the others take this process in again with the next merge (LIFE-18). */
  secede(): void {
    if (!this.#left) this.#run(this.#agreement.secede(this.#world.clock.nowMs()));
  }

  /** Says goodbye, so that nobody has to wait for a time-out (LIFE-10). */
  leave(): void {
    if (this.#left) return;
    this.#actor.send({ type: 'LEAVE' });
    this.#left = true;
    for (const stop of this.#stopListening) stop();
    this.#actor.stop();
  }

  #duties(heartbeatsStartMs: number): MembershipDuties {
    return {
      untilHeartbeatsMs: () => Math.max(0, heartbeatsStartMs - this.#world.clock.nowMs()),
      sendHeartbeat: () => this.#world.views.broadcast(this.#heartbeat()),
      checkHeartbeats: () =>
        this.#judge(this.#suspicion.check(this.view, this.self.incarnation, this.#world.clock.nowMs())),
      sayGoodbye: () => this.#world.views.broadcast({ kind: 'goodbye', from: this.self.incarnation }),
    };
  }

  #receive(message: ViewMessage): void {
    if (this.#left) return;
    switch (message.kind) {
      case 'beat':
        this.#run(this.#agreement.receive(this.#world.clock.nowMs(), message));
        if (memberOf(this.view, message.from.incarnation)) this.#memberBeat(message);
        // Whoever has our name is in no view with us, and its address is wanted when one of us has to end (ID-20).
        else if (message.from.node === this.self.node) this.#inquire(message.from.incarnation);
        return;
      case 'state':
        if (message.info.incarnation === message.from) this.#remember(message.info);
        return;
      case 'solicit':
        this.#world.views.send(message.from, this.#stateMessage());
        return;
      case 'heartbeat':
        if (!this.#agreement.peers.get(message.from)) return;
        this.#judge(this.#suspicion.heard(message, this.#heartbeat(), this.#world.clock.nowMs()));
        return;
      default:
        this.#run(this.#agreement.receive(this.#world.clock.nowMs(), message));
    }
  }

  /** STATE goes out ahead of the first beat that shows the view, so without it the STATE was lost: ask (MEM-3). */
  #memberBeat(beat: Beat): void {
    const from = beat.from.incarnation;
    if (sameViewId(beat.view, this.view.id)) this.#inquire(from);
    const heard = beat.heard.length > 0 ? this.#agreement.peers.heardOfMe(beat) : undefined;
    for (const listener of this.#listeners) {
      listener.rowsSeen?.(from, beat.digests);
      if (heard !== undefined) listener.beatHeard?.(beat.from, heard);
    }
  }

  #beatSent(count: number): void {
    for (const listener of this.#listeners) listener.beatSent?.(count);
  }

  #inquire(about: Incarnation): void {
    if (this.#infos.has(about)) return;
    this.#world.views.send(about, { kind: 'solicit', from: this.self.incarnation });
  }

  /**
   * One effect after another, also those that come of what a listener does meanwhile: a leader that orders something
   * while it is told of a view must not have it delivered to listeners that have not heard of the view yet (INV-8).
   */
  #run(effects: readonly Effect[]): void {
    this.#effects.push(...effects);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) this.#carryOut(effect);
    } finally {
      this.#running = false;
      this.#effects.length = 0;
    }
    this.#assess();
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'broadcast':
        if (effect.message.kind === 'beat') this.#beatSent(effect.message.count);
        this.#world.views.broadcast(effect.message);
        break;
      case 'send':
        this.#world.views.send(effect.to, effect.message);
        break;
      case 'install':
        this.#installed(effect.view, effect.cause, effect.survivors);
        break;
      case 'deliver':
        this.#table = hashBytes(effect.payload, this.#table);
        for (const listener of this.#listeners)
          listener.delivered?.(effect.payload, effect.number, effect.view);
        break;
      case 'rejected':
        this.#rejected(effect.from, effect.because);
        break;
      case 'namesake':
        this.#nameTaken(effect.other);
        break;
    }
  }

  /** Late messages of the view before are normal; only a leader's word counts, so others should not speak (MEM-8). */
  #rejected(from: Incarnation, because: 'view' | 'sender'): void {
    const { log, counters } = this.#world;
    counters.add('view_messages_rejected_total');
    if (because === 'view') log.debug(`ordered message of another view from ${this.#nameOf(from)} ignored`);
    else log.error(`ordered message from ${this.#nameOf(from)}, which is not the leader, ignored`, { from });
  }

  #installed(view: View, cause: ViewCause, survivors: readonly Incarnation[]): void {
    const { log, counters, views, clock } = this.#world;
    this.#table = 0;
    // First of all: who listens may want to know the leader.
    this.#assess();
    counters.add('view_changes_total');
    log.notice(`view ${view.id.epoch} installed (${cause}): ${view.members.map(membershipName).join(' ')}`, {
      view: viewKey(view.id),
      cause,
      members: view.members.length,
    });
    this.#suspicion.viewInstalled(view, clock.nowMs());
    views.broadcast(this.#stateMessage());
    this.#forgetInfos();
    for (const listener of this.#listeners) listener.viewInstalled?.(view, cause, survivors);
  }

  /** What this process says about itself has changed. */
  tellInfo(): void {
    this.#world.views.broadcast(this.#stateMessage());
  }

  /** Infos of processes outside the view are kept while they can be heard: they may be about to come back. */
  #forgetInfos(): void {
    for (const incarnation of this.#infos.keys()) {
      if (!memberOf(this.view, incarnation) && !this.#agreement.peers.get(incarnation))
        this.#infos.delete(incarnation);
    }
  }

  #remember(info: NodeInfo): void {
    if (this.#infos.size >= maxPeers && !this.#infos.has(info.incarnation)) return;
    this.#infos.set(info.incarnation, info);
    for (const listener of this.#listeners) listener.infoLearned?.(info);
  }

  #stateMessage(): ViewMessage {
    return { kind: 'state', from: this.self.incarnation, view: this.view.id, info: this.#world.self };
  }

  #heartbeat(): Heartbeat {
    return {
      kind: 'heartbeat',
      from: this.self.incarnation,
      view: this.view.id,
      leader: leaderOf(this.view)?.incarnation,
      applied: this.applied,
      table: this.#table,
    };
  }

  #judge(verdicts: readonly Verdict[]): void {
    const { log, clock, views } = this.#world;
    for (const verdict of verdicts) {
      switch (verdict.kind) {
        case 'silent':
          this.#reportByzantine(verdict.member, 'silent');
          this.#run(this.#agreement.suspect(clock.nowMs(), verdict.member, true));
          break;
        case 'recovered':
          log.notice(`heartbeats of ${this.#nameOf(verdict.member)} are back`, { member: verdict.member });
          this.#run(this.#agreement.suspect(clock.nowMs(), verdict.member, false));
          break;
        case 'diverged':
          this.#reportByzantine(verdict.member, 'diverged');
          views.broadcast(this.#stateMessage());
          break;
        case 'alien':
          this.#reportByzantine(verdict.member, 'alien');
          views.send(verdict.member, { kind: 'solicit', from: this.self.incarnation });
          break;
        case 'reset':
          for (const listener of this.#listeners) {
            listener.byzantine?.(this.self.node, 'diverged');
            listener.resetNeeded?.('byzantine: this table differs from the leader');
          }
          break;
      }
    }
  }

  #reportByzantine(member: Incarnation, reason: ByzantineReason): void {
    const node = this.#nameOf(member);
    this.#world.log.notice(`byzantine member: ${byzantineWords[reason](node)}`, { member });
    for (const listener of this.#listeners) listener.byzantine?.(node, reason);
  }

  #nameTaken(other: Process): void {
    for (const listener of this.#listeners) listener.nameTaken?.(other, this.#infos.get(other.incarnation));
  }

  #nameOf(incarnation: Incarnation): string {
    return this.#agreement.peers.get(incarnation)?.process.node ?? incarnation;
  }

  #assess(): void {
    const standing = this.#currentStanding();
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#actor.send(standingEvents[standing]);
    for (const listener of this.#listeners) listener.standingChanged?.(standing);
  }

  #currentStanding(): Standing {
    if (this.#world.links.m.state !== 'up') return 'offline';
    if (!this.#agreement.settled) return 'settling';
    return this.view.members.length === 1 ? 'alone' : 'settled';
  }
}
