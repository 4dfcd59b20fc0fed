/**
 * The part of the table that announcements make: rows with their participants (STA-1 to STA-3, VIEW-1).
 *
 * Invariants: an announcement replaces what its node said before, as a whole; what is the same as before changes
 * nothing, not even the age of a view; the cost is that of the node's own list, whatever the number of nodes.
 */
import type { Incarnation } from '../identity.ts';
import { BindingNames } from './binding-names.ts';
import { isBroken } from './labels.ts';
import { Seats } from './seats.ts';
import { compareAddresses, compareIps, type Ip, type NodeAnnouncement, type VipAnnouncement } from './vip.ts';
import { flagsOf, type Opinion, VipRow } from './vip-row.ts';

/** Of the configuration that a member runs, and since when it says so. */
interface Revision {
  readonly number: number;
  readonly sinceMs: number;
}

export class AnnouncedRows {
  readonly seats = new Seats();
  readonly #rows = new Map<Ip, VipRow>();
  readonly #names = new BindingNames();
  readonly #sequences = new Map<Incarnation, number>();
  readonly #revisions = new Map<Incarnation, Revision>();
  /** Rows whose participants or names changed and that nobody has judged yet. */
  readonly #unjudged = new Set<VipRow>();
  #ordered: readonly VipRow[] | undefined = [];
  #mark = 0;

  get(ip: Ip): VipRow | undefined {
    return this.#rows.get(ip);
  }

  /** A row that is known before any participant is (VIEW-6). */
  getOrCreate(ip: Ip, nowMs: number): VipRow {
    const known = this.#rows.get(ip);
    if (known) return known;
    const row = new VipRow(ip, nowMs);
    this.#rows.set(ip, row);
    this.#ordered = undefined;
    return row;
  }

  /** In canonical order (STA-7). */
  get ordered(): readonly VipRow[] {
    return this.#ordered ?? this.#order();
  }

