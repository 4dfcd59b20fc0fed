/**
 * At most so many in any second: a tenth of it in one go, the rest as time passes. Bursts and rate together never
 * exceed the figure, whatever second one looks at.
 */
export class RateLimit {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#burst = Math.max(1, Math.floor(perSecond / 10));
    this.#perMs = Math.max(perSecond - this.#burst, perSecond / 2) / 1_000;
    this.#tokens = this.#burst;
  }

  isReady(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens >= 1;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    if (!this.isReady(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** When the next one may be taken, in whole milliseconds from now: a sum of fractions might never be reached. */
  nextMs(nowMs: number): number {
    return this.isReady(nowMs) ? nowMs : nowMs + Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs));
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    const passedMs = nowMs - this.#atMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#perMs);
    this.#atMs = nowMs;
  }
}
