/** The last changes of ownership, for `cluster duravip history` (EXT-7): a ring, so that it never grows. */
import type { Incarnation } from '../identity.ts';
import type { ViewId } from '../view.ts';
import type { AssignmentReason, Ip } from './vip.ts';

export interface HistoryEntry {
  /** By the wall clock, for people. */
  readonly atMs: number;
  readonly view: ViewId;
  /** Node name of the view's coordinator, where it was known. */
  readonly coordinator?: string | undefined;
  readonly ip: Ip;
  /** Incarnation and node name: the name would be lost with the member. */
  readonly from: HistoryOwner | undefined;
  readonly to: HistoryOwner | undefined;
  readonly reason: AssignmentReason;
}

export interface HistoryOwner {
  readonly incarnation: Incarnation;
  readonly node: string;
}

export const historyLength = 1_000;

export class OwnershipHistory {
  readonly #entries: HistoryEntry[] = [];
  /** Where the next entry goes once the ring is full. */
  #oldest = 0;

  add(entry: HistoryEntry): void {
    if (this.#entries.length < historyLength) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[this.#oldest] = entry;
    this.#oldest = (this.#oldest + 1) % historyLength;
  }

  /** Oldest first. */
  list(ip?: Ip): readonly HistoryEntry[] {
    const all = [...this.#entries.slice(this.#oldest), ...this.#entries.slice(0, this.#oldest)];
    return ip === undefined ? all : all.filter((entry) => entry.ip === ip);
  }
}
