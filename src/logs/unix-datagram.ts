/**
 * Datagrams to a Unix socket such as `/dev/log`, which Node does not offer: the calls of the C library. Sending never
 * waits; a reader that is slow is told by the result.
 */
import { getSystemErrorMap } from 'node:util';

export interface DatagramSocket {
  /** `busy`: the reader has no room now. `closed`: it is gone, another connection may help. Else what is wrong. */
  send(bytes: Uint8Array): 'sent' | 'busy' | 'closed' | string;
  close(): void;
}

const unixFamily = 1;
const datagrams = 2;
const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
const dontWait = 0x40;
const noSignal = 0x4000;
/** `sun_path`, its ending zero included. */
const longestPathBytes = 108;

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  close(fd: number): number;
  lastError(): string;
}

let libc: Promise<Libc | undefined> | undefined;

async function loadLibc(): Promise<Libc | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int, int, int)'),
      connect: library.func('int connect(int, const void *, uint)'),
      send: library.func('long send(int, const void *, size_t, int)'),
      close: library.func('int close(int)'),
      lastError: () => getSystemErrorMap().get(-koffi.errno())?.[0] ?? String(koffi.errno()),
    };
  } catch {
    return undefined;
  }
}

/** `stream`: whoever listens there wants a stream. Another text is what is wrong. */
export async function connectDatagrams(path: string): Promise<DatagramSocket | 'stream' | string> {
  libc ??= loadLibc();
  const calls = await libc;
  if (!calls) return 'stream';
  const pathBytes = Buffer.from(`${path}\0`);
  if (pathBytes.length > longestPathBytes) return `the path ${path} is too long for a socket`;
  const fd = calls.socket(unixFamily, datagrams | nonBlocking | closeOnExec, 0);
  if (fd < 0) return calls.lastError();
  const address = Buffer.concat([new Uint8Array(Uint16Array.of(unixFamily).buffer), pathBytes]);
  if (calls.connect(fd, address, address.length) < 0) {
    const problem = calls.lastError();
    calls.close(fd);
    return problem === 'EPROTOTYPE' ? 'stream' : `${problem}: ${path}`;
  }
  return {
    send(bytes) {
      if (calls.send(fd, bytes, bytes.length, dontWait | noSignal) >= 0) return 'sent';
      const problem = calls.lastError();
      if (['EAGAIN', 'ENOBUFS', 'EINTR'].includes(problem)) return 'busy';
      return ['ECONNREFUSED', 'ENOTCONN', 'ECONNRESET', 'EPIPE'].includes(problem) ? 'closed' : problem;
    },
    close: () => void calls.close(fd),
  };
}
