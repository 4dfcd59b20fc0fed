/** When what happens. Pure: milliseconds since the first mail, so that it can be tested without waiting. */

export interface Step {
  readonly atMs: number;
  readonly what: 'look' | 'kill' | 'restart';
}

const longestSlotMs = 5_000;
const fewestSlots = 10;
const killSlot = 4;
const restartSlot = 6;

/**
 * A step in every slot of time: mostly a look at the sums, once a kill, once a restart. Without a duration it never
 * ends; with one, the last step is a look at the very end.
 */
export function* timeline(durationMs: number | undefined): Generator<Step, void> {
  const endMs = durationMs ?? Number.POSITIVE_INFINITY;
  const slots = Math.max(fewestSlots, Math.ceil(endMs / longestSlotMs));
  const slotMs = durationMs === undefined ? longestSlotMs : durationMs / slots;
  for (let slot = 1; slot <= slots; slot++) {
    const what = slot === killSlot ? 'kill' : slot === restartSlot ? 'restart' : 'look';
    yield { atMs: slot * slotMs, what };
  }
}
