/**
 * Who may still be answering for an address, and how long the next owner has to wait (OWN-34, LIFE-18).
 *
 * Invariant: an address is put on at once only when nobody held it, or when whoever held it said that it is off or said
 * goodbye after giving up everything.
 */
import type { Ip } from '../core/duravip/vip.ts';
import type { Incarnation } from '../core/identity.ts';
import type { View } from '../core/view.ts';
import { memberOf } from '../core/view.ts';
import { type Handover, noWait } from './duravip.ts';
import type { Trace } from './membership.ts';

export interface HandoverSettings {
  readonly concurrent: boolean;
  readonly timeoutMs: number;
  readonly failureTimeoutMs: number;
}

/** The guardian of a process that ended empties the owned set within this (LIFE-18). */
const guardianGraceMs = 20;

interface Departure extends Trace {
  readonly leaseMs: number;
}

export class Handovers {
  readonly #settings: HandoverSettings;
  /** The last owner of an address, until it is known to have let go. */
  readonly #holders = new Map<Ip, Incarnation>();
  readonly #departed = new Map<Incarnation, Departure>();
  readonly #leasesMs = new Map<Incarnation, number>();

  constructor(settings: HandoverSettings) {
    this.#settings = settings;
  }

  /** What a member states as its lease; the one that counts when it goes. */
  leaseOf(member: Incarnation, leaseMs: number): void {
    this.#leasesMs.set(member, leaseMs);
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
      const trace = traceOf(incarnation) ?? { evidence: 'silent', heardMs: nowMs };
      this.#departed.set(incarnation, { ...trace, leaseMs: this.#leasesMs.get(incarnation) ?? 0 });
    }
    for (const { incarnation } of view.members) this.#departed.delete(incarnation);
    this.#forget(view);
  }

  owned(ip: Ip, owner: Incarnation): void {
    this.#holders.set(ip, owner);
  }

  released(ip: Ip, by: Incarnation): void {
    if (this.#holders.get(ip) === by) this.#holders.delete(ip);
  }

  /** The wait of `self` for an address that is now its own. Ask before `owned`. */
  waitFor(ip: Ip, self: Incarnation, view: View, nowMs: number): Handover {
    const from = this.#holders.get(ip);
    if (from === undefined || from === self || this.#settings.concurrent) return noWait;
    if (memberOf(view, from)) {
      const leaseMs = this.#leasesMs.get(from) ?? this.#settings.failureTimeoutMs;
      return {
        from,
        notBeforeMs: nowMs + Math.max(this.#settings.timeoutMs, leaseMs),
        probeUntilMs: undefined,
      };
    }
    const departure = this.#departed.get(from);
    return departure ? this.#waitForDeparted(from, departure, nowMs) : noWait;
  }

  #waitForDeparted(from: Incarnation, { evidence, heardMs, leaseMs }: Departure, nowMs: number): Handover {
    switch (evidence) {
      case 'goodbye':
        return noWait;
      case 'closed':
        return { from, notBeforeMs: nowMs + guardianGraceMs, probeUntilMs: heardMs + leaseMs };
      case 'silent':
        return {
          from,
          notBeforeMs: heardMs + Math.max(leaseMs, this.#settings.failureTimeoutMs),
          probeUntilMs: undefined,
        };
    }
  }

  /** Leases of the departed run out; nobody has to wait for them for ever. */
  #forget(view: View): void {
    const held = new Set(this.#holders.values());
    for (const member of this.#departed.keys()) if (!held.has(member)) this.#departed.delete(member);
    for (const member of this.#leasesMs.keys()) {
      if (!memberOf(view, member) && !this.#departed.has(member)) this.#leasesMs.delete(member);
    }
  }
}
