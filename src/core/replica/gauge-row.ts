/**
 * The row of another node in a gauge table: its count for each key; keys at 0 are not held.
 *
 * Invariant: `digest` is the digest of what the row holds.
 */
import { RunningDigest } from '../digest.ts';
import type { Changes } from './messages.ts';
import { mostKeys, type RemoteRow } from './table.ts';
import { TextMap } from './text-map.ts';
import type { Work } from './work.ts';

/** The sender has bounds of its own; this one guards against a sender without. */
const maxRowKeys = 2 * mostKeys;
/** In a process that has just started, code runs at a tenth of its later speed. */
const stepKeys = 512;

export class GaugeRow implements RemoteRow {
  readonly digest = new RunningDigest();
  readonly counts = new TextMap<number>();

  get size(): number {
    return this.counts.size;
  }

  apply(changes: Changes): void {
    for (const [i, key] of changes.textKeys.entries()) this.write(key, changes.textValues[i]!);
  }

  /** Sets one value; returns by how much it changed. */
  write(key: string, value: number): number {
    const before = this.get(key);
    if (before === value || (before === 0 && this.counts.size >= maxRowKeys)) return 0;
    this.digest.changeText(key, before, value);
    this.counts.set(key, value);
    if (value === 0) this.counts.delete(key);
    return value - before;
  }

  get(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  *each(see: (key: string, value: number) => void): Work {
    let looked = 0;
    for (const [key, value] of this.counts) {
      see(key, value);
      if (++looked % stepKeys === 0) yield;
    }
  }
}
