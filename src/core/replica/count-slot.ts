/**
 * A slot that holds two counts of one key, what this node counts and what all nodes count together, and what its meta
 * word says about them.
 *
 * Counts are at most 2^53-1, sums of them may be more (replication 4.10): what passes 2^53 is kept as a carry in the
 * upper half of the meta word, so that taking away what was added gives exactly the old sum.
 */
import type { Shard } from './shard.ts';

export const own = 0;
export const total = 1;
export type Column = typeof own | typeof total;

export const span = 2 ** 53;

/** Meta word: slot is taken. */
const taken = 1;
/** Meta word: the key is in the list of changes to send. */
const dirty = 1 << 1;
/** Meta word, four bits: passes since this node last counted something here; 0 = never, or long ago. */
const ownAgeStep = 1 << 2;
const ownAgeMask = 15 * ownAgeStep;
/** Meta word, four bits: passes since anybody counted something here. */
const ageStep = 1 << 6;
const ageMask = 15 * ageStep;
/** Meta word: carry of the total. */
export const totalCarryShift = 16;
const totalCarryMask = -1 << totalCarryShift;

/** One pass a minute, so a key goes when it was idle for 300 s at least (replication 5.5). */
export const upkeepPeriodMs = 60_000;
const idlePasses = 6;

/**
 * Adds to a number in 0 .. 2^53-1, `by` is between -2^53 and 2^53; returns the carry, -1, 0 or 1. No result in between
 * passes 2^53, so nothing is rounded.
 */
export function addExactly(floats: Float64Array, at: number, by: number): number {
  const before = floats[at]!;
  const sum = before + by;
  if (sum < 0) {
    floats[at] = sum + span;
    return -1;
  }
  if (sum >= span) {
    floats[at] = before - span + by;
    return 1;
  }
  floats[at] = sum;
  return 0;
}

export function ownAt(shard: Shard, slot: number): number {
  return shard.floats[slot * shard.floatStride + own]!;
}

/** How often the total of a slot passed 2^53. */
export function carryAt(shard: Shard, slot: number): number {
  return shard.ints[slot * shard.stride + shard.metaAt]! >>> totalCarryShift;
}

/** May pass 2^53 and is rounded then. */
export function totalAt(shard: Shard, slot: number): number {
  return carryAt(shard, slot) * span + shard.floats[slot * shard.floatStride + total]!;
}

export function countAt(shard: Shard, slot: number, column: Column): number {
  return column === own ? ownAt(shard, slot) : totalAt(shard, slot);
}

/** Nobody counts anything here; the key stays for its branch in the tree (replication 5.5). */
export function isIdle(shard: Shard, slot: number): boolean {
  return shard.floats[slot * shard.floatStride + total] === 0 && carryAt(shard, slot) === 0;
}

export function isDirty(shard: Shard, slot: number): boolean {
  return (shard.ints[slot * shard.stride + shard.metaAt]! & dirty) !== 0;
}

export function clearDirty(shard: Shard, slot: number): void {
  shard.ints[slot * shard.stride + shard.metaAt]! &= ~dirty;
}

/** What a change of a slot means for its map, as bits: mostly nothing. */
export const becameDirty = 1;
export const leftOwn = 2;
export const becameOwn = 4;
export const leftIdle = 8;
export const becameIdle = 16;

/**
 * Adds to a key that counts something here already and is waiting to be sent anyway, so that only two numbers change:
 * most increments, and therefore written out in one piece. Returns the new total, or 0 when there is more to it.
 */
export function addToBusy(shard: Shard, slot: number, by: number): number {
  const { floats, ints } = shard;
  const at = slot * shard.floatStride;
  const metaAt = slot * shard.stride + shard.metaAt;
  const meta = ints[metaAt]!;
  const before = floats[at + own]!;
  const sum = floats[at + total]! + by;
  if (before === 0 || (meta & (dirty | totalCarryMask)) !== dirty || sum >= span) return 0;
  floats[at + own] = before + by;
  floats[at + total] = sum;
  ints[metaAt] = taken | dirty | ownAgeStep;
  return sum;
}

/** Changes this node's count and the total by the same. */
export function changeOwn(shard: Shard, slot: number, by: number): number {
  const { floats, ints } = shard;
  const at = slot * shard.floatStride;
  const metaAt = slot * shard.stride + shard.metaAt;
  const meta = ints[metaAt]!;
  const before = floats[at + own]!;
  const after = before + by;
  floats[at + own] = after;
  ints[metaAt] = (meta & totalCarryMask) | taken | dirty | ownAgeStep;
  let effects = (meta & dirty) === 0 ? becameDirty : 0;
  if (before === 0) effects |= becameOwn;
  else if (after === 0) effects |= leftOwn;
  return effects | changeTotal(shard, slot, by);
}

/** Changes the total on another node's account. */
export function changeRemote(shard: Shard, slot: number, by: number): number {
  shard.ints[slot * shard.stride + shard.metaAt]! &= ~ageMask;
  return changeTotal(shard, slot, by);
}

function changeTotal(shard: Shard, slot: number, by: number): number {
  const at = slot * shard.floatStride + total;
  const before = shard.floats[at]!;
  const after = before + by;
  if (before > 0 && after > 0 && after < span) {
    shard.floats[at] = after;
    return 0;
  }
  const wasIdle = isIdle(shard, slot);
  shard.ints[slot * shard.stride + shard.metaAt]! += addExactly(shard.floats, at, by) << totalCarryShift;
  const nowIdle = isIdle(shard, slot);
  if (wasIdle === nowIdle) return 0;
  return nowIdle ? becameIdle : leftIdle;
}

/** This node counts something here, or did so lately: a leaf of its own view. */
export function isOwnLeaf(shard: Shard, slot: number): boolean {
  return (shard.ints[slot * shard.stride + shard.metaAt]! & ownAgeMask) !== 0;
}

export function ageOf(shard: Shard, slot: number): number {
  return (shard.ints[slot * shard.stride + shard.metaAt]! & ageMask) / ageStep;
}

/** One more pass has seen this slot unchanged. True when it was idle for so many that it should go. */
export function growOlder(shard: Shard, slot: number): boolean {
  const at = slot * shard.stride + shard.metaAt;
  let meta = shard.ints[at]!;
  if ((meta & ageMask) !== ageMask) meta += ageStep;
  if (ownAt(shard, slot) === 0 && (meta & ownAgeMask) !== 0) {
    meta += ownAgeStep;
    if ((meta & ownAgeMask) > idlePasses * ownAgeStep) meta &= ~ownAgeMask;
  }
  shard.ints[at] = meta;
  return ageOf(shard, slot) >= idlePasses && isIdle(shard, slot) && !isDirty(shard, slot);
}
