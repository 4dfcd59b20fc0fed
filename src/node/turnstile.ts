/** Lets so many through at once; the others wait in the order in which they came. */
export class Turnstile {
  #places: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** Who is through already stays through. */
  resize(places: number): void {
    this.#free += places - this.#places;
    this.#places = places;
    this.#admit();
  }

  async pass<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resume) => this.#waiting.push(resume));
    try {
      return await run();
    } finally {
      this.#free++;
      this.#admit();
    }
  }

  #admit(): void {
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#free--;
      next();
    }
  }
}
