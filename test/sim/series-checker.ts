/**
 * The truth about counts over time (replication 8.8, 9.17, 22.9): what each process counted in which window of its own
 * clock, which may be ahead or behind. When all is quiet, every node must have of each member of its view exactly that,
 * and its sums must be those of the rows that it has, of members and of those that left: nothing twice, nothing lost.
 * The same for a gauge cache, whose values are not of windows.
 */
import type { Incarnation } from '../../src/core/identity.ts';
import type { EventTable } from '../../src/core/series/event-table.ts';
import { GaugeCaches } from '../../src/core/series/gauge-caches.ts';
import type { StreamKey } from '../../src/core/series/stream-key.ts';
import type { ReplicaSettings } from '../../src/core/settings.ts';
import { type ObjectChecker, type ObjectWorld, runningNodes } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';

const settings: ReplicaSettings = {
  name: 'metrics',
  type: 'metrics',
  parameters: ['audit_series', 'gauge_cache', 'snapshot'],
  maxDelayMs: 300,
  maxPending: 20,
  maxKeys: 100_000,
  maxThrottles: 100,
  maxWaitMs: 200,
  maxSize: 100,
  bindingGroup: undefined,
};

/** Short windows, so that many of them begin in a run, and enough of them that none is too old at its end. */
const windows = { sizeS: 5, count: 60 };
const stream = {
  id: 'series:5,60:events',
  keyType: 'text',
  intervalS: windows.sizeS,
  count: windows.count,
} as const;
const gauge = 'open';

type Sums = Map<string, number>;

export class SeriesChecker implements ObjectChecker {
  readonly settings = settings;
  readonly mostSkewMs = 2_000;
  readonly quietMs = 0;
  readonly #world: ObjectWorld;
  readonly #random: SeededRandom;
  /** Process -> window and key -> count. */
  readonly #truth = new Map<Incarnation, Sums>();
  readonly #gauged = new Map<Incarnation, Sums>();
  readonly #gauges = new Map<SimNode, GaugeCaches>();

  constructor(world: ObjectWorld) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed, 'series');
  }

  start(node: SimNode): void {
    const table = tableOf(node);
    if (!table || node.options.type !== 'Momentum') return;
    table.define(stream, [windows], true);
    const gauges = new GaugeCaches({
      shared: table,
      local: table,
      nowMs: () => node.clock.wallMs(),
      notShared: () => {},
    });
    gauges.define(gauge, 1000, 0, true);
    this.#gauges.set(node, gauges);
    this.#truth.set(node.incarnation, new Map());
    this.#gauged.set(node.incarnation, new Map());
  }

  act(): void {
    const running = runningNodes(this.#world);
    for (let burst = this.#random.below(3); burst > 0 && running.length > 0; burst--)
      this.#count(this.#random.pick(running), `key-${this.#random.below(15)}`);
  }

  /** Counts on the node and in the truth. */
  #count(node: SimNode, key: string): void {
    const window = Math.floor(node.clock.wallMs() / 1000 / windows.sizeS);
    tableOf(node)!.add(stream.id, key);
    add(this.#truth.get(node.incarnation)!, `${window} ${key}`, 1);
    this.#gauges.get(node)!.increment(gauge, key);
    add(this.#gauged.get(node.incarnation)!, key, 1);
  }

  check(nodes: readonly SimNode[]): string[] {
    const violations: string[] = [];
    for (const node of nodes) {
      const table = tableOf(node);
      if (!table || node.options.type !== 'Momentum') continue;
      const wrong = [...this.#wrongRows(node, table), ...this.#wrongSums(table), ...this.#wrongGauges(node)];
      violations.push(...wrong.slice(0, 4).map((text) => `REP-8.8 ${node.name}: ${text}`));
      for (const { origin, verdict } of node.member.series.get('metrics')!.verify())
        if (verdict === 'differ')
          violations.push(`REP-21.4 ${node.name} metrics: the row of ${origin} differs`);
    }
    return violations;
  }

  #wrongRows(node: SimNode, table: EventTable): string[] {
    return membersOf(node).flatMap((origin) => {
      const truth = this.#truth.get(origin);
      // A process that began a moment ago has no actors yet.
      if (!truth) return [];
      const streams =
        origin === node.incarnation
          ? [...table.streams(stream.id)][0]
          : table.row(origin).streams.get(stream.id);
      const shown: Sums = new Map();
      for (const { number, values } of streams?.cells.values() ?? [])
        for (const [key, count] of values) add(shown, `${number} ${String(key)}`, count);
      return differences(truth, shown).map((text) => `row of ${origin}: ${text}`);
    });
  }

  /** Window by window against the rows that are there, and these against all that was ever counted. */
  #wrongSums(table: EventTable): string[] {
    const inRows: Sums = new Map();
    for (const { cells } of table.streams(stream.id))
      for (const { number, values } of cells.values())
        for (const [key, count] of values) add(inRows, `${number} ${String(key)}`, count);
    const wrong: string[] = [];
    const current = table.windowNow(windows.sizeS);
    for (let back = 0; back <= windows.count; back++) {
      const shown: Sums = new Map();
      for (const [key, count] of table.entries(stream.id, windows.sizeS, back)) add(shown, text(key), count);
      const numbers = back === 0 ? [current, current + 1] : [current - back];
      const expected = sumOf(numbers, inRows);
      wrong.push(...differences(expected, shown).map((line) => `window ${back}: ${line}`));
    }
    const all: Sums = new Map();
    for (const truth of this.#truth.values()) for (const [place, count] of truth) add(all, place, count);
    for (const [place, count] of inRows)
      if (count > (all.get(place) ?? 0))
        wrong.push(`${place} shows ${count}, counted were ${all.get(place) ?? 0}`);
    return wrong;
  }

  /** At least what the members counted, at most what anybody ever did; all members of a view may know others of the past. */
  #wrongGauges(node: SimNode): string[] {
    const least: Sums = new Map();
    const most: Sums = new Map();
    const members = new Set(membersOf(node));
    for (const [origin, counts] of this.#gauged) {
      for (const [key, count] of counts) {
        add(most, key, count);
        if (members.has(origin)) add(least, key, count);
      }
    }
    const gauges = this.#gauges.get(node)!;
    return [...most].flatMap(([key, count]) => {
      const shown = gauges.get(gauge, key) ?? 0;
      const fewest = least.get(key) ?? 0;
      return shown < fewest || shown > count
        ? [`gauge ${key} shows ${shown}, not ${fewest} to ${count}`]
        : [];
    });
  }
}

function tableOf(node: SimNode): EventTable | undefined {
  return node.member.series.get('metrics')?.table;
}

function membersOf(node: SimNode): Incarnation[] {
  const { members } = node.member.membership.view;
  return members.filter(({ type }) => type === 'Momentum').map(({ incarnation }) => incarnation);
}

function add(sums: Sums, key: string, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}

function text(key: StreamKey): string {
  return String(key);
}

/** Of some windows, by key. */
function sumOf(numbers: readonly number[], places: Sums): Sums {
  const sums: Sums = new Map();
  for (const [place, count] of places) {
    const at = place.indexOf(' ');
    if (numbers.includes(Number(place.slice(0, at)))) add(sums, place.slice(at + 1), count);
  }
  return sums;
}

function differences(expected: Sums, shown: Sums): string[] {
  const wrong: string[] = [];
  for (const key of new Set([...expected.keys(), ...shown.keys()])) {
    const [truth, value] = [expected.get(key) ?? 0, shown.get(key) ?? 0];
    if (truth !== value) wrong.push(`${key} shows ${value}, truth ${truth}`);
  }
  return wrong;
}
