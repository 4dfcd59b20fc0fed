/**
 * Virtual time: jumps from one due callback to the next. Callbacks of the same instant run in the order they were
 * scheduled, so one seed always gives one history.
 */
import type { Clock, Timer } from '../../src/core/clock.ts';

class Task implements Timer {
  run: (() => void) | undefined;
  readonly atMs: number;
  readonly order: number;

  constructor(atMs: number, order: number, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #scheduled = 0;
  readonly #heap: Task[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const task = new Task(this.#nowMs + Math.max(0, delayMs), this.#scheduled++, run);
    this.#push(task);
    return task;
  }

  /** Runs everything due until `untilMs`, promises included, then stands there. */
  async advance(untilMs: number): Promise<void> {
    for (let task = this.#heap[0]; task && task.atMs <= untilMs; task = this.#heap[0]) {
      this.#pop();
      if (!task.run) continue;
      this.#nowMs = task.atMs;
      task.run();
      // A turn of the real event loop: only then have chains of promises of any length come to their end.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }

  /** Runs everything due until `untilMs`, then stands there. */
  runUntil(untilMs: number): void {
    for (let task = this.#heap[0]; task && task.atMs <= untilMs; task = this.#heap[0]) {
      this.#pop();
      if (!task.run) continue;
      this.#nowMs = task.atMs;
      task.run();
    }
    this.#nowMs = untilMs;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(task);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(task, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const length = heap.length;
    if (length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
