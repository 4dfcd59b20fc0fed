/**
 * Members tell each other what those had counted who have left: their owners cannot be asked any more, a joiner has never
 * heard of them, and of two that were apart each may have heard more than the other (replication 4.5, 8.9, 22.9).
 *
 * Beats carry a digest of the lives known here, each with the number of its last batch. Who hears of another one says
 * what it knows, and gets the rest, a part in each answer. Of one life the row with the later batch replaces the other,
 * so that all end with the same, whoever asks whom in which order. A member of an earlier release says no such digest,
 * and is not asked.
 *
 * Invariants: one session at a time as asker, and one for each asker; what was lost is asked for again with a later beat.
 */
import type { RowDigest } from '../agreement/messages.ts';
import { objectHash, sameDigest } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import { inParts, noChanges } from '../replica/changes.ts';
import type {
  Changes,
  KnownLife,
  RetiredChunk,
  RetiredMessage,
  RetiredRequest,
  SharedMessage,
} from '../replica/messages.ts';
import type { Work } from '../replica/work.ts';
import type { ReplicaType } from '../settings.ts';
import { EventRow, partsOf } from './event-row.ts';
import type { RetiredRows } from './retired-rows.ts';

export interface RetiredTable {
  readonly retired: RetiredRows;
  isOver(row: EventRow): boolean;
  learnRetired(life: Incarnation, sequence: number, row: EventRow): void;
  onWork: (work: Work) => void;
}

export interface RetiredExchangeSettings {
  readonly object: string;
  readonly type: ReplicaType;
  readonly self: Incarnation;
  /** Managers ask, and tell nobody anything (replication 4.13). */
  readonly onlyReceives: boolean;
}

export interface RetiredExchangePorts {
  send(to: Incarnation, message: SharedMessage): boolean;
  nowMs(): number;
}

type Part = Pick<RetiredChunk, 'of' | 'changes'>;

/** What this process is being told. */
interface Asked {
  readonly of: Incarnation;
  readonly session: number;
  readonly said: RowDigest;
  index: number;
  life: Incarnation | undefined;
  row: EventRow;
  heardMs: number;
  isBusy: boolean;
}

/** What was said by one of whom all was taken, and when; and the state of the own rows then. */
interface Taken {
  readonly said: RowDigest;
  readonly version: number;
  readonly atMs: number;
}

/** What it tells another. */
interface Told {
  readonly session: number;
  readonly parts: Iterator<Part, void, void>;
  next: number;
  heardMs: number;
}

/** A partner that is silent for this long is asked anew, or another one is. */
const patienceMs = 1_000;
/** One who knows of what is of no use here is asked again after this time: clocks may have been corrected. */
const contentMs = 60_000;
/** Askers served at a time. */
const maxAskers = 64;
/** Keys written in one step. */
const stepKeys = 256;
/** Rows that are known; one that says more is cut off. */
const maxKnown = 4096;

export class RetiredExchange {
  /** Stands for these rows in beats; no object can have this name. */
  readonly objectHash: number;
  readonly #table: RetiredTable;
  readonly #settings: RetiredExchangeSettings;
  readonly #ports: RetiredExchangePorts;
  readonly #told = new Map<Incarnation, Told>();
  /** By member, when there was no more to be had. */
  readonly #taken = new Map<Incarnation, Taken>();
  #members: ReadonlySet<Incarnation> = new Set();
  #asked: Asked | undefined;
  #sessions = 0;

  constructor(table: RetiredTable, settings: RetiredExchangeSettings, ports: RetiredExchangePorts) {
    this.#table = table;
    this.#settings = settings;
    this.#ports = ports;
    this.objectHash = objectHash(`${settings.object}\0retired`);
  }

