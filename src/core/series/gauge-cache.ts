/**
 * A set of named counters that all nodes count in together and that expire some time after their last change
 * (replication 13A). Each node keeps what it counted itself, with the time of its last change; the value is the sum over
 * all nodes (21.3), so that joins, losses and partitions heal.
 *
 * Invariant: of each origin counts only what it changed after the newest removal of the key that anybody knows. A key that
 * expired and begins again is removed as of its last change, so that no node needs to know when another let it expire.
 */
import { FlotillaError } from '../errors.ts';
import { checkedText } from '../replica/gauge-key.ts';
import { maxCount, mostKeys } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import { wrong } from './audit-argument.ts';
import { changedCell, gaugePrefix, removalCell, type StreamDefinition, valueCell } from './cell.ts';
import { type Stream, stepKeys } from './event-row.ts';
import { plus } from './stream-key.ts';
import { TouchOrder } from './touch-order.ts';

/** As `ttl` on the wire, where 0 is not a length. */
const neverS = 0xffff_ffff;
/** How long a node that was cut off may have been away and still learn what was removed meanwhile. */
const removalKeptMs = 3_600_000;
/** Evicted in one operation at most: after a partition there may be more keys than fit. */
const maxEvictions = 2;

/** What a gauge cache asks of the table that its counters live in. */
export interface GaugeRows {
  /** Streams of this name: of this node, of members, and of members that have left. */
  streams(id: string): Iterable<Stream>;
  /** This node's own; it is made when it is not there. */
  ownStream(definition: StreamDefinition): Stream;
  /** False when there is no room for one more key of this node. */
  setOwn(stream: Stream, cell: number, key: string, value: number): boolean;
  /** Nobody speaks for those who have left. */
  clearRetired(id: string, key: string, upToMs: number): void;
  /** What others changed before does not count here: no snapshots were wanted (8.9). */
  readonly sinceMs: number;
}

export function gaugeDefinition(name: string, max: number, ttlS: number): StreamDefinition {
  if (!Number.isInteger(max) || max < 1 || max > mostKeys) wrong('max', max);
  if (!Number.isInteger(ttlS) || ttlS < 0 || ttlS >= neverS) wrong('ttl', ttlS);
  return { id: `${gaugePrefix}${checkedText(name)}`, keyType: 'text', intervalS: ttlS || neverS, count: max };
}

export function gaugeName({ id }: StreamDefinition): string {
  return id.slice(gaugePrefix.length);
}

export class GaugeCache {
  readonly definition: StreamDefinition;
  readonly #rows: GaugeRows;
  readonly #nowMs: () => number;
  readonly #order = new TouchOrder();
  #evicted = 0;
  /** Of the key read last. */
  #sum = 0;
  #changedMs = 0;
  #removedMs = 0;

  constructor(definition: StreamDefinition, rows: GaugeRows, nowMs: () => number) {
    this.definition = definition;
    this.#rows = rows;
    this.#nowMs = nowMs;
  }

  /** Keys that may still be alive. */
  get size(): number {
    return this.#order.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  keys(): Iterable<string> {
    return this.#order.keys();
  }

