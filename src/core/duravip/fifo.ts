/** A queue whose entries may lapse while they wait: those are dropped when they come to the front. */
export class Fifo<T> {
  #entries: T[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  /** The first entry that still counts. */
  first(counts: (entry: T) => boolean): T | undefined {
    while (this.length > 0 && !counts(this.#entries[this.#head]!)) this.#drop();
    return this.#entries[this.#head];
  }

  take(counts: (entry: T) => boolean): T | undefined {
    const entry = this.first(counts);
    if (entry !== undefined) this.#drop();
    return entry;
  }

  *list(): Iterable<T> {
    for (let i = this.#head; i < this.#entries.length; i++) yield this.#entries[i]!;
  }

  #drop(): void {
    this.#head++;
    if (this.#head < 1_024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
