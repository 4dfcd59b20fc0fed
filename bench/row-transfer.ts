/**
 * P4: a joiner fetches the row of a member with up to 10^6 keys: codec, tables and protocol of both sides in one process,
 * without a network. Every turn of either side's event loop is timed.
 */
import { decodeSharedMessage, encodeSharedMessage } from '../src/bus/shared-codec.ts';
import type { Incarnation } from '../src/core/identity.ts';
import { CidrTable } from '../src/core/replica/cidr-table.ts';
import type { SharedMessage } from '../src/core/replica/messages.ts';
import { Replicator } from '../src/core/replica/replicator.ts';
import type { Process, View } from '../src/core/view.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import type { Benchmark, Figure } from './report.ts';

const sizes = [10_000, 100_000, 1_000_000];

export interface RowTransfer {
  readonly totalMs: number;
  readonly longestTurnMs: number;
}

class Side {
  readonly process: Process;
  readonly table: CidrTable;
  readonly replicator: Replicator;
  readonly inbox: Uint8Array[] = [];
  other: Side | undefined;
  longestTurnMs = 0;

  constructor(number: number) {
    const incarnation = String(number).repeat(32) as Incarnation;
    this.process = { incarnation, type: 'Momentum', node: `relay-${number}`, number, seniority: number };
    this.table = new CidrTable({ self: incarnation, maxKeys: 2_000_000, seed: number });
    const post = (message: SharedMessage) => Boolean(this.other?.inbox.push(encodeSharedMessage(message)));
    this.replicator = new Replicator(
      this.table,
      { object: 'inbound_cidr', type: 'inbound_cidr', self: incarnation, maxDelayMs: 1000, maxPending: 100 },
      {
        broadcast: post,
        send: (_to, message) => post(message),
        nowMs: () => performance.now(),
        changesPending: () => {},
        rowsChanged: () => {},
        workPending: () => {},
        wrongType: () => {},
      },
    );
    this.replicator.linkChanged(true);
  }

  /** One turn: one message, or one step of work. False when there was nothing to do. */
  turn(): boolean {
    const startedMs = performance.now();
    const bytes = this.inbox.shift();
    if (bytes) this.replicator.receive(decodeSharedMessage(bytes)!);
    else if (this.replicator.hasWork) this.replicator.step();
    else return false;
    this.longestTurnMs = Math.max(this.longestTurnMs, performance.now() - startedMs);
    return true;
  }
}

export function transferRow(keys: number): RowTransfer {
  const [member, joiner] = [new Side(1), new Side(2)];
  const random = new SeededRandom(keys);
  for (let i = 0; i < keys; i++) member.table.increment((random.next() * 2 ** 32) | 0);
  member.other = joiner;
  joiner.other = member;
  const members = [member.process, joiner.process];
  const view: View = { id: { epoch: 1, coordinator: member.process.incarnation, nonce: 0 }, members };
  const startedMs = performance.now();
  for (const { replicator } of [member, joiner]) replicator.viewInstalled(view);
  while ([member.turn(), joiner.turn()].includes(true));
  const totalMs = performance.now() - startedMs;
  if (joiner.replicator.standing !== 'whole' || joiner.table.count('0.0.0.0/0') !== keys)
    throw new Error('the joiner does not have all keys');
  return { totalMs, longestTurnMs: Math.max(member.longestTurnMs, joiner.longestTurnMs) };
}

export const rowTransferBenchmark: Benchmark = {
  name: 'row-transfer',
  goals: ['P4'],
  about: 'a joiner fetches a large row, both sides in one process',
  meaning:
    'the same without network and processes: codec, tables and protocol of both sides in one process, ' +
    'and the longest single piece of work.',
  run: async () => {
    transferRow(sizes[0]!);
    return sizes.flatMap((keys): Figure[] => {
      const { totalMs, longestTurnMs } = transferRow(keys);
      const size = `10^${Math.log10(keys)} keys`;
      return [
        {
          goal: 'P4',
          what: 'a joiner has all keys, work of both sides',
          size,
          value: totalMs,
          unit: 'ms',
          target: { value: 1000 },
        },
        {
          goal: 'P4',
          what: 'longest turn of either side',
          size,
          value: longestTurnMs,
          unit: 'ms',
          target: { value: 10 },
        },
      ];
    });
  },
};
