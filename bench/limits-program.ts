/**
 * Program of a child process: a whole node, as a program starts one, with throttles, slots, counts over time, a
 * replicated cache and a socket for Redis clients.
 */
import { join } from 'node:path';
import { type Slot, startNode } from '../src/index.ts';
import { until } from '../test/integration/until.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import type { Decisions, FillOrder, KeyKind, LimitsTasks, SlotOrder } from './limits-node.ts';
import { nowUs, serveTasks } from './task-process.ts';
import { TurnMeter } from './turn-meter.ts';

const [name = '', url = '', most = '', port = '', folder = ''] = process.argv.slice(2);
/** Keys filled in between two turns of the event loop. */
const sliceKeys = 50;
/** How long keys live. */
const lifeS = 10;
/** Never used up: what is measured is the decision. */
const rate = `${1e9}/3600`;
const singles = 2_000;
const underWay = 1_000;
const rounds = 50;

const node = await startNode({
  nodename: name,
  servers: [url],
  logOutput: { write: () => {} },
  configText: `
    cluster {
      nodeaddr = 127.0.0.1
      state_dir = "${folder}"
      debug_level = error
      Replicate "inbound_cidr" { max_delay = 0.05 }
      Replicate "outbound_domains" { max_delay = 0.05 }
      Replicate "limits" { type = cache  parameters = "snapshot"  max_delay = 0.05  max_size = ${most} }
      Replicate "shared_named_throttles" {}
      Replicate "metrics" { max_delay = 0.05  parameters = "snapshot;audit_series;gauge_cache" }
    }
    siv_throttle_cache_size = ${most}
    Datasource "limits" {}
    Redis_Listener { cache = "limits"  Listen "127.0.0.1:${port}" {} }
    Control_Listener { Listen "${join(folder, 'console')}" {} }`,
});
const { caches, throttles, gauges, series } = node;
const [addresses, domains] = [node.shared('inbound_cidr'), node.shared('outbound_domains')];
gauges.define('bench', Number(most), lifeS, true);
series.define('bench', 'string', lifeS, 1, { replicate: 'cluster' });
const held = new Map<string, Slot[]>();
const turns = new TurnMeter();
// What a process does before it is there is not what others wait for.
const stopWaiting = () => {
  if ((node.view?.members.length ?? 0) < 2) return;
  turns.take();
  node.off('view', stopWaiting);
};
node.on('view', stopWaiting);

serveTasks<LimitsTasks>({
  members: () => node.view?.members.length ?? 0,
  waitForSlot,
  giveBackSlot: (slots) => {
    const [first, ...others] = held.get(slots) ?? [];
    held.set(slots, others);
    const startedUs = nowUs();
    first?.giveBack();
    return startedUs;
  },
  decide: ({ of, throttles }) => (of === 'local' ? decideHere(throttles) : decideTogether(throttles)),
  fill,
  keys: keysOf,
  reset,
  longestTurnMs: () => turns.take().longestMs,
});

async function waitForSlot({ name: slots, slots: count }: SlotOrder): Promise<number> {
  throttles.slots.create(slots, count);
  const slot = await throttles.slots.wait(slots);
  const gotUs = nowUs();
  held.set(slots, [...(held.get(slots) ?? []), slot]);
  return gotUs;
}

function namesOf(count: number, prefix: string): () => string {
  const random = new SeededRandom(count);
  return () => `${prefix}${random.below(count)}`;
}

function decideHere(count: number): Decisions {
  const { local } = throttles;
  const next = namesOf(count, 'l');
  for (let i = 0; i < count; i++) local.create(`l${i}`, rate);
  const sequence = Array.from({ length: rounds * underWay }, next);
  const decide = (throttle: string) => {
    local.increment(throttle);
    return local.check(throttle);
  };
  for (const throttle of sequence) decide(throttle);
  const startedUs = nowUs();
  for (const throttle of sequence) decide(throttle);
  const perSecond = (sequence.length / (nowUs() - startedUs)) * 1e6;
  const latenciesUs = Float64Array.from(sequence.slice(0, singles), (throttle) => {
    const startedMs = performance.now();
    decide(throttle);
    return (performance.now() - startedMs) * 1000;
  });
  return { latenciesUs, perSecond };
}

async function decideTogether(count: number): Promise<Decisions> {
  const { shared } = throttles;
  const next = namesOf(count, 't');
  for (let i = 0; i < count; i++) shared.create(`t${i}`, rate);
  const latenciesUs = new Float64Array(singles);
  for (let i = 0; i < singles; i++) {
    const startedMs = performance.now();
    await shared.take(next());
    latenciesUs[i] = (performance.now() - startedMs) * 1000;
  }
  const startedUs = nowUs();
  for (let round = 0; round < rounds; round++)
    await Promise.all(Array.from({ length: underWay }, () => shared.take(next())));
  return { latenciesUs, perSecond: ((rounds * underWay) / (nowUs() - startedUs)) * 1e6 };
}

async function fill({ kind, from, to }: FillOrder): Promise<undefined> {
  for (let at = from; at < to; at++) {
    await fillOne[kind](`k${at}`);
    if (at % sliceKeys === 0) await new Promise((resume) => setImmediate(resume));
  }
  return undefined;
}

async function reset(): Promise<undefined> {
  const { incarnation } = node;
  await node.console('cluster reset');
  await until(() => node.incarnation !== incarnation);
  return undefined;
}

const fillOne: Record<KeyKind, (key: string) => unknown> = {
  tables: (key) => {
    const number = Number(key.slice(1));
    addresses.increment(`10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`);
    domains.increment(`${key}.example`);
  },
  cache: (key) => caches.set('limits', key, 'value', lifeS),
  counts: (key) => {
    gauges.increment('bench', key);
    series.add('bench', key);
  },
  throttles: (key) => {
    throttles.shared.create(key, `${1e9}/${lifeS}`);
    throttles.shared.increment(key);
  },
};

const objectOf: Record<KeyKind, string> = {
  tables: 'outbound_domains',
  cache: 'limits',
  counts: 'metrics',
  throttles: 'shared_named_throttles',
};

async function keysOf(kind: KeyKind): Promise<number> {
  const { text } = await node.console(`cluster shared stats ${objectOf[kind]}`, 'json');
  const { objects }: { objects: readonly { keys: number }[] } = JSON.parse(text);
  return objects[0]!.keys;
}
