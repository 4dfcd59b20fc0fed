/** Nodes as far as streams between them go: each with an address of its own on loopback, all members of one view. */
import type { Socket } from 'node:net';
import type { NodeInfo } from '../../../src/core/agreement/messages.ts';
import type { Random } from '../../../src/core/random.ts';
import type { BusTls, PeerSettings } from '../../../src/core/settings.ts';
import type { Process } from '../../../src/core/view.ts';
import type { PeerListener } from '../../../src/net/peers/peer-listener.ts';
import { type PeerStream, Peers } from '../../../src/node/peers.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { Recorder } from '../../unit/recorder.ts';

export interface PostOptions {
  readonly settings?: Partial<PeerSettings>;
  readonly tls?: BusTls;
  /** Others see it at this address. */
  readonly knownAs?: string;
  readonly random?: Random;
}

export const defaults: PeerSettings = {
  listen: [],
  secret: 'under test',
  membersOnly: true,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 5_000,
  maxJobs: 10,
};

export type Member = { readonly process: Process; readonly info: NodeInfo | undefined };

export class Post {
  readonly name: string;
  readonly peers: Peers;
  readonly recorder = new Recorder();
  readonly listener: PeerListener;
  readonly #members: Member[];

  private constructor(name: string, peers: Peers, recorder: Recorder, listener: PeerListener, all: Member[]) {
    this.name = name;
    this.peers = peers;
    this.recorder = recorder;
    this.listener = listener;
    this.#members = all;
  }

  /** Listens on 127.0.0.`number`, and is a member from then on. */
  static async start(
    name: string,
    number: number,
    all: Member[],
    { settings = {}, tls, knownAs, random = systemRandom }: PostOptions = {},
  ): Promise<Post> {
    const recorder = new Recorder();
    const address = `127.0.0.${number}`;
    const peers = new Peers({
      settings: { nodename: name, peers: { ...defaults, ...settings }, bus: { tls } } as never,
      around: { clock: systemClock, random, ...recorder },
      membership: () => ({ members: () => all }),
    });
    await peers.prepare(address);
    const listener = await peers.listen({ host: undefined, port: 0, backlog: 500 });
    const { port } = listener!.address;
    const process = { node: name, type: 'Momentum' } as Process;
    all.push({ process, info: { address: knownAs ?? address, port } as NodeInfo });
    return new Post(name, peers, recorder, listener!, all);
  }

  get port(): number {
    return this.listener.address.port;
  }

  /** No member any more, though it is there. */
  leave(): void {
    const at = this.#members.findIndex(({ process }) => process.node === this.name);
    this.#members.splice(at, 1);
  }
}

/** A service that keeps its streams, in the order in which they came. */
export function keep(post: Post, service: string): PeerStream[] {
  const streams: PeerStream[] = [];
  post.peers.serve(service, (stream) => void streams.push(stream));
  return streams;
}

/** Everything the other end says until its end; the socket stays open for answers. */
export function readAll(socket: Socket): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    socket.once('end', () => resolve(text)).once('error', reject);
  });
}

/** Why it was closed. What comes until then is not looked at; an end is answered with one. */
export function closed(socket: Socket): Promise<Error | null> {
  socket.on('error', () => {}).resume();
  if (socket.readableEnded) socket.end();
  else socket.once('end', () => socket.end());
  return new Promise((resolve) => {
    if (socket.closed) resolve(socket.errored);
    else socket.once('close', () => resolve(socket.errored));
  });
}