  /** Place of a row in `ordered`. */
  placeOf(row: VipRow): number {
    if (!this.#ordered) this.#order();
    return row.place;
  }

  /** These addresses in canonical order, without sorting those that are here. */
  inOrder(ips: ReadonlyMap<Ip, unknown>): readonly Ip[] {
    const known = this.ordered.filter(({ ip }) => ips.has(ip)).map(({ ip }) => ip);
    if (known.length === ips.size) return known;
    return [...ips.keys()].sort(compareIps);
  }

  /** Number of the announcement that counts; undefined: none came, or not a member. */
  sequenceOf(member: Incarnation): number | undefined {
    return this.#sequences.get(member);
  }

  /** What a member said last. */
  announcementOf(member: Incarnation): NodeAnnouncement | undefined {
    const sequence = this.#sequences.get(member);
    if (sequence === undefined) return undefined;
    const seat = this.seats.seatOf(member);
    const vips = this.ordered.flatMap((row) => row.announcementOf(seat) ?? []);
    const revision = this.#revisions.get(member)?.number;
    return { from: member, sequence, vips, ...(revision === undefined ? {} : { revision }) };
  }

  /** Replaces what a member said before. */
  replace(announcement: NodeAnnouncement, nowMs: number): void {
    const seat = this.seats.seatOf(announcement.from);
    this.#sequences.set(announcement.from, announcement.sequence);
    this.#learnRevision(announcement, nowMs);
    this.#mark++;
    for (const vip of announcement.vips) {
      const row = this.getOrCreate(vip.ip, nowMs);
      if (row.seen === this.#mark) continue;
      row.seen = this.#mark;
      this.#say(row, seat, vip, nowMs);
    }
    for (const row of this.#rows.values()) {
      if (row.seen !== this.#mark && row.bySeat[seat]) this.#withdraw(row, seat, nowMs);
    }
  }

  /** Everything that one who left had said (STA-15). */
  forget(seat: number, nowMs: number): void {
    for (const row of this.#rows.values()) if (row.bySeat[seat]) this.#withdraw(row, seat, nowMs);
    const member = this.seats.memberInSeat(seat)!;
    this.#sequences.delete(member);
    this.#revisions.delete(member);
  }

  /**
   * When a participant last came with another configuration, while they still have different ones: perhaps they are
   * being changed one after the other (EXT-9). Undefined: all have the same.
   */
  revisedMs(row: VipRow): number | undefined {
    const revisions = this.seats.inOrder.flatMap((seat) => {
      const revision = row.bySeat[seat] && this.#revisions.get(this.seats.memberInSeat(seat)!);
      return revision ?? [];
    });
    if (revisions.every(({ number }) => number === revisions[0]!.number)) return undefined;
    return Math.max(...revisions.map(({ sinceMs }) => sinceMs));
  }

  get unjudged(): Iterable<VipRow> {
    return this.#unjudged;
  }

  /** After the call they count as judged. */
  takeUnjudged(): readonly VipRow[] {
    const rows = [...this.#unjudged];
    this.#unjudged.clear();
    return rows;
  }

  drop(row: VipRow): void {
    if (!this.#rows.delete(row.ip)) return;
    this.#ordered = undefined;
  }

  isElsewhere(name: string, row: VipRow): boolean {
    return this.#names.isElsewhere(name, row);
  }

  /** STA-12 as if only these seats were there. */
  isBrokenAmong(row: VipRow, seats: readonly number[]): boolean {
    return isBroken(row.opinionsOf(seats), (name) => {
      for (const other of this.#names.rowsOf(name)) {
        if (other === row) continue;
        if (seats.some((seat) => other.bySeat[seat]?.names.includes(name))) return true;
      }
      return false;
    });
  }

  #learnRevision({ from, revision }: NodeAnnouncement, nowMs: number): void {
    if (revision === undefined) this.#revisions.delete(from);
    else if (this.#revisions.get(from)?.number !== revision)
      this.#revisions.set(from, { number: revision, sinceMs: nowMs });
  }

  #order(): readonly VipRow[] {
    const ordered = [...this.#rows.values()].sort((a, b) => compareAddresses(a.address, b.address));
    for (const [place, row] of ordered.entries()) row.place = place;
    this.#ordered = ordered;
    return ordered;
  }

  #say(row: VipRow, seat: number, vip: VipAnnouncement, nowMs: number): void {
    const before = row.bySeat[seat];
    const flags = flagsOf(vip);
    const opinion = row.opinionLike(vip);
    if (before && opinion === before && row.flags[seat] === flags) return;
    if (!before) {
      row.participants++;
      row.participantsChanged = true;
      row.sinceMs[seat] = nowMs;
    }
    row.flags[seat] = flags;
    row.bySeat[seat] = opinion ?? this.#newOpinion(row, vip);
    row.bySeat[seat].count++;
    if (before) this.#release(row, before);
    this.#touch(row, nowMs);
  }

  #withdraw(row: VipRow, seat: number, nowMs: number): void {
    const before = row.bySeat[seat]!;
    row.bySeat[seat] = undefined;
    row.participants--;
    row.participantsChanged = true;
    this.#release(row, before);
    this.#touch(row, nowMs);
  }

  #newOpinion(row: VipRow, { names, services, preference, followers }: VipAnnouncement): Opinion {
    const opinion = { names, services, preference, followers, count: 0 };
    row.opinions.push(opinion);
    for (const name of names) this.#names.add(name, row, (changed) => this.#unjudged.add(changed));
    return opinion;
  }

  #release(row: VipRow, opinion: Opinion): void {
    opinion.count--;
    if (opinion.count > 0) return;
    row.opinions.splice(row.opinions.indexOf(opinion), 1);
    for (const name of opinion.names) {
      this.#names.remove(name, row, (changed) => this.#unjudged.add(changed));
    }
  }

  #touch(row: VipRow, nowMs: number): void {
    row.viewChanged(nowMs);
    this.#unjudged.add(row);
  }
}
