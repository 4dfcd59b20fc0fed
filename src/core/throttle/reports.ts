/**
 * The reports at the beginning of a view (replication 7.20): what this node has to tell the others, and what it still has
 * to hear from them before it may grant anything, or pass on what others grant.
 *
 * A report says at least what was granted before the view: who grants in it has had all reports. It may be long, so it is
 * made and sent in pieces.
 */
import type { Incarnation } from '../identity.ts';
import type { QuotaReport, ReportItem } from './messages.ts';

export type UnsentReport = Pick<QuotaReport, 'part' | 'parts' | 'items'>;

interface Report {
  readonly items: ReportItem[];
  /** Parts that were sent, this time. */
  sent: number;
}

/** Items in a part: some 20 KiB, and a millisecond of work for who gets it. */
const partItems = 200;

export class Reports {
  /** For members that have not said that they have all. */
  readonly #unheard = new Map<Incarnation, Report>();
  /** Parts that have come, of members whose report is not whole. */
  readonly #missing = new Map<Incarnation, Set<number>>();
  #isMade = true;

  begin(others: readonly Incarnation[]): void {
    this.#isMade = false;
    this.#unheard.clear();
    this.#missing.clear();
    for (const other of others) {
      this.#unheard.set(other, { items: [], sent: 0 });
      this.#missing.set(other, new Set());
    }
  }

  tell(to: Incarnation, item: ReportItem): void {
    this.#unheard.get(to)?.items.push(item);
  }

  /** Nothing more will be told. */
  made(): void {
    this.#isMade = true;
  }

  /** All others have reported, and so can this node. */
  get isComplete(): boolean {
    return this.#isMade && this.#missing.size === 0;
  }

  /** Everybody has everything. */
  get isDone(): boolean {
    return this.isComplete && this.#unheard.size === 0;
  }

  /** Parts that have to be sent still; those that were may be lost. */
  get hasUnsent(): boolean {
    if (this.#isMade)
      for (const report of this.#unheard.values()) if (report.sent < partsOf(report)) return true;
    return false;
  }

  /** How many parts are on their way, or were lost. */
  get unheardParts(): number {
    let parts = 0;
    for (const report of this.#unheard.values()) parts += partsOf(report);
    return parts;
  }

  /** The next part for each of those who have not all of them, as often as there is one, up to a limit. */
  *next(limit: number): Generator<readonly [Incarnation, UnsentReport], void, void> {
    if (!this.#isMade) return;
    let left = limit;
    for (let isMore = true; isMore && left > 0; ) {
      isMore = false;
      for (const [to, report] of this.#unheard) {
        if (report.sent >= partsOf(report) || left === 0) continue;
        isMore = true;
        left--;
        yield [to, partOf(report, report.sent++)];
      }
    }
  }

  /** All of it once more. */
  repeat(to?: Incarnation): void {
    for (const [other, report] of this.#unheard) if ((to ?? other) === other) report.sent = 0;
  }

  heard(by: Incarnation): void {
    this.#unheard.delete(by);
  }

  /** Nothing has come of its report before. */
  isFirst({ from }: QuotaReport): boolean {
    return this.#missing.get(from)?.size === 0;
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

function partsOf({ items }: Report): number {
  return Math.max(1, Math.ceil(items.length / partItems));
}

function partOf(report: Report, part: number): UnsentReport {
  const items = report.items.slice(part * partItems, (part + 1) * partItems);
  return { part, parts: partsOf(report), items };
}
