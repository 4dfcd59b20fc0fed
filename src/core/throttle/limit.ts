/**
 * One shared limit as a node uses it: what it may spend in the running window, what it has spent, who waits for more.
 *
 * Invariants: at most `granted` units are given out in a window; nobody waits while there is a unit in hand; at most one
 * ask is open. What the node does not know to be granted it does not spend, though its own account may say more: until
 * the deputy has confirmed, a new holder would not know of it.
 */
import type { Incarnation } from '../identity.ts';
import { type Account, slackOf } from './account.ts';
import type { Granted } from './account-desk.ts';
import { isSlots, windowAt, windowStartMs } from './rate.ts';

/** 0: the unit is taken, in that window. Else nothing is, and the next window begins in so many ms. */
export type OnDecision = (waitMs: number, window: number) => void;
export type OnRelease = (window: number) => void;
export type OnAnswer = (isOver: boolean) => void;

/** Is the last of the units that were used when it was asked too many? Later ones must not make it so. */
interface Check {
  readonly used: number;
  readonly answer: OnAnswer;
}

type Waiter = { readonly decide: OnDecision } | { readonly release: OnRelease };

/** Of all limits of an object. */
export interface Load {
  /** How many wait. */
  waiting: number;
  /** Goes up with each new view. Each limit heeds it when it is used next, as it does `self`: there may be very many. */
  views: number;
  /** Under which name the process asks. */
  self: Incarnation;
  /** Whoever wants to know now is refused when the account has not answered for so long. */
  maxWaitMs: number;
}

export interface Ask {
  readonly window: number;
  readonly granted: number;
  readonly released: number;
  readonly want: number;
}

/** An ask is repeated when it was not answered for so long. */
export const retryMs = 100;
/** Who waits for a slot is told when there is one; this is for when that was lost. */
const slotRetryMs = 1000;
/** An account that did not answer the last ask of so short a time ago is not waited for anew. */
const silenceMs = 1000;

export class Limit {
  readonly account: Account;
  readonly #load: Load;
  #self: Incarnation;
  #window = Number.NaN;
  #granted = 0;
  /** Slots given back, and how many of them the holder knows of; it knows of nothing yet in a new view. */
  #released = 0;
  #confirmed = 0;
  #used = 0;
  #isExhausted = false;
  readonly #waiters: Waiter[] = [];
  #checks: Check[] = [];
  #askedMs: number | undefined;
  /** Since when the account has not answered, and when it was asked last. */
  #silentSinceMs: number | undefined;
  #lastAskMs = Number.NEGATIVE_INFINITY;
  #asked: Pick<Ask, 'released' | 'want'> = { released: 0, want: 0 };
  #views: number;

  constructor(account: Account, load: Load) {
    this.account = account;
    this.#self = load.self;
    this.#load = load;
    this.#views = load.views;
  }

