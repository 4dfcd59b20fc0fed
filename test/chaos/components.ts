/**
 * Who was in whose view when, from the logs of the nodes. Without quorum there is one owner in each component, so two
 * nodes may both answer while each has a view without the other, and until they have met. Pure.
 */
export interface Installed {
  readonly machine: string;
  readonly atMs: number;
  readonly members: readonly string[];
}

/** Release after two sides met, and until a node that others have left notices it: bounds of INV-3 with a margin. */
const meetingMs = 5_000;
const noticingMs = 2_000;

export class Components {
  readonly #installed: readonly Installed[];

  /** In order of time. */
  constructor(installed: readonly Installed[]) {
    this.#installed = installed;
  }

  /** `wallAheadMs`: what the clock of the logs is ahead of the one that `Installed` counts by. */
  static ofLog(machine: string, log: string, wallAheadMs: number): Installed[] {
    const pattern = /"time":"([^"]+)".*"msg":"view \d+ installed \(\w+\): ([^"]*)"/g;
    return [...log.matchAll(pattern)].map(([, time = '', names = '']) => ({
      machine,
      atMs: Date.parse(time) - wallAheadMs,
      members: names.split(' ').map((name) => name.split('#')[2] ?? ''),
    }));
  }

  /** Shortly before this moment, or after it, each of the two had a view without the other. */
  areApart(one: string, other: string, atMs: number): boolean {
    return this.#isWithout(one, other, atMs) && this.#isWithout(other, one, atMs);
  }

  #isWithout(machine: string, other: string, atMs: number): boolean {
    const own = this.#installed.filter((each) => each.machine === machine);
    return own.some(({ atMs: fromMs, members }, at) => {
      const untilMs = own[at + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return !members.includes(other) && fromMs < atMs + noticingMs && untilMs > atMs - meetingMs;
    });
  }
}
