/** Randomness as the domain sees it: injected, so that one seed replays a whole simulated cluster. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `bytes` random bytes as lower-case hexadecimal, unguessable in production. */
  hex(bytes: number): string;
}

/** An integer in [0, bound). */
export function intBelow(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}
