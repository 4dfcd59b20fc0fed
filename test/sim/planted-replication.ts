/** Faults planted in replication; see planted-faults.ts. */
import type { PlantedFault } from './planted-faults.ts';

const receiver = 'src/core/replica/row-receiver.ts';
const replicator = 'src/core/replica/replicator.ts';
const cidr = 'src/core/replica/cidr-table.ts';

export const plantedReplicationFaults: readonly PlantedFault[] = [
  {
    name: 'a gap in the batches goes unnoticed',
    file: receiver,
    find: "if (this.state === 'whole' && sequence === this.#applied + 1) {",
    replace: "if (this.state === 'whole') {",
  },
  {
    name: 'a batch that beats show and nobody got is not missed',
    seed: 7,
    file: receiver,
    find: 'if (this.#behindAt === this.#applied) this.#openGap(nowMs);',
    replace: 'if (this.#behindAt === this.#applied) return;',
  },
  {
    name: 'the row of a member that left is kept',
    seed: 1,
    file: replicator,
    find: 'for (const origin of [...this.#receivers.keys()]) if (!members.has(origin)) this.#removeMember(origin);',
    replace: '',
  },
  {
    name: 'a joiner does not ask for rows',
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
    name: 'batches that arrive during a snapshot are forgotten',
    file: receiver,
    find: '    this.#releaseUpTo(this.#applied);\n    this.#applyHeld();',
    replace: '    this.#releaseUpTo(Number.POSITIVE_INFINITY);',
  },
  {
    name: 'a snapshot is taken without the batches before its chunks',
    file: receiver,
    find: 'if (!this.#catchUp(session, chunk.sequence)) return;',
    replace: 'session.sequence = chunk.sequence;',
  },
  {
    name: 'changes that wait are not flushed before a chunk',
    file: replicator,
    find: '      this.flush();\n      if (this.#work.length === 0) this.#snapshots',
    replace: '      if (this.#work.length === 0) this.#snapshots',
  },
  {
    name: 'batches of processes outside the view are applied',
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
