/** One receiver and a model of its sender: a row, a sequence number, batches and snapshots of two keys a chunk. */
import { RunningDigest } from '../../../src/core/digest.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import { GaugeRow } from '../../../src/core/replica/gauge-row.ts';
import type { Batch, Changes, SnapshotChunk } from '../../../src/core/replica/messages.ts';
import { chunkWindow, RowReceiver } from '../../../src/core/replica/row-receiver.ts';
import type { RemoteRow } from '../../../src/core/replica/table.ts';
import { finish, type Work } from '../../../src/core/replica/work.ts';

export const header = {
  object: 'object',
  type: 'outbound_domains',
  from: '0'.repeat(32) as Incarnation,
} as const;

type Message = Batch | SnapshotChunk;

export function changesOf(entries: Iterable<readonly [string, number]>): Changes {
  const list = [...entries];
  return {
    ...noChanges,
    textKeys: list.map(([key]) => key),
    textValues: Float64Array.from(list, ([, n]) => n),
  };
}

/** Sends to one receiver through a list of messages under way. */
class Sender {
  readonly row = new Map<string, number>();
  readonly digest = new RunningDigest();
  readonly history: Record<string, number>[] = [{}];
  sequence = 0;
  under: Message[] = [];
  #session: { number: number; keys?: string[]; index: number; credit: number } | undefined;

  change(key: string, value: number): void {
    this.digest.changeText(key, this.row.get(key) ?? 0, value);
    if (value === 0) this.row.delete(key);
    else this.row.set(key, value);
    this.sequence++;
    this.history[this.sequence] = Object.fromEntries([...this.row].sort());
    const changes = changesOf([[key, value]]);
    this.under.push({ ...header, kind: 'batch', sequence: this.sequence, changes });
  }

  request(session: number): void {
    this.#session = { number: session, index: 0, credit: chunkWindow };
  }

  credit(session: number, index: number): void {
    if (this.#session?.number === session) this.#session.credit = index + 1 + chunkWindow;
  }

  /** The next chunk: keys that were there at the first one, with the values of now. */
  sendChunk(): void {
    const session = this.#session;
    if (!session || session.index >= session.credit) return;
    session.keys ??= [...this.row.keys()];
    const keys = session.keys.splice(0, 2);
    const last = keys.length === 0;
    this.under.push({
      ...header,
      kind: 'snapshot-chunk',
      session: session.number,
      index: session.index++,
      sequence: this.sequence,
      last,
      changes: changesOf(keys.map((key) => [key, this.row.get(key) ?? 0] as const)),
    });
    if (last) this.#session = undefined;
  }
}

export class Pair {
  readonly sender = new Sender();
  row = new GaugeRow();
  nowMs = 0;
  requests = 0;
  sessions = 0;
  /** Set: exchanges and queued work wait until the test says so. */
  slow = false;
  work: Work[] = [];
  exchanges: (() => void)[] = [];
  /** Of the exchange that was begun last. */
  lastRest: () => Work = function* () {};
  readonly receiver = new RowReceiver(
    {
      newSession: () => ++this.sessions,
      request: (session) => {
        this.requests++;
        this.sender.request(session);
      },
      credit: (session, index) => this.sender.credit(session, index),
      blankRow: () => new GaugeRow(),
      apply: (changes) => this.row.apply(changes),
      rowDigest: () => this.row.digest,
      nowMs: () => this.nowMs,
      run: (work) => this.#run(work),
      exchange: (row, rest) => this.#exchange(row, rest),
    },
    0,
  );

  wait(ms: number): void {
    this.nowMs += ms;
    this.receiver.tick(this.nowMs);
  }

  #exchange(row: RemoteRow, rest: () => Work): void {
    this.row = row as GaugeRow;
    if (this.slow) this.exchanges.push(() => finish(rest()));
    else finish(rest());
    this.lastRest = rest;
  }

  #run(work: Work): void {
    if (this.slow) this.work.push(work);
    else finish(work);
  }

  /** One step of what is queued. */
  step(): void {
    if (this.work[0]?.next().done) this.work.shift();
  }

  finishWork(): void {
    for (let work = this.work.shift(); work; work = this.work.shift()) finish(work);
  }

  get contents(): Record<string, number> {
    return Object.fromEntries([...this.row.counts].sort());
  }

  deliver(index = 0): void {
    const [message] = this.sender.under.splice(index, 1);
    if (message?.kind === 'batch') this.receiver.onBatch(message, this.nowMs);
    else if (message) this.receiver.onChunk(message, this.nowMs);
  }

  deliverAll(): void {
    while (this.sender.under.length > 0) this.deliver();
  }

  /** A whole snapshot, without disturbance. */
  fetchAll(): void {
    for (let i = 0; i < 100 && this.receiver.state === 'fetching'; i++) {
      this.sender.sendChunk();
      this.deliverAll();
      this.finishWork();
    }
  }

  beat(): void {
    const { sequence, digest } = this.sender;
    this.receiver.onBeat({ sequence, high: digest.high, low: digest.low }, this.nowMs);
  }
}
