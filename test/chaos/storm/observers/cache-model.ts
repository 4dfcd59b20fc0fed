/**
 * What the replicated cache holds when nobody writes and everybody is there (replication 13.6, 13.7): the same everywhere,
 * nothing that nobody wrote, and nothing that an acknowledged write replaced. Pure.
 *
 * What a process wrote just before it was struck may be lost with it. Which of two writes is the newer one is a matter of the
 * clocks of those who wrote, and follows the one that is ahead: while one of them is another one, it says nothing.
 */
import type { Write } from '../notes.ts';
import type { TimeLine } from '../time-line.ts';

/** What one node shows. */
export type Shown = ReadonlyMap<string, string | null>;

/** `max_delay`, the way, and a link that has to be made anew. */
const mayBeLostMs = 3_000;

export class CacheModel {
  /** By key, in the order in which they were asked for. */
  readonly #writes = new Map<string, Write[]>();
  written = 0;
  judged = 0;

  add(writes: readonly Write[]): void {
    for (const write of writes) {
      const earlier = this.#writes.get(write.key) ?? [];
      this.#writes.set(write.key, [...earlier, write]);
    }
    this.written += writes.length;
  }

  /** What differs between nodes. */
  differences(shown: ReadonlyMap<string, Shown>): string[] {
    const [[first, values] = ['', new Map<string, string | null>()], ...others] = shown;
    return others.flatMap(([node, own]) =>
      [...values].flatMap(([key, value]) =>
        own.get(key) === value
          ? []
          : [`REP-13.6 ${key} is '${value}' at ${first} and '${own.get(key)}' at ${node}`],
      ),
    );
  }

  /** What is wrong with values that are the same everywhere. After that, only what they were written by is remembered. */
  judge(
    shown: Shown,
    timeLine: Pick<TimeLine, 'struckAfter' | 'seconds'>,
    clocksDiffered: (atMs: number) => boolean,
  ): string[] {
    return [...shown].flatMap(([key, value]) => {
      const writes = this.#writes.get(key) ?? [];
      if (writes.length === 0) return [];
      this.judged += 1;
      const own = writes.find((write) => write.value === value);
      this.#writes.set(key, own ? [own] : []);
      if (!own && value !== null) return [`REP-13.6 ${key} is '${value}', which nobody wrote`];
      const clocksDiffer = writes.some(({ askedMs }) => clocksDiffered(askedMs));
      // One that was not answered may have been done at any time after it was asked for.
      const ownMs = own ? (own.answeredMs ?? Number.POSITIVE_INFINITY) : 0;
      const replaced = writes.findLast(
        ({ node, askedMs, answeredMs = Number.POSITIVE_INFINITY }) =>
          askedMs > ownMs && timeLine.struckAfter(node, answeredMs - 1) > answeredMs + mayBeLostMs,
      );
      if (!replaced || clocksDiffer) return [];
      const when = timeLine.seconds(replaced.askedMs);
      return [`REP-13.7 ${key} is '${value}' though '${replaced.value}' was written after it, at ${when}`];
    });
  }
}
