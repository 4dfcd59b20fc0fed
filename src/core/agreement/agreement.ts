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
  leaderOf,
  memberOf,
  type Process,
  sameViewId,
  type View,
  type ViewCause,
  type ViewId,
} from '../view.ts';
import type { Effect } from './effects.ts';
import { flushFor, type OkSummary, summaryOf } from './flush.ts';
import {
  type Beat,
  type Commit,
  epochOf,
  type Nack,
  type Ok,
  type Ordered,
  type Propose,
  type Resend,
  type RowDigest,
  type ViewMessage,
} from './messages.ts';
import { OrderedStream } from './ordered-stream.ts';
import { hashMembers, Peers, setBit, viewsShown } from './peers.ts';

export interface AgreementOptions {
  readonly beatIntervalMs: number;
  readonly failureTimeoutMs: number;
  /** Ordered messages kept until all members have them. */
  readonly orderBacklog: number;
  /** Processes remembered at the same time; strangers beyond it are not heard. */
  readonly maxPeers: number;
}

interface Proposal {
  readonly ballot: ViewId;
  readonly members: readonly Process[];
  readonly oks: Map<Incarnation, OkSummary>;
  readonly sinceMs: number;
}

/** Entries sent in answer to one resend request; the rest is asked for again. */
const resendBatch = 64;
/** Epochs count proposals: no cluster is that far ahead of one of its members. */
const maxEpochStep = 2 ** 32;
/** Ballots this process said OK to, remembered to recognise views that include it. */
const rememberedBallots = 8;

export class Agreement {
  readonly peers: Peers;
  /** Digests of the own rows, for each beat. */
  digests: () => readonly RowDigest[] = () => [];
  readonly #options: AgreementOptions;
  #self: Process;
  #view: View;
  #stream: OrderedStream;
  #epoch = 0;
  #nonce = 1;
  #beats = 0;
  #installedMs: number;
  #lastTickMs: number;
  /** The highest ballot ever promised. */
  #promised: ViewId | undefined;
  /** The promise still in force: nothing else may happen until it is kept or too old. */
  #promise: { readonly ballot: ViewId; readonly sinceMs: number } | undefined;
  #proposal: Proposal | undefined;
  #lastCommit: Commit | undefined;
  readonly #okayed: ViewId[] = [];
  #waitingSinceMs: number | undefined;
  #namesakeSinceMs: number | undefined;
  #brokenSinceMs: number | undefined;
  /** Since when no member's progress makes room for further ordered messages. */
  #fullSinceMs: number | undefined;

