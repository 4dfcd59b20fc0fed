/**
 * On which addresses each binding name is announced (STA-12 a). Names that are on two addresses break both, so the
 * table asks at each change which rows have to be judged anew: at most two, however many rows share a name.
 */
import type { VipRow } from './vip-row.ts';

export class BindingNames {
  /** For each name its rows, with the number of different opinions that say so. */
  readonly #rows = new Map<string, Map<VipRow, number>>();

  /** Calls `changed` for rows for which the name is elsewhere from now on. */
  add(name: string, row: VipRow, changed: (row: VipRow) => void): void {
    const rows = this.#rows.get(name) ?? new Map<VipRow, number>();
    this.#rows.set(name, rows);
    const count = rows.get(row) ?? 0;
    rows.set(row, count + 1);
    if (count > 0 || rows.size === 1) return;
    changed(row);
    if (rows.size === 2) for (const other of rows.keys()) changed(other);
  }

  /** Calls `changed` for the row for which the name is elsewhere no more. */
  remove(name: string, row: VipRow, changed: (row: VipRow) => void): void {
    const rows = this.#rows.get(name)!;
    const count = rows.get(row)!;
    if (count > 1) {
      rows.set(row, count - 1);
      return;
    }
    rows.delete(row);
    if (rows.size === 1) for (const other of rows.keys()) changed(other);
    if (rows.size === 0) this.#rows.delete(name);
  }

  isElsewhere(name: string, row: VipRow): boolean {
    const rows = this.#rows.get(name);
    return rows !== undefined && (rows.size > 1 || !rows.has(row));
  }

  rowsOf(name: string): Iterable<VipRow> {
    return this.#rows.get(name)?.keys() ?? [];
  }
}
