/** What commands work on, as the composition root provides it, and what a connection remembers. */
import type { KeySpace } from '../../core/cache/key-space.ts';
import type { RespVersion } from './reply.ts';

export interface RespStore {
  readonly keys: KeySpace;
  /** Undefined: no shared throttles are configured. */
  readonly throttles: CellThrottles | undefined;
  readonly version: string;
  wallMs(): number;
  /** Keys that there are now. */
  size(): number;
  /** SHA-1, in hexadecimal. */
  scriptHash(script: string): string;
  /** Hashes of scripts that were recognised; bounded by whoever writes. */
  readonly scripts: Map<string, ScriptName>;
}

export type ScriptName = 'increment';

/** `count` in `periodS` seconds, and as many as `maxBurst` + 1 at once. */
export interface CellRate {
  readonly maxBurst: number;
  readonly count: number;
  readonly periodS: number;
}

export interface CellDecision {
  readonly isLimited: boolean;
  readonly remaining: number;
  /** -1: it was not limited. */
  readonly retryAfterS: number;
  readonly resetAfterS: number;
}

/** Throttles shared by all nodes, as the command CL.THROTTLE of redis-cell asks them. */
export interface CellThrottles {
  take(key: string, rate: CellRate, quantity: number): Promise<CellDecision>;
}

export interface RespState {
  readonly id: number;
  version: RespVersion;
  name: string;
  /** What SELECT chose. */
  database: number;
  /** The connection ends after this reply. */
  isEnding: boolean;
}
