/**
 * Keys changed since the row was last sent, each once, with the value that was sent then: a key that returns to that
 * value needs no sending. First changed, first out.
 */
const smallestCapacity = 16;
const keptCapacity = 16_384;

export class DirtyKeys {
  readonly #words: 1 | 4;
  #keys: Int32Array;
  #sent: Float64Array;
  #from = 0;
  #to = 0;

  constructor(words: 1 | 4) {
    this.#words = words;
    this.#keys = new Int32Array(smallestCapacity * words);
    this.#sent = new Float64Array(smallestCapacity);
  }

  get size(): number {
    return this.#to - this.#from;
  }

  add(a: number, b: number, c: number, d: number, sent: number): void {
    if (this.#to === this.#sent.length) this.#grow();
    const at = this.#to * this.#words;
    this.#keys[at] = a;
    if (this.#words === 4) {
      this.#keys[at + 1] = b;
      this.#keys[at + 2] = c;
      this.#keys[at + 3] = d;
    }
    this.#sent[this.#to++] = sent;
  }

  /** Takes out up to `limit` keys. */
  take(limit: number, each: (a: number, b: number, c: number, d: number, sent: number) => void): void {
    const end = Math.min(this.#to, this.#from + limit);
    for (; this.#from < end; this.#from++) {
      const at = this.#from * this.#words;
      const wide = this.#words === 4;
      const keys = this.#keys;
      each(
        keys[at]!,
        wide ? keys[at + 1]! : 0,
        wide ? keys[at + 2]! : 0,
        wide ? keys[at + 3]! : 0,
        this.#sent[this.#from]!,
      );
    }
    if (this.#from === this.#to) this.#clear();
  }

  /** A burst that went through leaves no memory behind. */
  #clear(): void {
    this.#from = this.#to = 0;
    if (this.#sent.length <= keptCapacity) return;
    this.#keys = new Int32Array(smallestCapacity * this.#words);
    this.#sent = new Float64Array(smallestCapacity);
  }

  #grow(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    const sent = new Float64Array(this.#sent.length * 2);
    keys.set(this.#keys);
    sent.set(this.#sent);
    this.#keys = keys;
    this.#sent = sent;
  }
}
