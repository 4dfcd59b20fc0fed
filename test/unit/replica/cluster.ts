/**
 * A few replicators of one object and the messages between them, without a clock: a test says which message arrives,
 * is lost, comes twice or out of order, and when a beat goes round.
 */
import { expect } from 'vitest';
import { decodeSharedMessage, encodeSharedMessage } from '../../../src/bus/shared-codec.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { createTable } from '../../../src/core/replica/create-table.ts';
import type { SharedMessage } from '../../../src/core/replica/messages.ts';
import { Replicator } from '../../../src/core/replica/replicator.ts';
import type { ReplicatedTable } from '../../../src/core/replica/table.ts';
import type { ReplicaSettings, ReplicaType } from '../../../src/core/settings.ts';
import type { Process, View } from '../../../src/core/view.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';

/** Keys of a row whose history is kept. */
const remembered = 100;

export interface NodeOptions {
  readonly node?: string;
  readonly type?: ReplicaType;
  readonly maxDelayMs?: number;
  readonly maxPending?: number;
  readonly maxKeys?: number;
  readonly parameters?: readonly string[];
}

export class Node {
  readonly incarnation: Incarnation;
  readonly process: Process;
  readonly table: ReplicatedTable;
  readonly replicator: Replicator;
  readonly sent: SharedMessage[] = [];
  /** The own row as of each sequence number, while it is small. */
  readonly history: (Record<string, number> | undefined)[] = [{}];
  linkUp = true;
  changesPending = 0;

  constructor(cluster: Cluster, number: number, options: NodeOptions) {
    this.incarnation = number.toString(16).padStart(32, '0') as Incarnation;
    const node = options.node ?? `relay-${number}`;
    this.process = { incarnation: this.incarnation, type: 'Momentum', node, number, seniority: number };
    const settings: ReplicaSettings = {
      name: 'object',
      type: options.type ?? 'inbound_cidr',
      parameters: options.parameters ?? [],
      maxDelayMs: options.maxDelayMs ?? 1000,
      maxPending: options.maxPending ?? 100,
      maxKeys: options.maxKeys ?? 1_000_000,
      maxThrottles: 1000,
      maxWaitMs: 200,
      maxSize: 1_000,
      bindingGroup: undefined,
    };
    this.table = createTable(settings, this.incarnation, new SeededRandom(number))!;
    this.replicator = new Replicator(
      this.table,
      { ...settings, object: settings.name, self: this.incarnation },
      {
        broadcast: (message) => cluster.publish(this, undefined, message),
        send: (to, message) => cluster.publish(this, to, message),
        nowMs: () => cluster.nowMs,
        changesPending: () => this.changesPending++,
        rowsChanged: () => {},
        workPending: () => {},
        wrongType: () => {},
      },
    );
    this.replicator.linkChanged(true);
  }
}

/** A message on its way to one node. */
export interface Parcel {
  readonly to: Node;
  readonly message: SharedMessage;
}

export class Cluster {
  nowMs = 0;
  readonly nodes: Node[] = [];
  /** Those that have ended, too. */
  readonly all = new Map<Incarnation, Node>();
  /** Oldest first. */
  under: Parcel[] = [];
  #epoch = 0;
  #numbers = 0;

  add(options: NodeOptions = {}): Node {
    const node = new Node(this, ++this.#numbers, options);
    this.nodes.push(node);
    this.all.set(node.incarnation, node);
    return node;
  }

  /** The process ends: its messages under way still arrive. */
  remove(node: Node): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  publish(from: Node, to: Incarnation | undefined, message: SharedMessage): boolean {
    if (message.kind === 'batch' && from.table.stats.ownKeys <= remembered)
      from.history[message.sequence] = contents(from.table, from.incarnation);
    if (!from.linkUp) return false;
    from.sent.push(message);
    // Through the codec, as on a bus, so that nobody shares memory with anybody.
    const bytes = encodeSharedMessage(message);
    for (const node of this.nodes) {
      if (node === from || (to !== undefined && node.incarnation !== to)) continue;
      this.under.push({ to: node, message: decodeSharedMessage(bytes)! });
    }
    return true;
  }

  /** Installs a view of the nodes given at each of them. */
  view(nodes: readonly Node[] = this.nodes): View {
    this.#epoch++;
    const members = nodes.map(({ process }) => process).sort((a, b) => a.seniority - b.seniority);
    const view = { id: { epoch: this.#epoch, coordinator: members[0]!.incarnation, nonce: 0 }, members };
    for (const node of nodes) node.replicator.viewInstalled(view);
    return view;
  }

  deliver(index = 0): void {
    const [parcel] = this.under.splice(index, 1);
    if (parcel && this.nodes.includes(parcel.to) && parcel.to.linkUp)
      parcel.to.replicator.receive(parcel.message);
  }

  lose(index = 0): void {
    this.under.splice(index, 1);
  }

  repeat(index = 0): void {
    const parcel = this.under[index];
    if (parcel) this.under.push(parcel);
  }

  /** Everybody tells everybody what its row is. */
  beat(): void {
    const beats = this.nodes
      .filter(({ linkUp }) => linkUp)
      .map((node) => ({ node, digest: node.replicator.digest }));
    for (const { node, digest } of beats) {
      for (const other of this.nodes) if (other !== node) other.replicator.beat(node.incarnation, digest);
    }
  }

  /** Delivers what is under way and does all work, until nothing is left. */
  settle(): void {
    for (;;) {
      const busy = this.nodes.filter(({ replicator }) => replicator.hasWork);
      if (busy.length === 0 && this.under.length === 0) return;
      for (const { replicator } of busy) replicator.step();
      while (this.under.length > 0) this.deliver();
    }
  }

  /** Flushes, beats and delivers until every loss has been noticed and repaired. */
  rest(): void {
    for (let round = 0; round < 6; round++) {
      for (const { replicator } of this.nodes) replicator.flush();
      this.settle();
      this.nowMs += 1_000;
      for (const { replicator } of this.nodes) replicator.tick();
      this.beat();
      this.settle();
    }
  }
}

/** A row that counts as whole is exactly what its node had when it sent the batch of that number. */
export function expectWholeRows({ nodes, all }: Cluster): void {
  for (const { table, replicator } of nodes) {
    for (const { origin, state, sequence } of replicator.stats.origins) {
      const row = all.get(origin)!.history[sequence];
      if (state === 'whole' && row) expect(contents(table, origin)).toEqual(row);
    }
  }
}

/** All lines of a dump, as `cluster shared show` prints them. */
export function lines(table: ReplicatedTable, from?: Incarnation): string {
  const line =
    table.kind === 'cidrtree'
      ? (key: string, count: number) => `${String(count).padStart(7)}${' '.repeat(25)}${key}\n`
      : (key: string, count: number) => `${key.padStart(60)}:${String(count).padStart(13)}\n`;
  return [...table.dump(from)].flatMap((rows) => rows.map(({ key, count }) => line(key, count))).join('');
}

export function contents(table: ReplicatedTable, from?: Incarnation): Record<string, number> {
  return Object.fromEntries([...table.entries(from)].sort(([a], [b]) => (a < b ? -1 : 1)));
}
