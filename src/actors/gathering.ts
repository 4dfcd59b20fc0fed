/**
 * What the members say of their addresses: announcements at any time, and claims at the beginning of a view (OWN-3,
 * OWN-4). Asks for what was lost, and distrusts a member that never answers.
 *
 * Owns what this node said last and the claims that came. Invariant: claims are sent out and told again with the
 * announcement they were made under, else a member that has a newer one could not merge them.
 */
import type { RowDigest } from '../core/agreement/messages.ts';
import type { Clock } from '../core/clock.ts';
import { objectHash } from '../core/digest.ts';
import type { AnnouncementMessage, ClaimsMessage } from '../core/duravip/messages.ts';
import type { VipTable } from '../core/duravip/vip-table.ts';
import type { Incarnation } from '../core/identity.ts';
import { memberOf, sameViewId, type View } from '../core/view.ts';
import type { VipChannel } from './ports.ts';

export interface GatheringPorts {
  readonly self: Incarnation;
  readonly clock: Clock;
  readonly vips: VipChannel;
  /** A process is heard at present, in the view or not. */
  hears(member: Incarnation): boolean;
  /** A member beats in the present view, and hears this process: nothing keeps it from answering. */
  isWithUs(member: Incarnation): boolean;
  /** A member that the others cannot wait for is left out of the view until then; 0: it is trusted. */
  distrust(member: Incarnation, untilMs: number): void;
}

/** Among the digests of shared objects in a beat; no object can have this name. */
const announcementHash = objectHash('\0announcement');

/**
 * Beats in which a member does not answer; by the clock, one that slept would blame all others for its own silence.
 * Twice what it takes to notice a loss: who is cut off is to be missed as such, and welcome again at once.
 */
const unansweredBeats = 10;
/** Failure timeouts that such a member is left out for: what it said meanwhile may have been lost, too. */
const distrustTimeouts = 4;

export class Gathering {
  readonly #table: VipTable;
  readonly #ports: GatheringPorts;
  readonly #failureTimeoutMs: number;
  readonly #claims = new Map<Incarnation, ClaimsMessage>();
  /** When they came. */
  readonly #claimedMs = new Map<Incarnation, number>();
  /** Questions of this view that were not answered. */
  readonly #unanswered = new Map<Incarnation, number>();
  #view: View;
  #announcement: AnnouncementMessage;
  #claimedUnder: AnnouncementMessage;

  constructor(table: VipTable, view: View, failureTimeoutMs: number, ports: GatheringPorts) {
    this.#table = table;
    this.#view = view;
    this.#failureTimeoutMs = failureTimeoutMs;
    this.#ports = ports;
    this.#announcement = { kind: 'announcement', from: ports.self, sequence: 0, vips: [] };
    this.#claimedUnder = this.#announcement;
  }

  /** Of the own announcement; 0 before the first. */
  get announced(): number {
    return this.#announcement.sequence;
  }

  /** Number of the own announcement, for the beats: one that was lost is missed within a beat. */
  get digest(): RowDigest {
    return { object: announcementHash, sequence: this.announced, high: 0, low: 0 };
  }

  /** Claims of the present view. */
  get claims(): readonly ClaimsMessage[] {
    return [...this.#claims.values()].filter(({ view }) => sameViewId(view, this.#view.id));
  }

  /** When the last claims of a member came. */
  claimedMs(member: Incarnation): number {
    return this.#claimedMs.get(member) ?? this.#ports.clock.nowMs();
  }

  /** The table knows the announcement from now on, and the others are told. */
  announce({ vips, revision }: Pick<AnnouncementMessage, 'vips' | 'revision'>): void {
    const sequence = this.announced + 1;
    this.#announcement = {
      ...this.#announcement,
      sequence,
      vips,
      ...(revision === undefined ? {} : { revision }),
    };
    this.#table.announced(this.#announcement, this.#ports.clock.nowMs());
    this.#ports.vips.broadcast(this.#announcement);
  }

  /** Claims for this view are to be made under what is announced now. */
  begin(view: View): void {
    this.#view = view;
    this.#unanswered.clear();
    this.#claimedUnder = this.#announcement;
    this.#table.announced(this.#announcement, this.#ports.clock.nowMs());
  }

  claim(own: ClaimsMessage): void {
    this.#claims.set(own.from, own);
    this.#ports.vips.broadcast(own);
  }

  /** Perhaps of a view that is not installed here yet: kept until it is, or another one comes. */
  claimed(message: ClaimsMessage): void {
    this.#claims.set(message.from, message);
    this.#claimedMs.set(message.from, this.#ports.clock.nowMs());
    this.#ports.distrust(message.from, 0);
  }

  /**
   * All claims of the view are here. Those of processes that are gone are forgotten; of those about to come in they are
   * kept, they may be early.
   */
  end(): void {
    for (const from of this.#claims.keys()) {
      if (memberOf(this.#view, from) || this.#ports.hears(from)) continue;
      this.#claims.delete(from);
      this.#claimedMs.delete(from);
    }
  }

  /** Asks for what was lost. Who shows the view but never answers holds all others up. */
  solicit(): void {
    const { vips, self } = this.#ports;
    const { claims } = this;
    const here = new Set(claims.map(({ from }) => from));
    for (const member of this.#table.lacking(claims)) {
      vips.send(member, {
        kind: 'solicit',
        from: self,
        want: here.has(member) ? 'announcement' : 'claims',
      });
      if (this.#ports.isWithUs(member)) this.#lose(member);
    }
  }

  answer(to: Incarnation, want: 'claims' | 'announcement'): void {
    const { vips, self } = this.#ports;
    const own = this.#claims.get(self);
    if (want === 'claims' && own) vips.send(to, own);
    if (want === 'claims') return;
    vips.send(to, this.#claimedUnder);
    if (this.#announcement !== this.#claimedUnder) vips.send(to, this.#announcement);
  }

  /** Beats tell which announcement a member made last. */
  compare(from: Incarnation, digests: readonly RowDigest[]): void {
    const said = digests.find(({ object }) => object === announcementHash)?.sequence ?? 0;
    const known = this.#table.rows.sequenceOf(from) ?? Number.POSITIVE_INFINITY;
    if (this.#table.gathering || said <= known) return;
    this.#ports.vips.send(from, { kind: 'solicit', from: this.#ports.self, want: 'announcement' });
  }

  #lose(member: Incarnation): void {
    const unanswered = (this.#unanswered.get(member) ?? 0) + 1;
    this.#unanswered.set(member, unanswered);
    if (unanswered < unansweredBeats) return;
    const { clock, distrust } = this.#ports;
    distrust(member, clock.nowMs() + distrustTimeouts * this.#failureTimeoutMs);
  }
}
