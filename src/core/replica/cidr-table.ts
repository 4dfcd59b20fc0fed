/**
 * A CIDR tree (replication 5A): one count for each full address, sums for any prefix, for IPv4 and IPv6 apart.
 *
 * The tree itself is not stored: sums of the prefix lengths that caps use are kept in tables of their own, all others
 * are added up when asked, and a dump builds the path-compressed tree from the addresses (cidr-tree.ts).
 *
 * When this node counts for more addresses than `maxKeys`, the coldest are rolled up into their /24 or /64 (21.10): the
 * netblock is then a key with a count of its own, which all prefixes that contain it include. When these are too many as
 * well, the coldest of them go into the first netblock, 0.0.0.0/24 or ::/64, where no client can be: no count is ever
 * refused, and the sum over everything always exact.
 */
import {
  type Address,
  addressBits,
  formatAddress,
  formatPrefix,
  type Ipv6,
  isIpv4,
  maskWord,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../address.ts';
import { type Digest, RunningDigest } from '../digest.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { ChangesBuilder, eachAddress, parts } from './changes.ts';
import { CidrRow } from './cidr-row.ts';
import { dumpTree } from './cidr-tree.ts';
import { CountMap, type Ledger } from './count-map.ts';
import { own, total } from './count-slot.ts';
import type { Leaves } from './leaves.ts';
import type { Changes } from './messages.ts';
import {
  checkedCount,
  type Key,
  maxCount,
  type RemoteRow,
  type ReplicatedTable,
  type TableRow,
  type TableStats,
} from './table.ts';
import { finish, type Work } from './work.ts';

export interface CidrTableOptions {
  readonly self: Incarnation;
  readonly maxKeys: number;
  /** Random for each table of each process, see AddressMapShape. */
  readonly seed: number;
}

/** Fewest keys in a part of `ownRow`, apart from the last: a part is made of whole shards. */
const rowPartKeys = 2048;
/** Position of the netblocks among the parts, after the addresses of both families. */
const netblockParts = 2;
const coarsePrefix: Prefix = { address: 0, bits: 16 };

export class CidrTable implements ReplicatedTable {
  readonly kind = 'cidrtree';
  readonly #options: CidrTableOptions;
  readonly #ledger: Ledger = { pending: 0, overflows: 0, rolledUp: 0 };
  /** In the order of `parts`: addresses of both families, then their netblocks. */
  readonly #counts: readonly CountMap[];
  readonly #rows = new Map<Incarnation, CidrRow>();
  readonly #digest = new RunningDigest();
  #announced = 0;
  #anomalies = 0;
  #self: Incarnation;
  onPending = (): void => {};
  onWork = (work: Work): void => finish(work);

  constructor(options: CidrTableOptions) {
    this.#options = options;
    this.#self = options.self;
    this.#counts = parts.map((_, part) => this.#countMap(part));
  }

  increment(key: Key, by = 1): number {
    const address = toAddress(key);
    if (checkedCount(by) === 0) return this.count(address);
    const count = isIpv4(address)
      ? this.#counts[0]!.increment(address | 0, 0, 0, 0, by)
      : this.#counts[1]!.increment(address[0], address[1], address[2], address[3], by);
    this.#announce();
    return Math.min(count, maxCount);
  }

  /** What an address does not have was rolled up into its netblock, and what that does not have, into the first one. */
  decrement(key: Key, by = 1): void {
    const address = toAddress(key);
    const missing = isIpv4(address)
      ? this.#decrementIpv4(address | 0, checkedCount(by))
      : this.#decrementIpv6(address, checkedCount(by));
    if (missing > 0) this.#anomalies++;
    this.#announce();
  }

  #decrementIpv4(a: number, by: number): number {
    let missing = this.#counts[0]!.decrement(a, 0, 0, 0, by);
    if (missing > 0) missing = this.#counts[2]!.decrement(maskWord(a, 24), 0, 0, 0, missing);
    return missing === 0 ? 0 : this.#counts[2]!.decrement(0, 0, 0, 0, missing);
  }

  #decrementIpv6([a, b, c, d]: Ipv6, by: number): number {
    let missing = this.#counts[1]!.decrement(a, b, c, d, by);
    if (missing > 0) missing = this.#counts[3]!.decrement(a, b, 0, 0, missing);
    return missing === 0 ? 0 : this.#counts[3]!.decrement(0, 0, 0, 0, missing);
  }

  set(key: Key, count: number): void {
    const before = this.count(key, this.#self);
    if (checkedCount(count) > before) this.increment(key, count - before);
    else if (count < before) this.decrement(key, before - count);
  }

  count(keyOrPrefix: Key | Prefix, from?: Incarnation): number {
    const { address, bits } = toPrefix(keyOrPrefix);
    const addresses = isIpv4(address) ? 0 : 1;
    const blocks = addresses + 2;
    let sum = this.#sum(addresses, address, bits, from);
    if (bits <= parts[blocks]!.bits) sum += this.#sum(blocks, address, bits, from);
    return Math.min(sum, maxCount);
  }

  #sum(part: number, address: Address, bits: number, from: Incarnation | undefined): number {
    const ipv4 = isIpv4(address);
    const a = ipv4 ? address | 0 : address[0];
    const b = ipv4 ? 0 : address[1];
    const c = ipv4 ? 0 : address[2];
    const d = ipv4 ? 0 : address[3];
    const whole = bits === parts[part]!.bits;
    if (from === undefined || from === this.#self) {
      const counts = this.#counts[part]!;
      const column = from === undefined ? total : own;
      return whole ? counts.get(column, a, b, c, d) : counts.sum(column, a, b, c, d, bits);
    }
    const row = this.row(from);
    return whole ? row.get(part, a, b, c, d) : row.sum(part, a, b, c, d, bits);
  }

  watchPrefix(prefix: string | Prefix): void {
    const { address, bits } = toPrefix(prefix);
    const addresses = isIpv4(address) ? 0 : 1;
    if (bits === addressBits(address)) return;
    this.#watch(addresses, bits);
    if (bits <= parts[addresses + 2]!.bits) this.#watch(addresses + 2, bits);
  }

  *entries(from?: Incarnation): Iterable<readonly [string, number]> {
    const parts = this.#leaves(from);
    for (const leaves of parts) finish(leaves.fill());
    for (const leaves of parts) {
      for (let leaf = 0; leaf < leaves.size; leaf++) {
        const count = leaves.counts[leaf]!;
        if (count > 0) yield [leafKey(leaves, leaf), Math.min(count, maxCount)];
      }
    }
  }

  dump(from?: Incarnation, under?: string): Generator<readonly TableRow[], void, void> {
    if (from !== undefined && from !== this.#self) this.row(from);
    return this.#dump(from, under === undefined ? undefined : toPrefix(under));
  }

  *#dump(
    from: Incarnation | undefined,
    prefix: Prefix | undefined,
  ): Generator<readonly TableRow[], void, void> {
    const leaves = this.#leaves(from);
    try {
      for (const part of leaves) {
        for (const _ of part.fill()) yield [];
      }
    } finally {
      for (const part of leaves) part.cancel();
    }
    for (const family of [0, 1]) {
      if (prefix && isIpv4(prefix.address) !== (family === 0)) continue;
      yield* dumpTree([leaves[family + 2]!, leaves[family]!], prefix);
    }
  }

  become(self: Incarnation): void {
    this.#self = self;
  }

  get pending(): number {
    return this.#ledger.pending;
  }

  get digest(): Digest {
    return this.#digest;
  }

  get stats(): TableStats {
    const { overflows, rolledUp } = this.#ledger;
    return {
      ownKeys: this.#counts.reduce((sum, counts) => sum + counts.ownKeys, 0),
      keys: this.#counts.reduce((sum, counts) => sum + counts.size, 0),
      overflows,
      anomalies: this.#anomalies,
      refused: [...this.#rows.values()].reduce((sum, { refused }) => sum + refused, 0),
      rolledUp,
    };
  }

  takeChanges(limit: number): Changes | undefined {
    const builder = new ChangesBuilder();
    let left = limit;
    for (const [part, counts] of this.#counts.entries()) {
      const { wide } = parts[part]!;
      left -= counts.take(left, (a, b, c, d, sent, count) => {
        this.#digest.changeAddress(part, wide, a, b, c, d, sent, count);
        builder.add(part, a, b, c, d, count);
      });
    }
    this.#announced = this.#ledger.pending;
    return builder.size === 0 ? undefined : builder.build();
  }

  *ownRow(): Generator<Changes, void, void> {
    let builder = new ChangesBuilder();
    for (const [part, counts] of this.#counts.entries()) {
      for (const _ of counts.eachOwn((a, b, c, d, count) => builder.add(part, a, b, c, d, count))) {
        if (builder.size < rowPartKeys) continue;
        yield builder.build();
        builder = new ChangesBuilder();
      }
    }
    if (builder.size > 0) yield builder.build();
  }

  blankRow(): CidrRow {
    // Another seed than the totals: keys that come in the order of their hashes would pile up in a growing shard.
    return new CidrRow({ seed: ~this.#options.seed, maxIdleKeys: this.#options.maxKeys });
  }

  addRow(origin: Incarnation): void {
    this.#rows.set(origin, this.blankRow());
  }

  applyToRow(origin: Incarnation, changes: Changes): void {
    const row = this.row(origin);
    eachAddress(changes, (part, a, b, c, d, value) => {
      const by = row.write(part, a, b, c, d, value);
      if (by !== 0) this.#counts[part]!.changeRemote(a, b, c, d, by);
    });
  }

  replaceRow(origin: Incarnation, fresh: RemoteRow): Work {
    const before = this.row(origin);
    this.#rows.set(origin, fresh as CidrRow);
    return this.#exchange(before, fresh as CidrRow);
  }

  removeRow(origin: Incarnation): Work {
    const before = this.row(origin);
    this.#rows.delete(origin);
    return this.#exchange(before, this.blankRow());
  }

  *upkeep(): Work {
    if (this.#counts[0]!.isLarge) this.watchPrefix(coarsePrefix);
    for (const counts of this.#counts) yield* counts.upkeep();
    for (const row of [...this.#rows.values()]) yield* row.upkeep();
  }

  /** Each key turns from its old to its new value by itself; nothing is ever missing in between. */
  *#exchange(before: CidrRow, after: CidrRow): Work {
    yield* after.each((part, a, b, c, d, value) => {
      const by = value - before.get(part, a, b, c, d);
      if (by !== 0) this.#counts[part]!.changeRemote(a, b, c, d, by);
    });
    yield* before.each((part, a, b, c, d, value) => {
      if (after.get(part, a, b, c, d) === 0) this.#counts[part]!.changeRemote(a, b, c, d, -value);
    });
  }

  #countMap(part: number): CountMap {
    const { wide, bits } = parts[part]!;
    const isNetblocks = part >= netblockParts;
    return new CountMap({
      keyWords: wide ? 4 : 1,
      seed: this.#options.seed,
      maxKeys: this.#options.maxKeys,
      ledger: this.#ledger,
      rollUp: (a, b, count) => {
        if (isNetblocks) this.#counts[part]!.increment(0, 0, 0, 0, count);
        else if (bits === 32) this.#counts[part + netblockParts]!.increment(maskWord(a, 24), 0, 0, 0, count);
        else this.#counts[part + netblockParts]!.increment(a, b, 0, 0, count);
      },
    });
  }

  #watch(part: number, bits: number): void {
    const work = this.#counts[part]!.watch(bits);
    if (work) this.onWork(work);
  }

  #announce(): void {
    if (this.#ledger.pending <= this.#announced) return;
    this.#announced = this.#ledger.pending;
    this.onPending();
  }

  row(origin: Incarnation): CidrRow {
    const row = this.#rows.get(origin);
    if (!row) throw new FlotillaError('FLT-1303', origin);
    return row;
  }

  #leaves(from: Incarnation | undefined): readonly Leaves[] {
    if (from !== undefined && from !== this.#self) {
      const row = this.row(from);
      return parts.map((_, part) => row.leaves(part));
    }
    const column = from === undefined ? total : own;
    return parts.map(({ bits }, part) => this.#counts[part]!.leaves(column, bits));
  }
}

function toAddress(key: Key): Address {
  if (typeof key !== 'string') return key;
  const address = parseAddress(key);
  if (address === undefined) throw new FlotillaError('FLT-1302', `'${key}'`);
  return address;
}

function toPrefix(key: Key | Prefix): Prefix {
  if (typeof key === 'object' && 'bits' in key) return key;
  if (typeof key !== 'string') return { address: key, bits: addressBits(key) };
  const prefix = parsePrefix(key);
  if (prefix === undefined) throw new FlotillaError('FLT-1302', `'${key}'`);
  return prefix;
}

/** As it was counted: an address, or a netblock that addresses were rolled up into. */
function leafKey(leaves: Leaves, leaf: number): string {
  const address = leaves.address(leaf);
  return leaves.bits === addressBits(address) ? formatAddress(address) : formatPrefix(address, leaves.bits);
}
