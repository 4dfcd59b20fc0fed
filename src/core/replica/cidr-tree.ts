/**
 * The path-compressed tree of a set of addresses, printed in pre-order (replication 5.4 - 5.6).
 *
 * It is computed from the sorted leaves: a node covers a run of them, its prefix is what the first and the last of the
 * run have in common. Idle leaves take part, so that branch points stay as the history made them (5.7); nodes with sum 0
 * are not printed. A netblock that addresses were rolled up into is a leaf that may have leaves below it.
 */
import { type Address, formatPrefix, isIpv4, maskWord, type Prefix } from '../address.ts';
import type { Leaves } from './leaves.ts';
import { sortInSlices } from './sliced-sort.ts';
import { maxCount, type TableRow } from './table.ts';
import type { Work } from './work.ts';

/** Rows of one step, and leaves looked at in one. */
const stepRows = 1024;
const stepLeaves = 4_096;

type Slices = Generator<readonly TableRow[], void, void>;

/** The rows of one family: its netblocks and its addresses. `under` leaves out what is not in that prefix. */
export function* dumpTree(leaves: readonly [Leaves, Leaves], under: Prefix | undefined): Slices {
  const tree = new CidrTree(leaves);
  for (const _ of tree.sort(under)) yield [];
  yield* tree.rows();
}

/** Leaves are numbered: the netblocks first, then the addresses. They stay where they were copied to. */
class CidrTree {
  readonly #blocks: Leaves;
  readonly #addresses: Leaves;
  /** Leaves in order of network, then length. */
  #order = new Int32Array(0);
  /** Sum of the counts of all leaves before each position. */
  #sums = new Float64Array(1);

  constructor([blocks, addresses]: readonly [Leaves, Leaves]) {
    this.#blocks = blocks;
    this.#addresses = addresses;
  }

  *sort(under: Prefix | undefined): Work {
    const chosen = new Int32Array(this.#blocks.size + this.#addresses.size);
    let size = 0;
    for (let leaf = 0; leaf < chosen.length; leaf++) {
      if (!under || this.#isWithin(leaf, under)) chosen[size++] = leaf;
      if (leaf % stepLeaves === 0) yield;
    }
    this.#order = chosen.subarray(0, size);
    yield* sortInSlices(this.#order, (left, right) => this.#compare(left, right));
    this.#sums = new Float64Array(size + 1);
    for (let at = 0; at < size; at++) {
      this.#sums[at + 1] = this.#sums[at]! + this.#count(this.#order[at]!);
      if (at % stepLeaves === 0) yield;
    }
  }

  /** Pre-order: a stack of runs [from, to) of leaves, each the subtree of one node. */
  *rows(): Slices {
    let rows: TableRow[] = [];
    const runs: [from: number, to: number][] = [[0, this.#order.length]];
    for (let run = runs.pop(); run; run = runs.pop()) {
      const [from, to] = run;
      const count = this.#sum(from, to);
      if (count === 0) continue;
      const bits = this.#commonBits(from, to);
      const leaf = this.#order[from]!;
      rows.push({ key: formatPrefix(this.#network(leaf, bits), bits), count });
      const below = this.#bits(leaf) === bits ? from + 1 : from;
      const split = this.#split(below, to, bits);
      if (split < to) runs.push([split, to]);
      if (below < split) runs.push([below, split]);
      if (rows.length < stepRows) continue;
      yield rows;
      rows = [];
    }
    yield rows;
  }

  get #words(): number {
    return this.#addresses.words;
  }

  #word(leaf: number, word: number): number {
    const address = leaf - this.#blocks.size;
    return address < 0 ? this.#blocks.word(leaf, word) : this.#addresses.word(address, word);
  }

  #count(leaf: number): number {
    const address = leaf - this.#blocks.size;
    return address < 0 ? this.#blocks.counts[leaf]! : this.#addresses.counts[address]!;
  }

  #bits(leaf: number): number {
    return leaf < this.#blocks.size ? this.#blocks.bits : this.#addresses.bits;
  }

  #compare(left: number, right: number): number {
    for (let word = 0; word < this.#words; word++) {
      const difference = (this.#word(left, word) >>> 0) - (this.#word(right, word) >>> 0);
      if (difference !== 0) return difference;
    }
    return this.#bits(left) - this.#bits(right);
  }

  /** Length of what all leaves of a run have in common: the first and the last decide, because they are sorted. */
  #commonBits(from: number, to: number): number {
    const first = this.#order[from]!;
    const last = this.#order[to - 1]!;
    const most = Math.min(this.#bits(first), this.#bits(last));
    for (let word = 0; word < this.#words; word++) {
      const difference = this.#word(first, word) ^ this.#word(last, word);
      if (difference !== 0) return Math.min(most, word * 32 + Math.clz32(difference));
    }
    return most;
  }

  /** Position of the first leaf of a run whose bit `bit` is set. */
  #split(from: number, to: number, bit: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const word = this.#word(this.#order[middle]!, bit >>> 5);
      if (((word >>> (31 - (bit & 31))) & 1) === 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Differences of sums are exact up to 2^53; beyond it the leaves are added up again, so that no branch goes astray. */
  #sum(from: number, to: number): number {
    if (this.#sums[to]! <= maxCount) return this.#sums[to]! - this.#sums[from]!;
    let sum = 0;
    for (let at = from; at < to; at++) sum += this.#count(this.#order[at]!);
    return Math.min(sum, maxCount);
  }

  /** The address of a leaf; its host bits below `bits` are cut off. */
  #network(leaf: number, bits: number): Address {
    const word = (index: number) => maskWord(this.#word(leaf, index), bits - index * 32);
    return this.#words === 1 ? word(0) : [word(0), word(1), word(2), word(3)];
  }

  #isWithin(leaf: number, { address, bits }: Prefix): boolean {
    if (this.#bits(leaf) < bits) return false;
    const network = this.#network(leaf, bits);
    if (isIpv4(network) || isIpv4(address)) return network === address;
    return network.every((word, index) => word === address[index]);
  }
}
