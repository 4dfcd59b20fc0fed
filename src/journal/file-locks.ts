/**
 * Locks on open files, which Node lacks: open file description locks of Linux. They exclude the POSIX locks that the C
 * library takes on the same files, but, unlike those, do not end when the process closes another descriptor of the
 * file, and exclude two openings in one process as well.
 *
 * Where the native bridge does not load there are none; the caller must then not share a journal.
 */

interface FileLocks {
  /** True when the lock is ours now. */
  lock(fd: number): boolean;
  unlock(fd: number): void;
}

const setOpenFileLock = 37;
const writeLock = 1;
const noLock = 2;
/** `struct flock` of 64-bit Linux: type and whence as shorts, start and length as longs (both 0: all), process id. */
const lockBytes = 32;

export async function loadFileLocks(): Promise<FileLocks | undefined> {
  if (process.platform !== 'linux' || !/64|s390x/.test(process.arch)) return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const fcntl = koffi.load(null).func('int fcntl(int, int, ...)');
    const call = (fd: number, type: number): boolean => {
      const request = Buffer.alloc(lockBytes);
      new DataView(request.buffer, request.byteOffset).setInt16(0, type, littleEndian);
      return fcntl(fd, setOpenFileLock, 'void *', request) === 0;
    };
    return { lock: (fd) => call(fd, writeLock), unlock: (fd) => void call(fd, noLock) };
  } catch {
    return undefined;
  }
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
