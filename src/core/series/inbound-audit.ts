/**
 * What inbound traffic did over time: connections, receptions and rejections by remote address, in windows of the
 * monitors (replication 8 and 8B). Numbers, not texts: the forms that policies see are made of these.
 *
 * Errors: FLT-1911 for a monitor that is not configured, FLT-1912 for any other argument; the message names it (8.17).
 */
import { formatAddress, type Prefix, parseAddress } from '../address.ts';
import { FlotillaError } from '../errors.ts';
import { sortedOrder } from '../replica/sliced-sort.ts';
import { paused } from '../replica/work.ts';
import { Amounts } from './amounts.ts';
import { checkWindows, masked, monitorText, prefixOf, wrong } from './audit-argument.ts';
import type { StreamDefinition } from './cell.ts';
import { stepKeys } from './event-row.ts';
import type { EventTable } from './event-table.ts';
import { compareKeys } from './series-file.ts';
import { addressKey, keyAddress, type StreamKey } from './stream-key.ts';
import type { Monitor, Scope } from './stream-totals.ts';

/** As `parameters` of `Replicate "metrics"` name them, in the order of `show`. */
export const auditEvents = ['connect', 'reception', 'rejection'] as const;
export type AuditEvent = (typeof auditEvents)[number];

const titles: Record<AuditEvent, string> = {
  connect: 'Connections',
  reception: 'Receptions',
  rejection: 'Rejections',
};

export interface InboundAuditOptions {
  readonly monitors: readonly Monitor[];
  /** Events that the nodes count together. */
  readonly shared: ReadonlySet<AuditEvent>;
  /** Tables that count too, for managers, with the events that they share. */
  readonly copies?: readonly (readonly [EventTable, ReadonlySet<string>])[];
  nowMs(): number;
  /** The sum over the cluster was asked for, but the event is not replicated (8.15). Once for each event. */
  notShared(event: AuditEvent): void;
}

/** The hash form of `ec_ip_connections` and its like (8.13). */
export interface WindowQuery {
  /** `"size,count"`; the first one when it is left out. */
  readonly monitor?: string;
  readonly start?: number;
  readonly end?: number;
  readonly mask?: number;
  readonly isCluster?: boolean;
}

/** The options of `msys.audit.connections` and its like (8.16). */
export interface AuditQuery {
  readonly startv?: number;
  readonly endv?: number;
  /** `address/mask`, an address, or `/mask` of the current one. */
  readonly cidr?: string;
  readonly cluster?: boolean;
}

/** Others sum up in windows of their own, which often are whole minutes (8.10). */
const usualGrainS = 60;
/** Beyond it, cells are as long as the windows allow: a month in minutes would be 43,200 of them. */
const manyCells = 2048;
/** What is sent where no windows are kept. */
const noMonitors: readonly Monitor[] = [{ sizeS: usualGrainS, count: usualGrainS }];

export class InboundAudit {
  readonly #table: EventTable;
  readonly #options: InboundAuditOptions;
  readonly #warned = new Set<AuditEvent>();

  constructor(table: EventTable, options: InboundAuditOptions) {
    this.#table = table;
    this.#options = options;
    const { monitors, shared } = options;
    for (const [each, words] of [[table, shared] as const, ...(options.copies ?? [])])
      for (const event of auditEvents) each.define(definitionOf(event, monitors), monitors, words.has(event));
  }

