/**
 * The accounts this node keeps or knows of, and the part of the protocol that grants (replication 7.18, 7.20).
 *
 * Every grant goes from the account holder to its deputy, which writes it down and passes it on to the asker. So when the
 * holder is lost the next one, which is the deputy, knows all that was granted. Neither grants nor passes on anything
 * before all members of the view have reported what they know: the deputy too, because it may be the holder of the next view
 * and would then not know what others were granted in this one before it came.
 *
 * At most N units are granted in a window as long as views follow one another in one chain, whoever is lost, with two
 * exceptions. When holder and deputy are lost together, or the second one before everybody has reported after the first,
 * units granted to members that were lost too are forgotten. And a limit that is lowered to a window of another length
 * begins anew.
 */
import type { Incarnation } from '../identity.ts';
import { PartedMap } from '../parted-map.ts';
import type { Work } from '../replica/work.ts';
import { type Process, sameViewId, type ViewId } from '../view.ts';
import { Account } from './account.ts';
import { type Keepers, keepersOf } from './keepers.ts';
import type {
  DeskMessage,
  QuotaAsk,
  QuotaGrant,
  QuotaRecord,
  QuotaReport,
  QuotaReported,
} from './messages.ts';
import { isSlots, type Rate, sameWindows, windowAt } from './rate.ts';
import { Reports } from './reports.ts';
import type { LostNode, PartitionPolicy } from './shares.ts';

export type Granted = Pick<QuotaGrant, 'window' | 'granted' | 'released' | 'exhausted'>;

export interface DeskPorts {
  send(to: Incarnation, message: DeskMessage): boolean;
  wallMs(): number;
  /** What a node may have at most, after others were lost. */
  most(policy: PartitionPolicy, node: string, rate: Rate, window: number): number;
  /** Whom this node has lost, for the others to hear, and whom one of them has. */
  lost(): readonly LostNode[];
  heardLost(lost: readonly LostNode[]): void;
  /** A grant for this node, confirmed by the deputy. */
  granted(id: string, grant: Granted): void;
  /** Another rate counts now. */
  rateChanged(id: string): void;
  /** A member has come to this view, so what it was asked before may have been lost. */
  arrived(member: Incarnation): void;
  /** This node grants from now on. */
  ready(): void;
}

/** Whose accounts they are. */
export type QuotaObject = Pick<DeskMessage, 'object' | 'type'>;

/** Asks and records that come before all reports have. */
const maxEarly = 10_000;
/** Limits that others may make this node keep: as many, or what three other nodes would use that have no name in common. */
const minAccounts = 100_000;
const accountsPerThrottle = 4;
/** Accounts and their entries looked at in a turn, and parts of reports sent in one: about a millisecond of work each. */
const turnLooks = 256;
const turnParts = 2;
const turnEarly = 64;

export class AccountDesk {
  readonly #object: QuotaObject;
  readonly #ports: DeskPorts;
  readonly #maxAccounts: number;
  #self: Incarnation;
  readonly #accounts = new PartedMap<Account>();
  readonly #reports = new Reports();
  /** Goes through all accounts at the beginning of a view. */
  #preparation: Work | undefined;
  /** Who waits for slots, by limit: served in turn as slots come free. */
  readonly #queues = new PartedMap<Map<Incarnation, QuotaAsk>>();
  /** Cleared with each view: a hash for each node and limit. */
  readonly #keepers = new PartedMap<Keepers>();
  #view: ViewId;
  #nodes: readonly Process[] = [];
  #early: (QuotaAsk | QuotaRecord)[] = [];
  #drops = 0;

  /** `capacity`: throttles that a node of this cluster may have. */
  constructor(object: QuotaObject, self: Incarnation, capacity: number, ports: DeskPorts) {
    this.#maxAccounts = Math.max(minAccounts, accountsPerThrottle * capacity);
    this.#object = object;
    this.#self = self;
    this.#ports = ports;
    this.#view = noView(self);
  }

