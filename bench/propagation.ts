/**
 * P2: how long a change of one member takes to be in the totals of the others, while all of them change keys. Four
 * members in processes of their own on one real NATS server; probes ride the same connections and queues as the load.
 *
 * The peer: two haproxy processes under the same load in all, probed over their statistics sockets. It stores what it is
 * told and sums nothing. Its figures include the round trip of the question, about 0.05 ms.
 */
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { HaproxyPair, type StatsSocket } from './haproxy-pair.ts';
import { MemberProcess } from './member-process.ts';
import { type Benchmark, type Figure, median, percentile } from './report.ts';

const rates = [5_000, 20_000, 50_000];
const memberCount = 4;
const roundMs = 1_500;
const rounds = 3;
const probeKey = 0xfffffe;
const probeEveryMs = 5;
const loadKeys = 100_000;

interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function delaysOf(latenciesMs: Float64Array): Delays {
  latenciesMs.sort();
  return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) };
}

async function medianDelays(round: () => Promise<Delays>): Promise<Delays> {
  const delays: Delays[] = [];
  while (delays.length < rounds) delays.push(await round());
  return {
    p50Ms: median(delays.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(delays.map(({ p99Ms }) => p99Ms)),
  };
}

async function ourDelays(): Promise<Delays[]> {
  const { url } = await startNatsServer();
  const members = Array.from(
    { length: memberCount },
    (_, i) => new MemberProcess({ name: `relay-${i + 1}`, url }),
  );
  try {
    await Promise.all(members.map((member) => member.joined(memberCount)));
    const loadAll = async (keysPerSecond: number) => {
      const order = { keysPerSecond: keysPerSecond / memberCount, forMs: roundMs };
      const measured = await Promise.all(members.map((member) => member.ask('load', order)));
      return delaysOf(
        Float64Array.from(
          measured.flatMap((us) => [...us]),
          (us) => us / 1000,
        ),
      );
    };
    await loadAll(rates.at(-1)!);
    const delays: Delays[] = [];
    for (const rate of rates) delays.push(await medianDelays(() => loadAll(rate)));
    return delays;
  } finally {
    await Promise.all(members.map((member) => member.end()));
    await stopNatsServers();
  }
}

async function haproxyDelays(): Promise<Delays[]> {
  const pair = new HaproxyPair();
  try {
    await pair.start('a');
    await pair.start('b');
    await pair.joined();
    const probe = { from: await pair.open('a'), to: await pair.open('b') };
    const loaded = [await pair.open('a'), await pair.open('b')];
    const delays: Delays[] = [];
    for (const rate of rates) {
      delays.push(
        await medianDelays(async () => {
          const endMs = performance.now() + roundMs;
          const loading = loaded.map((socket) => loadHaproxy(socket, rate / loaded.length, endMs));
          const latencies = await probeHaproxy(probe.from, probe.to, endMs);
          await Promise.all(loading);
          return delaysOf(latencies);
        }),
      );
    }
    return delays;
  } finally {
    await pair.end();
  }
}

async function loadHaproxy(socket: StatsSocket, keysPerSecond: number, endMs: number): Promise<void> {
  const startedMs = performance.now();
  for (let changed = 0; performance.now() < endMs; ) {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * keysPerSecond);
    const counts = Array.from(
      { length: due - changed },
      (_, i) => [(changed + i) % loadKeys, changed + i] as const,
    );
    changed = due;
    await socket.setAll(counts);
    await pause(1);
  }
}

async function probeHaproxy(from: StatsSocket, to: StatsSocket, endMs: number): Promise<Float64Array> {
  const latenciesMs: number[] = [];
  for (let count = (await to.countOf(probeKey)) + 1; performance.now() < endMs; count++) {
    const startedMs = performance.now();
    await from.setAll([[probeKey, count]]);
    while ((await to.countOf(probeKey)) !== count);
    latenciesMs.push(performance.now() - startedMs);
    await pause(probeEveryMs);
  }
  return Float64Array.from(latenciesMs);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const propagationBenchmark: Benchmark = {
  name: 'propagation',
  goals: ['P2'],
  about: `${memberCount} members on one NATS server, two haproxy peers, at three rates`,
  meaning:
    'four processes on one nats-server change keys of `inbound_cidr` with `max_delay = 0`, an equal ' +
    'share each in ticks of a millisecond. Probes of all of them ride along; a figure is the time from ' +
    'a change to the sum at another member that contains it. Peer: two haproxy processes, the same keys ' +
    'in all, over the statistics socket, with the round trip of the question in it; they store and do ' +
    'not sum.',
  run: async () => {
    const [ours, theirs] = [await ourDelays(), await haproxyDelays()];
    const figures = (what: string, limitMs: number, delay: keyof Delays) =>
      rates.map(
        (rate, i): Figure => ({
          goal: 'P2',
          what: `a change is in the totals of the others, ${what}`,
          size: `${rate.toLocaleString('en-US')} changed keys/s`,
          value: ours[i]![delay],
          unit: 'ms',
          target: { value: limitMs },
          peer: { name: 'haproxy peers', value: theirs[i]![delay] },
        }),
      );
    return [...figures('p50', 1, 'p50Ms'), ...figures('p99', 5, 'p99Ms')];
  },
};
