/** Random numbers from a seed (mulberry32). Named streams keep one feature's draws from shifting another's. */
import type { Random } from '../../src/core/random.ts';

export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number, stream = '') {
    this.#state = seed >>> 0;
    for (const char of stream) this.#state = Math.imul(this.#state ^ char.codePointAt(0)!, 0x9e3779b1) >>> 0;
    this.next();
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  hex(bytes: number): string {
    let text = '';
    for (let i = 0; i < bytes; i++)
      text += Math.floor(this.next() * 256)
        .toString(16)
        .padStart(2, '0');
    return text;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
