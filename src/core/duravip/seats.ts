/**
 * Which nodes are in the table, as small numbers. A seat stays the same while its member stays, so that a row may keep
 * an array by seat through changes of view; the rank is the place in member order and changes with each view.
 */
import type { Incarnation } from '../identity.ts';
import type { Process } from '../view.ts';
import { nobody } from './vip-facts.ts';

export class Seats {
  /** Nodes of the view in member order; managers own nothing and have no seat (MEM-10). */
  #members: readonly Process[] = [];
  readonly #seats = new Map<Incarnation, number>();
  readonly #byNode = new Map<string, number>();
  #inOrder: readonly number[] = [];
  readonly #ranks: number[] = [];
  readonly #free: number[] = [];

  get members(): readonly Process[] {
    return this.#members;
  }

  /** Seats in member order. */
  get inOrder(): readonly number[] {
    return this.#inOrder;
  }

  has(member: Incarnation): boolean {
    return this.#seats.has(member);
  }

  /** `nobody` for those outside the view. */
  seatOf(member: Incarnation | undefined): number {
    return member === undefined ? nobody : (this.#seats.get(member) ?? nobody);
  }

  rankOf(member: Incarnation | undefined): number {
    const seat = this.seatOf(member);
    return seat === nobody ? nobody : this.#ranks[seat]!;
  }

  rankOfSeat(seat: number): number {
    return this.#ranks[seat]!;
  }

  seatOfNode(node: string): number {
    return this.#byNode.get(node) ?? nobody;
  }

  memberInSeat(seat: number): Incarnation | undefined {
    return this.memberAt(this.#ranks[seat] ?? nobody);
  }

  memberAt(rank: number): Incarnation | undefined {
    return this.#members[rank]?.incarnation;
  }

  /** Seats that nobody of these members keeps: their traces have to go before `install` gives them away. */
  leaving(members: readonly Process[]): readonly number[] {
    const staying = new Set(members.map(({ incarnation }) => incarnation));
    return [...this.#seats].filter(([member]) => !staying.has(member)).map(([, seat]) => seat);
  }

  install(members: readonly Process[]): void {
    const nodes = members.filter(({ type }) => type === 'Momentum');
    const staying = new Set(nodes.map(({ incarnation }) => incarnation));
    for (const [member, seat] of this.#seats) {
      if (staying.has(member)) continue;
      this.#seats.delete(member);
      this.#free.push(seat);
    }
    for (const { incarnation } of nodes) {
      if (!this.#seats.has(incarnation)) this.#seats.set(incarnation, this.#free.pop() ?? this.#seats.size);
    }
    this.#members = nodes;
    this.#inOrder = nodes.map(({ incarnation }) => this.#seats.get(incarnation)!);
    this.#ranks.fill(nobody);
    for (const [rank, seat] of this.#inOrder.entries()) this.#ranks[seat] = rank;
    this.#byNode.clear();
    // Two of one name are together only for moments (ID-20): the name then means the first in member order.
    for (const [rank, { node }] of nodes.entries()) {
      if (!this.#byNode.has(node)) this.#byNode.set(node, this.#inOrder[rank]!);
    }
  }
}