  constructor(self: Process, options: AgreementOptions, nowMs: number) {
    this.#self = self;
    this.#options = options;
    this.#view = { id: { epoch: 0, coordinator: self.incarnation, nonce: 0 }, members: [self] };
    this.#stream = new OrderedStream(options.orderBacklog);
    this.peers = new Peers(self, options);
    this.peers.rememberView(this.#view);
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
    return !this.#promise && !this.#proposal && this.#brokenSinceMs === undefined;
  }

  get isLeader(): boolean {
    return leaderOf(this.#view)?.incarnation === this.#self.incarnation;
  }

  /** Time passed: evaluates the rules and beats. Call it each `beatIntervalMs`. */
  tick(nowMs: number): Effect[] {
    const lateMs = nowMs - this.#lastTickMs - this.#options.beatIntervalMs;
    this.#lastTickMs = nowMs;
    if (lateMs > this.#options.beatIntervalMs) this.peers.forgive(lateMs, nowMs);
    const effects: Effect[] = [];
    this.#evaluate(nowMs, effects);
    this.peers.prune(nowMs);
    this.#advanceStable(nowMs);
    effects.push({ kind: 'broadcast', message: this.#beat(nowMs) });
    this.#repeatProposal(effects);
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
        this.#onOrdered(message, effects);
        break;
      case 'resend':
        this.#onResend(message, effects);
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

  /**
   * Leader only: sends a message that all members of this view deliver in the same order. Undefined when this is not
   * the leader, a new view is being formed, or members lag by the whole backlog: try again later.
   */
  order(payload: Uint8Array): Effect[] | undefined {
    if (!this.isLeader || this.#frozen) return undefined;
    const entry = this.#stream.append(payload);
    if (!entry) return undefined;
    return [
      {
        kind: 'broadcast',
        message: { kind: 'ordered', from: this.#self.incarnation, view: this.#view.id, entry },
      },
      { kind: 'deliver', view: this.#view, number: entry.number, payload },
    ];
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
    return this.#promise !== undefined || this.#proposal !== undefined;
  }

  /** Rules 1-5 of the protocol, in this order: wait, missed commit, shrink, laggard, merge. */
  #evaluate(nowMs: number, effects: Effect[]): void {
    this.#checkNamesakes(nowMs, effects);
    if (this.#mustWait(nowMs, effects)) return;
    if (this.#askForMissedCommit(nowMs, effects)) return;
    if (this.#isBroken(nowMs)) {
      this.#brokenSinceMs ??= nowMs;
      this.#shrink(nowMs, effects);
      return;
    }
    this.#brokenSinceMs = undefined;
    this.#waitingSinceMs = undefined;
    if (this.#view.members[0]?.incarnation !== this.#self.incarnation) return;
    if (this.#hasLaggard(nowMs)) this.#propose(nowMs, this.#view.members, effects);
    else this.#merge(nowMs, effects);
  }

  #mustWait(nowMs: number, effects: Effect[]): boolean {
    if (this.#promise) {
      if (nowMs - this.#promise.sinceMs < this.#options.failureTimeoutMs) return true;
      this.#promise = undefined;
    }
    if (this.#proposal) {
      const stillMutual = this.#proposal.members.every((member) =>
        this.peers.mutual(member.incarnation, nowMs),
      );
      if (stillMutual && nowMs - this.#proposal.sinceMs < 2 * this.#options.beatIntervalMs) return true;
      this.#proposal = undefined;
    }
    this.#deliverReady(effects);
    return false;
  }

  /** Somebody shows a view that this process promised but never saw committed: the commit was lost on the way. */
  #askForMissedCommit(nowMs: number, effects: Effect[]): boolean {
    const promised = this.#promised;
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

  #isBroken(nowMs: number): boolean {
    const members = this.#view.members;
    if (!members.every((member) => this.#isWithMe(member.incarnation, nowMs))) return true;
    for (let i = 0; i < members.length; i++) {
      for (let j = i + 1; j < members.length; j++) {
        if (!this.peers.edge(members[i]!, members[j]!, nowMs)) return true;
      }
    }
    return false;
  }

  /** A member is lost when it is not mutual with this process, or has moved to a newer view without it. */
  #isWithMe(incarnation: Incarnation, nowMs: number): boolean {
    if (incarnation === this.#self.incarnation) return true;
    if (!this.peers.mutual(incarnation, nowMs)) return false;
    const shown = this.peers.get(incarnation)!.beat.view;
    return (
      compareViewIds(shown, this.#view.id) <= 0 || this.#okayed.some((ballot) => sameViewId(ballot, shown))
    );
  }

  /**
   * Partitions the members greedily, in member order, into groups that hear each other. Only members of the broken
   * view take part: taken over everybody heard, a badly connected newcomer would tear a healthy view apart.
   */
  #shrink(nowMs: number, effects: Effect[]): void {
    let rest = [...this.#view.members];
    let mine: Process[] = [];
    while (!mine.some((member) => member.incarnation === this.#self.incarnation)) {
      mine = [];
      for (const member of rest) {
        if (mine.every((other) => this.#belongTogether(other, member, nowMs))) mine.push(member);
      }
      const taken = mine;
      rest = rest.filter((member) => !taken.includes(member));
    }
    if (this.#mayBeEarly(mine, nowMs)) return;
    if (mine[0]!.incarnation === this.#self.incarnation) {
      this.#waitingSinceMs = undefined;
      this.#propose(nowMs, mine, effects);
    } else if (this.#waitingSinceMs === undefined) {
      this.#waitingSinceMs = nowMs;
    } else if (nowMs - this.#waitingSinceMs > 2 * this.#options.failureTimeoutMs) {
      this.#waitingSinceMs = undefined;
      this.#propose(nowMs, [this.#self], effects);
    }
  }

  /**
   * A process that notices a loss first still reads in the others' beats that they hear whom it has lost: it would take
   * itself for the lonely one and leave. So it gives the members that it would part from two beats to notice, too.
   */
  #mayBeEarly(mine: readonly Process[], nowMs: number): boolean {
    if (nowMs - this.#brokenSinceMs! >= 2 * this.#options.beatIntervalMs) return false;
    return this.#view.members.some(
      (member) => !mine.includes(member) && this.#isWithMe(member.incarnation, nowMs),
    );
  }

  #belongTogether(a: Process, b: Process, nowMs: number): boolean {
    if (!this.peers.edge(a, b, nowMs)) return false;
    if (a.incarnation === this.#self.incarnation) return this.#isWithMe(b.incarnation, nowMs);
    if (b.incarnation === this.#self.incarnation) return this.#isWithMe(a.incarnation, nowMs);
    return true;
  }

  /** A member still shows an older view long after the install: its promise had overtaken the commit. */
  #hasLaggard(nowMs: number): boolean {
    if (nowMs - this.#installedMs <= this.#options.failureTimeoutMs) return false;
    if (this.#fullSinceMs !== undefined && nowMs - this.#fullSinceMs > this.#options.failureTimeoutMs)
      return true;
    return this.#view.members.some((member) => {
      const peer = this.peers.get(member.incarnation);
      return peer !== undefined && compareViewIds(peer.beat.view, this.#view.id) < 0;
    });
  }

  /** Joins whole views that can hear each other completely; the first process in order proposes. */
  #merge(nowMs: number, effects: Effect[]): void {
    const inView = new Set(this.#view.members.map((member) => member.incarnation));
    const strangers = [...this.peers.all()].filter(
      (peer) => !inView.has(peer.process.incarnation) && this.peers.fresh(peer.process.incarnation, nowMs),
    );
    if (strangers.length === 0) return;
    const candidates = [...viewsShown(strangers).values()]
      .map((id) => this.peers.membersShowing(id, nowMs))
      .filter((members) => members !== undefined)
      .filter((members) => members.every((member) => !inView.has(member.incarnation)))
      .sort((a, b) => compareProcesses(a[0]!, b[0]!));
    let union = [...this.#view.members];
    for (const members of candidates) {
      const whole = union.every((a) => members.every((b) => this.peers.edge(a, b, nowMs)));
      if (whole) union = [...union, ...members];
    }
    if (union.length === this.#view.members.length) return;
    union.sort(compareProcesses);
    if (union[0]!.incarnation === this.#self.incarnation) this.#propose(nowMs, union, effects);
  }

  #checkNamesakes(nowMs: number, effects: Effect[]): void {
    const namesakes = this.peers.namesakes(nowMs);
    if (namesakes.length === 0) {
      this.#namesakeSinceMs = undefined;
      return;
    }
    this.#namesakeSinceMs ??= nowMs;
    if (nowMs - this.#namesakeSinceMs < 3 * this.#options.failureTimeoutMs) return;
    const earlier = namesakes.find((other) => compareProcesses(other, this.#self) < 0);
    if (earlier) effects.push({ kind: 'namesake', other: earlier });
  }

  // --- proposing -------------------------------------------------------------------------------------------------

  #propose(nowMs: number, members: readonly Process[], effects: Effect[]): void {
    const ballot = { epoch: ++this.#epoch, coordinator: this.#self.incarnation, nonce: this.#nonce++ };
    this.#promise = undefined;
    this.#promised = ballot;
    this.#rememberBallot(ballot);
    const own = summaryOf(this.#view.id, this.#stream);
    this.#proposal = {
      ballot,
      members: members.map((member) => this.#newest(member)).sort(compareProcesses),
      oks: new Map([[this.#self.incarnation, own]]),
      sinceMs: nowMs,
    };
    this.#repeatProposal(effects);
    this.#commitWhenAgreed(nowMs, effects);
  }

  /** As its own beats describe it: a member that missed the last commit does not have the seniority given there. */
  #newest(member: Process): Process {
    if (member.incarnation === this.#self.incarnation) return this.#self;
    return this.peers.get(member.incarnation)?.process ?? member;
  }

  #repeatProposal(effects: Effect[]): void {
    const proposal = this.#proposal;
    if (!proposal) return;
    const message: Propose = {
      kind: 'propose',
      from: this.#self.incarnation,
      ballot: proposal.ballot,
      members: proposal.members,
    };
    for (const { incarnation } of proposal.members) {
      if (!proposal.oks.has(incarnation)) effects.push({ kind: 'send', to: incarnation, message });
    }
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
    this.#promised = message.ballot;
    const repeated = this.#promise && sameViewId(this.#promise.ballot, message.ballot);
    if (!repeated) this.#promise = { ballot: message.ballot, sinceMs: nowMs };
    this.#rememberBallot(message.ballot);
    const own = summaryOf(this.#view.id, this.#stream);
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
    if (this.#promised && compareViewIds(ballot, this.#promised) < 0) return false;
    if (!this.#isDescribedIn(members)) return false;
    if (!members.every((member) => this.peers.mutual(member.incarnation, nowMs))) return false;
    if (this.#tearsWholeView(from, members, nowMs)) return false;
    const own = this.#proposal;
    if (!own || sameViewId(own.ballot, ballot)) return true;
    const proposer = members.find((member) => member.incarnation === from);
    const proposerIsEarlier = proposer !== undefined && compareProcesses(proposer, this.#self) < 0;
    return proposerIsEarlier || !own.members.some((member) => member.incarnation === from);
  }

  /**
   * In member order, with this process as it describes itself. A proposer that has not yet heard of our seniority would
   * put us in another place than we put ourselves, and one that misread our type would keep us from leading for life.
   */
  #isDescribedIn(members: readonly Process[]): boolean {
    const me = members.find((member) => member.incarnation === this.#self.incarnation);
    const isInOrder = members.every((member, i) => i === 0 || compareProcesses(members[i - 1]!, member) < 0);
    return isInOrder && me !== undefined && compareProcesses(me, this.#self) === 0 && me.type === this.#self.type;
  }

  /**
   * A stranger may add to a whole view, but only its members may leave somebody out. A process that wakes up in the view
   * of long ago would otherwise tear members out of the view that was made without it, one by one, as their beats reach it.
   */
  #tearsWholeView(proposer: Incarnation, members: readonly Process[], nowMs: number): boolean {
    if (memberOf(this.#view, proposer) || this.#isBroken(nowMs)) return false;
    const proposed = new Set(members.map((member) => member.incarnation));
    return !this.#view.members.every((member) => proposed.has(member.incarnation));
  }

  #onOk(nowMs: number, message: Ok, effects: Effect[]): void {
    const proposal = this.#proposal;
    if (proposal && sameViewId(proposal.ballot, message.ballot)) {
      if (!proposal.members.some((member) => member.incarnation === message.from)) return;
      proposal.oks.set(message.from, {
        view: message.oldView,
        applied: message.applied,
        unstable: message.unstable,
      });
      this.#commitWhenAgreed(nowMs, effects);
    } else if (this.#lastCommit && sameViewId(this.#lastCommit.ballot, message.ballot)) {
      effects.push({ kind: 'send', to: message.from, message: this.#lastCommit });
    }
  }

  #onNack(message: Nack): void {
    if (this.#proposal && sameViewId(this.#proposal.ballot, message.ballot)) this.#proposal = undefined;
  }

  #commitWhenAgreed(nowMs: number, effects: Effect[]): void {
    const proposal = this.#proposal;
    if (!proposal?.members.every((member) => proposal.oks.has(member.incarnation))) return;
    const commit: Commit = {
      kind: 'commit',
      from: this.#self.incarnation,
      ballot: proposal.ballot,
      members: proposal.members,
      flush: flushFor(proposal.oks),
    };
    // Refused by its own proposer only when an OK was nonsense: then nobody else may install it either.
    if (!this.#install(nowMs, commit, effects)) return;
    for (const { incarnation } of commit.members) {
      if (incarnation !== this.#self.incarnation)
        effects.push({ kind: 'send', to: incarnation, message: commit });
    }
  }

  #onCommit(nowMs: number, commit: Commit, effects: Effect[]): void {
    if (compareViewIds(commit.ballot, this.#view.id) <= 0) return;
    if (!this.#promised || !sameViewId(this.#promised, commit.ballot) || !this.#isDescribedIn(commit.members)) return;
    this.#install(nowMs, commit, effects);
  }

  /**
   * Delivers what the survivors of the old view agreed on, then moves. A commit whose flush does not fit what was
   * delivered here is refused: this process thawed after its promise and went on, and installing would break virtual
   * synchrony. It becomes a laggard and is proposed again.
   */
  #install(nowMs: number, commit: Commit, effects: Effect[]): boolean {
    const flush = commit.flush.find(({ view }) => sameViewId(view, this.#view.id));
    if (!flush || flush.upTo < this.#stream.applied) return false;
    for (const entry of flush.entries) this.#stream.receive(entry);
    const oldView = this.#view;
    while (this.#stream.applied < flush.upTo) {
      const entry = this.#stream.takeNext();
      if (!entry) return false;
      effects.push({ kind: 'deliver', view: oldView, number: entry.number, payload: entry.payload });
    }
    this.#view = { id: commit.ballot, members: withSeniority(commit.members, commit.ballot.epoch) };
    this.#self = this.#view.members.find((member) => member.incarnation === this.#self.incarnation)!;
    this.peers.rememberView(this.#view);
    this.#stream = new OrderedStream(this.#options.orderBacklog);
    this.#lastCommit = commit;
    this.#promise = undefined;
    this.#proposal = undefined;
    this.#waitingSinceMs = undefined;
    this.#brokenSinceMs = undefined;
    this.#fullSinceMs = undefined;
    this.#installedMs = nowMs;
    const cause = this.#causeOf(oldView, this.#view);
    effects.push({ kind: 'install', view: this.#view, cause, survivors: flush.survivors });
    effects.push({ kind: 'broadcast', message: this.#beat(nowMs) });
    return true;
  }

  #causeOf(oldView: View, view: View): ViewCause {
    const before = new Set(oldView.members.map((member) => member.incarnation));
    if (view.members.some((member) => !before.has(member.incarnation))) return 'join';
    const now = new Set(view.members.map((member) => member.incarnation));
    const lost = oldView.members.filter((member) => !now.has(member.incarnation));
    const evidence = lost.map((member) => this.peers.get(member.incarnation)?.evidence ?? 'silent');
    // Nobody lost: the same members once more, because one of them had missed the last view.
    if (lost.length === 0 || evidence.includes('silent')) return 'network';
    return evidence.includes('closed') ? 'disconnect' : 'leave';
  }

  #rememberBallot(ballot: ViewId): void {
    this.#okayed.unshift(ballot);
    this.#okayed.length = Math.min(this.#okayed.length, rememberedBallots);
  }

  // --- beats and ordered messages ----------------------------------------------------------------------------------

  #onBeat(nowMs: number, beat: Beat, effects: Effect[]): void {
    const heard = this.peers.hear(beat, nowMs);
    if (heard === 'ignored') return;
    if (heard === 'changed') this.#evaluate(nowMs, effects);
    this.#askForLostEntries(beat, effects);
  }

  /** The leader's beat follows its ordered messages on the same connection: a number it shows and we lack was lost. */
  #askForLostEntries(beat: Beat, effects: Effect[]): void {
    if (this.#frozen || beat.applied <= this.#stream.applied || !sameViewId(beat.view, this.#view.id)) return;
    if (leaderOf(this.#view)?.incarnation !== beat.from.incarnation) return;
    effects.push({
      kind: 'send',
      to: beat.from.incarnation,
      message: {
        kind: 'resend',
        from: this.#self.incarnation,
        view: this.#view.id,
        first: this.#stream.applied + 1,
      },
    });
  }

  #onResend({ from, view, first }: Resend, effects: Effect[]): void {
    if (!this.isLeader || !sameViewId(view, this.#view.id)) return;
    for (const entry of this.#stream.keptFrom(first).slice(0, resendBatch)) {
      effects.push({
        kind: 'send',
        to: from,
        message: { kind: 'ordered', from: this.#self.incarnation, view, entry },
      });
    }
  }

  #onOrdered(message: Ordered, effects: Effect[]): void {
    if (!sameViewId(message.view, this.#view.id)) return;
    if (leaderOf(this.#view)?.incarnation !== message.from) return;
    this.#stream.receive(message.entry);
    if (!this.#frozen) this.#deliverReady(effects);
  }

  #deliverReady(effects: Effect[]): void {
    for (let entry = this.#stream.takeNext(); entry; entry = this.#stream.takeNext()) {
      effects.push({ kind: 'deliver', view: this.#view, number: entry.number, payload: entry.payload });
    }
  }

  /** What all members of the view have applied, as their beats say. */
  #advanceStable(nowMs: number): void {
    let stable = this.#stream.applied;
    for (const { incarnation } of this.#view.members) {
      if (incarnation === this.#self.incarnation) continue;
      const beat = this.peers.get(incarnation)?.beat;
      stable = Math.min(stable, beat && sameViewId(beat.view, this.#view.id) ? beat.applied : 0);
    }
    this.#stream.stableUpTo(stable);
    this.#fullSinceMs = this.#stream.full ? (this.#fullSinceMs ?? nowMs) : undefined;
  }

  #beat(nowMs: number): Beat {
    const members = this.#view.members;
    const bytes = Math.ceil(members.length / 8);
    const hears = new Uint8Array(bytes);
    const mutual = new Uint8Array(bytes);
    const others: { incarnation: Incarnation; mutual: boolean }[] = [];
    const place = new Map(members.map((member, i) => [member.incarnation, i]));
    const own = place.get(this.#self.incarnation)!;
    setBit(hears, own);
    setBit(mutual, own);
    for (const peer of this.peers.all()) {
      const incarnation = peer.process.incarnation;
      if (!this.peers.fresh(incarnation, nowMs)) continue;
      const index = place.get(incarnation);
      const isMutual = this.peers.mutual(incarnation, nowMs);
      if (index === undefined || !sameViewId(peer.beat.view, this.#view.id)) {
        others.push({ incarnation, mutual: isMutual });
      } else {
        setBit(hears, index);
        if (isMutual) setBit(mutual, index);
      }
    }
    return {
      kind: 'beat',
      from: this.#self,
      count: ++this.#beats,
      view: this.#view.id,
      viewSize: members.length,
      viewHash: hashMembers(members),
      hears,
      mutual,
      others,
      epoch: this.#epoch,
      applied: this.#stream.applied,
      digests: this.digests(),
    };
  }
}

/** Processes in company for the first time get their seniority from this view (MEM-9). */
function withSeniority(members: readonly Process[], epoch: number): readonly Process[] {
  if (members.length < 2) return members;
  return members.map((member) =>
    member.seniority === Number.POSITIVE_INFINITY ? { ...member, seniority: epoch } : member,
  );
}
