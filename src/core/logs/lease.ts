/**
 * The right of one consumer to read a log as one subscriber (logging 9.2). There is at most one for each (log, subscriber);
 * any request renews it.
 *
 * Invariant: what may be acknowledged was sent under this very lease.
 */
import { compareIds, type LogId } from './log-id.ts';

/** Of a node that does not say how long its leases last. */
export const usualLeaseMs = 30_000;

export interface LeaseHolder {
  readonly consumer: string;
  /** One life of him. */
  readonly instance: string;
}

export class Lease {
  readonly token: string;
  readonly holder: LeaseHolder;
  /** How the transfer is called in `cluster jobs`. */
  readonly job: string;
  records = 0;
  bytes = 0;
  #renewedMs: number;
  #sent: LogId;

  constructor(token: string, holder: LeaseHolder, job: string, checkpoint: LogId, nowMs: number) {
    this.token = token;
    this.holder = holder;
    this.job = job;
    this.#sent = checkpoint;
    this.#renewedMs = nowMs;
  }

  renew(nowMs: number): void {
    this.#renewedMs = nowMs;
  }

  /** Since the holder asked for something. */
  contactMs(nowMs: number): number {
    return nowMs - this.#renewedMs;
  }

  /** Of a lease of `leaseMs`. */
  leftMs(nowMs: number, leaseMs: number): number {
    return Math.max(0, this.#renewedMs + leaseMs - nowMs);
  }

  /** Who starts again, or did not get the answer, need not wait for what he had himself. */
  keepsOut({ consumer }: LeaseHolder): boolean {
    return consumer !== this.holder.consumer;
  }

  /** The last record that was sent, the checkpoint before there was one. */
  get sent(): LogId {
    return this.#sent;
  }

  noteSent(last: LogId, records: number, bytes: number): void {
    if (compareIds(last, this.#sent) > 0) this.#sent = last;
    this.records += records;
    this.bytes += bytes;
  }

  /** Reading and acknowledging beyond it would pass over records that nobody has got. */
  covers(id: LogId): boolean {
    return compareIds(id, this.#sent) <= 0;
  }
}
