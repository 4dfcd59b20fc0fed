/**
 * What the lives of one journal said, and what of it cannot be: an acknowledged record that a subscriber has not read, a
 * record in two places or two in one, an order that is not that of the appends, a segment that nobody needs any more.
 */

/** Ways of making the harness wrong, to see that it would notice. */
export const faults = ['early', 'twice', 'skip'] as const;
export type Fault = (typeof faults)[number];

export class Ledger {
  readonly violations: string[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #recordAt = new Map<string, string>();
  readonly #placeOf = new Map<string, string>();
  readonly #readBy = new Map<string, Set<string>>();
  #segmentsLeft: number | undefined;

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Lines of one life; the last of them may be cut. */
  add(lines: readonly string[]): void {
    const last = new Map<string, string>();
    for (const line of lines) {
      const [kind, ...rest] = line.split(' ');
      if (kind === 'a') for (const record of rest[0]!.split(',')) this.#acknowledged.add(record);
      else if (kind === 'r') this.#read(rest[0]!, rest[1]!.split(','), last);
      else if (kind === 's') this.#segmentsLeft = Number(rest[0]);
    }
  }

  #read(subscriber: string, entries: readonly string[], last: Map<string, string>): void {
    const read = this.#readBy.get(subscriber) ?? new Set();
    this.#readBy.set(subscriber, read);
    for (const entry of entries) {
      const [place = '', record = ''] = entry.split('=');
      read.add(record);
      const other = this.#recordAt.get(place) ?? record;
      const otherPlace = this.#placeOf.get(record) ?? place;
      this.#recordAt.set(place, other);
      this.#placeOf.set(record, otherPlace);
      if (other !== record)
        this.violations.push(`${place} was record ${other}, and is ${record} for '${subscriber}'`);
      if (otherPlace !== place) this.violations.push(`record ${record} is at ${otherPlace} and at ${place}`);
      const before = last.get(subscriber);
      if (before !== undefined && before >= place)
        this.violations.push(`'${subscriber}' read ${place} after ${before}`);
      last.set(subscriber, place);
    }
  }

  /** After everything was consumed. */
  close(subscribers: readonly string[]): void {
    for (const subscriber of subscribers) {
      const read = this.#readBy.get(subscriber) ?? new Set();
      const lost = [...this.#acknowledged].filter((record) => !read.has(record));
      if (lost.length > 0)
        this.violations.push(
          `'${subscriber}' never read ${lost.length} acknowledged records: ${lost.slice(0, 5).join(' ')}`,
        );
    }
    const places = [...this.#recordAt.keys()].sort();
    for (let i = 1; i < places.length; i++) {
      const [before, after] = [this.#recordAt.get(places[i - 1]!)!, this.#recordAt.get(places[i]!)!];
      if (compareRecords(before, after) >= 0) this.violations.push(`record ${after} stands behind ${before}`);
    }
    if (this.#segmentsLeft !== 1) this.violations.push(`${this.#segmentsLeft} segments were left`);
  }
}

/** `LIFE.NUMBER` in the order in which they were appended. */
export function compareRecords(a: string, b: string): number {
  const [lifeA = 0, numberA = 0] = a.split('.').map(Number);
  const [lifeB = 0, numberB = 0] = b.split('.').map(Number);
  return lifeA - lifeB || numberA - numberB;
}
