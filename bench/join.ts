/**
 * P4: a member that joins gets the row of another: from the view with both to all keys there, compared by digest
 * afterwards, and the longest turn of the event loop on either side meanwhile. Two processes on one real NATS server.
 *
 * The peer: an haproxy process that joins its peer and is taught the stick table; timed from the first entry seen to the
 * last, because how long it waits before it asks is a matter of its configuration.
 */
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';
import { HaproxyPair } from './haproxy-pair.ts';
import { MemberProcess } from './member-process.ts';
import { type Benchmark, type Figure, median } from './report.ts';

const sizes = [10_000, 100_000, 1_000_000];
const rounds = 3;

interface Join {
  readonly joinMs: number;
  readonly holderTurnMs: number;
  readonly joinerTurnMs: number;
}

async function ourJoin(keys: number): Promise<Join> {
  const { url } = await startNatsServer();
  const holder = new MemberProcess({ name: 'relay-1', url });
  try {
    await holder.ask('fill', keys);
    const joins: Join[] = [];
    while (joins.length < rounds) joins.push(await joinOnce(holder, url, keys));
    const middle = (figure: keyof Join) => median(joins.map((join) => join[figure]));
    return {
      joinMs: middle('joinMs'),
      holderTurnMs: middle('holderTurnMs'),
      joinerTurnMs: middle('joinerTurnMs'),
    };
  } finally {
    await holder.end();
    await stopNatsServers();
  }
}

async function joinOnce(holder: MemberProcess, url: string, keys: number): Promise<Join> {
  await holder.joined(1);
  await holder.ask('longestTurnMs', undefined);
  const joiner = new MemberProcess({ name: 'relay-2', url });
  try {
    await until(async () => (await joiner.ask('status', undefined)).join !== undefined);
    const holderTurnMs = await holder.ask('longestTurnMs', undefined);
    await until(async () => (await joiner.ask('status', undefined)).isVerified);
    const { keys: got, join } = await joiner.ask('status', undefined);
    if (got !== keys || !join) throw new Error(`${got} keys came over, of ${keys}`);
    return { joinMs: join.totalMs, holderTurnMs, joinerTurnMs: join.longestTurnMs };
  } finally {
    await joiner.end();
  }
}

async function haproxyJoinMs(keys: number): Promise<number> {
  const pair = new HaproxyPair();
  try {
    await pair.start('a');
    const a = await pair.open('a');
    await a.setAll(Array.from({ length: keys }, (_, key) => [key, 1] as const));
    await pair.start('b');
    const b = await pair.open('b');
    await until(async () => (await b.entries()) > 0);
    const startedMs = performance.now();
    await until(async () => (await b.entries()) === keys);
    return performance.now() - startedMs;
  } finally {
    await pair.end();
  }
}

async function figuresFor(keys: number): Promise<Figure[]> {
  const { joinMs, holderTurnMs, joinerTurnMs } = await ourJoin(keys);
  const peer = { name: 'haproxy peers', value: await haproxyJoinMs(keys) };
  const figure = (what: string, value: number, limitMs: number): Figure => ({
    goal: 'P4',
    what,
    size: `${keys.toLocaleString('en-US')} keys`,
    value,
    unit: 'ms',
    target: { value: limitMs },
  });
  return [
    { ...figure('a joiner has all keys of another member', joinMs, 1000), peer },
    figure('longest turn meanwhile, holder', holderTurnMs, 10),
    figure('longest turn meanwhile, joiner', joinerTurnMs, 10),
  ];
}

export const joinBenchmark: Benchmark = {
  name: 'join',
  goals: ['P4'],
  about: 'a member joins another that holds 10^4 to 10^6 keys, and an haproxy its peer',
  meaning:
    'a process joins another that holds the keys: from the first view with both to all of them there; digests are ' +
    'compared afterwards. Medians of three joins. A turn is one pass of the event loop, garbage collection and waiting ' +
    'for a processor included. Peer: an haproxy process that is taught a stick table by another, from the first entry ' +
    'seen to the last; it is asked every 5 ms, so small tables seem to take no time.',
  run: async () => {
    const figures: Figure[] = [];
    for (const keys of sizes) figures.push(...(await figuresFor(keys)));
    return figures;
  },
};
