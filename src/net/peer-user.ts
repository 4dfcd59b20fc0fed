/**
 * Who is at the other end of a Unix socket, as the kernel knows it (CON-25): Node has no call for that.
 *
 * Nothing here throws: where the native bridge does not load, or the descriptor is not to be had, nobody is known, and
 * the caller has to go by the mode of the socket's file.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

const socketLevel = 1;
const peerCredentials = 17;
/** `struct ucred`: process, user and group, 32 bits each. */
const credentialBytes = 12;
const userAt = 4;

type GetOption = (fd: number, level: number, option: number, value: Buffer, length: Uint32Array) => number;
let getOption: Promise<GetOption | undefined> | undefined;

/** The name, `uid:1234` for a user without one in /etc/passwd, undefined when the kernel does not tell. */
export async function peerUserOf(socket: Socket): Promise<string | undefined> {
  getOption ??= loadGetOption();
  const call = await getOption;
  // Read behind the wait: a socket that was closed meanwhile has none, and its number may be another one's by now.
  const fd = descriptorOf(socket);
  if (!call || fd === undefined) return undefined;
  const credentials = Buffer.alloc(credentialBytes);
  const length = Uint32Array.of(credentialBytes);
  if (call(fd, socketLevel, peerCredentials, credentials, length) !== 0) return undefined;
  const { buffer, byteOffset } = credentials;
  return await nameOf(new Uint32Array(buffer.slice(byteOffset, byteOffset + credentialBytes))[userAt / 4]!);
}

async function loadGetOption(): Promise<GetOption | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    return koffi
      .load(null)
      .func('int getsockopt(int, int, int, _Out_ void *, _Inout_ uint *)') as unknown as GetOption;
  } catch {
    return undefined;
  }
}

function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

async function nameOf(user: number): Promise<string> {
  const nobody = 0xffff_ffff;
  if (user === nobody) return 'unix';
  const lines = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const line = lines.split('\n').find((each) => each.split(':')[2] === String(user));
  return line?.split(':')[0] || `uid:${user}`;
}
