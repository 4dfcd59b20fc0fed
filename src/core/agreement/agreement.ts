/**
 * View agreement: how processes that only have at-most-once broadcast agree who is there (BUS-9 .. BUS-14,
 * BUS-20 .. BUS-23), also when links are cut one way or non-transitively.
 *
 * It owns the installed view, the ballot promised, the proposal of its own, and the ordered stream of the view. It is
 * driven from outside (`tick`, `receive`, `closed`, `suspect`) with the time as an argument and answers with effects.
 *
 * Invariants: views installed here have strictly increasing ids; every member of a committed view has promised it;
 * between promise and install nothing of the old view is delivered, so that members which move together have delivered
 * the same ordered messages (virtual synchrony).
 */
import type { Incarnation } from '../identity.ts';
import {
  compareProcesses,
  compareViewIds,
  memberOf,
  type Process,
  sameViewId,
  type View,
  withSeniority,
} from '../view.ts';
import type { Effect } from './effects.ts';
import { causeOf, isBroken, joinable, ownGroup, type Scene } from './grouping.ts';
import { Losses } from './losses.ts';
import {
  type Beat,
  type Commit,
  epochOf,
  type Nack,
  type Ok,
  type Propose,
  type RowDigest,
  type ViewMessage,
} from './messages.ts';
import { hashMembers, Peers } from './peers.ts';
import { Promises } from './promises.ts';
import { Proposal } from './proposal.ts';
import { type Lag, ViewStream } from './view-stream.ts';

export interface AgreementOptions {
  readonly beatIntervalMs: number;
  readonly failureTimeoutMs: number;
  /** Ordered messages kept until all members have them. */
  readonly orderBacklog: number;
  /** Processes remembered at the same time; strangers beyond it are not heard. */
  readonly maxPeers: number;
  /** Beats say which beat of each member was heard last: leases with a quorum need it. */
  readonly tellsHeard: boolean;
}

const nothingHeard = new Uint8Array();
/** Epochs count proposals: no cluster is that far ahead of one of its members. */
const maxEpochStep = 2 ** 32;

