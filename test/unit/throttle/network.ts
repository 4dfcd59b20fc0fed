/**
 * A few nodes that share throttles, and the messages between them, without timers: a test says which message arrives, is
 * lost, comes twice or out of order, when a node installs the next view, and when it dies.
 */
import type { Incarnation } from '../../../src/core/identity.ts';
import { keepersOf } from '../../../src/core/throttle/keepers.ts';
import type { DeskMessage } from '../../../src/core/throttle/messages.ts';
import type { Rate } from '../../../src/core/throttle/rate.ts';
import { SharedThrottles } from '../../../src/core/throttle/shared-throttles.ts';
import type { PartitionPolicy } from '../../../src/core/throttle/shares.ts';
import type { Process, View } from '../../../src/core/view.ts';

export interface NodeOptions {
  /** Where it is the next process of a node. */
  readonly name?: string;
  readonly skewMs?: number;
  readonly capacity?: number;
  readonly expires?: boolean;
  readonly partition?: PartitionPolicy;
  readonly maxWaitMs?: number;
}

export class Node {
  readonly process: Process;
  readonly throttles: SharedThrottles;
  readonly warnings: { id: string; own: Rate; used: Rate }[] = [];
  /** Views that this node has not installed yet. */
  readonly views: View[] = [];
  view: View | undefined;
  /** Its connection to the bus is lost. */
  isCutOff = false;
  /** Units allowed, by `id window`. */
  readonly allowed = new Map<string, number>();
  readonly #network: Network;
  readonly #skewMs: number;
  readonly #partition: PartitionPolicy;

  constructor(network: Network, number: number, options: NodeOptions) {
    this.#network = network;
    this.#skewMs = options.skewMs ?? 0;
    this.#partition = options.partition ?? 'open';
    const incarnation = number.toString(16).padStart(32, '0') as Incarnation;
    const node = options.name ?? `relay-${number}`;
    this.process = { incarnation, type: 'Momentum', node, number, seniority: number };
    this.throttles = new SharedThrottles(
      {
        object: 'shared_named_throttles',
        type: 'shared_named_throttles',
        self: incarnation,
        capacity: options.capacity ?? 1000,
        expires: options.expires ?? false,
        maxWaitMs: options.maxWaitMs ?? 200,
      },
      {
        clock: { nowMs: () => network.nowMs, wallMs: () => this.wallMs },
        send: (to, message) => {
          if (this.isCutOff) return false;
          network.under.push({ to, message });
          return true;
        },
        dueChanged: () => {},
        ratesDiffer: (id, own, used) => this.warnings.push({ id, own, used }),
      },
    );
  }

  get incarnation(): Incarnation {
    return this.process.incarnation;
  }

  get wallMs(): number {
    return this.#network.nowMs + this.#skewMs;
  }

  create(id: string, rate: string, epsilon?: number): void {
    this.throttles.create(id, rate, {
      partition: this.#partition,
      ...(epsilon === undefined ? {} : { epsilon }),
    });
  }

  /** The unit counts as allowed when it is, in its window. */
  take(id: string): number[] {
    const waitsMs: number[] = [];
    this.throttles.take(id, (waitMs, window) => {
      waitsMs.push(waitMs);
      if (waitMs === 0) this.allow(id, window);
    });
    return waitsMs;
  }

  tarpit(id: string): void {
    this.throttles.tarpit(id, (window) => this.allow(id, window));
  }

  /** A use that is allowed when the check says it is not over. */
  use(id: string, window: number): boolean[] {
    const answers: boolean[] = [];
    this.throttles.increment(id);
    this.throttles.check(id, (isOver) => {
      answers.push(isOver);
      if (!isOver) this.allow(id, window);
    });
    return answers;
  }

  allow(id: string, window: number): void {
    const key = `${id} ${window}`;
    this.allowed.set(key, (this.allowed.get(key) ?? 0) + 1);
  }

  install(left: readonly string[] = []): void {
    const view = this.views.shift();
    if (!view) return;
    this.view = view;
    this.throttles.viewInstalled(view, left);
  }
}

interface Parcel {
  readonly to: Incarnation;
  readonly message: DeskMessage;
}

export class Network {
  /** At the beginning of a window of 1, 2, 3 ... s. */
  nowMs = 1_800_000_000_000;
  readonly nodes: Node[] = [];
  readonly all: Node[] = [];
  /** Oldest first. */
  under: Parcel[] = [];
  #epoch = 0;

  constructor(count: number, options: NodeOptions = {}) {
    for (let i = 0; i < count; i++) this.add(options);
    if (count === 0) return;
    this.propose();
    this.settle();
  }

  add(options: NodeOptions = {}): Node {
    const node = new Node(this, this.all.length + 1, options);
    this.nodes.push(node);
    this.all.push(node);
    return node;
  }

  node(incarnation: Incarnation): Node {
    return this.nodes.find((node) => node.incarnation === incarnation)!;
  }

  /** The living, in a view that each of them will install. */
  propose(nodes: readonly Node[] = this.nodes): void {
    const members = nodes.map(({ process }) => process);
    const view = { id: { epoch: ++this.#epoch, coordinator: members[0]!.incarnation, nonce: 0 }, members };
    for (const node of nodes) node.views.push(view);
  }

  /** Everybody has installed the newest view, and has told and heard what was before it. */
  get isSettled(): boolean {
    return this.nodes.every(({ views, throttles }) => views.length === 0 && throttles.isSettled);
  }

  /** The living node that keeps the account, in the order of holder, deputy. */
  keeper(id: string, rank: 'holder' | 'deputy' = 'holder'): Node {
    const keepers = keepersOf(
      id,
      this.nodes.map(({ process }) => process),
    );
    return this.node(keepers[rank]!);
  }

  kill(node: Node): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  deliver(index = 0): void {
    const [parcel] = this.under.splice(index, 1);
    if (!parcel) return;
    const to = this.node(parcel.to);
    // No cable leads from one side of a cut to the other.
    if (to?.view?.members.some(({ incarnation }) => incarnation === parcel.message.from) !== false)
      to?.throttles.receive(parcel.message);
  }

  lose(index = 0): void {
    this.under.splice(index, 1);
  }

  repeat(index = 0): void {
    const parcel = this.under[index];
    if (parcel) this.under.push(parcel);
  }

  /** Installs what is proposed and delivers what is under way. */
  settle(): void {
    for (const node of this.nodes) while (node.views.length > 0) node.install();
    for (let i = 0; this.under.length > 0; i++) {
      if (i > 100_000) throw new Error('messages without end');
      this.deliver();
    }
  }

  /** A time in which every loss is noticed. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + 100);
      for (const node of this.nodes) this.#turns(node);
      this.settle();
    }
  }

  /** What is to be done at this moment may take several turns. */
  #turns({ throttles }: Node): void {
    for (let turns = 0; turns < 100; turns++) {
      throttles.tick();
      if ((throttles.dueMs ?? Number.POSITIVE_INFINITY) > this.nowMs) return;
    }
    throw new Error('turns without end');
  }

  allowed(id: string, nodes: readonly Node[] = this.all): Map<number, number> {
    const sums = new Map<number, number>();
    for (const node of nodes)
      for (const [key, units] of node.allowed) {
        const [name, window] = key.split(' ');
        if (name === id) sums.set(Number(window), (sums.get(Number(window)) ?? 0) + units);
      }
    return new Map([...sums].sort(([a], [b]) => a - b));
  }

  most(id: string, nodes: readonly Node[] = this.all): number {
    return Math.max(0, ...this.allowed(id, nodes).values());
  }
}
