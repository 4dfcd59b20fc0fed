/**
 * The ordered stream of one view as a protocol: what the leader sends, what members ask for again, what everybody has.
 *
 * Invariant: only messages of this view, from its leader, ever come in (INV-8). Whether they may be delivered now is for
 * the agreement to say: between promise and install they may not.
 */
import type { Incarnation } from '../identity.ts';
import { leaderOf, sameViewId, type View } from '../view.ts';
import type { Effect } from './effects.ts';
import { type OkSummary, summaryOf } from './flush.ts';
import type { Beat, Flush, Ordered, OrderedEntry, Resend } from './messages.ts';
import { type Lag, OrderedStream } from './ordered-stream.ts';
import type { Peers } from './peers.ts';

export type { Lag } from './ordered-stream.ts';

/** Entries sent in answer to one resend request; the rest is asked for again. */
const resendBatch = 64;

export class ViewStream {
  readonly #view: View;
  readonly #self: Incarnation;
  readonly #stream: OrderedStream;
  /** Since when no member's progress makes room for further messages. */
  #fullSinceMs: number | undefined;

  constructor(view: View, self: Incarnation, backlog: number) {
    this.#view = view;
    this.#self = self;
    this.#stream = new OrderedStream(backlog);
  }

  get applied(): number {
    return this.#stream.applied;
  }

  get isLeader(): boolean {
    return leaderOf(this.#view)?.incarnation === this.#self;
  }

  summary(): OkSummary {
    return summaryOf(this.#view.id, this.#stream);
  }

  /** Leader only. Undefined when members lag by the whole backlog, or by `most`. */
  order(payload: Uint8Array, most?: Lag): Effect[] | undefined {
    const entry = this.#stream.append(payload, most);
    return entry && [{ kind: 'broadcast', message: this.#message(entry) }, this.#delivery(entry)];
  }

  /** What is not of this view, or not from its leader, changes nothing (MEM-8). */
  receive({ from, view, entry }: Ordered): Effect[] {
    if (!sameViewId(view, this.#view.id)) return [{ kind: 'rejected', from, because: 'view' }];
    if (leaderOf(this.#view)?.incarnation !== from) return [{ kind: 'rejected', from, because: 'sender' }];
    this.#stream.receive(entry);
    return [];
  }

  deliverReady(): Effect[] {
    const effects: Effect[] = [];
    for (let entry = this.#stream.takeNext(); entry; entry = this.#stream.takeNext()) {
      effects.push(this.#delivery(entry));
    }
    return effects;
  }

  /**
   * Delivers what the survivors of this view agreed on; false when it does not fit what was delivered here, or when an
   * entry is missing.
   */
  flush({ upTo, entries }: Flush, effects: Effect[]): boolean {
    if (upTo < this.#stream.applied) return false;
    for (const entry of entries) this.#stream.receive(entry);
    while (this.#stream.applied < upTo) {
      const entry = this.#stream.takeNext();
      if (!entry) return false;
      effects.push(this.#delivery(entry));
    }
    return true;
  }

  /** The leader's beat follows its ordered messages on the same connection: a number it shows and we lack was lost. */
  askForLost(beat: Beat): Effect[] {
    const from = beat.from.incarnation;
    if (beat.applied <= this.#stream.applied || !sameViewId(beat.view, this.#view.id)) return [];
    if (leaderOf(this.#view)?.incarnation !== from) return [];
    const first = this.#stream.applied + 1;
    return [
      { kind: 'send', to: from, message: { kind: 'resend', from: this.#self, view: this.#view.id, first } },
    ];
  }

  sendAgain({ from, view, first }: Resend): Effect[] {
    if (!this.isLeader || !sameViewId(view, this.#view.id)) return [];
    const entries = this.#stream.keptFrom(first).slice(0, resendBatch);
    return entries.map((entry) => ({ kind: 'send', to: from, message: this.#message(entry) }));
  }

  /** What all members of the view have applied, as their beats say, need not be kept. */
  advance(peers: Peers, nowMs: number): void {
    let stable = this.#stream.applied;
    for (const { incarnation } of this.#view.members) {
      if (incarnation === this.#self) continue;
      const beat = peers.get(incarnation)?.beat;
      stable = Math.min(stable, beat && sameViewId(beat.view, this.#view.id) ? beat.applied : 0);
    }
    this.#stream.stableUpTo(stable);
    this.#fullSinceMs = this.#stream.full ? (this.#fullSinceMs ?? nowMs) : undefined;
  }

  /** Full for so long that a member must be lagging. */
  isStuck(patienceMs: number, nowMs: number): boolean {
    return this.#fullSinceMs !== undefined && nowMs - this.#fullSinceMs > patienceMs;
  }

  #message(entry: OrderedEntry): Ordered {
    return { kind: 'ordered', from: this.#self, view: this.#view.id, entry };
  }

  #delivery({ number, payload }: OrderedEntry): Effect {
    return { kind: 'deliver', view: this.#view, number, payload };
  }
}
