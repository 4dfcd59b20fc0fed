/**
 * Whom this process hears, and what they say about each other: the evidence that views are made of.
 *
 * Invariant: an edge between two processes is present only when both ends that can be heard say so, and never between
 * two processes of one node name, so that no view holds both (ID-20).
 */
import type { Incarnation } from '../identity.ts';
import { compareProcesses, type Process, sameViewId, type View, type ViewId, viewKey } from '../view.ts';
import type { Beat, HeardOther } from './messages.ts';

export interface Peer {
  process: Process;
  /** Time of the last beat. */
  atMs: number;
  beat: Beat;
  /** The last beat says that its sender hears this process. Resolved at receipt: the view may change afterwards. */
  hearsMe: boolean;
  /** When the servers reported its end: beats of the interval that follows were under way, and are ignored. */
  closedMs: number;
  /**
   * How it is lost, if it is: `silent` by its silence; `closed` at once, unless it turns out to live; `goodbye` at once
   * and whatever arrives late. Also the cause of the next view.
   */
  evidence: 'silent' | 'closed' | 'goodbye';
  /** No heartbeats of its cluster module: treated as not heard until they are back (MEM-17). */
  suspected: boolean;
  /** Until then treated the same: it holds the others up (OWN-4). */
  distrustedUntilMs: number;
  /** Undefined until somebody asks. */
  testimony: Testimony | undefined;
}

/**
 * Whom the last beat says its sender is mutual with, taken apart once: it is asked about each pair of members with each
 * beat that brings news, and found in lists each time it took 64 nodes that start at once a third of their time.
 */
interface Testimony {
  readonly mutual: ReadonlySet<Incarnation>;
  /** Its map is in it. */
  isComplete: boolean;
  /** When the members of the view shown were last looked for in vain, and what was known then. */
  triedMs: number;
  version: number;
}

export interface PeerLimits {
  readonly failureTimeoutMs: number;
  readonly beatIntervalMs: number;
  readonly maxPeers: number;
}

/** Own views remembered to read bit maps of peers that have not moved on yet. */
const rememberedViews = 4;
/** The same for views of others. A view of one needs no map. */
const rememberedForeignViews = 16;

const nothingSaid = new Uint8Array();

interface Order {
  readonly id: ViewId;
  readonly index: ReadonlyMap<Incarnation, number>;
}

export class Peers {
  readonly #self: Incarnation;
  readonly #limits: PeerLimits;
  readonly #peers = new Map<Incarnation, Peer>();
  readonly #orders: Order[] = [];
  readonly #foreignOrders: Order[] = [];
  /** Counts what may make maps readable that were not. */
  #version = 0;
  #node: string;
  #type: Process['type'];

  constructor(self: Process, limits: PeerLimits) {
    this.#self = self.incarnation;
    this.#node = self.node;
    this.#type = self.type;
    this.#limits = limits;
  }

  get size(): number {
    return this.#peers.size;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(incarnation: Incarnation): Peer | undefined {
    return this.#peers.get(incarnation);
  }

  /** The member order of an own view, current or recent, so that bit maps over it can be read. */
  rememberView(view: View): void {
    this.#orders.unshift(orderOf(view.id, view.members));
    this.#orders.length = Math.min(this.#orders.length, rememberedViews);
    this.#version++;
  }

