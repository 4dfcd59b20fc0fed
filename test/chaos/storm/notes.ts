/** What clients of the fleet saw, as they tell it. Times are `Date.now()`, of the machine's clock. Pure. */

/** A mail session that was let in. */
export interface Banner {
  readonly ip: string;
  /** Who the server behind the address said it is. */
  readonly machine: string;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** A unit of the shared throttle. */
export interface Grant {
  readonly node: string;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** A connection under the strict cap: certainly held from the answer until it was given back. */
export interface Hold {
  readonly node: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Of a key of the replicated cache. */
export interface Write {
  readonly node: string;
  readonly key: string;
  readonly value: string;
  readonly askedMs: number;
  /** Undefined: nobody said that it was done; it may have been. */
  readonly answeredMs: number | undefined;
}

export interface Notes {
  readonly banners: readonly Banner[];
  readonly grants: readonly Grant[];
  readonly holds: readonly Hold[];
  readonly writes: readonly Write[];
  /** Since the beginning. */
  readonly mail: MailCounts;
  /** How late the clients' process was at most since the last report: it waited for the processor. */
  readonly waitedMs: number;
}

export interface MailCounts {
  /** Messages that a server took responsibility for. */
  messages: number;
  /** Sessions that ended before the client wanted to. */
  cut: number;
  /** Attempts that found nobody. */
  refused: number;
}
