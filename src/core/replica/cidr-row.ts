/**
 * The row of another node: its count for each address and for each netblock it rolled addresses up into.
 *
 * Invariant: `digest` is the digest of what the row holds. An address at 0 stays for a while as an idle leaf of that
 * node's view (replication 5.7); it contributes nothing to sums, digest and `size`.
 */
import { RunningDigest } from '../digest.ts';
import { AddressMap } from './address-map.ts';
import { type EachChange, eachAddress, parts } from './changes.ts';
import { Leaves } from './leaves.ts';
import type { Changes } from './messages.ts';
import type { Shard } from './shard.ts';
import { mostKeys, type RemoteRow } from './table.ts';
import type { Work } from './work.ts';

/** The sender has bounds of its own; this one guards against a sender without. */
const maxRowKeys = 2 * mostKeys;
/** Meta word: 1 (taken), passes without a change from bit 1 on. */
const ageStep = 2;
const idlePasses = 6;
/** Slots visited in one step: in a process that has just started, code runs at a tenth of its later speed. */
const stepSlots = 512;

export interface CidrRowOptions {
  readonly seed: number;
  /** Idle leaves are kept only while a part of the row holds fewer keys than this. */
  readonly maxIdleKeys: number;
}

export class CidrRow implements RemoteRow {
  readonly digest = new RunningDigest();
  readonly #maps: readonly AddressMap[];
  readonly #maxIdleKeys: number;
  size = 0;
  refused = 0;

  constructor({ seed, maxIdleKeys }: CidrRowOptions) {
    this.#maxIdleKeys = maxIdleKeys;
    this.#maps = parts.map(({ wide }) => new AddressMap({ keyWords: wide ? 4 : 1, values: 1, seed }));
  }

  apply(changes: Changes): void {
    eachAddress(changes, (part, a, b, c, d, value) => this.write(part, a, b, c, d, value));
  }

  /** Sets one value; returns by how much it changed. */
  write(part: number, a: number, b: number, c: number, d: number, value: number): number {
    const map = this.#maps[part]!;
    const hash = map.hash(a, b, c, d);
    let shard = map.shardToChange(hash);
    let slot = shard.find(hash, a, b, c, d);
    if (slot < 0) {
      if (value === 0) return 0;
      if (map.size >= maxRowKeys) {
        this.refused++;
        return 0;
      }
      slot = map.insert(hash, a, b, c, d);
      shard = map.shardOf(hash);
    }
    const at = slot * shard.floatStride;
    const before = shard.floats[at]!;
    if (before === value) return 0;
    shard.floats[at] = value;
    shard.ints[slot * shard.stride + shard.metaAt] = 1;
    this.digest.changeAddress(part, map.wide, a, b, c, d, before, value);
    if (before === 0) this.size++;
    if (value === 0) {
      this.size--;
      if (map.size > this.#maxIdleKeys) map.removeAt(map.shardIndex(hash), slot);
    }
    return value - before;
  }

  get(part: number, a: number, b: number, c: number, d: number): number {
    const map = this.#maps[part]!;
    const hash = map.hash(a, b, c, d);
    const shard = map.shardOf(hash);
    const slot = shard.find(hash, a, b, c, d);
    return slot < 0 ? 0 : valueAt(shard, slot);
  }

  sum(part: number, a: number, b: number, c: number, d: number, bits: number): number {
    let sum = 0;
    this.#maps[part]!.visit(a, b, c, d, bits, (shard, slot) => {
      sum += valueAt(shard, slot);
    });
    return sum;
  }

  leaves(part: number): Leaves {
    return new Leaves(this.#maps[part]!, parts[part]!.bits, valueAt);
  }

  /** Visits all values; the row must not change meanwhile. */
  *each(see: EachChange): Work {
    for (const [part, map] of this.#maps.entries()) {
      for (const index of map.shardIndexes()) {
        const shard = map.shards[index]!;
        for (let slot = 0; slot < shard.capacity; slot++) {
          if (slot % stepSlots === stepSlots - 1) yield;
          const value = valueAt(shard, slot);
          if (value === 0) continue;
          see(
            part,
            shard.keyWord(slot, 0),
            shard.keyWord(slot, 1),
            shard.keyWord(slot, 2),
            shard.keyWord(slot, 3),
            value,
          );
        }
        yield;
      }
    }
  }

  /** Drops what was idle for 300 s. */
  *upkeep(): Work {
    for (const map of this.#maps) {
      for (const shardIndex of map.shardIndexes()) {
        const shard = map.shards[shardIndex]!;
        for (let slot = 0; slot < shard.capacity; ) {
          if (valueAt(shard, slot) === 0 && !shard.isFree(slot) && growOlder(shard, slot))
            map.removeAt(shardIndex, slot);
          else slot++;
        }
        map.compact(shardIndex);
        yield;
      }
    }
  }
}

/** 0 for a free slot, too. */
function valueAt(shard: Shard, slot: number): number {
  return shard.floats[slot * shard.floatStride]!;
}

/** True when the slot was idle for so many passes that it should go. */
function growOlder(shard: Shard, slot: number): boolean {
  shard.ints[slot * shard.stride + shard.metaAt]! += ageStep;
  return shard.ints[slot * shard.stride + shard.metaAt]! > idlePasses * ageStep;
}
