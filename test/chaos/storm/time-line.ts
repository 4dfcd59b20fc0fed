/**
 * What was done to the fleet and what was seen of it, in order: printed with each violation, and asked by observers
 * whose rules hold only while members agree. Times are `Date.now()`. Pure.
 *
 * A fault leaves all members where they are, or takes one of them away, or may divide them: rules for accounts differ.
 */

/** Who is left in one view with an account of every limit, while a fault lasts. */
export type Leaves = 'all' | 'all but one' | 'parts';

export interface Happening {
  readonly atMs: number;
  readonly what: 'strikes' | 'is undone' | 'whole' | 'view' | 'note';
  readonly fault?: string;
  readonly victims?: readonly string[];
  readonly leaves?: Leaves;
  readonly text?: string;
  /** Of a view: who installed it, and the nodes in it. */
  readonly view?: { readonly by: string; readonly nodes: readonly string[] };
}

export interface Struck {
  readonly fault: string;
  readonly victims: readonly string[];
  readonly leaves: Leaves;
}

/** What may be said of the members in a span of time: 'unknown' is everything else. */
export interface Standing {
  readonly is: 'whole' | 'one gone' | 'unknown';
  /** Who has gone. */
  readonly gone: readonly string[];
}

/** So many of the latest are kept; a run of days says more than anybody reads. */
const maxHappenings = 20_000;

export class TimeLine {
  readonly #startedMs: number;
  readonly #nodes: readonly string[];
  #happenings: Happening[] = [];

  /** `nodes`: of the whole fleet. */
  constructor(startedMs: number, nodes: readonly string[]) {
    this.#startedMs = startedMs;
    this.#nodes = nodes;
  }

  strikes(atMs: number, { fault, victims, leaves }: Struck): void {
    this.#add({ atMs, what: 'strikes', fault, victims, leaves });
  }

  isUndone(atMs: number, { fault, victims }: Struck): void {
    this.#add({ atMs, what: 'is undone', fault, victims });
  }

  /** Everybody is with everybody again, and all addresses are served. */
  isWhole(atMs: number): void {
    this.#add({ atMs, what: 'whole' });
  }

  /** A process says that it has this view: on a machine that starves nodes, views fall apart without a fault. */
  hasView(atMs: number, by: string, nodes: readonly string[]): void {
    this.#add({ atMs, what: 'view', view: { by, nodes } });
  }

  note(atMs: number, text: string): void {
    this.#add({ atMs, what: 'note', text });
  }

  /**
   * Of a whole fleet: nothing happened in the span that members notice. One gone: it was whole, and one member ended, or
   * was cut off, and did not come back in it; nobody else left the views of the others.
   */
  standing(fromMs: number, untilMs: number): Standing {
    const { is, gone } = this.#struckWithin(fromMs, untilMs);
    const views = this.#happenings.flatMap(({ atMs, view }) =>
      view && atMs > fromMs && atMs <= untilMs && !gone.includes(view.by) ? [view] : [],
    );
    const isThere = (node: string, nodes: readonly string[]) => nodes.includes(node) || gone.includes(node);
    const areThere = views.every(({ nodes }) => this.#nodes.every((node) => isThere(node, nodes)));
    return areThere ? { is, gone } : { is: 'unknown', gone: [] };
  }

  #struckWithin(fromMs: number, untilMs: number): Standing {
    const faults = this.#happenings.filter(({ what }) => what !== 'note' && what !== 'view');
    const wholeAt = faults.findLastIndex(({ atMs, what }) => what === 'whole' && atMs <= fromMs);
    if (wholeAt < 0) return { is: 'unknown', gone: [] };
    const since = faults.slice(wholeAt + 1).filter(({ atMs }) => atMs <= untilMs);
    const [first, ...more] = since.filter(({ what, leaves }) => what === 'strikes' && leaves !== 'all');
    if (!first) return { is: 'whole', gone: [] };
    const isBack = since.some(({ what, fault }) => what === 'is undone' && fault === first.fault);
    const isOne = more.length === 0 && first.leaves === 'all but one' && !isBack;
    return isOne ? { is: 'one gone', gone: first.victims ?? [] } : { is: 'unknown', gone: [] };
  }

  /** When a fault first struck this machine after a time; infinite when none did. */
  struckAfter(machine: string, afterMs: number): number {
    const isMeant = ({ atMs, what, victims }: Happening) =>
      atMs >= afterMs && what === 'strikes' && (victims?.includes(machine) ?? false);
    return this.#happenings.find(isMeant)?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** From some time before until some time after. */
  text(aroundMs: number, marginMs: number): string {
    const near = this.#happenings.filter(({ atMs }) => Math.abs(atMs - aroundMs) <= marginMs);
    return near.map((happening) => this.#line(happening)).join('\n');
  }

  all(): string {
    return this.#happenings.map((happening) => this.#line(happening)).join('\n');
  }

  /** As all texts of the suite give times: seconds since it began. */
  seconds(atMs: number): string {
    return `${((atMs - this.#startedMs) / 1000).toFixed(2)} s`;
  }

  #line({ atMs, what, fault, victims, text, view }: Happening): string {
    const happened = view ? `${view.by} has the view ${view.nodes.join(' ')}` : 'the fleet is whole';
    const said = fault === undefined ? (text ?? happened) : `${fault} ${what}`;
    return `${this.seconds(atMs).padStart(10)}  ${said}${victims?.length ? `: ${victims.join(', ')}` : ''}`;
  }

  #add(happening: Happening): void {
    this.#happenings.push(happening);
    if (this.#happenings.length > maxHappenings) this.#happenings = this.#happenings.slice(maxHappenings / 2);
  }
}
