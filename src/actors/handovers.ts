/**
 * Who may still be answering for an address, and how long the next owner has to wait (OWN-34, LIFE-18).
 *
 * Invariant: an address is put on at once only when nobody held it, or when whoever held it said that it is off or said
 * goodbye after giving up everything; and when nobody that left without a word can still have a lease: a leader that was
 * cut off may have given it away, to itself or to another, in a decision that nobody here has seen.
 */
import type { ClaimsMessage, LostHolder, Stamp } from '../core/duravip/messages.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { Incarnation } from '../core/identity.ts';
import type { View } from '../core/view.ts';
import { compareViewIds, memberOf } from '../core/view.ts';
import { type Handover, noWait } from './duravip.ts';
import type { Trace } from './membership.ts';

export interface HandoverSettings {
  readonly concurrent: boolean;
  readonly timeoutMs: number;
  readonly failureTimeoutMs: number;
}

/** The guardian of a process that ended empties the owned set within this, of the report of its end (LIFE-18). */
const guardianGraceMs = 20;

/** An address was given to a member. */
interface Holding {
  readonly since: Stamp;
  /** When this node learned of it, or that the member is back in the view. */
  readonly atMs: number;
}

interface Departure extends Trace {
  readonly leaseMs: number;
}

export class Handovers {
  #settings: HandoverSettings;
  /**
   * Who was given an address and is not known to have let go, or never to have had it. Several, when an address was
   * given on before the one it was given to had it.
   */
  readonly #holders = new Map<Ip, Map<Incarnation, Holding>>();
  readonly #departed = new Map<Incarnation, Departure>();
  /** Addresses that this node has again without a decision. */
  readonly #undecided = new Map<Ip, Handover>();
  readonly #leasesMs = new Map<Incarnation, number>();

  constructor(settings: HandoverSettings) {
    this.#settings = settings;
  }

  /** For waits that begin from now on (DVC-14). */
  configure(settings: HandoverSettings): void {
    this.#settings = settings;
  }

  /** What a member states as its lease; the one that counts when it goes. */
  leaseOf(member: Incarnation, leaseMs: number): void {
    this.#leasesMs.set(member, leaseMs);
  }

  /**
   * Members say at the beginning of a view what they may have; nothing comes to them before the claims are merged. What
   * else one was given it let go of unheard, or it left the view before without having followed that decision.
   */
  claimed(messages: readonly ClaimsMessage[]): void {
    for (const { from, leaseMs } of messages) this.leaseOf(from, leaseMs);
    const present = new Map(
      messages.flatMap(({ from, claims, leaving }) =>
        leaving ? [[from, new Set([...claims, ...leaving])] as const] : [],
      ),
    );
    for (const [ip, holders] of this.#holders) {
      for (const holder of holders.keys()) if (present.get(holder)?.has(ip) === false) holders.delete(holder);
      if (holders.size === 0) this.#holders.delete(ip);
    }
  }

