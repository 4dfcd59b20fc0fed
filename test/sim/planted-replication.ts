/**
 * Faults planted in replication; see planted-faults.ts.
 *
 * A row of the simulator fits into one part of a snapshot and is put in within one turn. What is between parts and turns
 * only shows when both are made small, which is no fault by itself: `plant.ts` runs the healthy code with it first.
 */
import type { Edit, PlantedFault } from './planted-faults.ts';

const receiver = 'src/core/replica/row-receiver.ts';
const replicator = 'src/core/replica/replicator.ts';
const cidr = 'src/core/replica/cidr-table.ts';
const gauge = 'src/core/replica/gauge-table.ts';
const machine = 'src/actors/replica-machine.ts';

/** Rows in many parts, and work in many turns between which time goes by. */
export const smallParts: readonly Edit[] = [
  { file: cidr, find: 'const rowPartKeys = 2048;', replace: 'const rowPartKeys = 2;' },
  { file: gauge, find: 'const rowPartKeys = 4096;', replace: 'const rowPartKeys = 2;' },
  { file: replicator, find: 'const rowKeysAtOnce = 10_000;', replace: 'const rowKeysAtOnce = 2;' },
  { file: replicator, find: 'const batchKeys = 8192;', replace: 'const batchKeys = 8;' },
  { file: replicator, find: 'const turnSteps = 128;', replace: 'const turnSteps = 1;' },
  { file: replicator, find: 'const fewKeys = 512;', replace: 'const fewKeys = 1;' },
  { file: receiver, find: 'const stepKeys = 256;', replace: 'const stepKeys = 8;' },
  { file: machine, find: 'nextTurn: 0,', replace: 'nextTurn: 5,' },
];

export const plantedReplicationFaults: readonly PlantedFault[] = [
  {
    name: 'a gap in the batches goes unnoticed',
    seed: 1,
    file: receiver,
    find: "if (this.state === 'whole' && sequence === this.#applied + 1) {",
    replace: "if (this.state === 'whole') {",
  },
  {
    name: 'a batch that beats show and nobody got is not missed',
    seed: 3,
    file: receiver,
    find: 'if (this.#behindAt === this.#applied) this.#openGap(nowMs);',
    replace: 'if (this.#behindAt === this.#applied) return;',
  },
  {
    name: 'the row of a member that left is kept',
    seed: 1,
    file: replicator,
    find: 'this.#removeMembers([...this.#receivers.keys()].filter((origin) => !members.has(origin)));',
    replace: '',
  },
  {
    name: 'a joiner does not ask for rows',
    seed: 1,
    file: replicator,
    find: 'receiver.fetch(nowMs);',
    replace: '',
  },
  {
    name: 'a lost snapshot is not asked for again',
    seed: 3,
    file: receiver,
    find: 'this.#attempts++;\n    this.#open(this.#session.reason, nowMs);',
    replace: 'this.#postpone(nowMs);',
  },
  {
    name: 'batches that arrive while a row is exchanged count as applied',
    seed: 4,
    file: receiver,
    find: '    this.#releaseUpTo(this.#applied);\n    yield* this.#applyHeld();',
    replace:
      '    for (const [held] of this.#held) this.#applied = Math.max(this.#applied, held);\n    this.#releaseUpTo(this.#applied);',
    also: smallParts,
  },
  {
    name: 'a snapshot is taken without the batches before its chunks',
    seed: 1,
    file: receiver,
    find: 'if (!(yield* this.#catchUp(session, chunk.sequence))) break;',
    replace: 'session.sequence = chunk.sequence;',
    also: smallParts,
  },
  {
    name: 'changes that wait are not flushed before a chunk',
    seed: 1,
    file: replicator,
    find: '    this.flush();\n    if (!this.#flushing) this.#snapshots',
    replace: '    if (!this.#flushing) this.#snapshots',
  },
  {
    name: 'a snapshot is put in before its last chunk',
    seed: 1,
    file: receiver,
    find: 'if (last) this.#exchange(session);',
    replace: 'if (last || session.nextIndex === 2) this.#exchange(session);',
    also: smallParts,
  },
  {
    name: 'what a member had is added again when its row is exchanged',
    seed: 2,
    file: cidr,
    find: 'const by = value - before.get(part, a, b, c, d);',
    replace: 'const by = value;',
  },
  {
    name: 'batches of processes outside the view are applied',
    seed: 1,
    file: replicator,
    find: '    if (!receiver) {\n      this.#drops++;\n      return;\n    }\n    const before',
    replace: '    if (!receiver) {\n      this.#addMember(from);\n      return;\n    }\n    const before',
  },
  {
    name: 'a batch is added to the total instead of its difference',
    seed: 1,
    file: cidr,
    find: 'if (by !== 0) this.#counts[part]!.changeRemote(a, b, c, d, by);',
    replace: 'if (by !== 0) this.#counts[part]!.changeRemote(a, b, c, d, value);',
  },
];
