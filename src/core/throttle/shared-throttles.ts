/**
 * The throttles of one shared object as the callers of a node use them (replication 7.9, 7.16): a unit in hand is given
 * out in the same call, else the caller waits while the account holder is asked.
 *
 * Every number of callers and throttles is bounded. Callers are answered by callback, in the order they came. What is
 * done to all throttles is done in pieces, a turn of the event loop each: there may be very many.
 */
import type { Clock } from '../clock.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { PartedMap } from '../parted-map.ts';
import { RecencyMap } from '../recency-map.ts';
import type { Work } from '../replica/work.ts';
import type { View } from '../view.ts';
import { AccountDesk, type QuotaObject } from './account-desk.ts';
import { Limit, type Load, type OnAnswer, type OnDecision, type OnRelease, retryMs } from './limit.ts';
import type { DeskMessage, ThrottleUse } from './messages.ts';
import { compareRates, maxIdLength, parseRate, type Rate, slots } from './rate.ts';
import { type PartitionPolicy, Shares } from './shares.ts';

export interface SharedThrottleSettings extends QuotaObject {
  readonly self: Incarnation;
  /** Throttles held at most; more make the least recently used one go. */
  readonly capacity: number;
  /** One goes when it was not used for its window and a second (replication 7.14). */
  readonly expires: boolean;
  /** `max_wait`: for an account that does not answer. */
  readonly maxWaitMs: number;
}

export interface SharedThrottlePorts {
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs'>;
  send(to: Incarnation, message: DeskMessage): boolean;
  /** `dueMs` may be another now. */
  dueChanged(): void;
  /** Others use this throttle with a smaller rate, which counts (replication 7.22). Told once for each throttle. */
  ratesDiffer(id: string, own: Rate, used: Rate): void;
}

export interface ThrottleOptions {
  /** The largest part of what remains that one node gets in one grant, 0 to 1, both excluded. Default: 0.95. */
  readonly epsilon?: number;
  /** What to do when nodes are lost without a goodbye. Default: share. */
  readonly partition?: PartitionPolicy;
}

interface Throttle extends Required<ThrottleOptions> {
  partition: PartitionPolicy;
  /** As this node has it; the one that counts may be smaller. Undefined: no limit. */
  rate: Rate | undefined;
  readonly limit: Limit | undefined;
  lastUseMs: number;
  isWarned: boolean;
}

/** Callers that wait on this node, over all throttles of the object. */
const maxWaiting = 10_000;
/** How often closed windows and unused throttles are looked for. */
const sweepMs = 1000;
/** Nodes come to the end of a partition's time one after the other; until the holder has, it grants no more. */
const expirySlackMs = 2000;
export const defaultEpsilon = 0.95;
/** Throttles asked for, and looked at, in a turn: some milliseconds of work. */
const turnAsks = 64;
const turnLooks = 1024;
/** Throttles that may be in the way of one that makes room for another. */
const mostInUse = 64;
/** For an answer to a part of a report, beside that to all of it. */
const partPatienceMs = 5;

export class SharedThrottles {
  #settings: SharedThrottleSettings;
  #ports: SharedThrottlePorts;
  readonly #desk: AccountDesk;
  readonly #throttles = new RecencyMap<Throttle>();
  /** Those somebody waits for; the pass under way has yet to come to those in `toAsk`. */
  #busy = new PartedMap<true>();
  #toAsk = new PartedMap<true>();
  readonly #slots = new PartedMap<true>();
  readonly #load: Load;
  readonly #shares = new Shares();
  /** When to look at the busy ones again; not later than any of them wants. */
  #busyDueMs = Number.POSITIVE_INFINITY;
  #reportedMs = 0;
  #sweptMs: number;
  /** Passes that are under way. */
  #asking: Work | undefined;
  #sweep: Work | undefined;
  /** When to ask again for what was refused because others were lost. */
  #forgetMs = Number.POSITIVE_INFINITY;
  #refusals = 0;
  #evictions = 0;
  /** The last message could not be sent. */
  #isCutOff = false;

