/**
 * What clients of a simulated cluster do while faults strike: connections come and go, leaders order messages, shared
 * objects are used.
 *
 * Invariant: the same seed acts in the same way on the same cluster.
 */
import type { ObjectChecker } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';
import type { SumChecker } from './sum-checker.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface TrafficOptions {
  readonly seed: number;
  readonly clock: VirtualClock;
  /** The process in each place; it changes. */
  readonly places: readonly (SimNode | undefined)[];
  /** Told of each change, to compare with in the end. */
  readonly sums: SumChecker;
  readonly objects: readonly ObjectChecker[];
  readonly goesOn: () => boolean;
}

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #random: SeededRandom;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, 'traffic');
  }

  /** Some seeds are busy, so that messages are under way whenever something breaks; the others run fast. */
  schedule(): void {
    const { seed, clock, objects, goesOn } = this.#options;
    const meanGapMs = seed % 8 === 0 ? 25 : 300;
    clock.after(this.#random.between(1, 2 * meanGapMs), () => {
      for (let burst = this.#random.below(3); burst >= 0; burst--) this.#useOrderedStream();
      for (let burst = this.#random.below(8); burst >= 0; burst--) this.#count();
      for (const object of objects) object.act();
      if (goesOn()) this.schedule();
    });
  }

  #useOrderedStream(): void {
    const payload = Uint8Array.from({ length: 1 + this.#random.below(12) }, () => this.#random.below(256));
    // Not a decision about addresses, which share the stream.
    payload[0] = 0;
    for (const node of this.#options.places) {
      if (node?.alive && !node.clock.paused && node.member.membership.isLeader)
        node.member.membership.order(payload);
    }
  }

  /** A connection opens or closes at a random node. */
  #count(): void {
    const random = this.#random;
    const { seed, places, sums } = this.#options;
    const node = random.pick(places);
    if (!node?.alive || node.clock.paused || node.options.type !== 'Momentum') return;
    if (random.chance(0.7)) {
      const host = random.below(seed % 5 === 0 ? 400 : 40);
      const key = random.chance(0.8)
        ? `10.0.${host >> 6}.${host & 63}`
        : `2001:db8:${(host & 7) + 1}::${host + 1}`;
      sums.change(node, 'inbound_cidr', key, random.chance(0.55) ? 1 : -1);
    } else {
      const domain = `domain-${random.below(20)}.example`;
      sums.change(node, 'outbound_domains', domain, random.chance(0.55) ? 1 : -1);
    }
  }
}
