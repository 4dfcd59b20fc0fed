/** Waiting for a condition, with an end: nothing here may wait for ever, and Ctrl-C ends every wait. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Patience {
  readonly limitMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** False when it did not become true in time. Throws the reason of `signal`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { limitMs, everyMs, signal }: Patience,
): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > endMs) return false;
    await sleep(everyMs, signal);
  }
}

/** Throws the reason of `signal`, not an AbortError around it. */
export async function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await pause(Math.max(0, delayMs), undefined, { signal }).catch(() => signal.throwIfAborted());
}
