/** Merge sort in slices: a million keys are sorted without ever holding the event loop for long. */
import type { Work } from './work.ts';

const runLength = 1024;
/** Elements moved in one slice, and numbered in one. */
const sliceLength = 4_096;
const numberedLength = 65_536;

export type Compare = (a: number, b: number) => number;

/** The places of so many elements in their order: `compare` is given two places. */
export function* sortedOrder(length: number, compare: Compare): Generator<void, Int32Array, void> {
  // `Int32Array.from` takes ten times as long for it, at once.
  const order = new Int32Array(length);
  for (let place = 0; place < length; place++) {
    order[place] = place;
    if (place % numberedLength === 0) yield;
  }
  yield* sortInSlices(order, compare);
  return order;
}

/** Sorts `items` in place. */
export function* sortInSlices(items: Int32Array, compare: Compare): Work {
  for (let start = 0; start < items.length; start += runLength) {
    items.subarray(start, start + runLength).sort(compare);
    yield;
  }
  let from: Int32Array = items;
  let to: Int32Array = new Int32Array(items.length > runLength ? items.length : 0);
  for (let width = runLength; width < items.length; width *= 2) {
    yield* mergePass(from, to, width, compare);
    [from, to] = [to, from];
  }
  if (from !== items) items.set(from);
}

/** Merges neighbouring runs of `width` elements. */
function* mergePass(from: Int32Array, to: Int32Array, width: number, compare: Compare): Work {
  for (let start = 0; start < from.length; start += width * 2) {
    const middle = Math.min(start + width, from.length);
    const end = Math.min(start + width * 2, from.length);
    let left = start;
    let right = middle;
    for (let at = start; at < end; at++) {
      const takeLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) <= 0);
      to[at] = takeLeft ? from[left++]! : from[right++]!;
      if (at % sliceLength === 0) yield;
    }
  }
}
