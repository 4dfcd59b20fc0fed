/** The parent's side of a whole node in a process of its own, with all that limits (limits-program.ts). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';
import { TaskProcess } from './task-process.ts';

export interface LimitsOptions {
  readonly name: string;
  /** Of the NATS server. */
  readonly url: string;
  /** Keys of the replicated cache, of gauge caches, and throttles, at most. */
  readonly most: number;
}

/** What a node can be asked, and what it answers. Slots and throttles are made when they are first named. */
export interface LimitsTasks {
  members: { readonly given: undefined; readonly answer: number };
  /** Waits for a slot and holds it; when it came. */
  waitForSlot: { readonly given: SlotOrder; readonly answer: number };
  /** Gives back the slot it has held longest; when that began. */
  giveBackSlot: { readonly given: string; readonly answer: number };
  decide: { readonly given: DecisionOrder; readonly answer: Decisions };
  fill: { readonly given: FillOrder; readonly answer: undefined };
  /** Keys it knows, of all nodes. */
  keys: { readonly given: KeyKind; readonly answer: number };
  /** `cluster reset`; answered when the next life has begun, alone. */
  reset: { readonly given: undefined; readonly answer: undefined };
  /** Longest turn of the event loop since this was last asked. */
  longestTurnMs: { readonly given: undefined; readonly answer: number };
}

export interface SlotOrder {
  readonly name: string;
  readonly slots: number;
}

export interface DecisionOrder {
  /** local: of this node alone. shared: of all. */
  readonly of: 'local' | 'shared';
  readonly throttles: number;
}

export interface Decisions {
  /** One after another, each begun when the one before is decided. */
  readonly latenciesUs: Float64Array;
  /** With a thousand under way. */
  readonly perSecond: number;
}

/** tables: a cidrtree and a gauge table. counts: in a gauge cache, and in a series. */
export const keyKinds = ['tables', 'cache', 'counts', 'throttles'] as const;
export type KeyKind = (typeof keyKinds)[number];

export interface FillOrder {
  readonly kind: KeyKind;
  /** Keys with these numbers. */
  readonly from: number;
  readonly to: number;
}

/** V8 collects a process that does nothing for some seconds: a turn that says nothing about what is measured. */
const noIdleCollection = '--no-memory-reducer';

export class LimitsNode extends TaskProcess<LimitsTasks> {
  readonly port: number;
  readonly #folder: string;

  private constructor({ name, url, most }: LimitsOptions, port: number, folder: string) {
    super('limits-program', [name, url, String(most), String(port), folder], [noIdleCollection]);
    this.port = port;
    this.#folder = folder;
  }

  static async start(options: LimitsOptions): Promise<LimitsNode> {
    return new LimitsNode(options, await freePort(), mkdtempSync(join(tmpdir(), 'flotilla-bench-')));
  }

  /** Waits until it is in a view of so many. */
  async joined(members: number): Promise<void> {
    await until(async () => (await this.ask('members', undefined)) === members);
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(this.#folder, { recursive: true });
  }
}

/** So many nodes on a server, each of which knows all of them. */
export async function startNodes(url: string, count: number, most: number): Promise<LimitsNode[]> {
  const names = Array.from({ length: count }, (_, i) => `relay-${i + 1}`);
  const nodes = await Promise.all(names.map((name) => LimitsNode.start({ name, url, most })));
  await Promise.all(nodes.map((node) => node.joined(count)));
  return nodes;
}
