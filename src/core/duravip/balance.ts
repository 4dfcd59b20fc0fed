/**
 * Balancing: which addresses move from the most to the least loaded members (OWN-20 to OWN-27). A pure function of the
 * leader's table, like the election.
 *
 * Each move lowers the sum of squared loads by at least 2, so that balancing ends and nothing goes back and forth
 * (OWN-25). Where everybody may own everything the loads end at most 1 apart, after the fewest possible moves (OWN-26).
 *
 * Thousands of moves are planned at once, so nothing is computed afresh for each: loads and the number of addresses
 * that one member could give to another are kept up to date, and for each pair that is really used there is a list
 * in canonical order, from which addresses that left in the meantime are skipped.
 */
import { MemberSets } from './member-sets.ts';
import { loadsOf, nobody, type VipFacts } from './vip-facts.ts';

export interface Move {
  /** Place of the address in the list that was given. */
  readonly vip: number;
  readonly from: number;
  readonly to: number;
}

/** OWN-23 */
export function isMovable(facts: VipFacts): boolean {
  return facts.mature && facts.owner !== nobody && !facts.broken && !facts.held && facts.preferred === nobody;
}

/** The next moves, at most `limit` of them (OWN-24). `vips` is the whole table in canonical order. */
export function balance(memberCount: number, vips: readonly VipFacts[], limit: number): readonly Move[] {
  const round = new Round(memberCount, vips);
  const moves: Move[] = [];
  while (moves.length < limit) {
    const move = round.next();
    if (!move) break;
    moves.push(move);
  }
  return moves;
}

class Round {
  readonly #memberCount: number;
  readonly #vips: readonly VipFacts[];
  readonly #owners: Int32Array;
  readonly #loads: Int32Array;
  readonly #movable: Uint8Array;
  readonly #eligible: MemberSets;
  /** At giver * members + taker: how many movable addresses of the giver the taker may own. */
  readonly #offers: Int32Array;
  /** For each giver, the same addresses by taker, made when the pair is first used. */
  readonly #queues: Map<number, OfferQueue>[];
  /** For each member the movable addresses it had at first, ascending, and those it got since; some have left. */
  readonly #initial: number[][];
  readonly #arrived: number[][];

  constructor(memberCount: number, vips: readonly VipFacts[]) {
    this.#memberCount = memberCount;
    this.#vips = vips;
    this.#owners = Int32Array.from(vips, ({ owner }) => owner);
    this.#loads = loadsOf(memberCount, this.#owners);
    this.#movable = Uint8Array.from(vips, (facts) => (isMovable(facts) ? 1 : 0));
    this.#eligible = new MemberSets(
      memberCount,
      vips.map(({ eligible }) => eligible),
    );
    this.#offers = new Int32Array(memberCount * memberCount);
    this.#queues = Array.from({ length: memberCount }, () => new Map());
    this.#initial = Array.from({ length: memberCount }, () => []);
    this.#arrived = Array.from({ length: memberCount }, () => []);
    for (let vip = 0; vip < vips.length; vip++) {
      if (this.#movable[vip] === 0) continue;
      this.#initial[this.#owners[vip]!]!.push(vip);
      this.#offer(vip, 1);
    }
  }

  /** OWN-22 */
  next(): Move | undefined {
    const tried = new Uint8Array(this.#memberCount);
    const floor = this.#smallestLoad();
    for (;;) {
      const from = this.#mostLoaded(tried);
      if (from === nobody || this.#loads[from]! - floor <= 1) return undefined;
      const to = this.#bestTaker(from);
      if (to !== nobody && this.#loads[from]! - this.#loads[to]! > 1) return this.#move(from, to);
      tried[from] = 1;
    }
  }

  #move(from: number, to: number): Move {
    const counts = (vip: number) => this.#owners[vip] === from && this.#eligible.has(vip, to);
    const vip = this.#queue(from, to).take(counts);
    this.#offer(vip, -1);
    this.#owners[vip] = to;
    this.#offer(vip, 1);
    this.#loads[from]!--;
    this.#loads[to]!++;
    this.#arrived[to]!.push(vip);
    for (const [taker, queue] of this.#queues[to]!) if (this.#eligible.has(vip, taker)) queue.add(vip);
    return { vip, from, to };
  }

  /** Counts an address among, or out of, what its owner could give. */
  #offer(vip: number, by: 1 | -1): void {
    const owner = this.#owners[vip]!;
    const base = owner * this.#memberCount;
    const takers = this.#vips[vip]!.eligible;
    for (let i = 0; i < takers.length; i++) this.#offers[base + takers[i]!]! += by;
  }

  #smallestLoad(): number {
    let smallest = Number.POSITIVE_INFINITY;
    for (const load of this.#loads) if (load < smallest) smallest = load;
    return smallest;
  }

  /** First in member order among those with the largest load that were not tried. */
  #mostLoaded(tried: Uint8Array): number {
    let most = nobody;
    for (let member = 0; member < this.#memberCount; member++) {
      if (tried[member] === 0 && (most === nobody || this.#loads[member]! > this.#loads[most]!))
        most = member;
    }
    return most;
  }

  /** First in member order among the least loaded that may own one of the giver's movable addresses. */
  #bestTaker(from: number): number {
    const base = from * this.#memberCount;
    let best = nobody;
    for (let member = 0; member < this.#memberCount; member++) {
      if (member === from || this.#offers[base + member]! === 0) continue;
      if (best === nobody || this.#loads[member]! < this.#loads[best]!) best = member;
    }
    return best;
  }

  #queue(from: number, to: number): OfferQueue {
    let queue = this.#queues[from]!.get(to);
    if (!queue) {
      queue = new OfferQueue(this.#initial[from]!);
      for (const vip of this.#arrived[from]!) if (this.#eligible.has(vip, to)) queue.add(vip);
      this.#queues[from]!.set(to, queue);
    }
    return queue;
  }
}

/**
 * What one member could give to another, first address first. Entries may be out of date, not for this taker, or there
 * twice: whoever takes says which counts, and an entry that did not count never will, unless it is added again.
 */
class OfferQueue {
  readonly #initial: readonly number[];
  #at = 0;
  /** Came later, ascending. Only addresses with unequal participants ever move twice, so it stays short. */
  readonly #later: number[] = [];

  constructor(initial: readonly number[]) {
    this.#initial = initial;
  }

  add(vip: number): void {
    let at = this.#later.length;
    while (at > 0 && this.#later[at - 1]! > vip) at--;
    this.#later.splice(at, 0, vip);
  }

  /** There is always one: the pair's offers were counted. */
  take(counts: (vip: number) => boolean): number {
    for (;;) {
      const [initial, later] = [this.#initial[this.#at], this.#later[0]];
      const vip = later === undefined || (initial !== undefined && initial < later) ? initial! : later;
      if (vip === initial) this.#at++;
      if (vip === later) this.#later.shift();
      if (counts(vip)) return vip;
    }
  }
}
