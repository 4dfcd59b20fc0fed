/**
 * How long this node may go on answering for its addresses (LIFE-18): until `holdMs` after the sending of its last beat
 * that is known to have got through. Without quorum that is the last one that came back over the bus; with quorum the
 * last one that so many nodes, itself included, say they heard, because the own echo proves nothing where each node has
 * a server of its own.
 *
 * Invariant: the term is measured from when a beat was *sent*. A process that was stopped between sending and hearing
 * finds its term over, however late it looks.
 */
import type { Incarnation } from '../identity.ts';

export interface LeaseTermSettings {
  /** `bus_loss_hold`. */
  readonly holdMs: number;
  /** Nodes that have to hear this one, itself included; undefined: no quorum is asked for. */
  readonly quorum: number | undefined;
}

/** Sent beats remembered. Others say with eight bits which one they heard last, so more could not be told apart. */
const remembered = 128;

export class LeaseTerm {
  readonly #settings: LeaseTermSettings;
  /** Send times by the low bits of the count. */
  readonly #sentMs = new Float64Array(remembered).fill(Number.NEGATIVE_INFINITY);
  #count = 0;
  #echoedMs = Number.NEGATIVE_INFINITY;
  /** For each node name the send time of the last own beat that it heard. */
  readonly #heardMs = new Map<string, { readonly from: Incarnation; readonly sentMs: number }>();

  constructor(settings: LeaseTermSettings) {
    this.#settings = settings;
  }

  beatSent(count: number, nowMs: number): void {
    this.#count = count;
    this.#sentMs[count % remembered] = nowMs;
  }

  /** An own beat came back over the bus. */
  echoed(count: number): void {
    this.#echoedMs = Math.max(this.#echoedMs, this.#sentAt(count));
  }

  /** A beat of another node says which of ours it heard last: the low eight bits of its count. */
  heardBy(node: string, from: Incarnation, countBits: number): void {
    const behind = (this.#count - countBits) & 0xff;
    const sentMs = this.#sentAt(this.#count - behind);
    const known = this.#heardMs.get(node);
    if (!known || known.from !== from || sentMs > known.sentMs) this.#heardMs.set(node, { from, sentMs });
  }

  /** Who is out of the view no longer counts. */
  keepOnly(nodes: ReadonlySet<string>): void {
    for (const node of this.#heardMs.keys()) if (!nodes.has(node)) this.#heardMs.delete(node);
  }

  /** When the term ends; in the past when nothing got through. */
  get endsMs(): number {
    return this.#provenMs + this.#settings.holdMs;
  }

  get #provenMs(): number {
    const { quorum } = this.#settings;
    if (quorum === undefined || quorum <= 1) return this.#echoedMs;
    const others = [...this.#heardMs.values()].map(({ sentMs }) => sentMs).sort((a, b) => b - a);
    return Math.min(this.#echoedMs, others[quorum - 2] ?? Number.NEGATIVE_INFINITY);
  }

  #sentAt(count: number): number {
    const isKnown = count > this.#count - remembered && count <= this.#count && count > 0;
    return isKnown ? this.#sentMs[count % remembered]! : Number.NEGATIVE_INFINITY;
  }
}
