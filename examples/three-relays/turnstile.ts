/**
 * Lets steps through, or holds them all back, so that a moment can be looked at in peace.
 *
 * Invariant: while it is held and `isStill`, no step is under way and none begins.
 */
export class Turnstile {
  #isHeld = false;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  get isStill(): boolean {
    return this.#isHeld && this.#underWay === 0;
  }

  /** Runs the step, now or when the turnstile is released. */
  async pass<T>(step: () => Promise<T>): Promise<T> {
    while (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay += 1;
    try {
      return await step();
    } finally {
      this.#underWay -= 1;
    }
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
