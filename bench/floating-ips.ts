/** The addresses that float in benchmarks: of 10.84.0.0/16, none with an end that some program might find strange. */
const usedOfBlock = 250;

export function floatingIps(count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `10.84.${Math.floor(n / usedOfBlock)}.${(n % usedOfBlock) + 1}`,
  );
}
