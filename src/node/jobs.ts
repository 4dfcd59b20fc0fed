/**
 * Transfers between nodes under way, in both directions: what `cluster jobs` lists and `cluster abort` ends (CMD-18).
 *
 * An id is given by the node that opens the transfer and means the same one on both. Invariant: a node has no two of one
 * id, so aborting one ends no other; who opens one under an id that is taken is refused and chooses another.
 */
import type { JobFacts } from '../console/facts.ts';
import type { Clock } from '../core/clock.ts';
import { intBelow, type Random } from '../core/random.ts';

export interface Job {
  readonly id: string;
  readonly service: string;
  /** Node name of the other end. */
  readonly peer: string;
  readonly bytes: () => number;
  readonly progress?: () => string;
  readonly abort: () => void;
}

/** Services with a meaning of their own: how their jobs are called, and what their ids begin with. */
const known = new Map([
  ['ECmmove2', { kind: 'move', prefix: 'ECMMOVE' }],
  ['log', { kind: 'log', prefix: 'ECCMGRLOG' }],
]);
const prefixOfOthers = 'ECCMGRJOB';
const numbers = 100_000;

export class Jobs {
  readonly #clock: Clock;
  readonly #jobs = new Map<Job, number>();
  #number: number;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    // Nodes that start together would otherwise give the same ids.
    this.#number = intBelow(random, numbers);
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** As long as fewer than 100,000 are under way there is a free one. */
  newId(service: string): string {
    const prefix = known.get(service)?.prefix ?? prefixOfOthers;
    for (;;) {
      this.#number = (this.#number + 1) % numbers;
      const id = `${prefix}-${String(this.#number).padStart(5, '0')}`;
      if (!this.has(id)) return id;
    }
  }

  has(id: string): boolean {
    return [...this.#jobs.keys()].some((job) => job.id === id);
  }

  /** Returns how to say that it is over. */
  begin(job: Job): () => void {
    this.#jobs.set(job, this.#clock.nowMs());
    return () => void this.#jobs.delete(job);
  }

  list(): JobFacts[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#jobs].map(([{ id, service, peer, bytes, progress }, beganMs]) => ({
      id,
      kind: known.get(service)?.kind ?? service,
      peer,
      ageMs: nowMs - beganMs,
      bytes: bytes(),
      ...(progress && { progress: progress() }),
    }));
  }

  /** False: there is none of this id. */
  abort(id: string): boolean {
    const found = [...this.#jobs.keys()].find((job) => job.id === id);
    found?.abort();
    return found !== undefined;
  }

  abortAll(): void {
    for (const job of [...this.#jobs.keys()]) job.abort();
  }
}
