/**
 * Replicates one shared object: numbers and sends the own changes, receives the rows of the other members, serves and
 * fetches snapshots. Knows nothing about the kind of table.
 *
 * Invariants: the totals of the table are the sum of the own row and the rows of the members of the installed view,
 * apart from work that is still queued; queued work is done in the order it came, so that a row that is put in and taken
 * out again leaves nothing behind.
 */
import type { RowDigest } from '../agreement/messages.ts';
import { objectHash } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import type { ReplicaType } from '../settings.ts';
import type { View } from '../view.ts';
import type { SharedMessage } from './messages.ts';
import {
  type ReceiverPorts,
  type ReceiverState,
  type ReceiverStats,
  RowReceiver,
  type SentRow,
} from './row-receiver.ts';
import { type Chunk, SnapshotSource } from './snapshot-source.ts';
import type { ReplicatedRows } from './table.ts';
import { finish, type Work } from './work.ts';

export interface ReplicatorPorts {
  broadcast(message: SharedMessage): boolean;
  send(to: Incarnation, message: SharedMessage): boolean;
  nowMs(): number;
  /** The first change is waiting to be sent. */
  changesPending(): void;
  /** `standing` may be another now. */
  rowsChanged(): void;
  /** `step` has something to do. */
  workPending(): void;
  /** A message was dropped because its sender has another type of object under this name (replication 3.12). */
  wrongType(from: Incarnation, type: ReplicaType): void;
}

export interface ReplicatorSettings {
  readonly object: string;
  readonly type: ReplicaType;
  readonly self: Incarnation;
  readonly maxDelayMs: number;
  readonly maxPending: number;
}

/** alone: nobody to share with. partial: the row of some member is still on its way. */
export type Standing = 'alone' | 'partial' | 'whole';

export interface RowVerdict {
  readonly origin: Incarnation;
  /** unknown: no beat has spoken of the sequence number the copy stands at. */
  readonly verdict: 'match' | 'differ' | 'unknown';
}

export interface OriginState {
  readonly origin: Incarnation;
  readonly state: ReceiverState;
  /** Number of the last batch applied. */
  readonly sequence: number;
  readonly keys: number;
  readonly lastMessageAgeMs: number;
}

export interface ReplicatorStats {
  readonly pending: number;
  readonly oldestPendingMs: number;
  readonly batchesSent: number;
  readonly batchesReceived: number;
  readonly snapshotsSent: number;
  readonly snapshotsReceived: number;
  readonly gaps: number;
  readonly differences: number;
  readonly drops: number;
  readonly origins: readonly OriginState[];
}

/** Keys in a batch: 40 to 64 KiB for IPv4. */
const batchKeys = 8192;
/** Batches of one turn. */
const flushBatches = 8;
/** Rows that leave at one time are taken out in one step (replication 4.5), up to so many keys; more go in slices. */
const rowKeysAtOnce = 10_000;
/** Work for so many keys is done at once, in the turn that it comes up in. */
const fewKeys = 512;
/** Time for one turn of queued work. */
const turnMs = 2;
/** Steps of a turn, where the clock stands still during one. */
const turnSteps = 128;

export class Replicator {
  #settings: ReplicatorSettings;
  readonly #table: ReplicatedRows;
  readonly #ports: ReplicatorPorts;
  readonly #header: Pick<SharedMessage, 'object' | 'type' | 'from'>;
  readonly #objectHash: number;
  readonly #receivers = new Map<Incarnation, RowReceiver>();
  readonly #snapshots: SnapshotSource;
  /** Bounded by itself: to be taken out a row must have been put in, and before that fetched, which takes longer. */
  readonly #work: Work[] = [];
  #upkeep: Work | undefined;
  /** Changes at each step, or a joiner that takes in many large rows would keep its own from all others meanwhile. */
  #othersFirst = false;
  #sequence = 0;
  /** Snapshots asked for. */
  #sessions = 0;
  /** Changes wait for `flushDueMs`. */
  #waiting = false;
  /** More changes than one turn may send are on their way out. */
  #flushing = false;
  #firstPendingMs = 0;
  #linkUp = false;
  #batchesSent = 0;
  #drops = 0;
  /** Figures of members that have left. */
  readonly #past = { batches: 0, snapshots: 0, gaps: 0, differences: 0, drops: 0 };

