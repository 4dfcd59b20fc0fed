/**
 * Replicates one cache: sends own writes in numbered batches, takes in those of others, and, with `snapshot`, compares
 * digests with the other members and fetches what differs, also on joining.
 *
 * Invariant: with `snapshot` and room for everything, members that can reach each other end equal, whatever was lost
 * (replication 4.8, 13.10). A member that dropped something for want of room, or was flushed, does not compare until there
 * is room again, or until somebody new comes after the flush: two full caches would exchange for ever what neither can
 * keep. Meanwhile its beats leave the object out. Without `snapshot` a gap is only counted.
 */
import type { RowDigest } from '../agreement/messages.ts';
import { objectHash, sameDigest } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import { PartedMap } from '../parted-map.ts';
import type { ReplicaType } from '../settings.ts';
import type { View } from '../view.ts';
import { BucketSource } from './bucket-source.ts';
import type { Cache } from './cache.ts';
import { Comparison } from './comparison.ts';
import { type CacheEntry, isExpired } from './entry.ts';
import { writtenMs } from './hybrid-clock.ts';
import { type CacheBatch, type CacheChunk, type CacheMessage, Filling } from './messages.ts';

export interface CacheReplicatorPorts {
  broadcast(message: CacheMessage): boolean;
  send(to: Incarnation, message: CacheMessage): boolean;
  nowMs(): number;
  wallMs(): number;
  /** The first write is waiting to be sent. */
  changesPending(): void;
  /** `standing` may be another now. */
  standingChanged(): void;
  /** `step` has something to do. */
  workPending(): void;
  wrongType(from: Incarnation, type: ReplicaType): void;
  /** Writes of a node whose clock is more than a minute ahead were refused (FLT-2003). */
  clockAhead(origin: Incarnation): void;
}

export interface CacheReplicatorSettings {
  readonly object: string;
  readonly type: ReplicaType;
  readonly self: Incarnation;
  readonly maxDelayMs: number;
  readonly maxPending: number;
  readonly snapshot: boolean;
}

export interface CacheReplicatorStats {
  readonly pending: number;
  readonly oldestPendingMs: number;
  readonly batchesSent: number;
  readonly batchesReceived: number;
  readonly chunksSent: number;
  readonly fetches: number;
  readonly gaps: number;
  /** Entries refused because of the clock of their node. */
  readonly refused: number;
  readonly drops: number;
}

/** Batches of one turn, and expired entries dropped in one: some milliseconds of work each. */
const turnBatches = 2;
const turnPurges = 512;
/** Writes younger than `max_delay` and this may still be on their way to this node. */
const transitMs = 2_000;

export class CacheReplicator {
  #settings: CacheReplicatorSettings;
  readonly #cache: Cache;
  readonly #ports: CacheReplicatorPorts;
  readonly #header: Pick<CacheMessage, 'object' | 'type' | 'from'>;
  readonly #objectHash: number;
  /** Own writes, one a key. Bounded by `maxPending`. */
  readonly #pending = new PartedMap<CacheEntry>();
  /** Number of the last batch of each member; undefined until one has come. */
  #members = new Map<Incarnation, number | undefined>();
  readonly #source: BucketSource;
  readonly #comparison: Comparison;
  #lacks: 'nothing' | 'room' | 'flush' = 'nothing';
  #linkUp = false;
  #isFlushing = false;
  #isPurging = false;
  #firstPendingMs = 0;
  #sequence = 0;
  readonly #counts = { batchesSent: 0, batchesReceived: 0, gaps: 0, refused: 0, drops: 0 };

  constructor(cache: Cache, settings: CacheReplicatorSettings, ports: CacheReplicatorPorts) {
    this.#cache = cache;
    this.#settings = settings;
    this.#ports = ports;
    this.#header = { object: settings.object, type: settings.type, from: settings.self };
    this.#objectHash = objectHash(settings.object);
    this.#source = new BucketSource(cache);
    this.#comparison = new Comparison(settings.maxDelayMs + transitMs);
    cache.onWrite = (entry) => this.#written(entry);
    cache.onLoss = (cause) => {
      this.#lacks = cause;
    };
  }

