/**
 * Texts changed since the row was last sent, each once, with the value that was sent then: one that returns to that value
 * needs no sending. First changed, first out.
 *
 * In blocks: there may be as many as there are keys, and one array of all would be copied at once each time it grows.
 */
const blockTexts = 4096;

interface Block {
  readonly texts: string[];
  readonly sent: number[];
}

export class DirtyTexts {
  readonly #blocks: Block[] = [];
  /** In the first block. */
  #from = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(text: string, sent: number): void {
    let block = this.#blocks.at(-1);
    if (!block || block.texts.length === blockTexts) {
      block = { texts: [], sent: [] };
      this.#blocks.push(block);
    }
    block.texts.push(text);
    block.sent.push(sent);
    this.#size++;
  }

  /** Takes out up to `limit` of them; none may be added meanwhile. */
  take(limit: number, each: (text: string, sent: number) => void): void {
    for (let left = limit; left > 0 && this.#size > 0; left--) {
      const { texts, sent } = this.#blocks[0]!;
      each(texts[this.#from]!, sent[this.#from]!);
      this.#size--;
      if (++this.#from < texts.length) continue;
      this.#blocks.shift();
      this.#from = 0;
    }
  }
}