  count(event: AuditEvent, address: string, by = 1): void {
    const key = addressKey(parseAddress(address) ?? wrong('address', address));
    this.#table.add(event, key, by);
    for (const [copy, words] of this.#options.copies ?? []) if (words.has(event)) copy.add(event, key, by);
  }

  /**
   * About how many there were in the last `size` seconds: window 0, and of window 1 as much as is not over yet (8.12). Original names: `ec_ip_connections`,
   * `ec_ip_receptions`, `ec_ip_rejections`, and the same with `_cluster`.
   * `index` is the place of the monitor in the configuration.
   */
  smoothed(
    event: AuditEvent,
    address: string | undefined,
    index: number,
    mask?: number,
    isCluster = false,
  ): number {
    const { sizeS } = this.#options.monitors[index] ?? unknownMonitor(`number ${index}`);
    const prefix = masked(address, mask);
    const scope = this.#scopeFor(event, isCluster);
    const count = (back: number) => this.#table.sum(event, sizeS, back, back, prefix, scope);
    const elapsedS = Math.floor(this.#options.nowMs() / 1000) % sizeS;
    return Math.floor(count(0) + (count(1) * (sizeS - elapsedS)) / sizeS);
  }

  /** The exact sum over windows `start` to `end`, 0 being the current one. Original names: the hash form of those above. */
  during(event: AuditEvent, address: string | undefined, query: WindowQuery = {}): number {
    const { monitor, start = 0, end = start, mask, isCluster = false } = query;
    const found = monitor === undefined ? this.#options.monitors[0] : this.#monitor(monitor);
    const names = ['period_start', 'period_end'] as const;
    return this.#sum(event, found ?? unknownMonitor(''), start, end, names, masked(address, mask), isCluster);
  }

  /** Original names: `msys.audit.connections`, `.receptions`, `.rejections`; `current` is the address of the session that asks. */
  audit(event: AuditEvent, monitor: string, options: string | AuditQuery = {}, current?: string): number {
    const query = typeof options === 'string' ? { cidr: options } : options;
    const { startv = 0, endv = startv, cidr, cluster = false } = query;
    const prefix = prefixOf('cidr', cidr, current);
    return this.#sum(event, this.#monitor(monitor), startv, endv, ['startv', 'endv'], prefix, cluster);
  }

  /**
   * The lines of `inbound_audit show ip` (10.3): of all nodes where the event is counted together (10.4). Each may take a
   * walk over all addresses of its window.
   */
  *show(prefix: Prefix): Generator<string, void, void> {
    if (this.#options.monitors.length === 0) yield 'no monitors configured\n';
    for (const { event, scope, sizeS, back } of this.#columns()) {
      const sum = this.#table.sum(event, sizeS, back, back, prefix, scope);
      yield `${titles[event]} ${sizeS}/${back}: ${sum}\n`;
    }
  }

  /** `inbound_audit show all` (10.7), line by line; empty texts are places to pause. */
  *all(): Generator<string, void, void> {
    yield 'ip,type,size,window,count\n';
    const columns = [...this.#columns()];
    const found = new Amounts();
    const keys: StreamKey[] = [];
    let looked = 0;
    for (const { event, scope, sizeS, back } of columns) {
      for (const [key] of this.#table.entries(event, sizeS, back, scope)) {
        if (!found.has(key)) keys.push(key);
        found.set(key, 1);
        if (++looked % stepKeys === 0) yield '';
      }
      if (++looked % stepKeys === 0) yield '';
    }
    const order = yield* paused(
      sortedOrder(keys.length, (a, b) => compareKeys(keys[a]!, keys[b]!)),
      '',
    );
    for (const i of order) {
      const ip = formatAddress(keyAddress(keys[i]!));
      for (const { event, scope, sizeS, back } of columns) {
        const count = this.#table.sum(event, sizeS, back, back, keys[i]!, scope);
        if (count !== 0) yield `${ip},${titles[event]},${sizeS},${back},${count}\n`;
        if (++looked % stepKeys === 0) yield '';
      }
    }
  }

  /** In the order of `show`: types, then monitors, then windows; `count` finished ones beside the current one (8.4). */
  *#columns(): Generator<{ event: AuditEvent; scope: Scope; sizeS: number; back: number }, void, void> {
    for (const event of auditEvents) {
      const scope = this.#options.shared.has(event) ? 'cluster' : 'local';
      for (const { sizeS, count } of this.#options.monitors)
        for (let back = 0; back <= count; back++) yield { event, scope, sizeS, back };
    }
  }

  #sum(
    event: AuditEvent,
    monitor: Monitor,
    start: number,
    end: number,
    names: readonly [string, string],
    prefix: Prefix,
    isCluster: boolean,
  ): number {
    checkWindows(monitor, start, end, names);
    return this.#table.sum(event, monitor.sizeS, start, end, prefix, this.#scopeFor(event, isCluster));
  }

  #scopeFor(event: AuditEvent, isCluster: boolean): Scope {
    if (!isCluster) return 'local';
    if (this.#options.shared.has(event)) return 'cluster';
    if (!this.#warned.has(event)) this.#options.notShared(event);
    this.#warned.add(event);
    return 'local';
  }

  #monitor(text: string): Monitor {
    const found = this.#options.monitors.find((one) => monitorText(one) === text);
    return found ?? unknownMonitor(text);
  }
}

/** The own windows are made of whole cells, and those of others nearly always. */
function definitionOf(event: AuditEvent, configured: readonly Monitor[]): StreamDefinition {
  const monitors = configured.length > 0 ? configured : noMonitors;
  const keptS = Math.max(...monitors.map(({ sizeS, count }) => sizeS * (count + 1)));
  const largestS = monitors.reduce((divisor, { sizeS }) => gcd(divisor, sizeS), 0);
  const grainS = gcd(largestS, usualGrainS);
  const intervalS = keptS / grainS > manyCells ? largestS : grainS;
  return { id: event, keyType: 'address', intervalS, count: Math.ceil(keptS / intervalS) };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function unknownMonitor(text: string): never {
  throw new FlotillaError('FLT-1911', `monitor ${text}`);
}
