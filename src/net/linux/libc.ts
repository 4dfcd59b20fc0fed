/**
 * The calls of the C library that Node does not offer: sockets of other families, and locks on files.
 *
 * Every call answers as in C: a negative number is a failure, and `lastError` tells which. Errors are values here;
 * the files above decide which of them are expected.
 */
import { constants } from 'node:os';
import { getSystemErrorMap, promisify } from 'node:util';
import koffi from 'koffi';

const libc = koffi.load(null);

/** Linux numbers that are the same on every machine Node runs on. */
export const family = { netlink: 16, packet: 17 } as const;
export const socketType = { raw: 3, closeOnExec: 0o2000000, nonBlocking: 0o4000 } as const;
export const socketLevel = { socket: 1, netlink: 270 } as const;
const dontWait = 0x40;

const filterProgram = koffi.struct({ length: 'ushort', instructions: 'void *' });

const native = {
  socket: libc.func('int socket(int, int, int)'),
  bind: libc.func('int bind(int, const void *, uint)'),
  close: libc.func('int close(int)'),
  send: libc.func('long send(int, const void *, size_t, int)'),
  sendto: libc.func('long sendto(int, const void *, size_t, int, const void *, uint)'),
  recvfrom: libc.func('long recvfrom(int, void *, size_t, int, void *, void *)'),
  setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint)'),
  attach: libc.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(filterProgram), 'uint']),
  flock: libc.func('int flock(int, int)'),
  ifNameToIndex: libc.func('uint if_nametoindex(const char *)'),
};
const sendInBackground = promisify(native.send.async) as (
  fd: number,
  bytes: Uint8Array,
  length: number,
  flags: number,
) => Promise<number>;

export function lastError(): number {
  return koffi.errno();
}

/** `EBUSY: resource busy or locked`; the number where there is no name. */
export function describeError(errno: number): string {
  const [name, text] = getSystemErrorMap().get(-errno) ?? [`error ${errno}`, ''];
  return text ? `${name}: ${text}` : name;
}

export function failure(what: string): Error {
  return new Error(`${what}: ${describeError(lastError())}`);
}

export const libcCalls = {
  socket: (domain: number, type: number, protocol: number): number => native.socket(domain, type, protocol),
  bind: (fd: number, address: Uint8Array): number => native.bind(fd, address, address.length),
  close: (fd: number): number => native.close(fd),
  send: (fd: number, bytes: Uint8Array): number => native.send(fd, bytes, bytes.length, 0),
  /** The same on a thread of Node's pool, for calls in which the kernel may hold the caller. */
  sendInBackground: (fd: number, bytes: Uint8Array): Promise<number> =>
    sendInBackground(fd, bytes, bytes.length, 0),
  sendTo: (fd: number, bytes: Uint8Array, address: Uint8Array): number =>
    native.sendto(fd, bytes, bytes.length, 0, address, address.length),
  /** Never waits: EAGAIN when there is nothing. */
  receive: (fd: number, bytes: Uint8Array): number =>
    native.recvfrom(fd, bytes, bytes.length, dontWait, null, null),
  receiveFrom(fd: number, bytes: Uint8Array, address: Uint8Array): number {
    const length = Uint32Array.of(address.length);
    return native.recvfrom(fd, bytes, bytes.length, dontWait, address, length);
  },
  setOption: (fd: number, level: number, option: number, value: number): number =>
    native.setsockopt(fd, level, option, Int32Array.of(value), 4),
  /** `instructions`: the eight-byte steps of a classic packet filter. */
  attachFilter(fd: number, instructions: Uint8Array): number {
    const attachFilterOption = 26;
    const program = { length: instructions.length / 8, instructions };
    return native.attach(fd, socketLevel.socket, attachFilterOption, program, 16);
  },
  /** 0: there is none of that name. */
  interfaceIndex: (name: string): number => native.ifNameToIndex(name),
  /** An exclusive lock on an open file, without waiting: EAGAIN when another holds it. */
  lock: (fd: number): number => native.flock(fd, 2 | 4),
};

const { errno } = constants;
export const errorNumber = {
  noEntry: errno.ENOENT,
  again: errno.EAGAIN,
  exists: errno.EEXIST,
  noDevice: errno.ENODEV,
  noBuffers: errno.ENOBUFS,
  noAddress: errno.EADDRNOTAVAIL,
  interrupted: errno.EINTR,
} as const;

/** Calls `onReadable` whenever the socket has something, as long as it is open. Returns how to stop. */
export function whenReadable(fd: number, onReadable: () => void): () => void {
  const handle = koffi.node.poll(fd, { readable: true }, onReadable);
  handle.unref();
  return () => handle.close();
}