  /** Members of the view before that are not in the new one. */
  viewInstalled(
    view: View,
    before: View,
    traceOf: (member: Incarnation) => Trace | undefined,
    nowMs: number,
  ): void {
    for (const { incarnation } of before.members) {
      if (memberOf(view, incarnation)) continue;
      const trace = traceOf(incarnation) ?? { evidence: 'silent', heardMs: nowMs, closedMs: nowMs };
      this.#departed.set(incarnation, { ...trace, leaseMs: this.#leasesMs.get(incarnation) ?? 0 });
    }
    for (const { incarnation } of view.members) this.#departed.delete(incarnation);
    const comers = view.members.filter(({ incarnation }) => !memberOf(before, incarnation));
    for (const holders of this.#holders.values())
      for (const { incarnation } of comers) {
        const holding = holders.get(incarnation);
        if (holding) holders.set(incarnation, { ...holding, atMs: nowMs });
      }
  }

  /** Who left and may still answer, for the claims. */
  lost(nowMs: number): LostHolder[] {
    const lost: LostHolder[] = [];
    for (const [member, { evidence, heardMs, leaseMs }] of this.#departed) {
      const holds = [...this.#holders].filter(([, holders]) => holders.has(member)).map(([ip]) => ip);
      const silentMs = Math.max(0, Math.floor(nowMs - heardMs));
      lost.push({ member, evidence, silentMs, leaseMs, holds });
    }
    return lost;
  }

  /** What another member of the view knows of one that is not in it. */
  lostElsewhere(
    { member, evidence, silentMs, leaseMs, holds }: LostHolder,
    since: Stamp,
    nowMs: number,
  ): void {
    const known = this.#departed.get(member);
    this.#departed.set(member, {
      evidence: known && known.evidence !== 'silent' ? known.evidence : evidence,
      heardMs: Math.max(known?.heardMs ?? 0, nowMs - silentMs),
      // Reported to somebody else, at a moment that is not told.
      closedMs: known?.evidence === 'closed' ? known.closedMs : nowMs,
      leaseMs: Math.max(known?.leaseMs ?? 0, leaseMs),
    });
    this.#leasesMs.set(member, leaseMs);
    for (const ip of holds) if (!this.#holders.get(ip)?.has(member)) this.owned(ip, member, since, nowMs);
  }

  /** The table gives an address to a member, or a member claims it. */
  owned(ip: Ip, owner: Incarnation, since: Stamp, atMs: number): void {
    this.#undecided.delete(ip);
    const holders = this.#holders.get(ip) ?? new Map<Incarnation, Holding>();
    this.#holders.set(ip, holders.set(owner, { since, atMs }));
  }

  /** What was given back before it was given again says nothing about the second time. */
  released(ip: Ip, by: Incarnation, upTo: Stamp): void {
    const holders = this.#holders.get(ip);
    const since = holders?.get(by)?.since;
    if (!holders || !since || compareStamps(since, upTo) > 0) return;
    holders.delete(by);
    if (holders.size === 0) this.#holders.delete(ip);
  }

  /**
   * The wait of `self` for an address that the table gives it. The same whenever it is asked for: if it began anew with
   * each word of somebody else, and each view, the address would be answered by nobody meanwhile.
   */
  waitFor(ip: Ip, self: Incarnation, view: View, nowMs: number): Handover {
    if (this.#settings.concurrent) return noWait;
    let wait = this.#undecided.get(ip) ?? noWait;
    const holders = this.#holders.get(ip);
    const givenMs = holders?.get(self)?.atMs ?? nowMs;
    for (const [holder, { atMs }] of holders ?? [])
      if (holder !== self && memberOf(view, holder))
        wait = longer(wait, this.#waitForMember(holder, Math.max(givenMs, atMs)));
    for (const departure of this.#departed.values())
      wait = longer(wait, this.#waitForDeparted(departure, nowMs));
    return wait;
  }

  /**
   * For what this node let go of, and has again without a decision: one that gives it to another may be under way, and
   * comes, or this node is left out of the view, within the failure timeout.
   */
  waitForDecision(ip: Ip, nowMs: number): void {
    const notBeforeMs = nowMs + this.#settings.failureTimeoutMs;
    this.#undecided.set(ip, { notBeforeMs, probeUntilMs: notBeforeMs + this.#settings.timeoutMs });
  }

  #waitForMember(holder: Incarnation, fromMs: number): Handover {
    const leaseMs = this.#leasesMs.get(holder) ?? this.#settings.failureTimeoutMs;
    return { notBeforeMs: fromMs + Math.max(this.#settings.timeoutMs, leaseMs), probeUntilMs: undefined };
  }

  #waitForDeparted({ evidence, heardMs, closedMs, leaseMs }: Departure, nowMs: number): Handover {
    switch (evidence) {
      case 'goodbye':
        return noWait;
      case 'closed': {
        // Not from what was heard here last: others, who make up its quorum, may have heard it until it ended.
        const probeUntilMs = closedMs + leaseMs;
        return probeUntilMs > nowMs ? { notBeforeMs: closedMs + guardianGraceMs, probeUntilMs } : noWait;
      }
      case 'silent':
        return { notBeforeMs: this.#silentUntilMs(heardMs, leaseMs), probeUntilMs: undefined };
    }
  }

  #silentUntilMs(heardMs: number, leaseMs: number): number {
    return heardMs + Math.max(leaseMs, this.#settings.failureTimeoutMs);
  }

  /** Claims are merged. Leases of the departed run out; nobody has to wait for them for ever. */
  forget(view: View, nowMs: number): void {
    this.#undecided.clear();
    for (const [member, { heardMs, leaseMs }] of this.#departed) {
      if (this.#silentUntilMs(heardMs, leaseMs) > nowMs) continue;
      this.#departed.delete(member);
    }
    for (const member of this.#leasesMs.keys()) {
      if (!memberOf(view, member) && !this.#departed.has(member)) this.#leasesMs.delete(member);
    }
    for (const [ip, holders] of this.#holders) {
      for (const holder of holders.keys()) if (!this.#leasesMs.has(holder)) holders.delete(holder);
      if (holders.size === 0) this.#holders.delete(ip);
    }
  }
}

function compareStamps(a: Stamp, b: Stamp): number {
  return compareViewIds(a.view, b.view) || a.applied - b.applied;
}

function longer(a: Handover, b: Handover): Handover {
  const probeUntilMs = Math.max(a.probeUntilMs ?? -1, b.probeUntilMs ?? -1);
  return {
    notBeforeMs: Math.max(a.notBeforeMs, b.notBeforeMs),
    probeUntilMs: probeUntilMs < 0 ? undefined : probeUntilMs,
  };
}
