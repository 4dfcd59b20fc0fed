/**
 * The truth about counts over time (replication 8.8, 9.17, 22.9): what each process counted in which window of its own
 * clock, which may be ahead or behind. When all is quiet, every node must have of each member of its view exactly that,
 * and its sums must be those of the rows that it has, of members and of those that left: nothing twice, nothing lost.
 * Of a process that has left, what it had not sent is lost with it; what any member of a view had received of it, all
 * members have, whenever they joined: so all say the same (4.5, 8.9, 22.9). The same for a gauge cache, whose values are
 * not of windows.
 */
import type { Incarnation } from '../../src/core/identity.ts';
import type { EventTable } from '../../src/core/series/event-table.ts';
import { GaugeCaches } from '../../src/core/series/gauge-caches.ts';
import type { StreamKey } from '../../src/core/series/stream-key.ts';
import type { ReplicaSettings } from '../../src/core/settings.ts';
import { viewKey } from '../../src/core/view.ts';
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

/** One of so many bursts is looked at: who had received what of whom. */
const lookEach = 4;

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
  /** Process -> what it was seen to have of which other: nothing is ever taken back. */
  readonly #seen = new Map<Incarnation, Map<Incarnation, Sums>>();

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
    if (this.#random.below(lookEach) === 0) for (const node of running) this.#look(node);
  }

  /** What a process has received of others. */
  #look(node: SimNode): void {
    const table = tableOf(node);
    if (!table) return;
    const seen = this.#seen.get(node.incarnation) ?? new Map<Incarnation, Sums>();
    this.#seen.set(node.incarnation, seen);
    for (const [life, places] of rowsOf(table)) seen.set(life, most(seen.get(life), places));
  }

  /** Counts on the node and in the truth. */
  #count(node: SimNode, key: string): void {
    const window = windowAt(node.clock.wallMs());
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
    for (const together of byView(nodes)) violations.push(...this.#unlike(together));
    return violations;
  }

  /** Members of one view: each has of every process, also of those that have left, what any of them ever had. */
  #unlike(nodes: readonly SimNode[]): string[] {
    const known = new Map<Incarnation, Sums>();
    for (const node of nodes) {
      this.#look(node);
      for (const [life, places] of this.#seen.get(node.incarnation)!)
        known.set(life, most(known.get(life), places));
    }
    const [first] = nodes;
    return nodes.flatMap((node) => {
      const rows = rowsOf(tableOf(node)!);
      const lost = [...known].flatMap(([life, places]) =>
        life === node.incarnation
          ? []
          : differences(places, rows.get(life) ?? new Map()).map((line) => `of ${life} ${line}`),
      );
      const unlike = [
        ...differences(sumsOf(tableOf(first!)!), sumsOf(tableOf(node)!)),
        ...differences(this.#gaugeValues(first!), this.#gaugeValues(node)).map((line) => `gauge ${line}`),
      ];
      return [...lost, ...unlike.map((line) => `${line} at ${first!.name}`)]
        .slice(0, 4)
        .map((line) => `REP-8.9 ${node.name}: ${line}`);
    });
  }

  #gaugeValues(node: SimNode): Sums {
    const gauges = this.#gauges.get(node)!;
    const keys = [...this.#gauged.values()].flatMap((counts) => [...counts.keys()]);
    return new Map(keys.map((key) => [key, gauges.get(gauge, key) ?? 0]));
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
    const inRows = sumsOf(table);
    const wrong: string[] = [];
    const current = table.windowNow(windows.sizeS);
    for (let back = 0; back <= windows.count; back++) {
      const shown: Sums = new Map();
      for (const [key, count] of table.entries(stream.id, windows.sizeS, back)) add(shown, text(key), count);
      const numbers = back === 0 ? [current, current + 1] : [current - back];
      const expected = sumOf(numbers, inRows);
      wrong.push(...differences(expected, shown).map((line) => `window ${back}: ${line}`));
    }
    for (const [life, places] of rowsOf(table)) {
      const truth = this.#truth.get(life);
      for (const [place, count] of places)
        if (count > (truth?.get(place) ?? 0))
          wrong.push(`${place} of ${life} shows ${count}, counted were ${truth?.get(place) ?? 0}`);
    }
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

/** By process, what others than this one counted, by window and key. */
function rowsOf(table: EventTable): Map<Incarnation, Sums> {
  const rows = new Map<Incarnation, Sums>();
  for (const [life, { cells }] of table.othersRows()) {
    const places = rows.get(life) ?? new Map<string, number>();
    rows.set(life, places);
    for (const { cell, keys, values } of cells)
      for (const [i, key] of keys.entries()) add(places, `${cell} ${text(key)}`, values[i]!);
  }
  return rows;
}

/** By window and key, of all rows that are there. */
function sumsOf(table: EventTable): Sums {
  const sums: Sums = new Map();
  for (const { cells } of table.streams(stream.id))
    for (const { number, values } of cells.values())
      for (const [key, count] of values) add(sums, `${number} ${text(key)}`, count);
  return sums;
}

/** Of each place the larger of two. */
function most(known: Sums | undefined, places: Sums): Sums {
  if (!known) return new Map(places);
  for (const [place, count] of places) known.set(place, Math.max(known.get(place) ?? 0, count));
  return known;
}

function windowAt(wallMs: number): number {
  return Math.floor(wallMs / 1000 / windows.sizeS);
}

function windowOf(place: string): number {
  return Number(place.slice(0, place.indexOf(' ')));
}

function byView(nodes: readonly SimNode[]): SimNode[][] {
  const views = new Map<string, SimNode[]>();
  for (const node of nodes) {
    if (node.options.type !== 'Momentum' || !tableOf(node)) continue;
    const key = viewKey(node.member.membership.view.id);
    views.set(key, [...(views.get(key) ?? []), node]);
  }
  return [...views.values()];
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
    if (numbers.includes(windowOf(place))) add(sums, place.slice(place.indexOf(' ') + 1), count);
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
