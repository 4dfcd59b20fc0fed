/**
 * Program of a child process: one member of a cluster, composed as a node composes it, that counts as it is told by its
 * parent. Without console and listeners, which the figures are not about.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startMember } from './member-life.ts';
import type { LoadOrder, MemberStatus, MemberTasks } from './member-process.ts';
import { nowUs, serveTasks } from './task-process.ts';

const [name = '', url = ''] = process.argv.slice(2);
/** Addresses that the load changes in turn. */
const loadKeys = 100_000;
const probeEveryMs = 5;
const tickMs = 1;
/** The meter counts its own period as part of each turn. */
const meterPeriodMs = 1;

const life = await startMember({
  name,
  url,
  configText: `
  cluster {
    Replicate "inbound_cidr" { max_delay = 0  max_keys = 2000000 }
    Replicate "outbound_domains" { max_delay = 0 }
  }`,
  processId: process.pid,
});
const { membership, tables } = life.member;
const counts = tables.get('inbound_cidr')!;
const probes = tables.get('outbound_domains')!;
const turns = monitorEventLoopDelay({ resolution: meterPeriodMs });
turns.enable();
const joinOfThis = measureJoin();

serveTasks<MemberTasks>({
  status: (): MemberStatus => ({
    members: membership.view.members.length,
    isWhole: [counts, probes].every(({ standing }) => standing !== 'partial'),
    isVerified: counts.verify().every(({ verdict }) => verdict === 'match'),
    keys: counts.stats().keys,
    join: joinOfThis(),
  }),
  fill: (keys) => {
    for (let key = 0; key < keys; key++) counts.table.increment(addressOf(key));
    return undefined;
  },
  load: (order) => load(order),
  longestTurnMs,
});

/** 10.0.0.0 and the addresses that follow it. */
function addressOf(key: number): string {
  return `${10 + (key >> 24)}.${(key >> 16) & 255}.${(key >> 8) & 255}.${key & 255}`;
}

/** From the first view with somebody else to all rows whole. */
function measureJoin(): () => MemberStatus['join'] {
  let join: MemberStatus['join'];
  let startedMs: number | undefined;
  membership.listen({
    viewInstalled: (view) => {
      if (view.members.length === 1 || startedMs !== undefined) return;
      startedMs = performance.now();
      turns.reset();
      const watch = setInterval(() => {
        if (counts.standing !== 'whole') return;
        clearInterval(watch);
        join = { totalMs: performance.now() - (startedMs ?? 0), longestTurnMs: longestTurnMs() };
      }, 1);
    },
  });
  return () => join;
}

/** Since this was last asked, or since the join began. */
function longestTurnMs(): number {
  const longestMs = turns.max / 1e6 - meterPeriodMs;
  turns.reset();
  return Math.max(0, longestMs);
}

async function load({ keysPerSecond, forMs }: LoadOrder): Promise<Float64Array> {
  const latenciesUs: number[] = [];
  const ownProbe = `${name}.example`;
  const stopListening = probes.gaugeTable!.onChange((key) => {
    if (key !== ownProbe) latenciesUs.push(nowUs() - probes.table.count(key));
  });
  const startedMs = performance.now();
  let changed = 0;
  const ticking = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * keysPerSecond;
    for (; changed < due; changed++) counts.table.increment(addressOf(changed % loadKeys));
  }, tickMs);
  const probing = setInterval(() => probes.table.set(ownProbe, nowUs()), probeEveryMs);
  await new Promise((resolve) => setTimeout(resolve, forMs));
  clearInterval(ticking);
  clearInterval(probing);
  stopListening();
  return Float64Array.from(latenciesUs);
}
