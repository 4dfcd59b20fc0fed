/**
 * Keeps a message that repeats itself from filling the paniclog: at most so many equal ones in a period
 * (`debug_throttle_max_num_same_message`). Two are equal when they differ in numbers only, which is what the texts of one
 * format usually do.
 */
export interface EqualMessageLimits {
  /** 0: all. */
  readonly most: number;
  readonly periodMs: number;
}

/** More different ones in one period are not told apart: they pass. */
const mostTexts = 1000;

export class EqualMessages {
  readonly #limits: EqualMessageLimits;
  readonly #counts = new Map<string, number>();
  #endMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(limits: EqualMessageLimits) {
    this.#limits = limits;
  }

  /** False: it is one too many. */
  admit(text: string, nowMs: number): boolean {
    const { most, periodMs } = this.#limits;
    if (most === 0) return true;
    if (nowMs >= this.#endMs) {
      this.#counts.clear();
      this.#endMs = nowMs + periodMs;
    }
    const key = text.replace(/\d+/g, '0');
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= mostTexts) return true;
    this.#counts.set(key, count);
    if (count <= most) return true;
    this.#suppressed++;
    return false;
  }

  /** How many were one too many since this was asked. */
  takeSuppressed(): number {
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
