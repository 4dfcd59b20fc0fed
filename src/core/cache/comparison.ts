/**
 * Decides from whom this node fetches what its cache lacks, and when. Each node only fetches: two that lack something of
 * each other both see that their digests differ.
 *
 * Writes under way make digests differ all the time, so only a difference that lasts begins a fetch, from one member at a
 * time, the most senior first, after a pause; the pause grows with each fetch that brought nothing but the newest writes.
 * Who has just come into the view, or whose batch was lost, is asked without waiting for a difference.
 */
import type { Incarnation } from '../identity.ts';

interface Partner {
  isDue: boolean;
  verdict: 'match' | 'differ' | 'unknown';
  differsSinceMs: number | undefined;
  pauseMs: number;
  notBeforeMs: number;
}

interface Fetch {
  readonly from: Incarnation;
  readonly session: number;
  changes: number;
  heardMs: number;
}

const shortestPauseMs = 4_000;
const longestPauseMs = 60_000;
const silenceMs = 3_000;

export class Comparison {
  /** How long digests must differ. */
  patienceMs: number;
  /** In the order of seniority. */
  #partners = new Map<Incarnation, Partner>();
  #fetch: Fetch | undefined;
  #sessions = 0;
  /** Nothing has been fetched since this node was alone. */
  #isJoining = false;
  completed = 0;

  constructor(patienceMs: number) {
    this.patienceMs = patienceMs;
  }

  get isJoining(): boolean {
    return this.#isJoining;
  }

  get verdicts(): { origin: Incarnation; verdict: Partner['verdict'] }[] {
    return [...this.#partners].map(([origin, { verdict }]) => ({ origin, verdict }));
  }

  membersChanged(members: Iterable<Incarnation>): void {
    const before = this.#partners;
    this.#partners = new Map([...members].map((member) => [member, before.get(member) ?? newPartner()]));
    if (this.#fetch && !this.#partners.has(this.#fetch.from)) this.#fetch = undefined;
    if (before.size === 0) this.#isJoining = this.#partners.size > 0;
    if (this.#partners.size === 0) this.#isJoining = false;
  }

  /** After the link was down, anything may have been missed, also what was being fetched. */
  linkRestored(): void {
    this.#fetch = undefined;
    for (const partner of this.#partners.values()) partner.isDue = true;
  }

  gap(from: Incarnation): void {
    const partner = this.#partners.get(from);
    if (partner) partner.isDue = true;
  }

  /** `isSame` undefined: one of the two does not compare. */
  beat(from: Incarnation, isSame: boolean | undefined, nowMs: number): void {
    const partner = this.#partners.get(from);
    if (!partner) return;
    partner.verdict = isSame === undefined ? 'unknown' : isSame ? 'match' : 'differ';
    if (isSame === false) partner.differsSinceMs ??= nowMs;
    else partner.differsSinceMs = undefined;
    if (isSame) partner.pauseMs = shortestPauseMs;
  }

  /** Whom to ask now, if anybody; the fetch counts as begun. */
  begin(nowMs: number): { readonly from: Incarnation; readonly session: number } | undefined {
    if (this.#fetch) return undefined;
    for (const [from, partner] of this.#partners) {
      const { isDue, differsSinceMs = Number.POSITIVE_INFINITY, notBeforeMs } = partner;
      if (notBeforeMs > nowMs || !(isDue || nowMs - differsSinceMs >= this.patienceMs)) continue;
      this.#fetch = { from, session: ++this.#sessions, changes: 0, heardMs: nowMs };
      return this.#fetch;
    }
    return undefined;
  }

  isFetching(from: Incarnation, session: number): boolean {
    return this.#fetch?.from === from && this.#fetch.session === session;
  }

  /** A chunk of the fetch under way was taken in; `changes` entries of it were news. */
  chunk(changes: number, last: boolean, nowMs: number): void {
    const fetch = this.#fetch!;
    fetch.changes += changes;
    fetch.heardMs = nowMs;
    if (last) this.#end(fetch, true, nowMs);
  }

  tick(nowMs: number): void {
    if (this.#fetch && nowMs - this.#fetch.heardMs >= silenceMs) this.#end(this.#fetch, false, nowMs);
  }

  #end({ from, changes }: Fetch, isComplete: boolean, nowMs: number): void {
    const partner = this.#partners.get(from)!;
    this.#fetch = undefined;
    partner.differsSinceMs = undefined;
    partner.notBeforeMs = nowMs + partner.pauseMs;
    if (!isComplete) return;
    this.completed++;
    this.#isJoining = false;
    partner.pauseMs = changes > 0 ? shortestPauseMs : Math.min(longestPauseMs, partner.pauseMs * 2);
    // What the other newcomers have besides shows in their digests.
    for (const other of this.#partners.values()) other.isDue = false;
  }
}

function newPartner(): Partner {
  return {
    isDue: true,
    verdict: 'unknown',
    differsSinceMs: undefined,
    pauseMs: shortestPauseMs,
    notBeforeMs: Number.NEGATIVE_INFINITY,
  };
}
