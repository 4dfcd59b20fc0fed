/** Waiting with a limit, on the injected clock. */
import type { Clock } from '../core/clock.ts';

const lookEveryMs = 2;

/** True: the condition held in time. */
export async function until(clock: Clock, limitMs: number, condition: () => boolean): Promise<boolean> {
  const endMs = clock.nowMs() + limitMs;
  while (!condition()) {
    if (clock.nowMs() >= endMs) return false;
    await new Promise<void>((resume) => clock.after(lookEveryMs, resume));
  }
  return true;
}

/** @throws Error of `run`, or one that names `what` when it takes longer; then whatever comes of it is ignored */
export async function within<Result>(
  clock: Clock,
  limitMs: number,
  what: string,
  run: () => Result | Promise<Result>,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const timer = clock.after(limitMs, () =>
      reject(new Error(`${what} took longer than ${limitMs / 1000} s`)),
    );
    const settle = (end: () => void) => {
      timer.cancel();
      end();
    };
    // Also what `run` throws at once.
    Promise.resolve()
      .then(run)
      .then(
        (result) => settle(() => resolve(result)),
        (error: unknown) => settle(() => reject(error)),
      );
  });
}
