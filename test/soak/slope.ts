/** How a figure grows over time: the line through its samples with the least squares. */
export interface Sample {
  readonly atS: number;
  readonly value: number;
}

/** By how much it grows in a minute; 0 where there is nothing to tell from. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanS = meanOf(samples.map(({ atS }) => atS));
  const mean = meanOf(samples.map(({ value }) => value));
  const spread = samples.reduce((sum, { atS }) => sum + (atS - meanS) ** 2, 0);
  if (samples.length < 2 || spread === 0) return 0;
  const together = samples.reduce((sum, { atS, value }) => sum + (atS - meanS) * (value - mean), 0);
  return (60 * together) / spread;
}

/** The second half of the time: caches, compiled code and pools have filled up by then. */
export function settled(samples: readonly Sample[]): readonly Sample[] {
  const [first, last] = [samples[0]?.atS ?? 0, samples.at(-1)?.atS ?? 0];
  return samples.filter(({ atS }) => atS >= (first + last) / 2);
}

/**
 * The least of each so many samples that follow each other: what memory has above it was only waiting to be collected, and
 * rises and falls by more in a minute than a leak does in an hour.
 */
export function floors(samples: readonly Sample[], each: number): readonly Sample[] {
  const parts = Array.from({ length: Math.floor(samples.length / each) }, (_, i) =>
    samples.slice(i * each, (i + 1) * each),
  );
  return parts.map((part) => part.reduce((least, sample) => (sample.value < least.value ? sample : least)));
}