  /** For the next beat; undefined: there is nothing to be told. */
  get digest(): RowDigest | undefined {
    const { size, digest } = this.#table.retired;
    if (size === 0 || this.#settings.onlyReceives) return undefined;
    return { object: this.objectHash, sequence: size, high: digest.high, low: digest.low };
  }

  /** Members of the view, without this one. */
  viewInstalled(members: readonly Incarnation[]): void {
    this.#members = new Set(members);
    // What was left out then, because its owner was a member here, may be wanted now.
    this.#taken.clear();
    if (this.#asked && !this.#members.has(this.#asked.of)) this.#asked = undefined;
    for (const asker of this.#told.keys()) if (!this.#members.has(asker)) this.#told.delete(asker);
  }

  /** A beat of another process tells what it knows. With each beat: cheap when there is nothing to be had. */
  beat(from: Incarnation, said: RowDigest | undefined): void {
    if (!said || !this.#members.has(from)) return;
    const { size, digest, version } = this.#table.retired;
    if (said.sequence === size && sameDigest(said, digest)) return;
    const nowMs = this.#ports.nowMs();
    const taken = this.#taken.get(from);
    if (taken?.version === version && nowMs - taken.atMs < contentMs && sameSaid(taken.said, said)) return;
    if (this.#asked && (this.#asked.isBusy || nowMs - this.#asked.heardMs < patienceMs)) return;
    this.#asked = {
      of: from,
      session: ++this.#sessions,
      said,
      index: 0,
      life: undefined,
      row: new EventRow(),
      heardMs: nowMs,
      isBusy: false,
    };
    this.#ask(this.#asked);
  }

  receive(message: RetiredMessage): void {
    if (message.type !== this.#settings.type) return;
    if (message.kind === 'retired-request') this.#table.onWork(this.#answer(message));
    else this.#take(message);
  }

  #ask({ of, session, index }: Asked): void {
    const known: KnownLife[] = [];
    if (index === 0)
      for (const [life, { sequence }] of this.#table.retired.entries()) known.push({ life, sequence });
    this.#ports.send(of, { ...this.#header, kind: 'retired-request', session, index, known });
  }

  #take(chunk: RetiredChunk): void {
    const asked = this.#asked;
    if (!asked || asked.isBusy || asked.of !== chunk.from || asked.session !== chunk.session) return;
    if (asked.index !== chunk.index) return;
    asked.heardMs = this.#ports.nowMs();
    if (chunk.of) {
      asked.isBusy = true;
      this.#table.onWork(this.#write(asked, chunk.of, chunk.changes));
      return;
    }
    this.#taken.set(asked.of, {
      said: asked.said,
      version: this.#table.retired.version,
      atMs: asked.heardMs,
    });
    this.#asked = undefined;
  }

  *#write(asked: Asked, { life, sequence, isLast }: NonNullable<Part['of']>, changes: Changes): Work {
    // What came of one before it is in pieces: it was exchanged or came back meanwhile.
    if (asked.life !== life) asked.row = new EventRow();
    asked.life = life;
    for (const part of inParts(changes, stepKeys)) {
      asked.row.apply(part);
      yield;
    }
    if (isLast) {
      this.#table.learnRetired(life, sequence, asked.row);
      asked.life = undefined;
    }
    asked.isBusy = false;
    if (this.#asked !== asked) return;
    asked.heardMs = this.#ports.nowMs();
    asked.index++;
    this.#ask(asked);
  }

  *#answer({ from, session, index, known }: RetiredRequest): Work {
    const nowMs = this.#ports.nowMs();
    if (index === 0) this.#open(from, session, known.slice(0, maxKnown), nowMs);
    const told = this.#told.get(from);
    // Another number is that of a repeated message.
    if (told?.session !== session || told.next !== index) return;
    yield;
    const { value: part } = told.parts.next();
    told.next++;
    told.heardMs = nowMs;
    if (!part) this.#told.delete(from);
    this.#ports.send(from, {
      ...this.#header,
      kind: 'retired-chunk',
      session,
      index,
      ...(part ?? { of: undefined, changes: noChanges }),
    });
  }

  #open(asker: Incarnation, session: number, known: readonly KnownLife[], nowMs: number): void {
    if ((this.#told.get(asker)?.session ?? 0) >= session) return;
    this.#told.delete(asker);
    if (this.#told.size >= maxAskers) {
      const [mostSilent] = [...this.#told].sort(([, a], [, b]) => a.heardMs - b.heardMs);
      this.#told.delete(mostSilent![0]);
    }
    const parts = this.#partsFor(new Map(known.map(({ life, sequence }) => [life, sequence])));
    this.#told.set(asker, { session, parts, next: 0, heardMs: nowMs });
  }

  /** Of all lives of which the asker knows less, each part as it is when it is asked for. */
  *#partsFor(known: ReadonlyMap<Incarnation, number>): Generator<Part, void, void> {
    for (const [life, row] of [...this.#table.retired.entries()]) {
      const { sequence } = row;
      if ((known.get(life) ?? -1) >= sequence) continue;
      if (this.#table.isOver(row)) continue;
      const parts = partsOf(row.streams.values());
      for (let part = parts.next(), next = part; !part.done; part = next) {
        // Its owner is back, or a newer state of it has come: that is told in another session.
        if (this.#table.retired.get(life) !== row) break;
        next = parts.next();
        yield { of: { life, sequence, isLast: next.done === true }, changes: part.value };
      }
    }
  }

  get #header() {
    const { object, type, self: from } = this.#settings;
    return { object, type, from };
  }
}

function sameSaid(a: RowDigest, b: RowDigest): boolean {
  return a.sequence === b.sequence && sameDigest(a, b);
}