  /** The process goes on as another one: what callers hold of these slots they still hold, and others are to know it. */
  takeOverSlots(): void {
    this.#self = this.#load.self;
    this.account.keepOnly(this.#self);
    this.account.merge(0, this.#self, this.#used);
    this.#granted = this.#used;
    this.#released = 0;
  }

  get isSlots(): boolean {
    return isSlots(this.account.rate);
  }

  /** It must not be forgotten. */
  get isInUse(): boolean {
    return this.isBusy || (this.isSlots && this.#used > 0);
  }

  /** There is something to ask for or to tell. */
  get isBusy(): boolean {
    return this.isAwaited || this.#wanted > 0 || this.#released !== this.#confirmed || this.#isQueued;
  }

  /** Callers wait for an answer. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0 || this.#checks.length > 0;
  }

  get window(): number {
    return this.#window;
  }

  get used(): number {
    return this.#used;
  }

  take(decide: OnDecision, wallMs: number): void {
    this.roll(wallMs);
    if (this.#inHand > 0) {
      this.#used++;
      decide(0, this.#window);
    } else if (this.#isExhausted && !this.isSlots) decide(this.#untilNextMs(wallMs), this.#window);
    else this.#wait({ decide });
  }

  tarpit(release: OnRelease, wallMs: number): void {
    this.roll(wallMs);
    if (this.#inHand > 0) {
      this.#used++;
      release(this.#window);
    } else this.#wait({ release });
  }

  giveBack(window: number, wallMs: number): void {
    this.roll(wallMs);
    if (window !== this.#window || this.#used === 0) return;
    this.#used--;
    // Others may wait for it, too: it is for the holder to say who is next.
    if (this.isSlots) this.#release();
    else this.#serve(wallMs);
  }

  increment(wallMs: number): void {
    this.roll(wallMs);
    this.#used++;
  }

  check(answer: OnAnswer, wallMs: number): void {
    this.roll(wallMs);
    if (this.#used <= this.#granted) answer(false);
    else if (this.#isExhausted) answer(true);
    else {
      this.#checks.push({ used: this.#used, answer });
      this.#load.waiting++;
    }
  }

  /** What to ask for now, if anything. */
  ask(nowMs: number): Ask | undefined {
    this.#heedView();
    const want = this.#wanted;
    const isWanted = want > 0 && (this.isSlots || !this.#isExhausted);
    if (!isWanted && this.#released === this.#confirmed && !this.#isQueued) return undefined;
    if (this.#askedMs !== undefined && nowMs < this.#askedMs + this.#retryAfterMs && !this.#isNews(want))
      return undefined;
    this.#askedMs = nowMs;
    if (nowMs > this.#lastAskMs + silenceMs) this.#silentSinceMs = undefined;
    this.#silentSinceMs ??= nowMs;
    this.#lastAskMs = nowMs;
    this.#asked = { released: this.#released, want };
    return { window: this.#window, granted: this.#granted, released: this.#released, want };
  }

  /** Its turn for a slot may come, also when nobody here wants one any more: then the holder is to know that. */
  get #isQueued(): boolean {
    return this.isSlots && (this.#isExhausted || this.#silentSinceMs !== undefined);
  }

  /** A slot that comes free does not wait for an answer about something else. */
  #isNews(want: number): boolean {
    return this.isSlots && (this.#released > this.#asked.released || want > this.#asked.want);
  }

  get #retryAfterMs(): number {
    return this.isSlots && this.#isExhausted ? slotRetryMs : retryMs;
  }

  /** The ask could not even be sent. */
  unsent(nowMs: number): void {
    this.#silentSinceMs = nowMs - this.#load.maxWaitMs;
  }

  /**
   * Refuses whoever wants to know now, once the account has been silent for too long. Nothing else can be said without
   * the account: the others may have been granted all there is. Who comes later is refused at once, while the account is asked on.
   */
  refuseUnanswered(nowMs: number, wallMs: number): void {
    if (this.#silenceLeftMs(nowMs) > 0) return;
    this.#refuse(Math.min(this.#load.maxWaitMs, this.#untilNextMs(wallMs)));
  }

  #silenceLeftMs(nowMs: number): number {
    if (this.#silentSinceMs === undefined) return Number.POSITIVE_INFINITY;
    return this.#silentSinceMs + this.#load.maxWaitMs - nowMs;
  }

  /** The open ask will not be answered, or may be asked of somebody else. */
  forgetAsk(): void {
    this.#askedMs = undefined;
  }

  /** The process goes on as another one, to which nothing was granted yet. */
  #heedLife(): void {
    if (this.#self === this.#load.self) return;
    this.#self = this.#load.self;
    this.#window = Number.NaN;
  }

  /** Another view may have another share for this node. */
  #heedView(): void {
    if (this.#views === this.#load.views) return;
    this.#views = this.#load.views;
    this.#askedMs = undefined;
    this.#silentSinceMs = undefined;
    this.#isExhausted = false;
    // What the holder before knew may be lost, and so may a grant of it.
    if (this.isSlots && this.#granted > 0) this.#confirmed = -1;
  }

  grant({ window, granted, released, exhausted }: Granted, wallMs: number): void {
    this.#silentSinceMs = undefined;
    this.roll(wallMs);
    if (window !== this.#window) return;
    // Who waits for a slot has its place in the holder's queue.
    if (granted > this.#granted || (exhausted && !this.isSlots)) this.#askedMs = undefined;
    this.#granted = Math.max(this.#granted, granted);
    // A former throttle of this name may have given back more than this one knows of.
    this.#released = Math.max(this.#released, released);
    this.#confirmed = Math.max(this.#confirmed, released);
    this.#isExhausted = exhausted || (this.#isExhausted && !this.isSlots);
    this.#serve(wallMs);
    // Whom it was for was told something else meanwhile.
    while (this.isSlots && this.#inHand > 0) this.#release();
    // Who comes next is news: whom this answer was for has gone, and the holder answers nobody twice of its own accord.
    this.#asked = { ...this.#asked, want: Math.min(this.#asked.want, this.#wanted) };
  }

  #release(): void {
    this.#released++;
    this.account.release(this.#self, this.#released);
  }

  /** Goes on to the window of the time given. */
  roll(wallMs: number): void {
    this.#heedLife();
    this.#heedView();
    const { rate } = this.account;
    const window = windowAt(rate, wallMs);
    if (window === this.#window || (window < this.#window && window >= this.#window - slackOf(rate))) return;
    this.#window = window;
    // Not 0: a throttle that was dropped and made again has spent what it was granted.
    this.#granted = this.account.granted(window, this.#self);
    this.#released = this.#confirmed = this.account.released(this.#self);
    this.#used = this.isSlots ? 0 : this.#granted;
    this.#isExhausted = false;
    this.#askedMs = undefined;
    // Their window is over, and no unit was found for them in it.
    this.#answer(this.#checks, true);
  }

  /** There is no limit any more. */
  letGo(): void {
    this.#answer(this.#checks, false);
    while (this.#waiters.length > 0) this.#admit(this.#next());
  }

  /** The account has another rate: its windows may have other numbers. */
  rateChanged(wallMs: number): void {
    if (this.#window === windowAt(this.account.rate, wallMs)) return;
    this.#window = Number.NaN;
    this.roll(wallMs);
  }

  /** How long nothing can happen but what others do. */
  dueInMs(nowMs: number, wallMs: number): number {
    this.#heedView();
    const silenceLeftMs = this.#silenceLeftMs(nowMs);
    const dueMs = silenceLeftMs > 0 ? silenceLeftMs : Number.POSITIVE_INFINITY;
    if (this.isSlots) return Math.min(dueMs, this.#retryAfterMs);
    const untilNextMs = Number.isNaN(this.#window) ? 0 : this.#untilNextMs(wallMs);
    return Math.min(dueMs, untilNextMs, this.#isExhausted ? Number.POSITIVE_INFINITY : retryMs);
  }

  get #inHand(): number {
    return this.#granted - this.#released - this.#used;
  }

  get #wanted(): number {
    return Math.max(0, this.#waiters.length - this.#inHand);
  }

  #untilNextMs(wallMs: number): number {
    return Math.max(1, windowStartMs(this.account.rate, this.#window + 1) - wallMs);
  }

  #wait(waiter: Waiter): void {
    this.#waiters.push(waiter);
    this.#load.waiting++;
  }

  /** Callers come back from inside their callbacks, so each step leaves everything in order before it calls. */
  #serve(wallMs: number): void {
    while (this.#inHand > 0 && this.#waiters.length > 0) {
      this.#used++;
      this.#admit(this.#next());
    }
    this.#answer(
      this.#checks.filter(({ used }) => used <= this.#granted),
      false,
    );
    if (this.#isExhausted) this.#refuse(this.#untilNextMs(wallMs));
  }

  #refuse(waitMs: number): void {
    this.#answer(this.#checks, true);
    const refused = this.#waiters.filter((waiter) => 'decide' in waiter);
    if (refused.length === 0) return;
    const held = this.#waiters.filter((waiter) => !('decide' in waiter));
    this.#waiters.splice(0, this.#waiters.length, ...held);
    this.#load.waiting -= refused.length;
    for (const { decide } of refused) decide(waitMs, this.#window);
  }

  #admit(waiter: Waiter): void {
    if ('decide' in waiter) waiter.decide(0, this.#window);
    else waiter.release(this.#window);
  }

  #next(): Waiter {
    this.#load.waiting--;
    return this.#waiters.shift()!;
  }

  #answer(checks: readonly Check[], isOver: boolean): void {
    if (checks.length === 0) return;
    const answered = new Set(checks);
    this.#checks = this.#checks.filter((check) => !answered.has(check));
    this.#load.waiting -= checks.length;
    for (const { answer } of checks) answer(isOver);
  }
}
