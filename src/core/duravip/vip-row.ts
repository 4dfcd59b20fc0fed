/**
 * One address in the table: what its participants say of it, who owns it, and since when.
 *
 * Participants nearly always say the same, so each distinct content is kept once with the number of those who say it;
 * judging a row then costs as much as there are different opinions, not as there are nodes.
 */
import { type Address, parseAddress } from '../address.ts';
import type { Incarnation } from '../identity.ts';
import { isUnsafe, sameContent, type VipContent } from './labels.ts';
import { type EffectivePreference, effectivePreference, noPreference } from './preference.ts';
import type { Seats } from './seats.ts';
import type { AssignmentReason, Ip, VipAnnouncement } from './vip.ts';
import { nobody, type VipFacts } from './vip-facts.ts';

export interface Opinion extends VipContent {
  /** Participants that say so. */
  count: number;
}

const capableFlag = 1;
const drainingFlag = 2;

export function flagsOf({ capable, draining }: VipAnnouncement): number {
  return (capable ? capableFlag : 0) + (draining ? drainingFlag : 0);
}

/** Lost its owner, or has one that may not keep it, after it had been mature (VIEW-8). */
export interface Orphanhood {
  readonly sinceMs: number;
  readonly reason: AssignmentReason;
}

export class VipRow {
  readonly ip: Ip;
  readonly address: Address;
  /** In canonical order of the table; the table numbers its rows anew when one comes or goes. */
  place = 0;
  /** Mark of the last announcement that named the address. */
  seen = 0;

  opinions: Opinion[] = [];
  /** By seat; undefined: no participant. */
  readonly bySeat: (Opinion | undefined)[] = [];
  readonly flags: number[] = [];
  /** When the participant came, by the local clock. */
  readonly sinceMs: number[] = [];
  participants = 0;

  // The same on all members (STA-4).
  owner: Incarnation | undefined;
  held = false;
  /** MATURE has come for the present view of the address. */
  mature = false;
  /** There may be a member that did not hear so, or takes the view for a newer one: it is said again, not before this. */
  tellAgainAtMs: number | undefined;
  /** Has been mature and served, in this view or an earlier one. */
  experienced = false;

  // Local (STA-5).
  reason: AssignmentReason = 'elected';
  lastOwner: Incarnation | undefined;
  orphan: Orphanhood | undefined;
  broken = false;
  brokenSinceMs = 0;
  /** Since the last decision that could end a hold (OWN-31). */
  participantsChanged = false;
  viewChangedAtMs: number;
  ownerChangedAtMs: number;
  facts: VipFacts | undefined;

  constructor(ip: Ip, nowMs: number) {
    this.ip = ip;
    this.address = parseAddress(ip)!;
    this.viewChangedAtMs = nowMs;
    this.ownerChangedAtMs = nowMs;
  }

  opinionLike(content: VipContent): Opinion | undefined {
    for (const opinion of this.opinions) if (sameContent(opinion, content)) return opinion;
    return undefined;
  }

  participates(seat: number): boolean {
    return seat !== nobody && this.bySeat[seat] !== undefined;
  }

  /** What the participant in this seat says. */
  announcementOf(seat: number): VipAnnouncement | undefined {
    const opinion = this.bySeat[seat];
    if (!opinion) return undefined;
    const { names, services, preference, followers } = opinion;
    const capable = (this.flags[seat]! & capableFlag) !== 0;
    return { ip: this.ip, names, services, preference, followers, capable, draining: this.isDraining(seat) };
  }

  /** Capable and not draining (OWN-15). */
  mayOwn(seat: number): boolean {
    return this.participates(seat) && this.flags[seat] === capableFlag;
  }

  isDraining(seat: number): boolean {
    return (this.flags[seat]! & drainingFlag) !== 0;
  }

  /** Opinions of these seats only. */
  opinionsOf(seats: readonly number[]): readonly Opinion[] {
    if (this.opinions.length <= 1) return this.opinions;
    return this.opinions.filter((opinion) => seats.some((seat) => this.bySeat[seat] === opinion));
  }

  /** What these seats say, of which those under suspicion cannot be meant (OWN-15). */
  preference(
    seats: Seats,
    among: readonly number[],
    suspects: ReadonlySet<Incarnation>,
  ): EffectivePreference {
    if (this.opinions.every((opinion) => opinion.preference.length === 0)) return noPreference;
    return effectivePreference(
      this.opinionsOf(among).map((opinion) => opinion.preference),
      (node) => {
        const seat = seats.seatOfNode(node);
        return this.mayOwn(seat) && among.includes(seat) && !suspects.has(seats.memberInSeat(seat)!);
      },
    );
  }

  unsafe(): boolean {
    return isUnsafe(this.opinions);
  }

  /** The age of the view starts again, and with it the wait for maturity (VIEW-1, VIEW-3). */
  viewChanged(nowMs: number): void {
    this.viewChangedAtMs = nowMs;
    this.mature = false;
    this.facts = undefined;
  }
}
