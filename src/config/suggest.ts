/** The words nearest to a misspelt one. */

const longestCompared = 64;
const mostSuggested = 3;

/** "did you mean 'x'?", or undefined when nothing is near enough. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const near = nearest(word, known).map((name) => `'${name}'`);
  return near.length === 0 ? undefined : `did you mean ${near.join(' or ')}?`;
}

/** Those of `known` with the least distance, if that is at most a third of the word's length. */
export function nearest(word: string, known: Iterable<string>): string[] {
  if (word.length > longestCompared) return [];
  let best = Math.max(1, Math.floor(word.length / 3));
  let found: string[] = [];
  for (const name of new Set(known)) {
    const away = distance(word.toLowerCase(), name.toLowerCase(), best);
    if (away > best) continue;
    if (away < best) found = [];
    best = away;
    found.push(name);
  }
  return found.slice(0, mostSuggested);
}

/** Letters added, left out, changed or swapped with their neighbour; anything above `limit` may come out as limit + 1. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, at(beforePrevious, j - 2) + 1);
      row.push(cost);
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
