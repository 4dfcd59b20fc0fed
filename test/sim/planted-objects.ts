/** Faults planted in shared throttles, caches and counts over time; see planted-faults.ts. */
import type { Edit, PlantedFault } from './planted-faults.ts';

const desk = 'src/core/throttle/account-desk.ts';
const account = 'src/core/throttle/account.ts';
const shares = 'src/core/throttle/shares.ts';
const cache = 'src/core/cache/cache.ts';
const cacheReplicator = 'src/core/cache/cache-replicator.ts';
const comparison = 'src/core/cache/comparison.ts';
const hybridClock = 'src/core/cache/hybrid-clock.ts';
const retiredExchange = 'src/core/series/retired-exchange.ts';
const othersRows = 'src/core/series/others-rows.ts';

const grantsAtOnce: Edit = {
  file: desk,
  find: 'if (this.isReady) this.#asked(message);\n        else this.#postpone(message);',
  replace: 'this.#asked(message);',
};

const quotaFaults: readonly Omit<PlantedFault, 'objects'>[] = [
  {
    name: 'units are granted before all have reported what they have',
    seed: 80,
    ...grantsAtOnce,
    also: [
      {
        file: desk,
        find: 'if (this.isReady) this.#recorded(message);\n        else this.#postpone(message);',
        replace: 'this.#recorded(message);',
      },
    ],
  },
  {
    name: 'nobody reports what was granted before the view',
    seed: 1,
    file: desk,
    find: 'this.#reports.tell(holder, item);\n        if (deputy !== undefined) this.#reports.tell(deputy, item);',
    replace: '',
  },
  {
    name: 'grants pass by the deputy',
    seed: 2,
    file: desk,
    find: "if (deputy !== undefined) this.#dispatch(deputy, { kind: 'record', ...said, to: ask.from });\n    else if (ask.from === this.#self)",
    replace:
      "if (deputy !== undefined && ask.from !== this.#self) this.#dispatch(ask.from, { kind: 'grant', ...said });\n    else if (ask.from === this.#self)",
    also: [{ file: desk, find: 'grant.from !== (deputy ?? holder)', replace: 'grant.from !== holder' }],
  },
  {
    name: 'what was granted to others before a view can be granted again',
    seed: 2,
    file: account,
    find: '    if (!isSlots(this.#rate)) return;\n    const [granted,',
    replace:
      '    for (const units of this.#windows.values()) for (const by of units.keys()) if (by !== self) units.delete(by);\n    if (!isSlots(this.#rate)) return;\n    const [granted,',
  },
  {
    name: 'the smaller side goes on with all of a limit',
    seed: 1,
    file: shares,
    find: "if (sinceMs === undefined || policy === 'open')",
    replace: "if (sinceMs === undefined || policy !== 'closed')",
  },
  {
    name: 'who begins after a loss is not told of it',
    scenario: 'quota-begun-in-the-smaller-part.json',
    file: desk,
    find: 'this.#ports.heardLost(report.lost);',
    replace: '',
  },
  {
    name: 'slots count as given back each time this is told',
    seed: 1,
    file: account,
    find: 'this.#released.set(by, Math.max(this.released(by), released));',
    replace: 'this.#released.set(by, Math.min(this.granted(0, by), this.released(by) + released));',
  },
  {
    name: 'slots that were given back before a rest are taken again after it',
    seed: 1,
    file: desk,
    find: 'account.release(this.#self, released);\n    this.#ports.granted(id, grant);',
    replace: 'this.#ports.granted(id, grant);',
  },
  {
    name: 'slots of processes that are gone stay taken',
    seed: 1,
    file: account,
    find: 'this.#windows.clear();\n    this.#released.clear();\n    if (granted <= released) return;',
    replace: 'return;',
    also: [{ file: desk, find: 'if (isSlots(item.rate) && item.to !== report.from) continue;', replace: '' }],
  },
];

const cacheFaults: readonly Omit<PlantedFault, 'objects'>[] = [
  {
    name: 'of two versions the one that comes last stays',
    seed: 1,
    file: cache,
    find: 'return isNewer(entry, known) ||',
    replace: 'return entry.time !== known.time ||',
  },
  {
    name: 'a delete is forgotten after two seconds',
    seed: 1,
    file: cache,
    find: 'const deletedLifeMs = 3_600_000;',
    replace: 'const deletedLifeMs = 2_000;',
  },
  {
    name: 'what comes from others never expires',
    seed: 1,
    file: cache,
    find: 'this.#put(entry, known);\n    this.watcher?.merged',
    replace: 'this.#put({ ...entry, expiresMs: 0 }, known);\n    this.watcher?.merged',
  },
  {
    name: 'a lookup does not see that a value has expired',
    seed: 1,
    file: cache,
    find: 'node?.item.entry.value === undefined || isExpired(node.item.entry, this.#wallMs())',
    replace: 'node?.item.entry.value === undefined',
    also: [
      {
        file: cache,
        find: 'for (const node of due) this.#expire(node);',
        replace: '',
      },
    ],
  },
  {
    name: 'nobody sends the entries that another lacks',
    seed: 1,
    file: cacheReplicator,
    find: 'this.#source.open(message, nowMs);',
    replace: '',
  },
  {
    name: 'digests that differ are not noticed',
    seed: 2,
    file: comparison,
    find: 'if (isSame === false) partner.differsSinceMs ??= nowMs;',
    replace: 'if (isSame === false) partner.differsSinceMs = undefined;',
  },
  {
    name: 'a write may be older than what its writer has replaced',
    seed: 6,
    file: hybridClock,
    find: 'this.#last = Math.max(this.#last, time);',
    replace: '',
  },
];

const seriesFaults: readonly Omit<PlantedFault, 'objects'>[] = [
  {
    name: 'a joiner is not told what those had counted who have left',
    seed: 1,
    file: retiredExchange,
    find: 'if (!said || !this.#members.has(from)) return;',
    replace: 'return;',
  },
  {
    name: 'of one who has left the first row that comes stays',
    seed: 1,
    file: retiredExchange,
    find: 'if ((known.get(life) ?? -1) >= sequence) continue;',
    replace: 'if (known.has(life)) continue;',
  },
  {
    name: 'a newer row of one who has left counts besides the older one',
    seed: 1,
    file: othersRows,
    find: 'yield* this.#exchange(this.#exchanges(before, after));\n    yield*',
    replace: 'yield* this.#exchange(this.#exchanges(undefined, after));\n    yield*',
  },
  {
    name: 'what a member had counted goes when it leaves',
    seed: 1,
    file: othersRows,
    find: 'return this.#takeBackAll(over, this.#retired.put(origin, row));',
    replace: 'return this.#takeBackAll(over, [row]);',
  },
];

export const plantedObjectFaults: readonly PlantedFault[] = [
  ...seriesFaults.map((fault) => ({ ...fault, objects: ['series'] as const })),
  ...quotaFaults.map((fault) => ({ ...fault, objects: ['quotas'] as const })),
  ...cacheFaults.map((fault) => ({ ...fault, objects: ['caches'] as const })),
];
