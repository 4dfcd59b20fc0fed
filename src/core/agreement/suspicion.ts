/**
 * Members that the bus lists but that do not behave as members, "byzantine" ones (MEM-14 .. MEM-17). Beats prove a live
 * process and link; heartbeats come from the cluster module itself and prove that it works and agrees.
 *
 * It owns what each member's heartbeats said. It decides nothing by itself: verdicts are values, and who is suspected is
 * kept with the peers, so that a suspicion ends where the memory of the peer does.
 */
import type { Incarnation } from '../identity.ts';
import { memberOf, sameViewId, type View } from '../view.ts';
import type { Heartbeat } from './messages.ts';

export interface SuspicionOptions {
  readonly heartbeatStartDelayMs: number;
  readonly heartbeatIntervalMs: number;
  readonly failureTimeoutMs: number;
}

export type Verdict =
  /** No heartbeat for three intervals, at least 3 s: leave it out of the view until it is back. */
  | { readonly kind: 'silent'; readonly member: Incarnation }
  /** Its heartbeats are back. */
  | { readonly kind: 'recovered'; readonly member: Incarnation }
  /** Same view, but another table or a sequence that stays behind: announce again. */
  | { readonly kind: 'diverged'; readonly member: Incarnation }
  /** Still diverged from the leader after announcing: this process resets itself. */
  | { readonly kind: 'reset' }
  /** It keeps another view although both could share one: ask who it is. */
  | { readonly kind: 'alien'; readonly member: Incarnation };

interface Record {
  heardMs: number | undefined;
  sinceMs: number;
  /** Consecutive heartbeats that did not fit, and how far the one behind was at the last of them. */
  mismatches: number;
  behindAt: number | undefined;
  alienSinceMs: number | undefined;
  alienReported: boolean;
}

export class Suspicion {
  readonly #options: SuspicionOptions;
  readonly #records = new Map<Incarnation, Record>();
  readonly #startedMs: number;
  readonly #patienceMs: number;
  /** Heartbeats that fit into the patience: 3 at one a second. */
  readonly #divergedAfter: number;
  readonly #isSuspected: (incarnation: Incarnation) => boolean;
  #lastCheckMs: number;

  constructor(options: SuspicionOptions, isSuspected: (incarnation: Incarnation) => boolean, nowMs: number) {
    this.#options = options;
    this.#isSuspected = isSuspected;
    this.#startedMs = nowMs;
    this.#lastCheckMs = nowMs + options.heartbeatStartDelayMs;
    this.#patienceMs = Math.max(3_000, 3 * options.heartbeatIntervalMs);
    this.#divergedAfter = Math.round(this.#patienceMs / options.heartbeatIntervalMs);
  }

  /** A new view: whoever is in it is watched from now on, whoever left is forgotten. */
  viewInstalled(view: View, nowMs: number): void {
    const members = new Set(view.members.map((member) => member.incarnation));
    for (const [incarnation, record] of this.#records) {
      if (!members.has(incarnation)) this.#records.delete(incarnation);
      record.mismatches = 0;
    }
    for (const incarnation of members) this.#record(incarnation, nowMs);
  }

  /** A heartbeat of a process whose beats are heard. */
  heard(heartbeat: Heartbeat, own: Heartbeat, nowMs: number): Verdict[] {
    const record = this.#record(heartbeat.from, nowMs);
    record.heardMs = nowMs;
    const verdicts: Verdict[] = [];
    if (this.#isSuspected(heartbeat.from)) verdicts.push({ kind: 'recovered', member: heartbeat.from });
    if (sameViewId(heartbeat.view, own.view)) {
      record.alienSinceMs = undefined;
      record.alienReported = false;
      this.#compareTables(heartbeat, own, record, verdicts);
    } else {
      record.alienSinceMs ??= nowMs;
      if (!record.alienReported && nowMs - record.alienSinceMs > 2 * this.#options.failureTimeoutMs) {
        record.alienReported = true;
        verdicts.push({ kind: 'alien', member: heartbeat.from });
      }
    }
    return verdicts;
  }

  /** Call once each heartbeat interval: who of the view has fallen silent. */
  check(view: View, self: Incarnation, nowMs: number): Verdict[] {
    this.#forgiveOwnLateness(nowMs);
    this.#forgetStrangers(view, nowMs);
    if (nowMs - this.#startedMs < this.#options.heartbeatStartDelayMs + this.#patienceMs) return [];
    const verdicts: Verdict[] = [];
    for (const { incarnation } of view.members) {
      const record = this.#records.get(incarnation);
      if (incarnation === self || !record || this.#isSuspected(incarnation)) continue;
      // Before its first heartbeat a member may still be in its own start delay.
      const expectedMs = record.heardMs ?? record.sinceMs + this.#options.heartbeatStartDelayMs;
      if (nowMs - expectedMs >= this.#patienceMs) verdicts.push({ kind: 'silent', member: incarnation });
    }
    return verdicts;
  }

  /** What a process that was stopped takes for the silence of all others is its own. */
  #forgiveOwnLateness(nowMs: number): void {
    const lateMs = nowMs - this.#lastCheckMs - this.#options.heartbeatIntervalMs;
    this.#lastCheckMs = nowMs;
    if (lateMs <= this.#options.heartbeatIntervalMs) return;
    for (const record of this.#records.values()) {
      record.sinceMs = Math.min(nowMs, record.sinceMs + lateMs);
      if (record.heardMs !== undefined) record.heardMs = Math.min(nowMs, record.heardMs + lateMs);
    }
  }

  /** Records of processes outside the view live as long as their heartbeats go on. */
  #forgetStrangers(view: View, nowMs: number): void {
    for (const [incarnation, record] of this.#records) {
      const quietMs = nowMs - (record.heardMs ?? record.sinceMs);
      if (quietMs > this.#patienceMs && !memberOf(view, incarnation)) this.#records.delete(incarnation);
    }
  }

  /** Another table at the same sequence, or a sequence that stays behind: ordered messages under way make up in time. */
  #compareTables(heartbeat: Heartbeat, own: Heartbeat, record: Record, verdicts: Verdict[]): void {
    const isLevel = heartbeat.applied === own.applied;
    const behindAt = isLevel ? undefined : Math.min(heartbeat.applied, own.applied);
    const isWrong = isLevel ? heartbeat.table !== own.table : behindAt === record.behindAt;
    record.behindAt = behindAt;
    record.mismatches = isWrong ? record.mismatches + 1 : 0;
    if (record.mismatches === this.#divergedAfter)
      verdicts.push({ kind: 'diverged', member: heartbeat.from });
    if (record.mismatches === 2 * this.#divergedAfter && heartbeat.from === own.leader)
      verdicts.push({ kind: 'reset' });
  }

  #record(incarnation: Incarnation, nowMs: number): Record {
    let record = this.#records.get(incarnation);
    if (!record) {
      record = {
        heardMs: undefined,
        sinceMs: nowMs,
        mismatches: 0,
        behindAt: undefined,
        alienSinceMs: undefined,
        alienReported: false,
      };
      this.#records.set(incarnation, record);
    }
    return record;
  }
}