export class Agreement {
  readonly peers: Peers;
  /** Digests of the own rows, for each beat. */
  digests: () => readonly RowDigest[] = () => [];
  readonly #options: AgreementOptions;
  #self: Process;
  #view: View;
  #stream: ViewStream;
  #epoch = 0;
  #nonce = 1;
  #beats = 0;
  #installedMs: number;
  #lastTickMs: number;
  readonly #promises = new Promises();
  #proposal: Proposal | undefined;
  #lastCommit: Commit | undefined;
  #waitingSinceMs: number | undefined;
  #namesakeSinceMs: number | undefined;
  readonly #losses: Losses;
  constructor(self: Process, options: AgreementOptions, nowMs: number) {
    this.#self = self;
    this.#options = options;
    this.#view = { id: { epoch: 0, coordinator: self.incarnation, nonce: 0 }, members: [self] };
    this.#stream = new ViewStream(this.#view, self.incarnation, options.orderBacklog);
    this.peers = new Peers(self, options);
    this.peers.rememberView(this.#view);
    // A beat to notice it, and one to tell.
    this.#losses = new Losses(2 * options.beatIntervalMs);
    this.#installedMs = nowMs;
    this.#lastTickMs = nowMs;
  }

  get view(): View {
    return this.#view;
  }

  get self(): Process {
    return this.#self;
  }

  /** Highest ordered message of the view delivered here. */
  get applied(): number {
    return this.#stream.applied;
  }

  /** No change is under way and none is known to be needed. */
  get settled(): boolean {
    return !this.#frozen && !this.#losses.any;
  }

  get isLeader(): boolean {
    return this.#stream.isLeader;
  }

  /** Time passed: evaluates the rules and beats. Call it each `beatIntervalMs`. */
  tick(nowMs: number): Effect[] {
    const lateMs = nowMs - this.#lastTickMs - this.#options.beatIntervalMs;
    this.#lastTickMs = nowMs;
    if (lateMs > this.#options.beatIntervalMs) this.peers.forgive(lateMs, nowMs);
    this.peers.prune(nowMs);
    this.#stream.advance(this.peers, nowMs);
    // The beat comes first: others judge a proposal by what the latest beat of its proposer says.
    const effects: Effect[] = [{ kind: 'broadcast', message: this.#beat(nowMs) }];
    const unanswered = this.#proposal;
    this.#evaluate(nowMs, effects);
    if (unanswered && this.#proposal === unanswered) effects.push(...unanswered.requests());
    return effects;
  }

  /** A message of another process arrived. Own messages must not come here. */
  receive(nowMs: number, message: ViewMessage): Effect[] {
    const effects: Effect[] = [];
    if (!this.#seeEpoch(epochOf(message))) return effects;
    switch (message.kind) {
      case 'beat':
        this.#onBeat(nowMs, message, effects);
        break;
      case 'propose':
        this.#onPropose(nowMs, message, effects);
        break;
      case 'ok':
        this.#onOk(nowMs, message, effects);
        break;
      case 'nack':
        this.#onNack(message);
        break;
      case 'commit':
        this.#onCommit(nowMs, message, effects);
        break;
      case 'ask':
        if (this.#lastCommit && sameViewId(this.#lastCommit.ballot, message.view)) {
          effects.push({ kind: 'send', to: message.from, message: this.#lastCommit });
        }
        break;
      case 'ordered':
        effects.push(...this.#stream.receive(message));
        if (!this.#frozen) effects.push(...this.#stream.deliverReady());
        break;
      case 'resend':
        effects.push(...this.#stream.sendAgain(message));
        break;
      case 'goodbye':
        if (this.peers.goodbye(message.from)) this.#evaluate(nowMs, effects);
        break;
      default:
        break;
    }
    return effects;
  }

  /** Closed evidence: the servers saw the process end (BUS-21). */
  closed(nowMs: number, incarnation: Incarnation): Effect[] {
    const effects: Effect[] = [];
    if (this.peers.close(incarnation, nowMs)) this.#evaluate(nowMs, effects);
    return effects;
  }

  /** The cluster module of a member is silent although its bus lives, or is back (MEM-17). */
  suspect(nowMs: number, incarnation: Incarnation, suspected: boolean): Effect[] {
    const effects: Effect[] = [];
    if (this.peers.suspect(incarnation, suspected)) this.#evaluate(nowMs, effects);
    return effects;
  }

  /** A live process of our name that was here before: this one will have to end (ID-20). */
  earlierNamesake(nowMs: number): Process | undefined {
    return this.peers.namesakes(nowMs).find((other) => compareProcesses(other, this.#self) < 0);
  }

  /** A member that all others wait for in vain counts as not heard until then (OWN-4). */
  distrust(nowMs: number, incarnation: Incarnation, untilMs: number): Effect[] {
    const effects: Effect[] = [];
    if (this.peers.distrust(incarnation, untilMs)) this.#evaluate(nowMs, effects);
    return effects;
  }

  /**
   * Leaves the view for one of its own, to be merged again: what the others believe of this process is no longer true
   * (a stopped process whose lease ran out unnoticed, LIFE-18).
   */
  secede(nowMs: number): Effect[] {
    const effects: Effect[] = [];
    if (this.#view.members.length > 1) this.#propose(nowMs, [this.#self], effects);
    return effects;
  }

  /**
   * Leader only: sends a message that all members of this view deliver in the same order. Undefined when this is not
   * the leader, a new view is being formed, or members lag by the whole backlog or by `most`: try again later.
   */
  order(payload: Uint8Array, most?: Lag): Effect[] | undefined {
    if (!this.isLeader || this.#frozen) return undefined;
    return this.#stream.order(payload, most);
  }

  /**
   * Every message raises the epoch. Only a newcomer believes any: in a running cluster an epoch far ahead is nonsense,
   * and adopting it would soon leave no room to count on, so that no view could ever be formed again.
   */
  #seeEpoch(epoch: number): boolean {
    const isNewcomer = this.#self.seniority === Number.POSITIVE_INFINITY;
    if (!isNewcomer && epoch > this.#epoch + maxEpochStep) return false;
    this.#epoch = Math.max(this.#epoch, epoch);
    return true;
  }

  // --- rules ---------------------------------------------------------------------------------------------------

  get #frozen(): boolean {
    return this.#promises.isOpen || this.#proposal !== undefined;
  }

  /** Rules 1-5 of the protocol, in this order: wait, missed commit, shrink, laggard, merge. */
  #evaluate(nowMs: number, effects: Effect[]): void {
    this.#checkNamesakes(nowMs, effects);
    if (this.#mustWait(nowMs, effects)) return;
    if (this.#askForMissedCommit(nowMs, effects)) return;
    const scene = this.#scene(nowMs);
    if (isBroken(scene)) {
      this.#losses.notice(scene);
      this.#shrink(scene, effects);
      return;
    }
    this.#losses.forget();
    this.#waitingSinceMs = undefined;
    if (this.#view.members[0]?.incarnation !== this.#self.incarnation) return;
    if (this.#hasLaggard(nowMs)) this.#propose(nowMs, this.#view.members, effects);
    else this.#merge(scene, effects);
  }

  #scene(nowMs: number): Scene {
    const { incarnation } = this.#self;
    return { self: incarnation, view: this.#view, peers: this.peers, okayed: this.#promises.latest, nowMs };
  }

  #mustWait(nowMs: number, effects: Effect[]): boolean {
    const { failureTimeoutMs } = this.#options;
    if (this.#promises.isOpen && !this.#promises.isOlderThan(failureTimeoutMs, nowMs)) return true;
    if (this.#promises.isOpen) this.#promises.close();
    if (this.#proposal) {
      const stillMutual = this.#proposal.members.every((member) =>
        this.peers.mutual(member.incarnation, nowMs),
      );
      if (stillMutual && nowMs - this.#proposal.sinceMs < 2 * this.#options.beatIntervalMs) return true;
      this.#proposal = undefined;
    }
    effects.push(...this.#stream.deliverReady());
    return false;
  }

  /** Somebody shows a view that this process promised but never saw committed: the commit was lost on the way. */
  #askForMissedCommit(nowMs: number, effects: Effect[]): boolean {
    const promised = this.#promises.highest;
    if (!promised || compareViewIds(promised, this.#view.id) <= 0) return false;
    for (const peer of this.peers.all()) {
      if (!sameViewId(peer.beat.view, promised) || !this.peers.mutual(peer.process.incarnation, nowMs))
        continue;
      effects.push({
        kind: 'send',
        to: peer.process.incarnation,
        message: { kind: 'ask', from: this.#self.incarnation, view: promised },
      });
      return true;
    }
    return false;
  }

  #shrink(scene: Scene, effects: Effect[]): void {
    const { nowMs } = scene;
    const group = ownGroup(scene);
    if (this.#losses.mayBeEarly(scene, group)) return;
    if (group[0]!.incarnation === this.#self.incarnation) {
      this.#waitingSinceMs = undefined;
      this.#propose(nowMs, group, effects);
    } else if (this.#waitingSinceMs === undefined) {
      this.#waitingSinceMs = nowMs;
    } else if (nowMs - this.#waitingSinceMs > 2 * this.#options.failureTimeoutMs) {
      this.#waitingSinceMs = undefined;
      this.#propose(nowMs, [this.#self], effects);
    }
  }

  /** A member still shows an older view long after the install: its promise had overtaken the commit. */
  #hasLaggard(nowMs: number): boolean {
    if (nowMs - this.#installedMs <= this.#options.failureTimeoutMs) return false;
    if (this.#stream.isStuck(this.#options.failureTimeoutMs, nowMs)) return true;
    return this.#view.members.some((member) => {
      const peer = this.peers.get(member.incarnation);
      return peer !== undefined && compareViewIds(peer.beat.view, this.#view.id) < 0;
    });
  }

  /** Joins whole views that can hear each other completely; the first process in order proposes. */
  #merge(scene: Scene, effects: Effect[]): void {
    const union = joinable(scene);
    if (union && union.length > this.#view.members.length) this.#propose(scene.nowMs, union, effects);
  }

  #checkNamesakes(nowMs: number, effects: Effect[]): void {
    if (this.peers.namesakes(nowMs).length === 0) {
      this.#namesakeSinceMs = undefined;
      return;
    }
    this.#namesakeSinceMs ??= nowMs;
    if (nowMs - this.#namesakeSinceMs < 3 * this.#options.failureTimeoutMs) return;
    const earlier = this.earlierNamesake(nowMs);
    if (earlier) effects.push({ kind: 'namesake', other: earlier });
  }

  // --- proposing -------------------------------------------------------------------------------------------------

  #propose(nowMs: number, members: readonly Process[], effects: Effect[]): void {
    const ballot = { epoch: ++this.#epoch, coordinator: this.#self.incarnation, nonce: this.#nonce++ };
    this.#promises.makeOwn(ballot);
    const newest = members.map((member) => this.#newest(member)).sort(compareProcesses);
    const own = this.#stream.summary();
    this.#proposal = new Proposal(ballot, newest, this.#self.incarnation, own, nowMs);
    effects.push(...this.#proposal.requests());
    this.#commitWhenAgreed(nowMs, effects);
  }

  /** As its own beats describe it: a member that missed the last commit does not have the seniority given there. */
  #newest(member: Process): Process {
    if (member.incarnation === this.#self.incarnation) return this.#self;
    return this.peers.get(member.incarnation)?.process ?? member;
  }

  #onPropose(nowMs: number, message: Propose, effects: Effect[]): void {
    if (!this.#mayPromise(nowMs, message)) {
      effects.push({
        kind: 'send',
        to: message.from,
        message: { kind: 'nack', from: this.#self.incarnation, ballot: message.ballot, epoch: this.#epoch },
      });
      return;
    }
    this.#proposal = undefined;
    this.#promises.give(message.ballot, nowMs);
    const own = this.#stream.summary();
    effects.push({
      kind: 'send',
      to: message.from,
      message: {
        kind: 'ok',
        from: this.#self.incarnation,
        ballot: message.ballot,
        oldView: own.view,
        applied: own.applied,
        unstable: own.unstable,
      },
    });
  }

  #mayPromise(nowMs: number, { ballot, members, from }: Propose): boolean {
    if (compareViewIds(ballot, this.#view.id) <= 0) return false;
    if (!this.#promises.allow(ballot)) return false;
    if (!this.#isDescribedIn(members)) return false;
    if (!members.every((member) => this.peers.mutual(member.incarnation, nowMs))) return false;
    if (this.#tearsWholeView(from, members, nowMs)) return false;
    const own = this.#proposal;
    if (!own || sameViewId(own.ballot, ballot)) return true;
    const proposer = members.find((member) => member.incarnation === from);
    const proposerIsEarlier = proposer !== undefined && compareProcesses(proposer, this.#self) < 0;
    return proposerIsEarlier || !own.includes(from);
  }

  /**
   * In member order, with this process as it describes itself. A proposer that has not yet heard of our seniority would
   * put us in another place than we put ourselves, and one that misread our type would keep us from leading for life.
   */
  #isDescribedIn(members: readonly Process[]): boolean {
    const me = members.find((member) => member.incarnation === this.#self.incarnation);
    const isInOrder = members.every((member, i) => i === 0 || compareProcesses(members[i - 1]!, member) < 0);
    return (
      isInOrder && me !== undefined && compareProcesses(me, this.#self) === 0 && me.type === this.#self.type
    );
  }

  /**
   * A stranger may add to a whole view, but only its members may leave somebody out. A process that wakes up in the view
   * of long ago would otherwise tear members out of the view that was made without it, one by one, as their beats reach it.
   */
  #tearsWholeView(proposer: Incarnation, members: readonly Process[], nowMs: number): boolean {
    if (memberOf(this.#view, proposer) || isBroken(this.#scene(nowMs))) return false;
    if (this.#isLaggardOf(proposer)) return false;
    const proposed = new Set(members.map((member) => member.incarnation));
    return !this.#view.members.every((member) => proposed.has(member.incarnation));
  }

  /**
   * The proposer shows a newer view that this process promised to be in and did not install: its promise had run out, it
   * went on in the view it was in, and the commit no longer fits. Both views would wait for it for ever.
   */
  #isLaggardOf(proposer: Incarnation): boolean {
    const shown = this.peers.get(proposer)?.beat.view;
    if (!shown || compareViewIds(shown, this.#view.id) <= 0) return false;
    return this.#promises.latest.some((ballot) => sameViewId(ballot, shown));
  }

  #onOk(nowMs: number, message: Ok, effects: Effect[]): void {
    if (this.#proposal && sameViewId(this.#proposal.ballot, message.ballot)) {
      this.#proposal.accept(message);
      this.#commitWhenAgreed(nowMs, effects);
    } else if (this.#lastCommit && sameViewId(this.#lastCommit.ballot, message.ballot)) {
      effects.push({ kind: 'send', to: message.from, message: this.#lastCommit });
    }
  }

  #onNack(message: Nack): void {
    if (this.#proposal && sameViewId(this.#proposal.ballot, message.ballot)) this.#proposal = undefined;
  }

  #commitWhenAgreed(nowMs: number, effects: Effect[]): void {
    const commit = this.#proposal?.commit();
    // Refused by its own proposer only when an OK was nonsense: then nobody else may install it either.
    if (!commit || !this.#install(nowMs, commit, effects)) return;
    for (const { incarnation } of commit.members) {
      if (incarnation !== this.#self.incarnation)
        effects.push({ kind: 'send', to: incarnation, message: commit });
    }
  }

  #onCommit(nowMs: number, commit: Commit, effects: Effect[]): void {
    if (compareViewIds(commit.ballot, this.#view.id) <= 0) return;
    if (!this.#promises.isHighest(commit.ballot) || !this.#isDescribedIn(commit.members)) return;
    this.#install(nowMs, commit, effects);
  }

  /**
   * Delivers what the survivors of the old view agreed on, then moves. A commit whose flush does not fit what was
   * delivered here is refused: this process thawed after its promise and went on, and installing would break virtual
   * synchrony. It becomes a laggard and is proposed again.
   */
  #install(nowMs: number, commit: Commit, effects: Effect[]): boolean {
    const flush = commit.flush.find(({ view }) => sameViewId(view, this.#view.id));
    if (!flush || !this.#stream.flush(flush, effects)) return false;
    const oldView = this.#view;
    this.#view = { id: commit.ballot, members: withSeniority(commit.members, commit.ballot.epoch) };
    this.#self = this.#view.members.find((member) => member.incarnation === this.#self.incarnation)!;
    this.peers.rememberView(this.#view);
    this.#stream = new ViewStream(this.#view, this.#self.incarnation, this.#options.orderBacklog);
    this.#lastCommit = commit;
    this.#promises.close();
    this.#proposal = undefined;
    this.#waitingSinceMs = undefined;
    this.#losses.forget();
    this.#installedMs = nowMs;
    const cause = causeOf(oldView, this.#view, this.peers);
    effects.push({ kind: 'install', view: this.#view, cause, survivors: flush.survivors });
    effects.push({ kind: 'broadcast', message: this.#beat(nowMs) });
    return true;
  }

  // --- beats ----------------------------------------------------------------------------------

  #onBeat(nowMs: number, beat: Beat, effects: Effect[]): void {
    const heard = this.peers.hear(beat, nowMs);
    if (heard === 'ignored') return;
    if (heard === 'changed') this.#evaluate(nowMs, effects);
    if (!this.#frozen) effects.push(...this.#stream.askForLost(beat));
  }

  #beat(nowMs: number): Beat {
    const { id, members } = this.#view;
    return {
      kind: 'beat',
      from: this.#self,
      count: ++this.#beats,
      view: id,
      viewSize: members.length,
      viewHash: hashMembers(members),
      ...this.peers.describe(this.#view, nowMs),
      heard: this.#options.tellsHeard ? this.peers.heardCounts(this.#view) : nothingHeard,
      epoch: this.#epoch,
      applied: this.#stream.applied,
      digests: this.digests(),
    };
  }
}
