/**
 * Truths about views and ordered messages that hold over the whole cluster (BUS-9 .. BUS-14, INV-1, INV-8, INV-16,
 * INV-32). It observes every install and delivery of every process; scenarios assert nothing themselves.
 */
import { hashBytes } from '../../src/core/hash.ts';
import type { Incarnation } from '../../src/core/identity.ts';
import {
  compareProcesses,
  compareViewIds,
  leaderOf,
  sameViewId,
  type View,
  type ViewId,
  viewKey,
} from '../../src/core/view.ts';

interface Life {
  readonly name: string;
  view: View | undefined;
  delivered: number;
  /** All views it ever installed. */
  readonly history: ViewId[];
  /** Moves that others took it along on, as they were told. */
  readonly taken: Move[];
}

interface Move {
  readonly from: ViewId;
  readonly to: ViewId;
}

export class ViewChecker {
  readonly violations: string[] = [];
  readonly #lives = new Map<Incarnation, Life>();
  readonly #members = new Map<string, string>();
  /** View and number -> hash of the payload. */
  readonly #ordered = new Map<string, number>();
  /** Old view and new view -> how many ordered messages of the old one were delivered, and by whom. */
  readonly #moves = new Map<
    string,
    { delivered: number; movers: Set<Incarnation>; survivors: ReadonlySet<Incarnation> }
  >();

  /** New view and process -> the old view it is said to come from. */
  readonly #origins = new Map<string, string>();

  start(incarnation: Incarnation, name: string): void {
    this.#lives.set(incarnation, { name, view: undefined, delivered: 0, history: [], taken: [] });
  }

  installed(incarnation: Incarnation, view: View, survivors: readonly Incarnation[]): void {
    const life = this.#lives.get(incarnation)!;
    const key = viewKey(view.id);
    const list = view.members.map((member) => `${member.incarnation}/${member.seniority}`).join();
    this.#require(
      view.members.some((member) => member.incarnation === incarnation),
      'BUS-12',
      `${life.name} is not in its own view ${key}`,
    );
    const known = this.#members.get(key);
    this.#require(
      known === undefined || known === list,
      'BUS-9',
      `view ${key} has two member lists: ${known} and ${list}`,
    );
    this.#members.set(key, list);
    this.#require(isSorted(view), 'MEM-9', `view ${key} is not in member order`);
    this.#require(!hasNamesakes(view), 'ID-20', `view ${key} holds two processes of one name`);
    this.#checkOrigins(life.view ? viewKey(life.view.id) : `the start of ${life.name}`, key, survivors);
    if (life.view) {
      this.#require(
        compareViewIds(life.view.id, view.id) < 0,
        'BUS-12',
        `${life.name} installed ${key} after ${viewKey(life.view.id)}`,
      );
      this.#checkMove(incarnation, life, key, survivors);
      this.#checkPromises({ from: life.view.id, to: view.id }, survivors);
    }
    for (const move of life.taken) this.#checkPromise(life, move, view.id);
    life.history.push(view.id);
    life.view = view;
    life.delivered = 0;
  }

  delivered(incarnation: Incarnation, payload: Uint8Array, number: number, view: View): void {
    const life = this.#lives.get(incarnation)!;
    const key = viewKey(view.id);
    if (life.view)
      this.#require(
        viewKey(life.view.id) === key,
        'INV-8',
        `${life.name} delivered a message of ${key} in ${viewKey(life.view.id)}`,
      );
    this.#require(
      number === life.delivered + 1,
      'BUS-9',
      `${life.name} delivered ${number} after ${life.delivered} in ${key}`,
    );
    life.delivered = number;
    const hash = hashBytes(payload);
    const known = this.#ordered.get(`${key}#${number}`);
    this.#require(
      known === undefined || known === hash,
      'BUS-9',
      `message ${number} of ${key} differs between members`,
    );
    this.#ordered.set(`${key}#${number}`, hash);
  }

  /** After everything is quiet: members of one view agree on leader and on what was delivered in it. */
  quiet(
    living: readonly {
      incarnation: Incarnation;
      view: View;
      applied: number;
      table: number;
      leader: string | undefined;
    }[],
  ): void {
    const first = new Map<string, (typeof living)[number]>();
    for (const process of living) {
      const key = viewKey(process.view.id);
      this.#require(
        process.leader === leaderOf(process.view)?.node,
        'INV-16',
        `leader of ${key} at ${this.#name(process.incarnation)} is ${process.leader}`,
      );
      const other = first.get(key) ?? process;
      first.set(key, other);
      this.#require(
        other.applied === process.applied && other.table === process.table,
        'INV-1',
        `members of ${key} differ: ${other.applied}/${other.table} and ${process.applied}/${process.table}`,
      );
    }
  }

  /** BUS-10: a survivor comes from one view, whoever names it. */
  #checkOrigins(oldKey: string, key: string, survivors: readonly Incarnation[]): void {
    for (const survivor of survivors) {
      const origin = this.#origins.get(`${key} ${survivor}`) ?? oldKey;
      this.#origins.set(`${key} ${survivor}`, origin);
      this.#require(
        origin === oldKey,
        'BUS-10',
        `${this.#name(survivor)} survives from ${origin} and from ${oldKey}`,
      );
    }
  }

  /** BUS-11: processes that move together from one view to the next have delivered the same messages. */
  #checkMove(incarnation: Incarnation, life: Life, key: string, survivors: readonly Incarnation[]): void {
    const move = `${viewKey(life.view!.id)}>${key}`;
    const known = this.#moves.get(move);
    if (!known) {
      this.#moves.set(move, {
        delivered: life.delivered,
        movers: new Set([incarnation]),
        survivors: new Set(survivors),
      });
      this.#require(
        survivors.includes(incarnation),
        'BUS-10',
        `${life.name} is not among the survivors of ${move}`,
      );
      return;
    }
    known.movers.add(incarnation);
    this.#require(
      known.delivered === life.delivered,
      'BUS-11',
      `${life.name} delivered ${life.delivered} before ${move}, another ${known.delivered}`,
    );
    this.#require(
      known.survivors.has(incarnation),
      'BUS-10',
      `${life.name} is not among the survivors of ${move}`,
    );
  }

  /**
   * Who is taken along from one view to another has promised the other, and installs nothing between them any more: the
   * others believe that it moved with them (BUS-11).
   */
  #checkPromises(move: Move, survivors: readonly Incarnation[]): void {
    for (const survivor of survivors) {
      const life = this.#lives.get(survivor);
      if (!life || life.taken.some(({ to }) => sameViewId(to, move.to))) continue;
      life.taken.push(move);
      for (const installed of life.history) this.#checkPromise(life, move, installed);
    }
  }

  #checkPromise(life: Life, { from, to }: Move, installed: ViewId): void {
    this.#require(
      compareViewIds(installed, from) <= 0 || compareViewIds(installed, to) >= 0,
      'BUS-11',
      `${life.name} installed ${viewKey(installed)} after its promise to move from ${viewKey(from)} to ${viewKey(to)}`,
    );
  }

  #name(incarnation: Incarnation): string {
    return this.#lives.get(incarnation)?.name ?? incarnation;
  }

  #require(condition: boolean, rule: string, text: string): void {
    if (!condition) this.violations.push(`${rule} ${text}`);
  }
}

function isSorted(view: View): boolean {
  return view.members.every((member, i) => i === 0 || compareProcesses(view.members[i - 1]!, member) < 0);
}

function hasNamesakes(view: View): boolean {
  const names = view.members.map((member) => `${member.type} ${member.node}`);
  return new Set(names).size !== names.length;
}
