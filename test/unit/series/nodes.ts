/** A few event tables with their replicators in memory: a test says which message arrives, is lost or comes twice. */
import { decodeSharedMessage, encodeSharedMessage } from '../../../src/bus/shared-codec.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { isOfRetired, type SharedMessage } from '../../../src/core/replica/messages.ts';
import { Replicator } from '../../../src/core/replica/replicator.ts';
import { finish } from '../../../src/core/replica/work.ts';
import type { StreamDefinition } from '../../../src/core/series/cell.ts';
import { EventTable } from '../../../src/core/series/event-table.ts';
import { RetiredExchange } from '../../../src/core/series/retired-exchange.ts';
import type { Monitor } from '../../../src/core/series/stream-totals.ts';

export const hits: StreamDefinition = { id: 'series:60,5:hits', keyType: 'text', intervalS: 60, count: 5 };
export const minutes: readonly Monitor[] = [{ sizeS: 60, count: 5 }];
/** A minute begins. */
export const startMs = 1_699_999_980_000;

export interface NodeOptions {
  readonly name?: string;
  readonly hasSnapshots?: boolean;
  readonly isDefined?: boolean;
  readonly onlyReceives?: boolean;
}

export class Node {
  readonly self: Incarnation;
  readonly name: string;
  readonly number: number;
  readonly table: EventTable;
  readonly replicator: Replicator;
  readonly retired: RetiredExchange;
  readonly clashes: StreamDefinition[] = [];
  linkUp = true;

  constructor(nodes: Nodes, number: number, options: NodeOptions, taken?: EventTable) {
    this.number = number;
    this.self = number.toString(16).padStart(32, '0') as Incarnation;
    this.name = options.name ?? `relay-${number}`;
    this.table =
      taken ??
      new EventTable({
        self: this.self,
        maxKeys: 100_000,
        hasSnapshots: options.hasSnapshots ?? true,
        onlyReceives: options.onlyReceives ?? false,
        nowMs: () => nodes.nowMs,
        clash: (definition) => this.clashes.push(definition),
      });
    if (options.isDefined !== false && !taken) this.table.define(hits, minutes, true);
    taken?.become(this.self);
    this.replicator = new Replicator(
      this.table,
      { object: 'metrics', type: 'metrics', self: this.self, maxDelayMs: 1000, maxPending: 3 },
      {
        broadcast: (message) => nodes.publish(this, undefined, message),
        send: (to, message) => nodes.publish(this, to, message),
        nowMs: () => nodes.nowMs,
        changesPending: () => {},
        rowsChanged: () => {},
        workPending: () => {},
        wrongType: () => {},
      },
    );
    this.replicator.linkChanged(true);
    this.retired = new RetiredExchange(
      this.table,
      {
        object: 'metrics',
        type: 'metrics',
        self: this.self,
        onlyReceives: options.onlyReceives ?? false,
      },
      { send: (to, message) => nodes.publish(this, to, message), nowMs: () => nodes.nowMs },
    );
  }

  receive(message: SharedMessage): void {
    if (isOfRetired(message)) this.retired.receive(message);
    else this.replicator.receive(message);
  }

  sum(key: string, start = 0, end = hits.count): number {
    return this.table.sum(hits.id, 60, start, end, key);
  }
}

interface Parcel {
  readonly to: Node;
  readonly message: SharedMessage;
}

export class Nodes {
  nowMs = startMs;
  readonly present: Node[] = [];
  under: Parcel[] = [];
  #numbers = 0;
  #epoch = 0;

  add(options: NodeOptions = {}): Node {
    const node = new Node(this, ++this.#numbers, options);
    this.present.push(node);
    return node;
  }

  remove(node: Node): void {
    this.present.splice(this.present.indexOf(node), 1);
  }

  /** The process joins again under a new incarnation, with the table it has. */
  reset(node: Node): Node {
    node.replicator.forgetMembers();
    finish(node.replicator.rest());
    const next = new Node(this, ++this.#numbers, { name: node.name }, node.table);
    this.present.splice(this.present.indexOf(node), 1, next);
    return next;
  }

  publish(from: Node, to: Incarnation | undefined, message: SharedMessage): boolean {
    if (!from.linkUp) return false;
    // Through the codec, as on a bus, so that nobody shares memory with anybody.
    const bytes = encodeSharedMessage(message);
    for (const node of this.present)
      if (node !== from && (to === undefined || node.self === to))
        this.under.push({ to: node, message: decodeSharedMessage(bytes)! });
    return true;
  }

  view(nodes: readonly Node[] = this.present): void {
    const members = nodes.map(({ self, name, number }) => ({
      incarnation: self,
      type: 'Momentum' as const,
      node: name,
      number,
      seniority: number,
    }));
    const id = { epoch: ++this.#epoch, coordinator: members[0]!.incarnation, nonce: 0 };
    for (const { self, replicator, retired } of nodes) {
      replicator.viewInstalled({ id, members });
      retired.viewInstalled(members.map(({ incarnation }) => incarnation).filter((other) => other !== self));
    }
  }

  deliver(index = 0): void {
    const [parcel] = this.under.splice(index, 1);
    if (parcel?.to.linkUp && this.present.includes(parcel.to)) parcel.to.receive(parcel.message);
  }

  settle(): void {
    for (;;) {
      const busy = this.present.filter(({ replicator }) => replicator.hasWork);
      if (busy.length === 0 && this.under.length === 0) return;
      for (const { replicator } of busy) replicator.step();
      while (this.under.length > 0) this.deliver();
    }
  }

  /** Flushes, beats and delivers until every loss has been noticed and repaired. */
  rest(): void {
    for (let round = 0; round < 6; round++) {
      for (const { replicator } of this.present) replicator.flush();
      this.settle();
      for (const { replicator } of this.present) replicator.tick();
      for (const node of this.present)
        for (const other of this.present)
          if (node !== other && node.linkUp && other.linkUp) {
            other.replicator.beat(node.self, node.replicator.digest);
            other.retired.beat(node.self, node.retired.digest);
          }
      this.settle();
      this.nowMs += 1000;
    }
  }

  upkeep(): void {
    for (const { table } of this.present) finish(table.upkeep());
  }
}