  /** The process goes on as another one, alone until its first view. What was granted to it stays granted. */
  become(self: Incarnation): void {
    this.#self = self;
    this.#view = noView(self);
    this.#nodes = [];
    this.#keepers.clear();
    this.#early = [];
    this.#queues.clear();
    this.#preparation = undefined;
    this.#reports.begin([]);
    this.#reports.made();
  }

  /** Messages that came too early in too great number, or from somebody who had no business to send them. */
  get drops(): number {
    return this.#drops;
  }

  /** All members have reported, so grants can be made. */
  get isReady(): boolean {
    return this.#reports.isComplete;
  }

  get isReporting(): boolean {
    return !this.#reports.isDone || this.#waitsForTurn;
  }

  /** `step` has something to do at once. */
  get hasWork(): boolean {
    return this.#preparation !== undefined || this.#reports.hasUnsent || this.#waitsForTurn;
  }

  /** Parts that the others have not confirmed. */
  get unheardParts(): number {
    return this.#reports.unheardParts;
  }

  account(id: string, rate: Rate): Account {
    const account = this.#accountOf(id, rate);
    account.state(rate, this.#ports.wallMs());
    return account;
  }

  keepers(id: string): Keepers {
    if (this.#nodes.length === 0) return { holder: this.#self, deputy: undefined };
    let keepers = this.#keepers.get(id);
    if (!keepers) {
      if (this.#keepers.size >= this.#maxAccounts) this.#keepers.clear();
      keepers = keepersOf(id, this.#nodes);
      this.#keepers.set(id, keepers);
    }
    return keepers;
  }

  viewInstalled(view: ViewId, nodes: readonly Process[]): void {
    this.#view = view;
    this.#nodes = nodes;
    this.#keepers.clear();
    this.#early = [];
    this.#queues.clear();
    const members = nodes.map(({ incarnation }) => incarnation);
    const others = members.filter((member) => member !== this.#self);
    this.#reports.begin(others);
    this.#preparation = this.#prepare();
    this.#advance();
  }

  /** Nothing is granted, and no grant is taken, before the next view. */
  suspend(): void {
    this.#view = noView(this.#self);
    this.#early = [];
    this.#queues.clear();
    this.#preparation = undefined;
    this.#reports.begin([]);
  }

  /** One turn of what has to be done at the beginning of a view. */
  step(): void {
    const wasReady = this.isReady;
    this.#advance();
    if (!wasReady && this.isReady) this.#begin();
    else if (this.#waitsForTurn) this.#handleEarly();
  }

  /** What was reported may be lost. */
  repeatReports(): void {
    this.#reports.repeat();
  }

  /** To the holder of the limit, which may be this node. */
  ask(ask: Omit<QuotaAsk, 'kind' | 'object' | 'type' | 'from' | 'view'>): void {
    const { holder } = this.keepers(ask.id);
    this.#dispatch(holder, { kind: 'ask', ...this.#header, ...ask });
  }

  receive(message: DeskMessage): void {
    // From a view this node has not installed yet, or has left. Whoever still needs an answer says it again.
    if (!sameViewId(message.view, this.#view) || !this.#isMember(message.from)) return;
    this.#handle(message);
  }

  /** Forgets what nobody may speak of any more. */
  *dropClosed(isHeld: (id: string) => boolean): Work {
    let looked = 0;
    for (const [id, account] of this.#accounts) {
      account.dropClosed(this.#ports.wallMs());
      if (account.isEmpty && !isHeld(id)) this.#accounts.delete(id);
      if (++looked % turnLooks === 0) yield;
    }
  }

  #advance(): void {
    if (this.#preparation?.next().done) this.#preparation = undefined;
    for (const [to, part] of this.#reports.next(turnParts)) {
      const lost = part.part === 0 ? this.#ports.lost() : [];
      this.#ports.send(to, { kind: 'report', ...this.#header, ...part, lost });
    }
  }

  /** What each node has to know as holder or deputy. Nobody grants anything before this node has told it. */
  *#prepare(): Work {
    let looked = 0;
    for (const [id, account] of this.#accounts) {
      account.keepOnly(this.#self);
      const { holder, deputy } = this.keepers(id);
      for (const entry of account.entries(this.#ports.wallMs())) {
        const item = { id, rate: account.rate, ...entry };
        this.#reports.tell(holder, item);
        if (deputy !== undefined) this.#reports.tell(deputy, item);
        if (++looked % turnLooks === 0) yield;
      }
      if (++looked % turnLooks === 0) yield;
    }
    this.#reports.made();
  }

  #handle(message: DeskMessage): void {
    switch (message.kind) {
      case 'ask':
        if (this.isReady) this.#asked(message);
        else this.#postpone(message);
        break;
      case 'record':
        if (this.isReady) this.#recorded(message);
        else this.#postpone(message);
        break;
      case 'grant':
        this.#granted(message);
        break;
      case 'report':
        this.#reported(message);
        break;
      case 'reported':
        this.#reports.heard(message.from);
    }
  }

  #asked(ask: QuotaAsk): void {
    const { holder } = this.keepers(ask.id);
    const account = this.#known({ id: ask.id, rate: ask.own });
    if (holder !== this.#self || !account) {
      this.#drops++;
      return;
    }
    const { rate } = account;
    const wallMs = this.#ports.wallMs();
    // Who asks with a larger rate is told the one that counts, and what it has of the window as that one numbers it.
    const isSameWindow = sameWindows(ask.rate, rate);
    const window = isSameWindow ? ask.window : windowAt(rate, wallMs);
    if (!account.isOpen(window, wallMs)) return;
    account.release(ask.from, ask.released);
    // More than it says it has: a grant was lost, or this ask is an old one. Either way it needs no more units yet.
    if (isSameWindow && ask.granted >= account.granted(window, ask.from)) {
      account.merge(window, ask.from, ask.granted);
      if (isSlots(rate)) this.#queue(ask, account);
      else account.grant(window, ask.from, ask.want, this.#remaining(account, window, ask), ask.epsilon);
    }
    this.#tell(ask, account, window, isSlots(rate) ? this.#waits(ask) : undefined);
  }

  /** Its turn comes behind those who wait already; then whoever has it gets a slot, as long as there is one. */
  #queue(ask: QuotaAsk, account: Account): void {
    const queue = this.#queues.get(ask.id) ?? new Map<Incarnation, QuotaAsk>();
    if (ask.want > 0) queue.set(ask.from, ask);
    else queue.delete(ask.from);
    for (const waiting of queue.values()) {
      if (this.#remaining(account, 0, waiting) === 0) continue;
      queue.delete(waiting.from);
      account.grant(0, waiting.from, 1, 1, waiting.epsilon);
      // Behind the others, and so reached by this loop once more.
      if (waiting.want > 1) queue.set(waiting.from, { ...waiting, want: waiting.want - 1 });
      if (waiting.from !== ask.from) this.#tell(waiting, account, 0, queue.has(waiting.from));
    }
    if (queue.size > 0) this.#queues.set(ask.id, queue);
    else this.#queues.delete(ask.id);
  }

  #waits(ask: QuotaAsk): boolean {
    return this.#queues.get(ask.id)?.has(ask.from) ?? false;
  }

  /** What the asker has now, by way of the deputy. */
  #tell(
    ask: QuotaAsk,
    account: Account,
    window: number,
    exhausted = this.#remaining(account, window, ask) === 0,
  ): void {
    const { deputy } = this.keepers(ask.id);
    const granted = account.granted(window, ask.from);
    const released = account.released(ask.from);
    const said = { ...this.#header, id: ask.id, rate: account.rate, window, granted, released, exhausted };
    if (deputy !== undefined) this.#dispatch(deputy, { kind: 'record', ...said, to: ask.from });
    else if (ask.from === this.#self) this.#granted({ kind: 'grant', ...said });
  }

  /** What the asker can still be granted. */
  #remaining(account: Account, window: number, { from, partition }: QuotaAsk): number {
    const asker = this.#nodes.find(({ incarnation }) => incarnation === from);
    const most = asker
      ? this.#ports.most(partition, asker.node, account.rate, window)
      : Number.POSITIVE_INFINITY;
    return Math.max(0, Math.min(account.remaining(window), most - account.held(window, from)));
  }

  #recorded(record: QuotaRecord): void {
    const { holder, deputy } = this.keepers(record.id);
    const account = this.#known(record);
    if (record.from !== holder || deputy !== this.#self || !account) {
      this.#drops++;
      return;
    }
    const { id, rate, window, to, granted, released, exhausted } = record;
    if (!sameWindows(rate, account.rate) || !account.isOpen(window, this.#ports.wallMs())) return;
    account.merge(window, to, granted);
    account.release(to, released);
    this.#dispatch(to, { kind: 'grant', ...this.#header, id, rate, window, granted, released, exhausted });
  }

  #granted(grant: QuotaGrant): void {
    const { holder, deputy } = this.keepers(grant.id);
    const account = this.#known(grant);
    if (grant.from !== (deputy ?? holder) || !account) {
      this.#drops++;
      return;
    }
    const { id, window, granted, released } = grant;
    if (!sameWindows(grant.rate, account.rate) || !account.isOpen(window, this.#ports.wallMs())) return;
    account.merge(window, this.#self, granted);
    // With a view this book may have dropped both. A limit that is used again after a pause begins with what stands here:
    // without the slots that were given back it would hold all that it ever had.
    account.release(this.#self, released);
    this.#ports.granted(id, grant);
  }

  #reported(report: QuotaReport): void {
    const wasReady = this.isReady;
    const wallMs = this.#ports.wallMs();
    for (const item of report.items) {
      const account = this.#known(item);
      if (!account || !sameWindows(item.rate, account.rate) || !account.isOpen(item.window, wallMs)) continue;
      // A member of an earlier release also tells what it remembers of others.
      if (isSlots(item.rate) && item.to !== report.from) continue;
      account.merge(item.window, item.to, item.granted);
      account.release(item.to, item.released);
    }
    // It has come to this view, perhaps after this node had told it.
    if (report.part === 0) this.#ports.heardLost(report.lost);
    if (this.#reports.isFirst(report)) {
      this.#reports.repeat(report.from);
      this.#advance();
      this.#ports.arrived(report.from);
    }
    const isWhole = this.#reports.received(report);
    if (isWhole) this.#ports.send(report.from, { kind: 'reported', ...this.#header });
    if (!wasReady && this.isReady) this.#begin();
  }

  #begin(): void {
    this.#handleEarly();
    this.#ports.ready();
  }

  /** Some of what came too early can be answered now. */
  get #waitsForTurn(): boolean {
    return this.isReady && this.#early.length > 0;
  }

  #handleEarly(): void {
    for (const message of this.#early.splice(0, turnEarly)) this.#handle(message);
  }

  #postpone(message: QuotaAsk | QuotaRecord): void {
    if (this.#early.length < maxEarly) this.#early.push(message);
    else this.#drops++;
  }

  /** The account, which now has the rate given if that one counts. Undefined when there are too many. */
  #known({ id, rate }: { id: string; rate: Rate }): Account | undefined {
    if (!this.#accounts.has(id) && this.#accounts.size >= this.#maxAccounts) return undefined;
    const account = this.#accountOf(id, rate);
    if (account.state(rate, this.#ports.wallMs())) this.#ports.rateChanged(id);
    return account;
  }

  #accountOf(id: string, rate: Rate): Account {
    let account = this.#accounts.get(id);
    if (!account) {
      account = new Account(rate, this.#ports.wallMs());
      this.#accounts.set(id, account);
    }
    return account;
  }

  #dispatch(to: Incarnation, message: QuotaAsk | QuotaRecord | QuotaGrant): void {
    if (to === this.#self) this.#handle(message);
    else this.#ports.send(to, message);
  }

  #isMember(member: Incarnation): boolean {
    return this.#nodes.some(({ incarnation }) => incarnation === member);
  }

  get #header(): Omit<QuotaReported, 'kind'> {
    return { ...this.#object, from: this.#self, view: this.#view };
  }
}

function noView(self: Incarnation): ViewId {
  return { epoch: 0, coordinator: self, nonce: 0 };
}
