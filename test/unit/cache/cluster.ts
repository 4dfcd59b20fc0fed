/**
 * A few replicated caches and the messages between them, without a clock: a test says which message arrives, is lost, comes
 * twice or out of order, when a beat goes round, and how far each node's clock is off.
 */
import { decodeCacheMessage, encodeCacheMessage } from '../../../src/bus/cache-codec.ts';
import { bucketCount, Cache } from '../../../src/core/cache/cache.ts';
import { CacheReplicator } from '../../../src/core/cache/cache-replicator.ts';
import type { CacheEntry } from '../../../src/core/cache/entry.ts';
import type { CacheMessage } from '../../../src/core/cache/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Process } from '../../../src/core/view.ts';

export interface NodeOptions {
  readonly snapshot?: boolean;
  readonly maxSize?: number;
  readonly maxPending?: number;
  readonly skewMs?: number;
}

export class Node {
  readonly process: Process;
  readonly cache: Cache;
  readonly replicator: CacheReplicator;
  readonly sent: CacheMessage[] = [];
  readonly clocksAhead: Incarnation[] = [];
  skewMs: number;
  linkUp = true;

  constructor(cluster: Cluster, number: number, options: NodeOptions) {
    const self = number.toString(16).padStart(32, '0') as Incarnation;
    this.process = {
      incarnation: self,
      type: 'Momentum',
      node: `relay-${number}`,
      number,
      seniority: number,
    };
    this.skewMs = options.skewMs ?? 0;
    const wallMs = () => 1_800_000_000_000 + cluster.nowMs + this.skewMs;
    this.cache = new Cache({ self, maxSize: options.maxSize ?? 1_000, wallMs });
    this.replicator = new CacheReplicator(
      this.cache,
      {
        object: 'mycache',
        type: 'cache',
        self,
        maxDelayMs: 1_000,
        maxPending: options.maxPending ?? 100,
        snapshot: options.snapshot ?? true,
      },
      {
        broadcast: (message) => cluster.publish(this, undefined, message),
        send: (to, message) => cluster.publish(this, to, message),
        nowMs: () => cluster.nowMs,
        wallMs,
        changesPending: () => {},
        standingChanged: () => {},
        workPending: () => {},
        wrongType: () => {},
        clockAhead: (origin) => this.clocksAhead.push(origin),
      },
    );
    this.replicator.linkChanged(true);
  }

  get contents(): CacheEntry[] {
    return Array.from({ length: bucketCount }, (_, bucket) => this.cache.bucketEntries(bucket))
      .flat()
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Values by key, without counting as use. */
  get values(): Record<string, string> {
    return Object.fromEntries(
      this.contents.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value]])),
    );
  }
}

export class Cluster {
  nowMs = 0;
  readonly nodes: Node[] = [];
  /** Oldest first. */
  under: { readonly to: Node; readonly message: CacheMessage }[] = [];
  #epoch = 0;
  #numbers = 0;

  add(options: NodeOptions = {}): Node {
    const node = new Node(this, ++this.#numbers, options);
    this.nodes.push(node);
    return node;
  }

  remove(node: Node): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  publish(from: Node, to: Incarnation | undefined, message: CacheMessage): boolean {
    if (!from.linkUp) return false;
    from.sent.push(message);
    const bytes = encodeCacheMessage(message);
    for (const node of this.nodes)
      if (node !== from && (to === undefined || node.process.incarnation === to))
        this.under.push({ to: node, message: decodeCacheMessage(bytes)! });
    return true;
  }

  view(nodes: readonly Node[] = this.nodes): void {
    this.#epoch++;
    const members = nodes.map(({ process }) => process).sort((a, b) => a.seniority - b.seniority);
    const view = { id: { epoch: this.#epoch, coordinator: members[0]!.incarnation, nonce: 0 }, members };
    for (const node of nodes) node.replicator.viewInstalled(view);
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

  /** Everybody tells everybody its digest. */
  beat(): void {
    const beats = this.nodes
      .filter(({ linkUp }) => linkUp)
      .map((node) => ({ node, digest: node.replicator.digest }));
    for (const { node, digest } of beats)
      for (const other of this.nodes)
        if (other !== node && other.linkUp) other.replicator.beat(node.process.incarnation, digest);
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

  /** Lets time pass in which nothing is lost. */
  rest(seconds = 40): void {
    for (let second = 0; second < seconds; second++) {
      for (const { replicator } of this.nodes) replicator.flushDue();
      this.settle();
      this.beat();
      this.settle();
      this.nowMs += 1_000;
      for (const { replicator } of this.nodes) replicator.tick();
      this.settle();
    }
  }
}