  get standing(): 'alone' | 'partial' | 'whole' {
    if (!this.#linkUp || this.#members.size === 0) return 'alone';
    return this.#settings.snapshot && this.#comparison.isJoining ? 'partial' : 'whole';
  }

  /** What the next beat says; undefined: this node does not compare. */
  get digest(): RowDigest | undefined {
    if (!this.#compares) return undefined;
    return { object: this.#objectHash, sequence: this.#sequence, ...this.#cache.digest };
  }

  /** When the writes that wait have to be sent; undefined when none do. */
  get flushDueMs(): number | undefined {
    if (this.#pending.size === 0 || this.#isFlushing) return undefined;
    return this.#firstPendingMs + this.#settings.maxDelayMs;
  }

  get hasWork(): boolean {
    return this.#isFlushing || this.#isPurging || this.#source.ready;
  }

  /** With the next write that has to wait. */
  configure({ maxDelayMs, maxPending }: Pick<CacheReplicatorSettings, 'maxDelayMs' | 'maxPending'>): void {
    this.#settings = { ...this.#settings, maxDelayMs, maxPending };
    this.#comparison.patienceMs = maxDelayMs + transitMs;
  }

  viewInstalled(view: View): void {
    const before = this.#members;
    // Managers have no caches; of two lives of one name the older has nothing to say that the versions do not tell.
    const members = view.members
      .filter(({ type }) => type === 'Momentum')
      .map((member) => member.incarnation);
    const others = members.filter((member) => member !== this.#settings.self);
    this.#members = new Map(others.map((member) => [member, before.get(member)]));
    if (this.#lacks === 'flush' && others.some((member) => !before.has(member))) this.#lacks = 'nothing';
    this.#comparison.membersChanged(others);
    this.#fetch();
    this.#ports.standingChanged();
  }

  linkChanged(up: boolean): void {
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    if (up) this.#comparison.linkRestored();
    this.#fetch();
    this.#ports.standingChanged();
  }

  /** Also from processes that are not in the view (yet): a newer version is newer wherever it comes from. */
  receive(message: CacheMessage): void {
    if (message.type !== this.#settings.type) {
      this.#counts.drops++;
      this.#ports.wrongType(message.from, message.type);
      return;
    }
    const nowMs = this.#ports.nowMs();
    switch (message.kind) {
      case 'cache-batch':
        this.#takeBatch(message);
        return;
      case 'cache-chunk':
        this.#takeChunk(message);
        return;
      case 'cache-compare':
        this.#source.open(message, nowMs);
        this.#ports.workPending();
        return;
      case 'cache-credit':
        this.#source.credit(message.from, message.session, message.index, nowMs);
        if (this.#source.ready) this.#ports.workPending();
    }
  }

  /** A beat of a member tells its digest, or, by leaving it out, that it does not compare. */
  beat(from: Incarnation, theirs: RowDigest | undefined): void {
    const isSame = theirs && this.#compares ? sameDigest(theirs, this.#cache.digest) : undefined;
    this.#comparison.beat(from, isSame, this.#ports.nowMs());
    this.#fetch();
  }

  /** Sends what waits: all of it, up to the bound of one turn; the rest follows as queued work. */
  flush(): void {
    for (let batches = 0; batches < turnBatches && this.#pending.size > 0; batches++) this.#sendBatch();
    this.#isFlushing = this.#pending.size > 0;
    if (this.#isFlushing) this.#ports.workPending();
  }

  /** All of it at once, by a process that ends: no later turn would send the rest. */
  flushAll(): void {
    while (this.#pending.size > 0) this.#sendBatch();
  }

  flushDue(): void {
    if (this.flushDueMs !== undefined && this.#ports.nowMs() >= this.flushDueMs) this.flush();
  }

  /** Once a second or so: expired entries go, silent partners are given up. */
  tick(): void {
    const nowMs = this.#ports.nowMs();
    this.#isPurging = true;
    this.#ports.workPending();
    this.#source.tick(nowMs);
    this.#comparison.tick(nowMs);
    if (this.#lacks === 'room' && this.#cache.hasRoom) this.#lacks = 'nothing';
    this.#fetch();
  }

  /** One turn of queued work. */
  step(): void {
    if (this.#isFlushing) this.flush();
    if (this.#isPurging) this.#isPurging = this.#cache.purge(turnPurges) === turnPurges;
    if (this.#source.ready) this.#source.sendOne(({ to, ...chunk }) => this.#send(to, 'cache-chunk', chunk));
  }

  verify(): { readonly origin: Incarnation; readonly verdict: 'match' | 'differ' | 'unknown' }[] {
    return this.#comparison.verdicts;
  }

  get stats(): CacheReplicatorStats {
    return {
      ...this.#counts,
      pending: this.#pending.size,
      oldestPendingMs: this.#pending.size > 0 ? this.#ports.nowMs() - this.#firstPendingMs : 0,
      chunksSent: this.#source.sent,
      fetches: this.#comparison.completed,
    };
  }

  get #compares(): boolean {
    return this.#settings.snapshot && this.#lacks === 'nothing';
  }

  #written(entry: CacheEntry): void {
    if (this.#pending.size === 0) {
      this.#firstPendingMs = this.#ports.nowMs();
      this.#ports.changesPending();
    }
    this.#pending.set(entry.key, entry);
    if (this.#pending.size >= this.#settings.maxPending) this.flush();
  }

  /** A batch takes its number also when nobody can be reached: nothing is kept for later (replication 4.15). */
  #sendBatch(): void {
    const filling = new Filling();
    const wallMs = this.#ports.wallMs();
    for (const [key, entry] of this.#pending) {
      if (!isExpired(entry, wallMs) && !filling.add(entry)) break;
      this.#pending.delete(key);
    }
    const { entries } = filling;
    if (entries.length === 0) return;
    const sequence = ++this.#sequence;
    if (this.#ports.broadcast({ ...this.#header, kind: 'cache-batch', sequence, entries }))
      this.#counts.batchesSent++;
  }

  #takeBatch({ from, sequence, entries }: CacheBatch): void {
    this.#counts.batchesReceived++;
    for (const entry of entries) this.#merge(entry, true);
    if (!this.#members.has(from)) return;
    const last = this.#members.get(from);
    this.#members.set(from, Math.max(last ?? 0, sequence));
    if (last === undefined || sequence <= last + 1) return;
    this.#counts.gaps++;
    this.#comparison.gap(from);
    this.#fetch();
  }

  #takeChunk({ from, session, index, last, entries }: CacheChunk): void {
    if (!this.#comparison.isFetching(from, session)) return;
    const oldMs = this.#ports.wallMs() - this.#settings.maxDelayMs - transitMs;
    let changes = 0;
    for (const entry of entries) if (this.#merge(entry, false) && writtenMs(entry.time) < oldMs) changes++;
    this.#comparison.chunk(changes, last, this.#ports.nowMs());
    if (last) this.#ports.standingChanged();
    else this.#send(from, 'cache-credit', { session, index });
  }

  /** What is written now may take the room of something older; what is fetched may not. */
  #merge(entry: CacheEntry, mayEvict: boolean): boolean {
    const result = this.#cache.merge(entry, mayEvict);
    if (result === 'full') this.#lacks = 'room';
    if (result === 'ahead') {
      this.#counts.refused++;
      this.#ports.clockAhead(entry.origin);
    }
    return result === 'merged';
  }

  #fetch(): void {
    if (!this.#compares || !this.#linkUp) return;
    const fetch = this.#comparison.begin(this.#ports.nowMs());
    if (!fetch) return;
    this.#send(fetch.from, 'cache-compare', {
      session: fetch.session,
      digests: this.#cache.bucketDigests(),
    });
  }

  #send<K extends CacheMessage['kind']>(
    to: Incarnation,
    kind: K,
    fields: Omit<Extract<CacheMessage, { kind: K }>, 'kind' | 'object' | 'type' | 'from'>,
  ): boolean {
    return this.#ports.send(to, { ...this.#header, kind, ...fields } as unknown as CacheMessage);
  }
}
