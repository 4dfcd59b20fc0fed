/** Faults planted in journals, the log service, pullers and aggregate files; see planted-faults.ts. */
import type { PlantedFault } from './planted-faults.ts';

const writer = 'src/journal/writer.ts';
const reader = 'src/journal/reader.ts';
const subscriber = 'src/actors/log-subscriber.ts';
const puller = 'src/actors/log-puller.ts';
const aggregateFile = 'src/manager/aggregate-file.ts';

const logFaults: readonly Omit<PlantedFault, 'objects'>[] = [
  {
    name: 'an append is acknowledged before it is on the disk',
    seed: 6,
    file: writer,
    find: 'if (awaited.some(({ isSynced }) => isSynced)) await this.#syncOrUndo(before);',
    replace: '',
  },
  {
    name: 'a reader passes over a segment',
    seed: 1,
    file: reader,
    find: 'find((other) => other > segment) ?? current',
    replace: 'find((other) => other > segment + 1) ?? current',
  },
  {
    name: 'a node hears that records are kept before they are',
    seed: 16,
    file: puller,
    find: '      await stored;\n',
    replace: '      void stored;\n',
  },
  {
    name: 'records that were not synced are sent',
    seed: 4,
    file: subscriber,
    find: '      await journal.syncWritten();\n      // From the checkpoint',
    replace: '      // From the checkpoint',
    also: [
      {
        file: subscriber,
        find: '      await journal.syncWritten();\n      const more',
        replace: '      const more',
      },
    ],
  },
  {
    name: 'the state of an output is not looked at',
    seed: 1,
    file: aggregateFile,
    find: 'if (covers(known, record.id)) continue;',
    replace: '',
  },
  {
    name: 'what an output holds beyond its state is not cut off',
    seed: 8,
    file: aggregateFile,
    find: '      await this.#file.truncate(length);\n',
    replace: '',
  },
  {
    name: 'the state of an output is replaced before its data is on the disk',
    seed: 1,
    file: aggregateFile,
    find: '        if (sync) await this.#file.sync();\n',
    replace: '',
  },
];

export const plantedLogFaults: readonly PlantedFault[] = logFaults.map((fault) => ({
  ...fault,
  objects: ['logs'],
}));
