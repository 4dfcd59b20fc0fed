/**
 * Virtual time: jumps from one due callback to the next. Callbacks of the same instant run in the order they were
 * scheduled, so one seed always gives one history.
 */
import type { Clock, Timer } from '../../src/core/clock.ts';

const tasksPerTurn = 100;

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
    while (this.#isDue(untilMs)) await this.#runSome(untilMs);
    this.#nowMs = untilMs;
  }

  /**
   * Each task in an immediate of its own: before the next one runs, chains of promises of any length have come to their
   * end. Many immediates in one turn of the event loop, which costs more than most tasks do.
   */
  #runSome(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (left: number): void => {
        try {
          this.#runNext(untilMs);
        } catch (error) {
          reject(error);
        }
        if (left === 0) resolve();
      };
      for (let left = tasksPerTurn; left >= 0; left--) setImmediate(step, left);
    });
  }

  #isDue(untilMs: number): boolean {
    const first = this.#heap[0];
    return first !== undefined && first.atMs <= untilMs;
  }

  /** The next task due that was not cancelled. */
  #runNext(untilMs: number): void {
    while (this.#isDue(untilMs)) {
      const task = this.#heap[0]!;
      this.#pop();
      if (!task.run) continue;
      this.#nowMs = task.atMs;
      task.run();
      return;
    }
  }

  /** Runs everything due until `untilMs`, then stands there. */
  runUntil(untilMs: number): void {
    while (this.#isDue(untilMs)) this.#runNext(untilMs);
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
