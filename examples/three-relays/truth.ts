/**
 * The truth about connections, asked from the kernel and not from anything that is being demonstrated: the sockets of
 * /proc/net/tcp, by the port they were accepted on and the address they came from.
 */
import { readFileSync } from 'node:fs';
import { BlockList } from 'node:net';

/** Open connections by client address. */
export type Table = ReadonlyMap<string, number>;

export interface KernelSockets {
  /** Ports of loopback that somebody listens on. */
  readonly listening: ReadonlySet<number>;
  /** By local port: accepted connections that a process still holds. */
  readonly accepted: ReadonlyMap<number, Table>;
}

/** Of this network namespace, now. */
export function kernelSockets(): KernelSockets {
  return parseSockets(readFileSync('/proc/net/tcp', 'latin1'));
}

const listenState = '0A';

/**
 * A socket without inode belongs to no process: not accepted yet, or closed already and kept by the kernel for the
 * last packets. The columns: number, local address, remote address, state, ..., inode (the tenth).
 */
export function parseSockets(text: string): KernelSockets {
  const listening = new Set<number>();
  const accepted = new Map<number, Map<string, number>>();
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (local === undefined || remote === undefined || inode === undefined) continue;
    const { port } = endpoint(local);
    if (state === listenState) listening.add(port);
    else if (inode !== '0') {
      const table = accepted.get(port) ?? new Map<string, number>();
      accepted.set(port, table);
      const { address } = endpoint(remote);
      table.set(address, (table.get(address) ?? 0) + 1);
    }
  }
  return { listening, accepted };
}

/** `0B010A7F:09C5` is 127.10.1.11 port 2501: the address as the machine keeps it, here with the last byte first. */
function endpoint(text: string): { address: string; port: number } {
  const [addressHex = '', portHex = ''] = text.split(':');
  const bytes = Buffer.from(addressHex, 'hex').reverse();
  return { address: bytes.join('.'), port: Number.parseInt(portHex, 16) };
}

export function sumOf(tables: Iterable<Table>): Table {
  const sum = new Map<string, number>();
  for (const table of tables)
    for (const [address, count] of table) sum.set(address, (sum.get(address) ?? 0) + count);
  return sum;
}

export function totalOf(table: Table): number {
  return [...table.values()].reduce((sum, count) => sum + count, 0);
}

/** A line of `cluster shared show inbound_cidr`. */
export interface ShownRow {
  /** `127.10.1.0/24`, or a whole address as `127.10.1.11/32`. */
  readonly key: string;
  readonly count: number;
}

/** What a node says beside what is true. */
export interface ComparedRow {
  readonly key: string;
  /** Undefined: it has no such row. */
  readonly shown: number | undefined;
  readonly truth: number;
}

export function isWrong({ shown, truth }: ComparedRow): boolean {
  return shown !== truth;
}

/** All rows of a node, netblocks included, and then the addresses for which it has none. */
export function compare(rows: readonly ShownRow[], truth: Table): ComparedRow[] {
  const keys = new Set(rows.map(({ key }) => key));
  const missing = [...truth].filter(([address]) => !keys.has(`${address}/32`));
  return [
    ...rows.map(({ key, count }) => ({ key, shown: count, truth: totalUnder(key, truth) })),
    ...missing.map(([address, count]) => ({ key: `${address}/32`, shown: undefined, truth: count })),
  ];
}

function totalUnder(prefix: string, truth: Table): number {
  const [address = '', bits] = prefix.split('/');
  if (bits === '32') return truth.get(address) ?? 0;
  const network = new BlockList();
  network.addSubnet(address, Number(bits));
  return totalOf(new Map([...truth].filter(([inside]) => network.check(inside))));
}
