/**
 * What the leader does beyond following itself: lets views mature, gives orphans away, balances, and carries out what
 * operators ask for (OWN-12 .. OWN-31). It only orders; its own table changes when the ordered message comes, like
 * everybody's.
 */
import type { Clock } from '../core/clock.ts';
import {
  type DecisionContent,
  decideBalance,
  decideMature,
  decideMove,
  decideUnhold,
  maturable,
} from '../core/duravip/decisions.ts';
import type { Decision, RequestMessage } from '../core/duravip/messages.ts';
import type { VipTable } from '../core/duravip/vip-table.ts';
import type { Incarnation } from '../core/identity.ts';

export interface VipLeaderSettings {
  readonly balanceSetSize: number;
  readonly balanceIntervalMs: number;
}

export interface VipLeaderPorts {
  readonly clock: Clock;
  /** False: not now; the leader tries again. */
  order(decision: Decision): boolean;
  /** Sequence of the last decision that the own table has followed. */
  applied(): number;
  isHeard(incarnation: Incarnation): boolean;
  /** Whether this component may own addresses at all (EXT-1). */
  hasQuorum(): boolean;
}

/** MATURE at most so often (VIEW-4); orphans do not wait for it. */
const maturePeriodMs = 1_000;
const retryMs = 50;
const longestSweepMs = 1_000;
/** Requests remembered, so that one broadcast command is carried out once (OWN-29). */
const rememberedRequests = 256;

export class VipLeader {
  readonly #table: VipTable;
  #settings: VipLeaderSettings;
  readonly #ports: VipLeaderPorts;
  readonly #requests = new Set<string>();
  #sequence = 0;
  #maturedMs = Number.NEGATIVE_INFINITY;
  #balancedMs = 0;
  #nextMs = 0;

  constructor(table: VipTable, settings: VipLeaderSettings, ports: VipLeaderPorts) {
    this.#table = table;
    this.#settings = settings;
    this.#ports = ports;
  }

  /** From the next sweep on, at most a second from now (DVC-14). */
  configure(settings: VipLeaderSettings): void {
    this.#settings = settings;
  }

  get untilSweepMs(): number {
    const untilMs = this.#nextMs - this.#ports.clock.nowMs();
    return Math.min(Math.max(untilMs, retryMs), longestSweepMs);
  }

  /** A new view: sequence and balance timer begin anew (OWN-21). */
  begin(): void {
    this.#sequence = 0;
    this.#balancedMs = this.#ports.clock.nowMs();
  }

  sweep(): void {
    const nowMs = this.#ports.clock.nowMs();
    this.#nextMs = nowMs + longestSweepMs;
    if (!this.#ports.hasQuorum()) return;
    this.#mature(nowMs);
    // The next decision is made from what the last one has changed.
    if (this.#ports.applied() === this.#sequence) this.#balance(nowMs);
    else this.#wakeAt(nowMs);
  }

  /** False: this request was carried out already, or nothing came of it. */
  request({ id, verb, ips, to }: RequestMessage): boolean {
    if (!this.#ports.hasQuorum() || this.#requests.has(id)) return false;
    // While claims are gathered the sequence of the view has not begun: it would be numbered twice (OWN-5).
    if (this.#table.gathering || this.#ports.applied() !== this.#sequence) return false;
    const content = verb === 'move' && to ? decideMove(this.#table, ips, to) : decideUnhold(this.#table, ips);
    if (!this.#order(verb, content)) return false;
    if (this.#requests.size >= rememberedRequests)
      this.#requests.delete(this.#requests.values().next().value!);
    this.#requests.add(id);
    return true;
  }

  #mature(nowMs: number): void {
    const due = maturable(this.#table, nowMs, (owner) => this.#ports.isHeard(owner));
    const matureAtMs = this.#maturedMs + maturePeriodMs;
    const mature = nowMs >= matureAtMs ? due.mature : [];
    if (due.mature.length > mature.length) this.#wakeAt(matureAtMs);
    if (due.nextMs !== undefined) this.#wakeAt(due.nextMs);
    if (mature.length === 0 && due.orphans.length === 0) return;
    if (mature.length > 0) this.#maturedMs = nowMs;
    const content = decideMature(this.#table, { orphans: due.orphans, mature }, nowMs);
    if (!isEmpty(content) && !this.#order('mature', content)) this.#wakeAt(nowMs);
  }

  #balance(nowMs: number): void {
    const dueMs = this.#balancedMs + this.#settings.balanceIntervalMs;
    if (nowMs < dueMs) {
      this.#wakeAt(dueMs);
      return;
    }
    this.#balancedMs = nowMs;
    this.#order('balance', decideBalance(this.#table, this.#settings.balanceSetSize));
  }

  #order(verb: Decision['verb'], content: DecisionContent): boolean {
    if (isEmpty(content)) return false;
    const ordered = this.#ports.order({ verb, sequence: this.#sequence + 1, ...content });
    if (ordered) this.#sequence++;
    return ordered;
  }

  #wakeAt(atMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, atMs);
  }
}

function isEmpty({ matured, assignments }: DecisionContent): boolean {
  return matured.length === 0 && assignments.length === 0;
}
