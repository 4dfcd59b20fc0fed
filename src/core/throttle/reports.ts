/**
 * The reports at the beginning of a view (replication 7.20): what this node has told the others, and what it still has to
 * hear from them before it may grant anything, or pass on what others grant.
 *
 * A report is made once, when the view is installed: what is granted later is granted by those who have had all reports.
 */
import type { Incarnation } from '../identity.ts';
import type { QuotaReport, ReportItem } from './messages.ts';

export type UnsentReport = Pick<QuotaReport, 'part' | 'parts' | 'items'>;

/** Items in a part: some 50 KiB. */
const partItems = 500;

export class Reports {
  /** Parts for members that have not said that they have all. */
  readonly #unheard = new Map<Incarnation, readonly UnsentReport[]>();
  /** Parts that have come, of members whose report is not whole. */
  readonly #missing = new Map<Incarnation, Set<number>>();

  begin(others: readonly Incarnation[], itemsFor: (to: Incarnation) => readonly ReportItem[]): void {
    this.#unheard.clear();
    this.#missing.clear();
    for (const other of others) {
      this.#unheard.set(other, inParts(itemsFor(other)));
      this.#missing.set(other, new Set());
    }
  }

  /** All others have reported. */
  get isComplete(): boolean {
    return this.#missing.size === 0;
  }

  /** Everybody has everything. */
  get isDone(): boolean {
    return this.isComplete && this.#unheard.size === 0;
  }

  *unheard(): Generator<[Incarnation, readonly UnsentReport[]]> {
    yield* this.#unheard;
  }

  unheardBy(member: Incarnation): readonly UnsentReport[] {
    return this.#unheard.get(member) ?? [];
  }

  heard(by: Incarnation): void {
    this.#unheard.delete(by);
  }

  /** True when the sender's report is whole with this part, or was before. */
  received({ from, part, parts }: QuotaReport): boolean {
    const received = this.#missing.get(from);
    if (!received) return true;
    received.add(part);
    if (received.size < parts) return false;
    this.#missing.delete(from);
    return true;
  }
}

function inParts(items: readonly ReportItem[]): readonly UnsentReport[] {
  const parts = Math.max(1, Math.ceil(items.length / partItems));
  return Array.from({ length: parts }, (_, part) => ({
    part,
    parts,
    items: items.slice(part * partItems, (part + 1) * partItems),
  }));
}
