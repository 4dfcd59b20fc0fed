/**
 * Tells the host program who owns what now (API-7): on every node, in the order of the table, and not before what the
 * change asks of this node is done. So a program that hears that it lost an address can count on its being off.
 *
 * Invariant: changes are told in the order in which they were decided, each once.
 */
import type { Member } from '../actors/member.ts';
import type { Clock } from '../core/clock.ts';
import type { AssignmentReason, Ip } from '../core/duravip/vip.ts';
import type { OwnerChange } from '../core/duravip/vip-table.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { Process } from '../core/view.ts';
import { until } from './patience.ts';

export interface OwnershipChange {
  readonly ip: Ip;
  /** Names of the bindings on it, as this node knows them. */
  readonly bindings: readonly string[];
  /** Node names; undefined: nobody. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly reason: AssignmentReason;
  /** This node had it, or has it now. */
  readonly localLoss: boolean;
  readonly localGain: boolean;
  /** `unconditional_rebind`: whether to choose the binding anew for each message that is moved (API-9). */
  readonly unconditionalRebind: boolean;
}

/** All that one decision, or the merge of a new view, has changed. */
export interface RoundSummary {
  readonly changes: readonly OwnershipChange[];
  /** How many of them concern this node. */
  readonly gained: number;
  readonly lost: number;
}

export interface OwnershipNewsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly unconditionalRebind: boolean;
}

/** Of an address that takes longer to come or go, it is told what was decided. */
const followLimitMs = 10_000;
/** States of an address in which nothing is under way. */
const restingStates = new Set(['elsewhere', 'owned', 'failed', 'stuck']);

/** Processes of many views; one that is forgotten is told by its incarnation. */
const mostNames = 1_024;

type Listener<News> = (news: News) => void;

export class OwnershipNews {
  #options: OwnershipNewsOptions;
  readonly #changeListeners = new Set<Listener<OwnershipChange>>();
  readonly #roundListeners = new Set<Listener<RoundSummary>>();
  readonly #names = new Map<Incarnation, string>();
  #member: Member | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: OwnershipNewsOptions) {
    this.#options = options;
  }

  configure(options: Pick<OwnershipNewsOptions, 'unconditionalRebind'>): void {
    this.#options = { ...this.#options, ...options };
  }

  onChange(listener: Listener<OwnershipChange>): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  onRound(listener: Listener<RoundSummary>): () => void {
    this.#roundListeners.add(listener);
    return () => void this.#roundListeners.delete(listener);
  }

  /** Each life of the node has a member of its own. */
  follow(member: Member): void {
    this.#member = member;
    const { membership, ownership } = member;
    this.#learn(membership.view.members);
    membership.listen({ viewInstalled: ({ members }) => this.#learn(members) });
    ownership?.listen({ ownersChanged: (changes) => this.#changed(member, changes) });
  }

  /** The life is over: what was decided is told without waiting for what comes of it. */
  async end(): Promise<void> {
    this.#member = undefined;
    await this.#telling;
  }

  /** Also of those who are gone when a change tells of them; the latest are at the end. */
  #learn(members: readonly Process[]): void {
    for (const { incarnation, node } of members) {
      this.#names.delete(incarnation);
      this.#names.set(incarnation, node);
    }
    for (const incarnation of this.#names.keys()) {
      if (this.#names.size <= mostNames) break;
      this.#names.delete(incarnation);
    }
  }

  #changed(member: Member, changes: readonly OwnerChange[]): void {
    this.#learn(member.membership.view.members);
    const self = member.membership.self.incarnation;
    const news = changes.map((change) => this.#newsOf(change, member, self));
    this.#telling = this.#telling.then(() => this.#tell(news, member));
  }

  #newsOf({ ip, from, to, reason }: OwnerChange, member: Member, self: Incarnation): OwnershipChange {
    return {
      ip,
      bindings: member.ownership?.local.get(ip)?.announcement.names ?? [],
      from: this.#nameOf(from),
      to: this.#nameOf(to),
      reason,
      localLoss: from === self,
      localGain: to === self,
      unconditionalRebind: this.#options.unconditionalRebind,
    };
  }

  #nameOf(owner: Incarnation | undefined): string | undefined {
    return owner === undefined ? undefined : (this.#names.get(owner) ?? owner);
  }

  async #tell(news: readonly OwnershipChange[], member: Member): Promise<void> {
    const { clock } = this.#options;
    const own = news.filter(({ localLoss, localGain }) => localLoss || localGain);
    const isDone = ({ ip }: OwnershipChange) =>
      restingStates.has(member.ownership?.local.get(ip)?.state ?? 'elsewhere');
    await until(clock, followLimitMs, () => member !== this.#member || own.every(isDone));
    for (const change of news) this.#emit(this.#changeListeners, change);
    this.#emit(this.#roundListeners, {
      changes: news,
      gained: own.filter(({ localGain }) => localGain).length,
      lost: own.filter(({ localLoss }) => localLoss).length,
    });
  }

  #emit<News>(listeners: ReadonlySet<Listener<News>>, news: News): void {
    for (const listener of listeners) {
      try {
        listener(news);
      } catch (error) {
        this.#options.log.error(`a listener to changes of ownership failed: ${String(error)}`);
      }
    }
  }
}
