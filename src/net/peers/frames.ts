/**
 * Handshake messages read from a socket, one at a time: what follows a message stays in the socket, for whoever gets the
 * stream afterwards.
 */
import type { Duplex } from 'node:stream';
import { decodePeerMessage, type ForeignGreeting, mostFrameBytes, type PeerMessage } from './handshake.ts';

const lengthBytes = 2;

/**
 * The next message; undefined when the other end says something else, or goes. Rejects with the socket's error: whoever
 * limits the time destroys the socket.
 */
export function readPeerMessage(socket: Duplex): Promise<PeerMessage | ForeignGreeting | undefined> {
  let length: number | undefined;
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      socket.off('readable', proceed).off('end', onEnd).off('close', onClose);
      end();
    };
    const onEnd = () => settle(() => resolve(undefined));
    const onClose = () => settle(() => reject(socket.errored ?? new Error('the connection was closed')));
    const proceed = () => {
      length ??= takeExactly(socket, lengthBytes)?.readUInt16BE();
      if (length === undefined) return;
      if (length === 0 || length > mostFrameBytes) return onEnd();
      const body = takeExactly(socket, length);
      if (body) settle(() => resolve(decodePeerMessage(body)));
    };
    if (socket.destroyed) return onClose();
    if (socket.readableEnded) return onEnd();
    // One listener for the whole message: each new one would be called for the bytes that are not enough, for ever.
    socket.on('readable', proceed).on('end', onEnd).on('close', onClose);
  });
}

/** Undefined: not that many are there; at the end of a stream the rest is dropped. */
function takeExactly(socket: Duplex, bytes: number): Buffer | undefined {
  const chunk: Buffer | null = socket.read(bytes);
  return chunk?.length === bytes ? chunk : undefined;
}
