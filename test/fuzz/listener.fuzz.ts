/**
 * Clients and services that behave in any way, on live front listeners (goal R7): random bytes in random pieces, ends,
 * resets and silence on either side, from sources all over 127.0.0.0/8, so that no port runs out. Nothing may crash or
 * hang, nothing may stay counted or open, and each client is judged by what it has received: an orderly one gets all of
 * it, any other nothing but the beginning of it. A failure names its run and seed.
 */
import { connect, type Socket } from 'node:net';
import { encodeProxyHeader } from '../../src/net/proxy-header.ts';
import { closeAll, everyone, type Front, openFront } from '../integration/net/fronts.ts';
import { until } from '../integration/until.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { FuzzService, type Manner, manners } from './fuzz-service.ts';

export { fuzzProxyHeader } from './proxy-header.fuzz.ts';

const atOnce = 100;
/** Longer than any silence a front listener allows here. */
const hangMs = 40_000;

export interface ListenerFuzzSummary {
  /** All clients, also those that had left before a front listener could ask who they were. */
  readonly clients: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unserved: number;
  /** Orderly clients that got back all they sent. */
  readonly echoed: number;
}

/** Clients come to three listeners, without caps, with caps, with no service behind it, until `runs` were accepted. */
export async function fuzzListener(runs: number, seed: number): Promise<ListenerFuzzSummary> {
  const service = await FuzzService.start();
  const doors = await openDoors(service.port);
  const total = (counter: string) => doors.reduce((sum, { front }) => sum + front.counters.count(counter), 0);
  let clients = 0;
  let echoed = 0;
  const worker = async () => {
    while (total('listener_accepted_total') < runs) {
      const run = clients++;
      try {
        if (await oneClient(doors, new SeededRandom(seed, `listener ${run}`))) echoed++;
      } catch (error) {
        throw new Error(`fuzzListener run ${run} of seed ${seed}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  for (const door of doors) await expectQuiet(door);
  await service.stop();
  await closeAll();
  return {
    clients,
    accepted: total('listener_accepted_total'),
    refused: total('listener_refused_total'),
    unserved: total('listener_upstream_failures_total'),
    echoed,
  };
}

/** A front listener, and what its clients may read instead of an answer of the service. */
interface Door {
  readonly front: Front;
  readonly instead: readonly string[];
  /** Events by type: a list of them all would hide what the listener itself keeps. */
  readonly tally: Map<string, number>;
}

const refusal = '421 4.4.5 Service unavailable, concurrency limit reached\r\n';
const unavailable = '421 4.4.2 Service unavailable, connection to the mail service failed\r\n';

async function openDoors(port: number): Promise<readonly Door[]> {
  const upstream = { host: '127.0.0.1', port };
  const shared = { upstream, idleTimeoutMs: 5000 } as const;
  const peers = [{ prefix: '127.0.0.0/24', caps: { listenerSessions: 1 } }];
  // Nothing listens on port 1.
  const nowhere = { ...shared, upstream: { host: '127.0.0.1', port: 1 }, kind: 'esmtp' } as const;
  return Promise.all([
    openDoor([], { ...shared, sendProxy: 'v2' }),
    openDoor([refusal], { ...shared, sendProxy: 'v1', kind: 'esmtp', peers }, 16),
    openDoor([unavailable], nowhere),
  ]);
}

async function openDoor(
  instead: readonly string[],
  settings: Parameters<typeof openFront>[0],
  maxOpen = 1000,
): Promise<Door> {
  const tally = new Map<string, number>();
  const onEvent = ({ type }: { type: string }) => tally.set(type, (tally.get(type) ?? 0) + 1);
  return { front: await openFront(settings, { maxOpen, onEvent }), instead, tally };
}

/** True when all came back. */
async function oneClient(doors: readonly Door[], random: SeededRandom): Promise<boolean> {
  const door = doors[random.pick([0, 0, 0, 0, 1, 1, 2])]!;
  const manner = random.pick(manners);
  const pieces = [Buffer.of(manners.indexOf(manner)), ...randomPieces(random)];
  const client = new Client(door.front.port, randomSource(random), random.chance(0.95));
  await client.speak(pieces, random);
  await client.leave(manner);
  const received = await client.received();
  if (received.length === 0 && !client.isOrderly(manner)) return false;
  if (door.instead.includes(received.toString('latin1'))) return false;
  const whole = Buffer.concat([Buffer.from(`${client.name}\n`), ...pieces]);
  if (!received.equals(whole.subarray(0, received.length)))
    throw new Error(`${manner}: the client has received what it was not sent`);
  // A reset may overtake anything, but an end follows on what was said before it.
  const least = manner === 'ends' ? whole.length : manner === 'is ended' ? client.name.length + 2 : 0;
  if (received.length < least && client.isOrderly(manner))
    throw new Error(`${manner}: ${received.length} of ${least} bytes, ${client.problem}`);
  return received.length === whole.length;
}

class Client {
  name = '';
  /** Code of an error of the socket. */
  problem: string | undefined;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #connected: Promise<void>;
  readonly #closed: Promise<void>;
  readonly #isPatient: boolean;
  #hangs = false;

  /** One that is not patient may leave before it is connected. */
  constructor(port: number, localAddress: string, isPatient: boolean) {
    const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true });
    this.#socket = socket;
    this.#isPatient = isPatient;
    this.#connected = new Promise((resolve) => {
      socket.once('connect', () => {
        this.name = `${socket.localAddress}:${socket.localPort}`;
        resolve();
      });
      socket.once('close', () => resolve());
    });
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.problem = error.code;
    });
    socket.on('data', (chunk) => this.#chunks.push(chunk));
    socket.on('end', () => socket.end());
    socket.setTimeout(hangMs, () => {
      this.#hangs = true;
      socket.destroy();
    });
  }

  async speak(pieces: readonly Buffer[], random: SeededRandom): Promise<void> {
    if (this.#isPatient) await this.#connected;
    for (const piece of pieces) {
      if (this.#socket.writable) this.#socket.write(piece);
      if (random.chance(0.3)) await new Promise((resume) => setImmediate(resume));
    }
  }

  async leave(manner: Manner): Promise<void> {
    if (manner === 'resets after an answer') await this.#answered();
    if (manner === 'destroys' || (manner.startsWith('resets') && this.#socket.writableEnded))
      this.#socket.destroy();
    else if (manner.startsWith('resets')) this.#socket.resetAndDestroy();
    else this.#socket.end();
  }

  async received(): Promise<Buffer> {
    await this.#closed;
    if (this.#hangs) throw new Error('nothing happens any more');
    return Buffer.concat(this.#chunks);
  }

  /** It reads to the end, and so does its service. */
  isOrderly(manner: Manner): boolean {
    return manner === 'ends' || manner === 'is ended';
  }

  async #answered(): Promise<void> {
    await Promise.race([this.#closed, new Promise((resolve) => this.#socket.once('data', resolve))]);
  }
}

/** Some are in the netblock that has a cap. */
function randomSource(random: SeededRandom): string {
  const host = 1 + random.below(250);
  return random.chance(0.2) ? `127.0.0.${host}` : `127.${1 + random.below(100)}.${random.below(250)}.${host}`;
}

const noise = Buffer.from(new SeededRandom(1, 'noise').hex(1 << 18), 'hex');

function randomPieces(random: SeededRandom): Buffer[] {
  return Array.from({ length: random.below(5) }, () => {
    const at = random.below(1000);
    // What looks like a header of its own must reach the service as content.
    if (random.chance(0.05))
      return encodeProxyHeader({ version: random.pick(['v1', 'v2']), endpoints: undefined });
    return noise.subarray(at, at + (random.chance(0.03) ? random.below(200_000) : random.below(200)));
  });
}

/** When all clients are gone nothing is counted, each was closed once, and the listener has nothing left to wait for. */
async function expectQuiet({ front, tally }: Door): Promise<void> {
  const { listener, inbound, service, counters } = front;
  const counted = () => inbound.count(everyone) + inbound.count('::/0') + service.counts.count(-1);
  await until(() => listener.sessions + counted() === 0, hangMs);
  let isStopped = false;
  // Anything that is left would be ended by force, but only after the limit.
  const stopped = listener.stop({ graceMs: 2 * hangMs }).then(() => {
    isStopped = true;
  });
  await until(() => isStopped, hangMs);
  await stopped;
  const accepted = counters.count('listener_accepted_total');
  const { opened = 0, refused = 0, closed = 0 } = Object.fromEntries(tally);
  if (
    opened + refused !== accepted ||
    closed !== accepted ||
    counters.count('listener_accept_failures_total') > 0
  )
    throw new Error(`${accepted} accepted: ${JSON.stringify({ opened, refused, closed })}`);
  if ([...inbound.entries()].length > 0 || inbound.stats.anomalies > 0)
    throw new Error('something stays counted');
}