  /** Creates the key at 0 if needed, and returns the new value. FLT-1305 when this node has no room for any more. */
  increment(key: string, by: number): number {
    checkedText(key);
    if (!Number.isFinite(by) || Math.abs(by) > maxCount) wrong('count', by);
    const isAlive = this.#read(key);
    if (!isAlive) this.#makeRoom(key);
    const own = this.#rows.ownStream(this.definition);
    // What it was before it expired is over, also for those who still count it.
    if (!isAlive && this.#changedMs > this.#removedMs) this.#removedMs = this.#changedMs;
    const mine =
      isAlive && amountOf(own, changedCell, key) > this.#removedMs ? amountOf(own, valueCell, key) : 0;
    const changedMs = Math.max(this.#nowMs(), this.#removedMs + 1);
    const hasRoom = this.#rows.setOwn(own, changedCell, key, changedMs);
    if (!hasRoom) throw new FlotillaError('FLT-1305', this.definition.id);
    if (!isAlive && this.#removedMs > 0) this.#rows.setOwn(own, removalCell, key, this.#removedMs);
    this.#rows.setOwn(own, valueCell, key, plus(mine, by));
    this.#order.touch(key);
    return isAlive ? plus(this.#sum, by) : plus(0, by);
  }

  /** Undefined when nobody counted there, or it expired. */
  get(key: string): number | undefined {
    return this.#read(key) ? this.#sum : undefined;
  }

  /** True when it was there. */
  remove(key: string): boolean {
    const isAlive = this.#read(key);
    if (isAlive) this.#remove(key, Math.max(this.#nowMs(), this.#changedMs));
    return isAlive;
  }

  /** Another node changed or removed the key. */
  changed(key: string): void {
    const isAlive = this.#read(key);
    const own = this.#rows.ownStream(this.definition);
    const isNews = this.#removedMs > amountOf(own, removalCell, key);
    if (isNews && this.#removedMs > this.#nowMs() - removalKeptMs) this.#settle(own, key, this.#removedMs);
    if (isAlive) this.#order.touch(key);
    else this.#order.delete(key);
  }

  /** Takes out what has expired, and forgets old removals. */
  *sweep(): Work {
    const own = this.#rows.ownStream(this.definition);
    let looked = 0;
    for (const key of this.#order.keys()) {
      if (++looked % stepKeys === 0) yield;
      if (this.#read(key)) continue;
      this.#forget(own, key);
      this.#order.delete(key);
    }
    const beforeMs = this.#nowMs() - removalKeptMs;
    for (const [key, atMs] of own.cells.get(removalCell)?.values ?? []) {
      if (atMs < beforeMs) this.#rows.setOwn(own, removalCell, key as string, 0);
      if (++looked % stepKeys === 0) yield;
    }
  }

  /** True when the key is alive; its sum and times are read. */
  #read(key: string): boolean {
    const { id, intervalS } = this.definition;
    const { sinceMs } = this.#rows;
    let removedMs = 0;
    let changedMs = 0;
    let sum = 0;
    for (const stream of this.#rows.streams(id))
      removedMs = Math.max(removedMs, amountOf(stream, removalCell, key));
    for (const stream of this.#rows.streams(id)) {
      const atMs = amountOf(stream, changedCell, key);
      if (atMs <= removedMs || atMs < sinceMs) continue;
      changedMs = Math.max(changedMs, atMs);
      sum = plus(sum, amountOf(stream, valueCell, key));
    }
    this.#sum = sum;
    this.#changedMs = changedMs;
    this.#removedMs = removedMs;
    return changedMs > 0 && (intervalS === neverS || this.#nowMs() - changedMs < intervalS * 1000);
  }

  #makeRoom(key: string): void {
    const read = [this.#sum, this.#changedMs, this.#removedMs] as const;
    for (let n = 0; n < maxEvictions && this.#order.size >= this.definition.count; n++) {
      const oldest = this.#order.oldest;
      if (oldest === undefined || oldest === key) break;
      this.#read(oldest);
      this.#remove(oldest, Math.max(this.#removedMs, this.#changedMs));
      this.#evicted++;
    }
    [this.#sum, this.#changedMs, this.#removedMs] = read;
  }

  #remove(key: string, atMs: number): void {
    this.#settle(this.#rows.ownStream(this.definition), key, atMs);
    this.#order.delete(key);
  }

  /** Makes a removal good here; others are told of it too. */
  #settle(own: Stream, key: string, atMs: number): void {
    const removals = own.cells.get(removalCell)?.values;
    // Under a flood of keys the word of what was evicted is worth less than the keys; each node lets go of the oldest.
    if (removals?.has(key) || (removals?.size ?? 0) < this.definition.count)
      this.#rows.setOwn(own, removalCell, key, atMs);
    if (amountOf(own, changedCell, key) <= atMs) this.#forget(own, key);
    this.#rows.clearRetired(this.definition.id, key, atMs);
  }

  #forget(own: Stream, key: string): void {
    this.#rows.setOwn(own, valueCell, key, 0);
    this.#rows.setOwn(own, changedCell, key, 0);
  }
}

function amountOf(stream: Stream, cell: number, key: string): number {
  return stream.cells.get(cell)?.values.get(key) ?? 0;
}
