/** Sets of members, one for each address, as bits: what a node may own is asked a million times a plan. */
export class MemberSets {
  readonly #wordsEach: number;
  readonly #words: Uint32Array;

  constructor(memberCount: number, sets: readonly (readonly number[])[]) {
    this.#wordsEach = (memberCount + 31) >>> 5;
    this.#words = new Uint32Array(this.#wordsEach * sets.length);
    for (const [set, members] of sets.entries()) {
      const base = set * this.#wordsEach;
      for (const member of members) this.#words[base + (member >>> 5)]! |= 1 << (member & 31);
    }
  }

  has(set: number, member: number): boolean {
    return ((this.#words[set * this.#wordsEach + (member >>> 5)]! >>> (member & 31)) & 1) === 1;
  }
}
