/**
 * The ballots this process agreed to. Invariant: the highest one ever promised only grows, so that of two views under
 * way the older can never be installed after the newer was promised.
 */
import { compareViewIds, sameViewId, type ViewId } from '../view.ts';

/** Ballots remembered to recognise views that include this process. */
const rememberedBallots = 8;

export class Promises {
  readonly #kept: ViewId[] = [];
  #highest: ViewId | undefined;
  /** The promise in force: nothing else may happen until it is kept or too old. */
  #open: { readonly ballot: ViewId; readonly sinceMs: number } | undefined;

  /** The highest ballot ever promised. */
  get highest(): ViewId | undefined {
    return this.#highest;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The latest ballots, newest first. */
  get latest(): readonly ViewId[] {
    return this.#kept;
  }

  allow(ballot: ViewId): boolean {
    return !this.#highest || compareViewIds(ballot, this.#highest) >= 0;
  }

  isHighest(ballot: ViewId): boolean {
    return this.#highest !== undefined && sameViewId(this.#highest, ballot);
  }

  /** An own ballot: what another proposer was promised is void. */
  makeOwn(ballot: ViewId): void {
    this.#remember(ballot);
    this.#open = undefined;
  }

  /** A ballot of another proposer. Its repetition does not prolong the promise. */
  give(ballot: ViewId, nowMs: number): void {
    this.#remember(ballot);
    if (!this.#open || !sameViewId(this.#open.ballot, ballot)) this.#open = { ballot, sinceMs: nowMs };
  }

  isOlderThan(ageMs: number, nowMs: number): boolean {
    return this.#open !== undefined && nowMs - this.#open.sinceMs >= ageMs;
  }

  close(): void {
    this.#open = undefined;
  }

  #remember(ballot: ViewId): void {
    this.#highest = ballot;
    this.#kept.unshift(ballot);
    this.#kept.length = Math.min(this.#kept.length, rememberedBallots);
  }
}