  constructor(settings: SharedThrottleSettings, ports: SharedThrottlePorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#load = { waiting: 0, views: 0, maxWaitMs: settings.maxWaitMs, self: settings.self };
    this.#sweptMs = ports.clock.nowMs();
    const { object, type, self, capacity } = settings;
    this.#desk = new AccountDesk({ object, type }, self, capacity, {
      send: (to, message) => {
        const isSent = this.#ports.send(to, message);
        this.#isCutOff = !isSent;
        return isSent;
      },
      wallMs: () => this.#ports.clock.wallMs(),
      most: (policy, node, rate, window) => this.#shares.most(policy, node, rate, window),
      lost: () => this.#shares.lost(this.#ports.clock.nowMs()),
      heardLost: (lost) => this.#shares.heard(lost, this.#ports.clock.nowMs(), this.#ports.clock.wallMs()),
      granted: (id, grant) => {
        const throttle = this.#throttles.get(id);
        this.#keep(throttle);
        throttle?.limit?.grant(grant, this.#ports.clock.wallMs());
        this.#pump(id);
      },
      rateChanged: (id) => this.#rateChanged(id),
      arrived: (member) => this.#askAgain(member),
      ready: () => this.#askAgain(this.#settings.self),
    });
  }

  /** The process goes on as another one, alone until its first view (CMD-17). Who waits goes on waiting. */
  become(self: Incarnation, ports: SharedThrottlePorts): void {
    this.#settings = { ...this.#settings, self };
    this.#ports = ports;
    this.#desk.become(self);
    this.#load.self = self;
    for (const [id] of this.#slots) this.#throttles.get(id)?.limit?.takeOverSlots();
    this.#beginAnew();
  }

  /** From now on (replication 3.11). */
  configure({ maxWaitMs }: Pick<SharedThrottleSettings, 'maxWaitMs'>): void {
    this.#load.maxWaitMs = maxWaitMs;
  }

  get stats(): { waiting: number; refusals: number; evictions: number; drops: number; throttles: number } {
    return {
      waiting: this.#load.waiting,
      refusals: this.#refusals,
      evictions: this.#evictions,
      drops: this.#desk.drops,
      throttles: this.#throttles.size,
    };
  }

  /** All members have reported, so this node grants where it is the account holder. */
  get isReady(): boolean {
    return this.#desk.isReady;
  }

  /** Nobody has to be told anything about what was before this view. */
  get isSettled(): boolean {
    return !this.#desk.isReporting;
  }

  /** Nothing happens when the name is held, even with another rate. Throws FLT-1801 and FLT-1803. */
  create(
    id: string,
    rateText: string | number,
    { epsilon = defaultEpsilon, partition = 'share' }: ThrottleOptions = {},
  ): void {
    this.#create(id, parseRate(rateText), { epsilon, partition });
  }

  /**
   * Another rate or policy for a throttle that is held, as after a reload. A smaller rate counts at once, a larger one when nobody has
   * used the former for two of its windows and some. Between a limit and none it is a new throttle: who waits is let go.
   */
  change(id: string, rateText: string | number, partition: PartitionPolicy): void {
    const throttle = this.#throttles.get(id);
    const rate = parseRate(rateText);
    if (!throttle) return;
    throttle.partition = partition;
    if (isSameRate(throttle.rate, rate)) return;
    if (throttle.limit && rate) {
      throttle.rate = rate;
      throttle.isWarned = false;
      this.#desk.account(id, rate);
      this.#rateChanged(id);
    } else {
      this.#forget(id);
      throttle.limit?.letGo();
      this.#create(id, rate, throttle);
    }
  }

  /** At most so many at once in the cluster: `take` one, or `tarpit` until there is one, then `giveBack` it (21.1). */
  createSlots(
    id: string,
    count: number,
    { partition = 'share' }: Pick<ThrottleOptions, 'partition'> = {},
  ): void {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new FlotillaError('FLT-1801', `not a number of slots: ${count}`);
    this.#create(id, slots(count), { epsilon: defaultEpsilon, partition });
  }

  #create(id: string, rate: Rate | undefined, { epsilon, partition }: Required<ThrottleOptions>): void {
    if (id.length > maxIdLength)
      throw new FlotillaError('FLT-1805', `'${id.slice(0, 50)}...' has ${id.length} characters`);
    if (!(epsilon > 0 && epsilon < 1))
      throw new FlotillaError('FLT-1803', `epsilon must be between 0 and 1, not ${epsilon}`);
    if (this.#touch(id)) return;
    this.#makeRoom();
    const account = rate && this.#desk.account(id, rate);
    const limit = account && new Limit(account, this.#load);
    const lastUseMs = this.#ports.clock.nowMs();
    this.#throttles.set(id, { rate, epsilon, partition, limit, lastUseMs, isWarned: false });
    if (limit?.isSlots) this.#slots.set(id, true);
    this.#rateChanged(id);
    this.#ports.dueChanged();
  }

  has(id: string): boolean {
    const throttle = this.#throttles.get(id);
    return throttle !== undefined && !this.#isOver(throttle);
  }

  /** The rate that counts, which may be smaller than the own one. */
  rate(id: string): Rate | undefined {
    return this.#throttles.get(id)?.limit?.account.rate;
  }

  /** Decides at once, or when the account holder has answered. */
  take(id: string, decide: OnDecision): void {
    const { limit } = this.#held(id);
    this.#checkLoad(id);
    if (limit) limit.take(decide, this.#ports.clock.wallMs());
    else decide(0, 0);
    this.#pump(id);
  }

  /** A unit that was taken in `window` for something that never began. After the window nothing is left of it. */
  giveBack(id: string, window: number): void {
    this.#held(id).limit?.giveBack(window, this.#ports.clock.wallMs());
    this.#pump(id);
  }

  /** Records a use, also without a unit for it. */
  increment(id: string): void {
    this.#held(id).limit?.increment(this.#ports.clock.wallMs());
    this.#pump(id);
  }

  /** True when this node has used more than it was granted in this window, and can have no more. */
  check(id: string, answer: OnAnswer): void {
    const { limit } = this.#held(id);
    this.#checkLoad(id);
    if (limit) limit.check(answer, this.#ports.clock.wallMs());
    else answer(false);
    this.#pump(id);
  }

  /** Waits for a unit, if need be into the windows to come. */
  tarpit(id: string, release: OnRelease): void {
    const { limit } = this.#held(id);
    this.#checkLoad(id);
    if (limit) limit.tarpit(release, this.#ports.clock.wallMs());
    else release(0);
    this.#pump(id);
  }

  /** `left`: names of the nodes that are gone after a goodbye. */
  viewInstalled(view: View, left: readonly string[] = []): void {
    const nodes = view.members.filter(({ type }) => type === 'Momentum');
    const names = nodes.map(({ node }) => node);
    const { clock } = this.#ports;
    this.#shares.viewInstalled(names, left, clock.nowMs(), clock.wallMs());
    this.#desk.viewInstalled(view.id, nodes);
    this.#reportedMs = clock.nowMs();
    this.#beginAnew();
    this.#ports.dueChanged();
  }

  /** Whoever asks waits for the next view. */
  suspend(): void {
    this.#desk.suspend();
    this.#ports.dueChanged();
  }

  receive(message: DeskMessage): void {
    this.#desk.receive(message);
  }

  /** When `tick` has to be called at the latest; undefined while there is nothing to wait for. */
  get dueMs(): number | undefined {
    const nowMs = this.#ports.clock.nowMs();
    if (this.#throttles.size === 0 && !this.#desk.isReporting) return undefined;
    if (this.#desk.hasWork || this.#asking || this.#sweep) return nowMs;
    return Math.max(nowMs, Math.min(this.#sweptMs + sweepMs, this.#reportDueMs, this.#busyDueMs));
  }

  /** Repeats what was not answered, lets those who wait into a new window, and forgets what is over. */
  tick(): void {
    const { clock } = this.#ports;
    const nowMs = clock.nowMs();
    if (this.#desk.isReporting) this.#report(nowMs);
    if (nowMs >= this.#busyDueMs) this.#asking ??= this.#askBusy();
    if (this.#asking?.next().done) this.#asking = undefined;
    if (nowMs >= this.#sweptMs + sweepMs) {
      this.#sweptMs = nowMs;
      if (this.#shares.expire(nowMs, clock.wallMs())) this.#forgetMs = nowMs + expirySlackMs;
      if (nowMs >= this.#forgetMs) this.#beginAnew();
      this.#sweep ??= this.#forgetUnused();
    }
    if (this.#sweep?.next().done) this.#sweep = undefined;
  }

  /** Infinity where all that has to be said is heard, or is still being said. */
  get #reportDueMs(): number {
    const { unheardParts, hasWork } = this.#desk;
    if (unheardParts === 0 || hasWork) return Number.POSITIVE_INFINITY;
    return this.#reportedMs + retryMs + unheardParts * partPatienceMs;
  }

  #report(nowMs: number): void {
    if (nowMs >= this.#reportDueMs) this.#desk.repeatReports();
    if (!this.#desk.hasWork) return;
    this.#desk.step();
    this.#reportedMs = nowMs;
  }

  /** What was asked of `lostOf` without waiting for an answer. A pass that was broken off is ended first. */
  *#askBusy(lostOf?: Incarnation): Work {
    this.#busyDueMs = Number.POSITIVE_INFINITY;
    yield* this.#askEach(this.#toAsk, lostOf);
    [this.#busy, this.#toAsk] = [this.#toAsk, this.#busy];
    yield* this.#askEach(this.#toAsk, lostOf);
  }

  /** The busy ones, and slots that are held: their holder may be another one now, and must be told. */
  *#askAll(lostOf?: Incarnation): Work {
    yield* this.#askBusy(lostOf);
    yield* this.#askEach(this.#slots, lostOf);
  }

  *#askEach(ids: PartedMap<true>, lostOf: Incarnation | undefined): Work {
    let asked = 0;
    for (const [id] of ids) {
      if (++asked % turnAsks === 0) yield;
      if (this.#busy.has(id)) continue;
      const throttle = this.#throttles.get(id);
      this.#keep(throttle);
      throttle?.limit?.roll(this.#ports.clock.wallMs());
      if (lostOf !== undefined && this.#desk.keepers(id).holder === lostOf) throttle?.limit?.forgetAsk();
      this.#pump(id);
    }
  }

  *#forgetUnused(): Work {
    let looked = 0;
    for (const [id, throttle] of this.#throttles) {
      if (this.#isOver(throttle)) this.#forget(id);
      if (++looked % turnLooks === 0) yield;
    }
    yield* this.#desk.dropClosed((id) => this.#throttles.has(id));
  }

  /** For `cluster shared show` (replication 18.7). Undefined when it has looked at many in vain: time for a turn. */
  *uses(): Generator<ThrottleUse | undefined> {
    const wallMs = this.#ports.clock.wallMs();
    let looked = 0;
    for (const [id, { limit }] of this.#throttles) {
      limit?.roll(wallMs);
      if (limit && limit.used > 0) yield { id, rate: limit.account.rate, used: limit.used };
      else if (++looked % turnLooks === 0) yield undefined;
    }
  }

  /** Asks as long as something is wanted and the answer comes at once. Who still waits then waits for the account. */
  #pump(id: string): void {
    const throttle = this.#throttles.get(id);
    const limit = throttle?.limit;
    if (!limit) return;
    const { clock } = this.#ports;
    for (;;) {
      const ask = limit.ask(clock.nowMs());
      if (!ask) break;
      this.#isCutOff = false;
      const { epsilon, partition, rate: own = limit.account.rate } = throttle;
      this.#desk.ask({ id, rate: limit.account.rate, own, epsilon, partition, ...ask });
      if (this.#isCutOff) limit.unsent(clock.nowMs());
    }
    limit.refuseUnanswered(clock.nowMs(), clock.wallMs());
    const wasBusy = this.#toAsk.delete(id) || this.#busy.has(id);
    if (limit.isBusy) {
      this.#busy.set(id, true);
      const nowMs = clock.nowMs();
      this.#busyDueMs = Math.min(this.#busyDueMs, nowMs + limit.dueInMs(nowMs, clock.wallMs()));
    } else this.#busy.delete(id);
    if (limit.isBusy !== wasBusy) this.#ports.dueChanged();
  }

  /** What was refused may be granted now. Who holds slots tells it to their holder, who may be another one. */
  #beginAnew(): void {
    this.#forgetMs = Number.POSITIVE_INFINITY;
    this.#load.views++;
    this.#beginAsking();
  }

  /** What was asked of this holder may be lost. */
  #askAgain(holder: Incarnation): void {
    this.#beginAsking(holder);
    this.#ports.dueChanged();
  }

  #beginAsking(lostOf?: Incarnation): void {
    this.#asking = this.#askAll(lostOf);
    if (this.#asking.next().done) this.#asking = undefined;
  }

  #rateChanged(id: string): void {
    const throttle = this.#throttles.get(id);
    if (!throttle?.limit || !throttle.rate) return;
    throttle.limit.rateChanged(this.#ports.clock.wallMs());
    const used = throttle.limit.account.rate;
    if (throttle.isWarned || compareRates(used, throttle.rate) === 0) return;
    throttle.isWarned = true;
    this.#ports.ratesDiffer(id, throttle.rate, used);
  }

  #checkLoad(id: string): void {
    if (this.#load.waiting < maxWaiting) return;
    this.#refusals++;
    throw new FlotillaError('FLT-1804', `'${id}' of '${this.#settings.object}'`);
  }

  #held(id: string): Throttle {
    const throttle = this.#touch(id);
    if (!throttle) throw new FlotillaError('FLT-1802', `no such throttle '${id}'`);
    return throttle;
  }

  #touch(id: string): Throttle | undefined {
    const throttle = this.#throttles.use(id);
    if (!throttle) return undefined;
    if (this.#isOver(throttle)) {
      this.#forget(id);
      return undefined;
    }
    throttle.lastUseMs = this.#ports.clock.nowMs();
    return throttle;
  }

  #forget(id: string): void {
    this.#throttles.delete(id);
    this.#busy.delete(id);
    this.#toAsk.delete(id);
    this.#slots.delete(id);
  }

  /** To wait is to use: who is let go after a long time must find the throttle it waited for. */
  #keep(throttle: Throttle | undefined): void {
    if (throttle?.limit?.isAwaited) throttle.lastUseMs = this.#ports.clock.nowMs();
  }

  /** One that somebody waits for stays, and is in use; who comes when all that are looked at are such is refused. */
  #makeRoom(): void {
    if (this.#throttles.size < this.#settings.capacity) return;
    for (let looked = 0; looked < mostInUse; looked++) {
      const { key: id, value } = this.#throttles.oldest!;
      if (value.limit?.isInUse) {
        this.#throttles.use(id);
        continue;
      }
      this.#forget(id);
      this.#evictions++;
      return;
    }
    this.#refusals++;
    throw new FlotillaError('FLT-1804', `all ${this.#settings.capacity} throttles are waited for`);
  }

  #isOver({ rate, limit, lastUseMs }: Throttle): boolean {
    if (!this.#settings.expires || limit?.isInUse) return false;
    return this.#ports.clock.nowMs() - lastUseMs > ((rate?.windowS ?? 1) + 1) * 1000;
  }
}

function isSameRate(a: Rate | undefined, b: Rate | undefined): boolean {
  return a?.units === b?.units && a?.windowS === b?.windowS && a?.burst === b?.burst;
}
