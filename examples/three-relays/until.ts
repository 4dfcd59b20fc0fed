/** Waiting for a condition, with an end: nothing here may wait for ever, and Ctrl-C ends every wait. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Patience {
  readonly limitMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/**
 * False when it was not true even when asked after the limit: on a busy machine the asking itself may take that long.
 * Throws the reason of `signal`.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { limitMs, everyMs, signal }: Patience,
): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const isLastChance = performance.now() >= endMs;
    if (await condition()) return true;
    if (isLastChance) return false;
    await sleep(everyMs, signal);
  }
}

/** Throws the reason of `signal`, not an AbortError around it. */
export async function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await pause(Math.max(0, delayMs), undefined, { signal }).catch(() => signal.throwIfAborted());
}
