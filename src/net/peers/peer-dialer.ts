/**
 * The opening side of a stream from node to node: connects, proves that it knows the secret, and asks the same of the
 * other end. Invariant: the stream is handed out only when the node that was asked for has accepted it.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { FlotillaError } from '../../core/errors.ts';
import { readPeerMessage } from './frames.ts';
import { encodePeerMessage, type Hello, handshakeVersion, isProof, proofOf } from './handshake.ts';
import { bindingOf, type PeerTls, tlsClientOptions } from './tls.ts';

export interface DialOptions {
  readonly hello: Hello;
  readonly host: string;
  readonly port: number;
  /** So that the other node sees a member's address; undefined: what the routes choose. */
  readonly localAddress: string | undefined;
  readonly key: Buffer;
  readonly tls: PeerTls | undefined;
  /** 32 unguessable bytes. */
  readonly nonce: Buffer;
  readonly clock: Clock;
  /** For everything until the other node has accepted or refused. */
  readonly connectTimeoutMs: number;
}

export interface Dialled {
  /** At once, so that it can be given up: `destroy` it with the reason. */
  readonly socket: Socket;
  /**
   * Rejects with FLT-1701 when the node cannot be reached or does not know the secret, FLT-1702 when it refuses, and with
   * what the socket was destroyed with.
   */
  readonly accepted: Promise<void>;
}

const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

export function dialPeer(options: DialOptions): Dialled {
  const { host, port, localAddress, tls, clock, connectTimeoutMs } = options;
  const where = { host, port, ...keepAlive, noDelay: true, allowHalfOpen: true };
  const place = localAddress === undefined ? where : { ...where, localAddress };
  const socket = tls ? connectTls({ ...place, ...tlsClientOptions(tls) }) : connect(place);
  // Also after the hand-over: an error nobody listens to would end the process. 'close' follows and says the same.
  socket.on('error', () => {});
  const late = clock.after(connectTimeoutMs, () =>
    socket.destroy(unreachable(options, `no answer within ${connectTimeoutMs / 1000} s`)),
  );
  const accepted = handshake(socket, options)
    .catch((cause: Error) => {
      socket.destroy();
      throw cause instanceof FlotillaError ? cause : unreachable(options, cause.message, cause);
    })
    .finally(() => late.cancel());
  return { socket, accepted };
}

async function handshake(socket: Socket, options: DialOptions): Promise<void> {
  const { hello, key, nonce, tls } = options;
  const greeting = await readPeerMessage(socket);
  if (greeting?.kind === 'foreign-greeting')
    throw unreachable(
      options,
      `it is of a release that speaks version ${greeting.version} of the handshake, this one ${handshakeVersion}`,
    );
  if (greeting?.kind !== 'greeting')
    throw unreachable(
      options,
      "no greeting: it does not know this address as a member's, or is no Flotilla node",
    );
  const binding = tls ? bindingOf(socket as TLSSocket) : Buffer.alloc(0);
  const said = { greetingNonce: greeting.nonce, helloNonce: nonce, hello, binding };
  socket.write(encodePeerMessage({ kind: 'hello', nonce, ...hello, proof: proofOf(key, 'opener', said) }));
  const verdict = await readPeerMessage(socket);
  if (verdict?.kind === 'refused')
    throw new FlotillaError('FLT-1702', `${hello.target} (${hello.job}): ${verdict.reason}`);
  if (verdict?.kind !== 'accepted') throw unreachable(options, 'it broke off in the middle of the handshake');
  if (!isProof(verdict.proof, key, 'listener', said))
    throw unreachable(options, 'it does not know the secret');
}

function unreachable({ hello, host, port }: DialOptions, reason: string, cause?: unknown): FlotillaError {
  return new FlotillaError('FLT-1701', `${hello.target} at ${host}:${port} (${hello.job}): ${reason}`, cause);
}
