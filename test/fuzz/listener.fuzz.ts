/**
 * Clients and services that behave in any way, on live front listeners (goal R7): random bytes in random pieces, ends,
 * resets and silence on either side. Nothing may crash, nothing may stay counted, and what an orderly client sends to an
 * orderly service must come back whole. A failure names its run and seed.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expectQuiet, type Front, openFront } from '../integration/net/fronts.ts';
import { SeededRandom } from '../sim/seeded-random.ts';

export { fuzzProxyHeader } from './proxy-header.fuzz.ts';

const atOnce = 50;
const manners = ['ends', 'destroys', 'resets', 'is reset', 'is ended'] as const;
type Manner = (typeof manners)[number];

export interface ListenerFuzzSummary {
  readonly accepted: number;
  readonly refused: number;
  /** Orderly clients that got back all they sent. */
  readonly echoed: number;
}

/** `runs` clients each for a TCP listener without caps and for an ESMTP listener with some. The fronts stay open. */
export async function fuzzListener(runs: number, seed: number): Promise<ListenerFuzzSummary> {
  const service = await startService();
  const { port } = service.address() as { port: number };
  const shared = { upstream: { host: '127.0.0.1', port }, idleTimeoutMs: 5000 };
  const tcp = await openFront(shared);
  const peers = [{ prefix: '127.0.0.0/24', caps: { listenerSessions: 1 } }];
  const mail = await openFront({ ...shared, kind: 'esmtp', peers }, { maxOpen: 8 });
  let echoed = 0;
  await manyClients(tcp, runs, seed, ({ run, manner, sent, received }) => {
    if (manner !== 'ends') return;
    if (!received.equals(sent))
      throw new Error(`fuzzListener run ${run} of seed ${seed}: an orderly client lost bytes`);
    echoed++;
  });
  await manyClients(mail, runs, seed, () => {});
  for (const front of [tcp, mail]) await expectQuiet(front);
  await new Promise((resolve) => service.close(resolve));
  const total = (counter: string) => tcp.counters.count(counter) + mail.counters.count(counter);
  return { accepted: total('listener_accepted_total'), refused: total('listener_refused_total'), echoed };
}

interface Conversation {
  readonly run: number;
  readonly manner: Manner;
  readonly sent: Buffer;
  readonly received: Buffer;
}

async function manyClients(
  front: Front,
  runs: number,
  seed: number,
  check: (held: Conversation) => void,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let run = next++; run < runs; run = next++) check(await converse(front, run, seed));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The first byte tells the service how to behave. */
async function converse({ port }: Front, run: number, seed: number): Promise<Conversation> {
  const random = new SeededRandom(seed, `listener ${run}`);
  const manner = random.pick(manners);
  const socket = connect({
    host: '127.0.0.1',
    port,
    localAddress: `127.0.${random.below(4)}.1`,
    allowHalfOpen: true,
  });
  const received: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('end', () => socket.end());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const pieces = [Buffer.of(manners.indexOf(manner)), ...randomPieces(random)];
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece);
    if (random.chance(0.3)) await new Promise((resume) => setImmediate(resume));
  }
  leave(socket, manner);
  await closed;
  return { run, manner, sent: Buffer.concat(pieces), received: Buffer.concat(received) };
}

function leave(socket: Socket, manner: Manner): void {
  if (manner === 'destroys' || (manner === 'resets' && socket.writableEnded)) socket.destroy();
  else if (manner === 'resets') socket.resetAndDestroy();
  else socket.end();
}

function randomPieces(random: SeededRandom): Buffer[] {
  return Array.from({ length: random.below(5) }, () =>
    Buffer.alloc(random.chance(0.1) ? random.below(200_000) : random.below(200), random.below(256)),
  );
}

/** Echoes, unless it is told to reset or to end at once. */
async function startService(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('end', () => socket.end());
    socket.once('data', (chunk) => {
      const manner = manners[(chunk[0] ?? 0) % manners.length];
      socket.write(chunk);
      if (manner === 'is reset') socket.resetAndDestroy();
      else if (manner === 'is ended') socket.end().resume();
      else socket.pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