  /**
   * Takes a beat in. Returns what it changes: `nothing` when it only proves life, which is the common case and needs
   * no evaluation; `ignored` when it is late, or from somebody who is gone.
   */
  hear(beat: Beat, nowMs: number): 'ignored' | 'nothing' | 'changed' {
    const incarnation = beat.from.incarnation;
    const peer = this.#peers.get(incarnation);
    if (!peer) return this.#meet(beat, nowMs);
    if (peer.evidence === 'goodbye' || this.#isTooLate(peer, nowMs) || beat.count <= peer.beat.count)
      return 'ignored';
    const wasFresh = this.#isFresh(peer, nowMs);
    const same = wasFresh && sameEvidence(peer.beat, beat);
    peer.atMs = nowMs;
    peer.beat = beat;
    peer.process = beat.from;
    peer.evidence = 'silent';
    if (same) return 'nothing';
    peer.testimony = undefined;
    this.#version++;
    peer.hearsMe = this.#namesMe(beat);
    this.#orderOf(beat.view, nowMs);
    return 'changed';
  }

  fresh(incarnation: Incarnation, nowMs: number): boolean {
    const peer = this.#peers.get(incarnation);
    return peer !== undefined && this.#isFresh(peer, nowMs);
  }

  /** Both directions work, and the name is not our own. */
  mutual(incarnation: Incarnation, nowMs: number): boolean {
    if (incarnation === this.#self) return true;
    const peer = this.#peers.get(incarnation);
    return peer?.hearsMe === true && this.#isFresh(peer, nowMs) && !this.#isNamesake(peer.process);
  }

  /**
   * Whether a and b hear each other, as far as anybody who can be heard says. A process known to have ended hears
   * nobody, although the last beats of others still name it.
   */
  edge(a: Process, b: Process, nowMs: number): boolean {
    if (a.incarnation === b.incarnation) return true;
    if (a.node === b.node && a.type === b.type) return false;
    if (this.#hasEnded(a.incarnation) || this.#hasEnded(b.incarnation)) return false;
    if (a.incarnation === this.#self) return this.mutual(b.incarnation, nowMs);
    if (b.incarnation === this.#self) return this.mutual(a.incarnation, nowMs);
    const peerA = this.#freshPeer(a.incarnation, nowMs);
    const peerB = this.#freshPeer(b.incarnation, nowMs);
    if (peerA && peerB)
      return this.#says(peerA, b.incarnation, nowMs) && this.#says(peerB, a.incarnation, nowMs);
    if (peerA) return this.#says(peerA, b.incarnation, nowMs);
    if (peerB) return this.#says(peerB, a.incarnation, nowMs);
    return false;
  }

  /**
   * Everybody in the view shows it and hears all of it: nothing is broken. With each beat of a healthy cluster, so it
   * reads bit maps instead of asking for each pair. False says nothing: ask `edge`.
   */
  confirm({ id, members }: View, nowMs: number): boolean {
    for (const { incarnation } of members) {
      if (incarnation === this.#self) continue;
      const peer = this.#peers.get(incarnation);
      if (!peer || !this.mutual(incarnation, nowMs)) return false;
      if (!sameViewId(peer.beat.view, id) || !isFull(peer.beat.mutual, members.length)) return false;
    }
    return true;
  }

  /** Whether all members of a view that this process is mutual with say that they are mutual with each other. */
  isComplete({ id, members }: View, nowMs: number): boolean {
    return members.every((member) => {
      const peer = this.#peers.get(member.incarnation);
      if (!peer) return true;
      const map = sameViewId(peer.beat.view, id) ? peer.beat.mutual : nothingSaid;
      return members.every(
        (other, i) =>
          bit(map, i) ||
          other === member ||
          other.incarnation === this.#self ||
          this.#says(peer, other.incarnation, nowMs),
      );
    });
  }

  /** Whom this process hears, in the form a beat states it: bit maps over its own view, and a list of all others. */
  describe(view: View, nowMs: number): Pick<Beat, 'hears' | 'mutual' | 'others'> {
    const bytes = Math.ceil(view.members.length / 8);
    const hears = new Uint8Array(bytes);
    const mutual = new Uint8Array(bytes);
    const others: HeardOther[] = [];
    const place = new Map(view.members.map((member, i) => [member.incarnation, i]));
    const own = place.get(this.#self)!;
    setBit(hears, own);
    setBit(mutual, own);
    for (const [incarnation, peer] of this.#peers) {
      if (!this.#isFresh(peer, nowMs)) continue;
      const index = place.get(incarnation);
      const isMutual = this.mutual(incarnation, nowMs);
      if (index === undefined || !sameViewId(peer.beat.view, view.id)) {
        others.push({ incarnation, mutual: isMutual });
      } else {
        setBit(hears, index);
        if (isMutual) setBit(mutual, index);
      }
    }
    return { hears, mutual, others };
  }

  /** For each member of an own view the low bits of the count of its last beat; see `Beat.heard`. */
  heardCounts(view: View): Uint8Array {
    return Uint8Array.from(view.members, ({ incarnation }) => this.#peers.get(incarnation)?.beat.count ?? 0);
  }

  /** What a beat says of the last own beat that its sender heard: low bits of the count. */
  heardOfMe(beat: Beat): number | undefined {
    const order = this.#orders.find(({ id }) => sameViewId(id, beat.view));
    const index = order?.index.get(this.#self);
    if (index === undefined || !bit(beat.hears, index)) return undefined;
    return beat.heard[index];
  }

  /** All members of a view that others are in, in member order; undefined while some of them are not heard. */
  membersShowing(id: ViewId, nowMs: number): readonly Process[] | undefined {
    const members: Process[] = [];
    let beat: Beat | undefined;
    for (const peer of this.#peers.values()) {
      if (!sameViewId(peer.beat.view, id) || !this.#isFresh(peer, nowMs)) continue;
      members.push(peer.process);
      beat = peer.beat;
    }
    if (!beat || members.length !== beat.viewSize || hashMembers(members) !== beat.viewHash) return undefined;
    return members.sort(compareProcesses);
  }

  /** Live processes that carry our node name. */
  namesakes(nowMs: number): Process[] {
    const found: Process[] = [];
    for (const peer of this.#peers.values()) {
      if (this.#isNamesake(peer.process) && this.#isFresh(peer, nowMs)) found.push(peer.process);
    }
    return found;
  }

  /** The servers report that both connections of this process ended by its own doing. */
  close(incarnation: Incarnation, nowMs: number): boolean {
    const peer = this.#peers.get(incarnation);
    if (!peer || !this.#isFresh(peer, nowMs)) return false;
    peer.closedMs = nowMs;
    peer.evidence = 'closed';
    return true;
  }

  goodbye(incarnation: Incarnation): boolean {
    const peer = this.#peers.get(incarnation);
    if (!peer || peer.evidence === 'goodbye') return false;
    peer.evidence = 'goodbye';
    return true;
  }

  suspect(incarnation: Incarnation, suspected: boolean): boolean {
    const peer = this.#peers.get(incarnation);
    if (!peer || peer.suspected === suspected) return false;
    peer.suspected = suspected;
    this.#version++;
    return true;
  }

  /** Not for ever: what it said meanwhile may have been lost. */
  distrust(incarnation: Incarnation, untilMs: number): boolean {
    const peer = this.#peers.get(incarnation);
    if (!peer || peer.distrustedUntilMs === untilMs) return false;
    peer.distrustedUntilMs = untilMs;
    this.#version++;
    return true;
  }

  /**
   * This process itself was late by `lateMs`: the silence it thinks it heard was its own (self-health). Not beyond now:
   * whoever was heard between waking up and this call would otherwise count as alive for `lateMs` longer.
   */
  forgive(lateMs: number, nowMs: number): void {
    for (const peer of this.#peers.values()) peer.atMs = Math.min(nowMs, peer.atMs + lateMs);
    this.#version++;
  }

  /** Forgets those silent for so long that nothing of them can still be under way. */
  prune(nowMs: number): void {
    const oldestMs = nowMs - 10 * this.#limits.failureTimeoutMs;
    for (const [incarnation, peer] of this.#peers) {
      if (peer.atMs < oldestMs) this.#peers.delete(incarnation);
    }
  }

  #meet(beat: Beat, nowMs: number): 'ignored' | 'changed' {
    if (this.#peers.size >= this.#limits.maxPeers) return 'ignored';
    this.#peers.set(beat.from.incarnation, {
      process: beat.from,
      atMs: nowMs,
      beat,
      hearsMe: this.#namesMe(beat),
      closedMs: Number.NEGATIVE_INFINITY,
      evidence: 'silent',
      suspected: false,
      distrustedUntilMs: 0,
      testimony: undefined,
    });
    this.#version++;
    this.#orderOf(beat.view, nowMs);
    return 'changed';
  }

  #isTooLate({ closedMs }: Peer, nowMs: number): boolean {
    return nowMs < closedMs + this.#limits.beatIntervalMs;
  }

  #isFresh(peer: Peer, nowMs: number): boolean {
    const isSilent = nowMs - peer.atMs >= this.#limits.failureTimeoutMs;
    return !isSilent && peer.evidence === 'silent' && !peer.suspected && nowMs >= peer.distrustedUntilMs;
  }

  #hasEnded(incarnation: Incarnation): boolean {
    return (this.#peers.get(incarnation)?.evidence ?? 'silent') !== 'silent';
  }

  #freshPeer(incarnation: Incarnation, nowMs: number): Peer | undefined {
    const peer = this.#peers.get(incarnation);
    return peer && this.#isFresh(peer, nowMs) ? peer : undefined;
  }

  #isNamesake(process: Process): boolean {
    return process.node === this.#node && process.type === this.#type;
  }

  #namesMe(beat: Beat): boolean {
    const order = this.#orders.find(({ id }) => sameViewId(id, beat.view));
    const index = order?.index.get(this.#self);
    if (index !== undefined && bit(beat.hears, index)) return true;
    return beat.others.some((other) => other.incarnation === this.#self);
  }

  #says(peer: Peer, about: Incarnation, nowMs: number): boolean {
    const { testimony } = peer;
    const isCurrent =
      testimony?.isComplete || (testimony?.version === this.#version && testimony.triedMs === nowMs);
    return (isCurrent ? testimony : this.#testimonyOf(peer, nowMs)).mutual.has(about);
  }

  #testimonyOf(peer: Peer, nowMs: number): Testimony {
    const { view, viewSize, mutual, others } = peer.beat;
    // Whoever is alone has no map to read.
    const isAlone = viewSize === 1;
    const order = isAlone ? undefined : this.#orderOf(view, nowMs);
    if (peer.testimony && !order) {
      peer.testimony.version = this.#version;
      peer.testimony.triedMs = nowMs;
      return peer.testimony;
    }
    const said = new Set<Incarnation>();
    for (const [incarnation, index] of order?.index ?? []) if (bit(mutual, index)) said.add(incarnation);
    for (const other of others) if (other.mutual) said.add(other.incarnation);
    const isComplete = isAlone || order !== undefined;
    peer.testimony = { mutual: said, isComplete, triedMs: nowMs, version: this.#version };
    return peer.testimony;
  }

  /**
   * The member order of a view that others show or showed. Remembered from the moment all its members are found: when
   * they move on one by one, the maps of the last ones must stay readable, or a merge would look like a broken edge.
   */
  #orderOf(view: ViewId, nowMs: number): Order | undefined {
    const isIt = ({ id }: Order) => sameViewId(id, view);
    const known = this.#orders.find(isIt) ?? this.#foreignOrders.find(isIt);
    if (known) return known;
    const members = this.membersShowing(view, nowMs);
    if (!members || members.length < 2) return undefined;
    const order = orderOf(view, members);
    this.#foreignOrders.unshift(order);
    this.#foreignOrders.length = Math.min(this.#foreignOrders.length, rememberedForeignViews);
    return order;
  }
}

function orderOf(id: ViewId, members: readonly Process[]): Order {
  return { id, index: new Map(members.map((member, i) => [member.incarnation, i])) };
}

/** Order-free, so that it can be computed over a set found one by one. */
export function hashMembers(members: readonly Process[]): number {
  let hash = 0;
  for (const { incarnation } of members) hash = (hash + Number.parseInt(incarnation.slice(0, 8), 16)) >>> 0;
  return hash;
}

export function bit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
}

/** The first `count` bits are set. */
function isFull(bits: Uint8Array, count: number): boolean {
  const whole = count >> 3;
  for (let i = 0; i < whole; i++) if (bits[i] !== 0xff) return false;
  const rest = (1 << (count & 7)) - 1;
  return ((bits[whole] ?? 0) & rest) === rest;
}

function sameEvidence(a: Beat, b: Beat): boolean {
  return (
    sameViewId(a.view, b.view) &&
    a.from.seniority === b.from.seniority &&
    sameBits(a.hears, b.hears) &&
    sameBits(a.mutual, b.mutual) &&
    a.others.length === b.others.length &&
    a.others.every(
      (other, i) => other.incarnation === b.others[i]?.incarnation && other.mutual === b.others[i]?.mutual,
    )
  );
}

function sameBits(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Groups processes by the view they show; used for merging. */
export function viewsShown(peers: Iterable<Peer>): Map<string, ViewId> {
  const shown = new Map<string, ViewId>();
  for (const peer of peers) shown.set(viewKey(peer.beat.view), peer.beat.view);
  return shown;
}
