/**
 * Keys changed since the row was last sent, each once, with the value that was sent then: a key that returns to that
 * value needs no sending. First changed, first out.
 *
 * In blocks: there may be as many as there are keys, and one array of all would be copied at once each time it grows.
 */
const smallestCapacity = 16;
const blockCapacity = 16_384;

interface Block {
  readonly keys: Int32Array;
  readonly sent: Float64Array;
}

export class DirtyKeys {
  readonly #words: 1 | 4;
  /** The last one is being filled; the others are full. */
  #blocks: Block[];
  /** In the first block, and in the last one. */
  #from = 0;
  #to = 0;
  #size = 0;

  constructor(words: 1 | 4) {
    this.#words = words;
    this.#blocks = [this.#blockOf(smallestCapacity)];
  }

  get size(): number {
    return this.#size;
  }

  add(a: number, b: number, c: number, d: number, sent: number): void {
    let block = this.#blocks[this.#blocks.length - 1]!;
    if (this.#to === block.sent.length) block = this.#grow(block);
    const at = this.#to * this.#words;
    block.keys[at] = a;
    if (this.#words === 4) {
      block.keys[at + 1] = b;
      block.keys[at + 2] = c;
      block.keys[at + 3] = d;
    }
    block.sent[this.#to++] = sent;
    this.#size++;
  }

  /** Takes out up to `limit` keys; none may be added meanwhile. */
  take(limit: number, each: (a: number, b: number, c: number, d: number, sent: number) => void): void {
    const wide = this.#words === 4;
    for (let left = Math.min(limit, this.#size); left > 0; left--) {
      const { keys, sent } = this.#blocks[0]!;
      const at = this.#from * this.#words;
      each(
        keys[at]!,
        wide ? keys[at + 1]! : 0,
        wide ? keys[at + 2]! : 0,
        wide ? keys[at + 3]! : 0,
        sent[this.#from]!,
      );
      this.#size--;
      if (++this.#from === sent.length && this.#blocks.length > 1) {
        this.#blocks.shift();
        this.#from = 0;
      }
    }
    if (this.#size === 0) this.#clear();
  }

  /** A burst that went through leaves no memory behind. */
  #clear(): void {
    this.#from = this.#to = 0;
    if (this.#blocks.length > 1) this.#blocks = [this.#blockOf(smallestCapacity)];
  }

  /** The first block doubles while it is small; what comes after it fills another one. */
  #grow(full: Block): Block {
    const capacity = Math.min(full.sent.length * 2, blockCapacity);
    const block = this.#blockOf(capacity);
    if (full.sent.length === blockCapacity) {
      this.#blocks.push(block);
      this.#to = 0;
      return block;
    }
    block.keys.set(full.keys);
    block.sent.set(full.sent);
    this.#blocks[this.#blocks.length - 1] = block;
    return block;
  }

  #blockOf(capacity: number): Block {
    return { keys: new Int32Array(capacity * this.#words), sent: new Float64Array(capacity) };
  }
}
