/**
 * Who was in which view, when: what limits are judged by. A stretch lasts from one event to the next.
 *
 * All names count that were there when everybody agreed. They stay known to a part of a divided cluster for as long as
 * somebody in it knows them, who was there then or has been in one view with such a one for a while.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Incarnation } from '../../src/core/identity.ts';
import { type View, viewKey } from '../../src/core/view.ts';
import type { ObjectWorld } from './object-checker.ts';
import type { SimNode } from './sim-node.ts';

export interface Stretch {
  readonly fromMs: number;
  readonly isAgreed: boolean;
  /** Everybody has everybody in its view. */
  readonly isMutual: boolean;
  /** Some living nodes are in views that have no member in common. */
  readonly isDivided: boolean;
  /** How often so far a process ended, or others went on without it. */
  readonly gone: number;
  /** How often so far nodes went into views that have no member in common, at least. */
  readonly splits: number;
  /** Views of several nodes that have no member in common. */
  readonly accounts: number;
  /** Names of all nodes, which all parts know; undefined where one does not, and after a goodbye that some may have missed. */
  readonly full: readonly string[] | undefined;
  /** Names of the nodes in each view. */
  readonly parts: readonly (readonly string[])[];
  readonly clocksDiffer: boolean;
  readonly views: string;
}

export interface StretchRules {
  readonly mostSkewMs: number;
  /** Until then messages about a change may be under way. */
  readonly calmMs: number;
  /** The node has heard what all members of its view have to tell. */
  isInformed(node: SimNode): boolean;
}

export class Stretches {
  readonly #world: ObjectWorld;
  readonly #rules: StretchRules;
  readonly #all: Stretch[] = [];
  #alive: readonly SimNode[] = [];
  #gone = 0;
  #missed: readonly SimNode[] = [];
  /** Whom each process has had in a view. */
  readonly #met = new Map<SimNode, Set<Incarnation>>();
  #splits = 0;
  #groups = 0;
  #full: readonly string[] | undefined;
  #witnesses: ReadonlySet<SimNode> = new Set();

  constructor(world: ObjectWorld, rules: StretchRules) {
    this.#world = world;
    this.#rules = rules;
  }

  get last(): Stretch {
    return this.#all.at(-1)!;
  }

  /** Those of a time; before the first nobody lived. */
  during(fromMs: number, untilMs: number): readonly Stretch[] {
    const first = this.#all.findLastIndex((stretch) => stretch.fromMs <= fromMs);
    const after = this.#all.findIndex((stretch) => stretch.fromMs > untilMs);
    return this.#all.slice(Math.max(0, first), after < 0 ? undefined : after);
  }

  /** Whenever something may have changed. */
  note(): void {
    const living = this.#world.living();
    const views = living.map((node) => node.member.membership.view);
    const groups = groupsOf(views);
    this.#count(living, groups.length);
    this.#miss(living);
    const keys = views.map(({ id }) => viewKey(id));
    const isAgreed = new Set(keys).size === 1;
    const nowMs = this.#world.clock.nowMs();
    const last = this.#all.at(-1);
    if (last?.views === keys.join() && nowMs - last.fromMs >= this.#rules.calmMs) this.#spread(isAgreed);
    const parts = new Map(views.map((view) => [viewKey(view.id), namesOf(view)]));
    const witnessed = new Set([...this.#witnesses].map(keyOf));
    const stretch = {
      isAgreed,
      isMutual: living.every(({ incarnation }) => views.every((view) => has(view, incarnation))),
      isDivided: views.some((a) => views.some((b) => !haveCommon(a, b))),
      gone: this.#gone,
      splits: this.#splits,
      accounts: groups.filter((group) => group.some((view) => namesOf(view).length > 1)).length,
      full: [...parts].every(([key, names]) => names.length === 0 || witnessed.has(key))
        ? this.#full
        : undefined,
      parts: [...parts.values()],
      clocksDiffer: living.some(({ clock }) => Math.abs(clock.wallStepMs) > this.#rules.mostSkewMs),
      views: keys.join(),
    };
    if (!last || !isDeepStrictEqual({ ...last, fromMs: 0 }, { ...stretch, fromMs: 0 }))
      this.#all.push({ fromMs: nowMs, ...stretch });
  }

  #count(living: readonly SimNode[], groups: number): void {
    const ended = this.#alive.filter((node) => !living.includes(node));
    const begun = living.filter((node) => !this.#alive.includes(node)).length;
    if (groups - begun > Math.max(1, this.#groups - ended.length)) this.#splits++;
    this.#groups = groups;
    this.#alive = living;
    this.#gone += ended.length;
    this.#forget(living, ended);
  }

  /** Those who live and are no longer in the view of somebody who had them there. */
  #miss(living: readonly SimNode[]): void {
    const missed = new Set<Incarnation>();
    for (const node of living) {
      const met = this.#met.get(node) ?? new Set<Incarnation>();
      this.#met.set(node, met);
      const present = new Set(node.member.membership.view.members.map(({ incarnation }) => incarnation));
      for (const other of met) if (!present.has(other)) missed.add(other);
      for (const other of present) met.add(other);
    }
    const before = this.#missed;
    this.#missed = living.filter(({ incarnation }) => missed.has(incarnation));
    this.#gone += this.#missed.filter((node) => !before.includes(node)).length;
  }

  /** Who is full is not clear any more when some may have heard a goodbye, or a name is new, or there twice. */
  #forget(living: readonly SimNode[], ended: readonly SimNode[]): void {
    this.#witnesses = new Set([...this.#witnesses].filter((node) => living.includes(node)));
    const names = living.filter(isRelay).map(({ name }) => name);
    const isClear =
      ended.every(({ endIsKnown }) => !endIsKnown) &&
      new Set(names).size === names.length &&
      names.every((name) => this.#full?.includes(name));
    if (!isClear) this.#full = undefined;
  }

  #spread(isAgreed: boolean): void {
    const relays = this.#alive.filter((node) => isRelay(node) && this.#rules.isInformed(node));
    if (isAgreed && relays.length === this.#alive.filter(isRelay).length) {
      // Those who are gone without a goodbye are still waited for.
      this.#full = [...new Set([...(this.#full ?? []), ...relays.map(({ name }) => name)])].sort();
      this.#witnesses = new Set(relays);
      return;
    }
    const witnessed = new Set([...this.#witnesses].map(keyOf));
    this.#witnesses = new Set([...this.#witnesses, ...relays.filter((node) => witnessed.has(keyOf(node)))]);
  }
}

function isRelay({ options }: SimNode): boolean {
  return options.type === 'Momentum';
}

function keyOf(node: SimNode): string {
  return viewKey(node.member.membership.view.id);
}

/** In the order of ranks. */
function namesOf({ members }: View): string[] {
  return members.flatMap(({ type, node }) => (type === 'Momentum' ? [node] : [])).sort();
}

function has({ members }: View, incarnation: string): boolean {
  return members.some((member) => member.incarnation === incarnation);
}

/** Views that hang together by members they have in common. */
function groupsOf(views: readonly View[]): readonly (readonly View[])[] {
  let groups: View[][] = [];
  for (const view of views) {
    const joined = groups.filter((group) => group.some((other) => haveCommon(view, other)));
    groups = [...groups.filter((group) => !joined.includes(group)), [view, ...joined.flat()]];
  }
  return groups;
}

function haveCommon(a: View, b: View): boolean {
  return a.members.some(({ incarnation }) => has(b, incarnation));
}
