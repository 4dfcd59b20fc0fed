/**
 * Clients and services that behave in any way, on a live front listener (goal R7): random bytes in random pieces, ends,
 * resets and silence on either side. Nothing may crash, nothing may stay counted, and what an orderly client sent to an
 * orderly service must come back whole. A failure names its seed.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Front, openFront } from '../integration/net/fronts.ts';
import { until } from '../integration/until.ts';
import { SeededRandom } from '../sim/seeded-random.ts';

export { fuzzProxyHeader } from './proxy-header.fuzz.ts';

const atOnce = 50;
const manners = ['ends', 'destroys', 'resets', 'is reset', 'is ended'] as const;
type Manner = (typeof manners)[number];

export interface ListenerFuzzSummary {
  readonly runs: number;
  /** Orderly clients that got back all they sent. */
  readonly echoed: number;
  readonly accepted: number;
}

/** `runs` clients, some at once. The front is the caller's to stop. */
export async function fuzzListener(runs: number, seed: number): Promise<ListenerFuzzSummary> {
  const service = await startService();
  const { port } = service.address() as { port: number };
  const front = await openFront({ upstream: { host: '127.0.0.1', port }, idleTimeoutMs: 5000 });
  let echoed = 0;
  let begun = 0;
  const worker = async () => {
    while (begun < runs) {
      const run = begun++;
      if (await oneClient(front, new SeededRandom(seed, `listener ${run}`))) echoed++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  await until(() => front.listener.sessions === 0 && [...front.inbound.entries()].length === 0);
  await new Promise((resolve) => service.close(resolve));
  const accepted = front.counters.count('listener_accepted_total');
  const closed = front.events.filter(({ type }) => type === 'closed').length;
  if (closed !== accepted || front.inbound.stats.anomalies > 0) {
    throw new Error(`fuzzListener seed ${seed}: ${accepted} accepted, ${closed} closed`);
  }
  return { runs, echoed, accepted };
}

/** Does what the first byte of each connection says, and echoes. */
async function startService(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (chunk) => {
      const manner = manners[(chunk[0] ?? 0) % manners.length];
      socket.write(chunk);
      if (manner === 'is reset') return socket.resetAndDestroy();
      if (manner === 'is ended') return socket.end().resume();
      socket.pipe(socket);
    });
    socket.once('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** True when the client was orderly and got everything back. */
async function oneClient({ port }: Front, random: SeededRandom): Promise<boolean> {
  const manner: Manner = random.pick(manners);
  const socket = connect({
    host: '127.0.0.1',
    port,
    localAddress: `127.0.${random.below(4)}.1`,
    allowHalfOpen: true,
  });
  const received: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => received.push(chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const sent = [Buffer.of(manners.indexOf(manner)), ...randomPieces(random)];
  for (const piece of sent) {
    socket.write(piece);
    if (random.chance(0.3)) await new Promise((resume) => setImmediate(resume));
  }
  leave(socket, manner);
  await closed;
  if (manner !== 'ends') return false;
  if (!Buffer.concat(received).equals(Buffer.concat(sent))) throw new Error('an orderly client lost bytes');
  return true;
}

function leave(socket: Socket, manner: Manner): void {
  if (manner === 'destroys') socket.destroy();
  else if (manner === 'resets') socket.resetAndDestroy();
  else socket.end();
}

function randomPieces(random: SeededRandom): Buffer[] {
  return Array.from({ length: random.below(5) }, () =>
    Buffer.alloc(random.chance(0.1) ? random.below(200_000) : random.below(200), random.below(256)),
  );
}
