/**
 * The truth about shared counters (R1): what each living process has counted, kept in plain maps. When all is quiet,
 * every node must show, for every key, exactly the sum over the members of its view, and each member's own row.
 *
 * Getting there is not enough: digests in beats heal any row sooner or later, and would hide that batches or snapshots
 * are wrong. So no process may ever need that, and none may call a row whole before anything of it arrived.
 */
import type { Incarnation } from '../../src/core/identity.ts';
import type { SimNode } from './sim-node.ts';

type Row = Map<string, number>;

export class SumChecker {
  /** Object -> process -> key -> count. Rows of ended processes stay: nobody may show them any more. */
  readonly #truth = new Map<string, Map<Incarnation, Row>>();
  /** All that ever counted, also those that have ended: what a digest healed there was wrong, too. */
  readonly #watched = new Set<SimNode>();
  readonly #early: string[] = [];

  /** Counts on the node and in the truth. A count never goes below zero: there is no connection to close. */
  change(node: SimNode, object: string, key: string, by: 1 | -1): void {
    this.#watch(node);
    const row = this.#row(object, node.incarnation);
    const count = row.get(key) ?? 0;
    if (count + by < 0) return;
    row.set(key, count + by);
    const table = node.member.tables.get(object)!.table;
    if (by > 0) table.increment(key);
    else table.decrement(key);
  }

  check(nodes: readonly SimNode[]): string[] {
    for (const node of nodes) this.#watch(node);
    const violations = [...this.#early, ...this.#healed()];
    for (const node of nodes) {
      const members = membersOf(node);
      for (const [object, replica] of node.member.tables) {
        const expected = this.#sum(object, members);
        const shown = new Map(replica.table.entries());
        const rolledUp = [...shown.keys()].some((key) => key.includes('/'));
        const wrong = rolledUp
          ? differences(byNetblock(expected), byNetblock(shown))
          : differences(expected, shown);
        if (wrong.length > 0)
          violations.push(`R1 ${node.name} ${object} (${replica.state}): ${wrong.slice(0, 4).join(', ')}`);
        const pending = replica.stats().pending;
        if (pending > 0 && replica.standing !== 'alone')
          violations.push(`${node.name} ${object}: ${pending} changes never sent`);
        for (const { origin, verdict } of replica.verify()) {
          if (verdict === 'differ')
            violations.push(`REP-21.4 ${node.name} ${object}: the row of ${origin} differs`);
        }
      }
    }
    return violations;
  }

  #watch(node: SimNode): void {
    if (this.#watched.has(node)) return;
    this.#watched.add(node);
    let before: ReadonlySet<Incarnation> = membersOf(node);
    node.member.membership.listen({
      viewInstalled: () => {
        this.#requireFetching(node, before);
        before = membersOf(node);
      },
    });
  }

  /** Replication 4.6: the row of a new member is on its way as soon as the view is there. */
  #requireFetching(node: SimNode, before: ReadonlySet<Incarnation>): void {
    for (const [object, replica] of node.member.tables) {
      for (const { origin, state } of replica.stats().origins) {
        if (state === 'whole' && !before.has(origin))
          this.#early.push(`REP-4.6 ${node.name} ${object}: the row of ${origin} is new and not asked for`);
      }
    }
  }

  /** Replication 4.8: batches and snapshots alone keep rows equal; the digest is for faults of memory. */
  #healed(): string[] {
    const healed: string[] = [];
    for (const node of this.#watched) {
      for (const [object, replica] of node.member.tables) {
        const { differences } = replica.stats();
        if (differences > 0)
          healed.push(
            `REP-4.8 ${node.name} ${object}: ${differences} rows had to be healed by their digests`,
          );
      }
    }
    return healed;
  }

  #row(object: string, incarnation: Incarnation): Row {
    const rows = this.#truth.get(object) ?? new Map<Incarnation, Row>();
    const row = rows.get(incarnation) ?? new Map<string, number>();
    this.#truth.set(object, rows.set(incarnation, row));
    return row;
  }

  #sum(object: string, members: ReadonlySet<Incarnation>): Row {
    const sum: Row = new Map();
    for (const [incarnation, row] of this.#truth.get(object) ?? []) {
      if (!members.has(incarnation)) continue;
      for (const [key, count] of row) sum.set(key, (sum.get(key) ?? 0) + count);
    }
    return sum;
  }
}

function membersOf(node: SimNode): Set<Incarnation> {
  return new Set(node.member.membership.view.members.map((member) => member.incarnation));
}

function differences(expected: Row, shown: Row): string[] {
  const wrong: string[] = [];
  for (const key of new Set([...expected.keys(), ...shown.keys()])) {
    const [truth, value] = [expected.get(key) ?? 0, shown.get(key) ?? 0];
    if (truth !== value) wrong.push(`${key} shows ${value}, truth ${truth}`);
  }
  return wrong;
}

/** Where a table has reached its bound, cold addresses are counted in their /24 or /64 (replication 21.10). */
function byNetblock(row: Row): Row {
  const blocks: Row = new Map();
  for (const [key, count] of row) {
    const block = key.includes(':') ? key.split('::')[0]! : key.split('.').slice(0, 3).join('.');
    blocks.set(block, (blocks.get(block) ?? 0) + count);
  }
  return blocks;
}
