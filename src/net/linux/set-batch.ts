/**
 * One transaction on sets of nftables, in the bytes of nfnetlink: all of it happens, or nothing.
 *
 * Why not a long-lived `nft -i`: 0.05 ms for a refresh against 0.7 ms, outcomes as numbers instead of text on a
 * terminal, and no child that can die or be stopped while we live.
 */
import { NetlinkWriter, netlinkFlag } from './netlink-message.ts';

export type TableFamily = 'inet' | 'arp' | 'netdev';

export interface SetName {
  readonly family: TableFamily;
  readonly table: string;
  readonly set: string;
}

const familyNumber: Record<TableFamily, number> = { inet: 1, arp: 3, netdev: 5 };
const batchType = { begin: 0x10, end: 0x11 } as const;
const nftables = 10;
const operation = { add: 12, remove: 14 } as const;
/** A list of elements is one attribute, which has at most 64 KiB; an element of IPv6 takes 28 bytes. */
const elementsAMessage = 2_000;

export class SetBatch {
  readonly #writer = new NetlinkWriter()
    .start(batchType.begin, netlinkFlag.request, header(0, nftables))
    .end();

  get empty(): boolean {
    return this.#writer.awaited === 0;
  }

  /** What is there already stays as it is, with its time-out. */
  add(name: SetName, keys: readonly Uint8Array[], timeoutMs?: number): this {
    return this.#elements(operation.add, name, keys, timeoutMs);
  }

  /** Fails, and the transaction with it, when one is not there or has timed out. */
  remove(name: SetName, keys: readonly Uint8Array[]): this {
    return this.#elements(operation.remove, name, keys, undefined);
  }

  /** Whether they are there or not. */
  discard(name: SetName, keys: readonly Uint8Array[]): this {
    return this.add(name, keys).remove(name, keys);
  }

  finish(): NetlinkWriter {
    return this.#writer.start(batchType.end, netlinkFlag.request, header(0, nftables)).end();
  }

  #elements(what: number, name: SetName, keys: readonly Uint8Array[], timeoutMs: number | undefined): this {
    const timeout = timeoutMs === undefined ? undefined : milliseconds(timeoutMs);
    for (let from = 0; from < keys.length; from += elementsAMessage) {
      const create = what === operation.add ? netlinkFlag.create : 0;
      const flags = netlinkFlag.request | netlinkFlag.ack | create;
      const writer = this.#writer
        .start((nftables << 8) | what, flags, header(familyNumber[name.family], 0))
        .text(1, name.table)
        .text(2, name.set);
      const list = writer.startNest(3);
      for (const key of keys.slice(from, from + elementsAMessage)) writeElement(writer, key, timeout);
      writer.endNest(list).end();
    }
    return this;
  }
}

function writeElement(writer: NetlinkWriter, key: Uint8Array, timeout: Uint8Array | undefined): void {
  const element = writer.startNest(1);
  const data = writer.startNest(1);
  writer.attribute(1, key).endNest(data);
  if (timeout) writer.attribute(4, timeout);
  writer.endNest(element);
}

function milliseconds(durationMs: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(1, Math.floor(durationMs))));
  return bytes;
}

function header(family: number, resource: number): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource & 0xff]);
}
