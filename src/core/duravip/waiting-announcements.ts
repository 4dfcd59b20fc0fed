/**
 * Announcements that came while the states of a new view are gathered. Claims name the announcement they were made
 * under, so several of one node are kept until the claims say which one counts first (OWN-35).
 */
import type { Incarnation } from '../identity.ts';
import type { NodeAnnouncement } from './vip.ts';

/** A node announces at most a few times while a view settles; of more, the oldest are asked for again if needed. */
const keptEach = 4;

export class WaitingAnnouncements {
  readonly #byMember = new Map<Incarnation, NodeAnnouncement[]>();

  add(announcement: NodeAnnouncement): void {
    const kept = (this.#byMember.get(announcement.from) ?? []).filter(
      ({ sequence }) => sequence !== announcement.sequence,
    );
    kept.push(announcement);
    this.#byMember.set(announcement.from, kept.slice(-keptEach));
  }

  find(member: Incarnation, sequence: number): NodeAnnouncement | undefined {
    return this.#byMember.get(member)?.find((announcement) => announcement.sequence === sequence);
  }

  keepOnly(members: ReadonlySet<Incarnation>): void {
    for (const member of this.#byMember.keys()) if (!members.has(member)) this.#byMember.delete(member);
  }

  /** Newest last, so that the newest of each node stays. */
  takeAll(): readonly NodeAnnouncement[] {
    const all = [...this.#byMember.values()].flat().sort((a, b) => a.sequence - b.sequence);
    this.#byMember.clear();
    return all;
  }
}