  constructor(table: ReplicatedRows, settings: ReplicatorSettings, ports: ReplicatorPorts) {
    this.#table = table;
    this.#settings = settings;
    this.#ports = ports;
    this.#header = { object: settings.object, type: settings.type, from: settings.self };
    this.#objectHash = objectHash(settings.object);
    // A row that is taken over from an earlier incarnation is not empty: 0 would tell the others to expect nothing.
    this.#sequence = table.digest.high === 0 && table.digest.low === 0 ? 0 : 1;
    this.#snapshots = new SnapshotSource(() => table.ownRow());
    table.onPending = () => this.#changed();
    table.onWork = (work) => this.#queue(work);
  }

  get standing(): Standing {
    if (!this.#linkUp || this.#receivers.size === 0) return 'alone';
    for (const { state } of this.#receivers.values()) if (state !== 'whole') return 'partial';
    return 'whole';
  }

  /** The own row as the next beat describes it. */
  get digest(): RowDigest {
    const { high, low } = this.#table.digest;
    return { object: this.#objectHash, sequence: this.#sequence, high, low };
  }

  /**
   * When the changes that wait have to be sent; undefined when none do. Also with `max_delay` 0 they wait for the end of
   * the turn they are made in: a message for each of them would cost more than all else together.
   */
  get flushDueMs(): number | undefined {
    return this.#waiting ? this.#firstPendingMs + this.#settings.maxDelayMs : undefined;
  }

  /** When `tick` has something to do; Infinity while all rows are whole. */
  get deadlineMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const { deadlineMs } of this.#receivers.values()) earliestMs = Math.min(earliestMs, deadlineMs);
    return earliestMs;
  }

  get hasWork(): boolean {
    return this.#work.length > 0 || this.#upkeep !== undefined || this.#snapshots.ready;
  }

  /** With the next change that has to wait. */
  configure({ maxDelayMs, maxPending }: Pick<ReplicatorSettings, 'maxDelayMs' | 'maxPending'>): void {
    this.#settings = { ...this.#settings, maxDelayMs, maxPending };
  }

  viewInstalled(view: View): void {
    const members = remoteRows(view, this.#settings.self);
    this.#removeMembers([...this.#receivers.keys()].filter((origin) => !members.has(origin)));
    for (const origin of members) if (!this.#receivers.has(origin)) this.#addMember(origin);
    this.#ports.rowsChanged();
  }

  linkChanged(up: boolean): void {
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    if (up) for (const receiver of this.#receivers.values()) receiver.linkRestored(this.#ports.nowMs());
    this.#ports.rowsChanged();
  }

  receive(message: SharedMessage): void {
    if (message.type !== this.#settings.type) {
      this.#drops++;
      this.#ports.wrongType(message.from, message.type);
      return;
    }
    const nowMs = this.#ports.nowMs();
    switch (message.kind) {
      case 'batch':
        this.#withReceiver(message.from, (receiver) => receiver.onBatch(message, nowMs));
        return;
      case 'snapshot-chunk':
        this.#withReceiver(message.from, (receiver) => receiver.onChunk(message, nowMs));
        return;
      case 'snapshot-request':
        this.#snapshots.open(message.from, message.session, nowMs);
        this.#ports.workPending();
        return;
      case 'snapshot-credit':
        this.#snapshots.credit(message.from, message.session, message.index, nowMs);
        if (this.#snapshots.ready) this.#ports.workPending();
        return;
      default:
        this.#drops++;
    }
  }

  /** A beat of a member tells what its row is. With each beat, for each object: cheap when all is well. */
  beat(from: Incarnation, sent: SentRow): void {
    if (this.#receivers.has(from))
      this.#withReceiver(from, (receiver) => receiver.onBeat(sent, this.#ports.nowMs()));
  }

  /** Sends what waits: all of it, up to the bound of one turn; the rest follows as queued work. */
  flush(): void {
    if (this.#flushing) return;
    for (let batches = 0; batches < flushBatches && this.#table.pending > 0; batches++) this.#sendBatch();
    this.#waiting = false;
    if (this.#table.pending === 0) return;
    this.#flushing = true;
    this.#queue(this.#flushRest());
  }

  /** All of it at once, by a process that ends: no later turn would send the rest. */
  flushAll(): void {
    while (this.#table.pending > 0) this.#sendBatch();
  }

  /** Nothing is received any more: rows of all members are to be taken out, behind what is under way. */
  forgetMembers(): void {
    this.#removeMembers([...this.#receivers.keys()]);
  }

  /** Does all that is queued; what comes up meanwhile, too. */
  *rest(): Work {
    this.flush();
    for (let [work] = this.#work; work; [work] = this.#work) {
      yield* work;
      this.#work.shift();
    }
  }

  /** Sends what has waited long enough. */
  flushDue(): void {
    if (this.flushDueMs !== undefined && this.#ports.nowMs() >= this.flushDueMs) this.flush();
  }

  /** Looks after snapshots that do not come. */
  tick(): void {
    for (const receiver of this.#receivers.values()) receiver.tick(this.#ports.nowMs());
  }

  /** Begins the pass that drops idle keys, unless the last one is still going on. */
  startUpkeep(): void {
    this.#upkeep ??= this.#table.upkeep();
    this.#ports.workPending();
  }

  /** One turn of queued work. */
  step(): void {
    const endMs = this.#ports.nowMs() + turnMs;
    for (let steps = 0; steps < turnSteps && this.#stepOnce(); steps++)
      if (this.#ports.nowMs() >= endMs) return;
  }

  /** Own copies of the rows against what their nodes said last (replication 21.4). */
  verify(): RowVerdict[] {
    return [...this.#receivers].map(([origin, receiver]) => {
      const same = receiver.verify();
      return { origin, verdict: same === undefined ? 'unknown' : same ? 'match' : 'differ' };
    });
  }

  get stats(): ReplicatorStats {
    const nowMs = this.#ports.nowMs();
    const receivers = [...this.#receivers];
    const sum = (figure: keyof ReceiverStats) =>
      receivers.reduce((total, [, { stats }]) => total + stats[figure], this.#past[figure]);
    return {
      pending: this.#table.pending,
      oldestPendingMs: this.#waiting ? nowMs - this.#firstPendingMs : 0,
      batchesSent: this.#batchesSent,
      batchesReceived: sum('batches'),
      snapshotsSent: this.#snapshots.sent,
      snapshotsReceived: sum('snapshots'),
      gaps: sum('gaps'),
      differences: sum('differences'),
      drops: sum('drops') + this.#drops,
      origins: receivers.map(([origin, { state, applied, lastMessageMs }]) => ({
        origin,
        state,
        sequence: applied,
        keys: this.#table.row(origin).size,
        lastMessageAgeMs: nowMs - lastMessageMs,
      })),
    };
  }

  /** More keys are pending than before. */
  #changed(): void {
    if (this.#flushing) return;
    if (this.#table.pending >= this.#settings.maxPending) {
      this.flush();
      return;
    }
    if (this.#waiting) return;
    this.#waiting = true;
    this.#firstPendingMs = this.#ports.nowMs();
    this.#ports.changesPending();
  }

  /**
   * A batch takes its number also when nobody can be reached: nothing is kept for later, and who comes back sees that
   * something is missing and asks for the whole row (replication 4.15).
   */
  #sendBatch(): void {
    const changes = this.#table.takeChanges(batchKeys);
    if (!changes) return;
    this.#sequence++;
    const sent = this.#ports.broadcast({ ...this.#header, kind: 'batch', sequence: this.#sequence, changes });
    if (sent) this.#batchesSent++;
  }

  *#flushRest(): Work {
    try {
      while (this.#table.pending > 0) {
        this.#sendBatch();
        yield;
      }
    } finally {
      this.#flushing = false;
    }
  }

  #stepOnce(): boolean {
    this.#othersFirst = !this.#othersFirst;
    if (this.#othersFirst && this.#serve()) return true;
    const [work] = this.#work;
    if (work) {
      if (work.next().done) this.#work.shift();
      return true;
    }
    if (this.#serve()) return true;
    if (this.#upkeep?.next().done) this.#upkeep = undefined;
    return this.#upkeep !== undefined;
  }

  /** One chunk for somebody, made after all changes were sent; false when there is none to be made now. */
  #serve(): boolean {
    if (this.#flushing || !this.#snapshots.ready) return false;
    this.flush();
    if (!this.#flushing) this.#snapshots.sendOne((chunk) => this.#sendChunk(chunk));
    return true;
  }

  #sendChunk({ to, ...chunk }: Chunk): boolean {
    return this.#ports.send(to, {
      ...this.#header,
      kind: 'snapshot-chunk',
      sequence: this.#sequence,
      ...chunk,
    });
  }

  #queue(work: Work): void {
    this.#work.push(work);
    this.#ports.workPending();
  }

  /** At once when it is little and nothing is before it. */
  #runOrQueue(work: Work, isLittle: boolean): void {
    if (this.#work.length === 0 && isLittle) finish(work);
    else this.#queue(work);
  }

  /** Messages of processes outside the view are not for us: who comes in is asked for its whole row. */
  #withReceiver(from: Incarnation, use: (receiver: RowReceiver) => void): void {
    const receiver = this.#receivers.get(from);
    if (!receiver) {
      this.#drops++;
      return;
    }
    const before = receiver.state;
    use(receiver);
    if (receiver.state !== before) this.#ports.rowsChanged();
  }

  #addMember(origin: Incarnation): void {
    const nowMs = this.#ports.nowMs();
    const receiver: RowReceiver = new RowReceiver(
      this.#receiverPorts(origin, () => receiver),
      nowMs,
    );
    this.#table.addRow(origin);
    this.#receivers.set(origin, receiver);
    receiver.fetch(nowMs);
  }

  #removeMembers(origins: readonly Incarnation[]): void {
    let keys = 0;
    for (const origin of origins) {
      keys += this.#table.row(origin).size;
      this.#removeMember(origin, keys <= rowKeysAtOnce);
    }
  }

  #removeMember(origin: Incarnation, isLittle: boolean): void {
    const receiver = this.#receivers.get(origin)!;
    receiver.stop();
    const { stats } = receiver;
    for (const figure of Object.keys(this.#past) as (keyof ReceiverStats)[])
      this.#past[figure] += stats[figure];
    this.#receivers.delete(origin);
    this.#runOrQueue(this.#table.removeRow(origin, receiver.applied), isLittle);
  }

  #receiverPorts(origin: Incarnation, self: () => RowReceiver): ReceiverPorts {
    const send = (message: SharedMessage) => this.#ports.send(origin, message);
    return {
      newSession: () => ++this.#sessions,
      request: (session) => send({ ...this.#header, kind: 'snapshot-request', session }),
      credit: (session, index) => send({ ...this.#header, kind: 'snapshot-credit', session, index }),
      blankRow: () => this.#table.blankRow(),
      apply: (changes) => this.#table.applyToRow(origin, changes),
      nowMs: () => this.#ports.nowMs(),
      run: (work, keys) => this.#runOrQueue(work, keys <= fewKeys),
      rowDigest: () => this.#table.row(origin).digest,
      exchange: (row, rest) => {
        const keys = this.#table.row(origin).size + row.size;
        this.#runOrQueue(
          this.#exchange(
            this.#table.replaceRow(origin, row),
            rest,
            () => this.#receivers.get(origin) === self(),
          ),
          keys <= fewKeys,
        );
      },
    };
  }

  /** The member may leave, and even come back, while its row waits. */
  *#exchange(work: Work, rest: () => Work, isThere: () => boolean): Work {
    yield* work;
    if (isThere()) yield* rest();
    if (isThere()) this.#ports.rowsChanged();
  }
}

/**
 * The members that have a row here: nodes, since managers have none (replication 4.13). Of two lives of one node name
 * only the younger, even when the end of the older was not seen yet (4.6); members are in the order of seniority.
 */
function remoteRows(view: View, self: Incarnation): Set<Incarnation> {
  const youngest = new Map<string, Incarnation>();
  for (const { type, node, incarnation } of view.members)
    if (type === 'Momentum') youngest.set(node, incarnation);
  const rows = new Set(youngest.values());
  rows.delete(self);
  return rows;
}
