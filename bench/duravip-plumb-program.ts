/**
 * Program on one machine of the test network: a node's own actors and its real kernel, without the cluster. Told to, it
 * takes all addresses as by one decision, and tells when that was and the longest turn of its event loop meanwhile.
 *
 * Arguments: folder of the state, number of addresses.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { noWait } from '../src/actors/duravip.ts';
import { type LocalVip, LocalVips } from '../src/actors/local-vips.ts';
import { Neighbourhood } from '../src/actors/neighbourhood.ts';
import { ActorSystem } from '../src/actors/system.ts';
import { newIncarnation } from '../src/core/identity.ts';
import { LinuxKernel } from '../src/net/linux/kernel.ts';
import { systemClock, systemRandom } from '../src/node/system-clock.ts';
import { until } from '../test/integration/until.ts';
import { floatingIps } from './floating-ips.ts';
import { silentLog } from './silent-log.ts';

/** What it answers to the word `take`. */
export interface Taken {
  /** Wall clock, as the other programs on this machine read it. */
  readonly decidedMs: number;
  readonly longestTurnMs: number;
}

/** The meter counts its own period as part of each turn. */
const meterPeriodMs = 1;
const leaseMs = 60_000;

const [stateFolder = '', count = ''] = process.argv.slice(2);
const ips = floatingIps(Number(count));
const world = { clock: systemClock, log: silentLog, counters: { add: () => {} } };
const kernel = await LinuxKernel.open({ nodeName: 'bench', stateFolder, ...world });
const neighbourhood = new Neighbourhood(
  { allHosts: true, framesPerSecond: 2_000, shareIntervalMs: 60_000 },
  {
    ...world,
    kernel,
    self: newIncarnation(systemRandom),
    share: () => {},
    isVip: () => false,
    answers: () => true,
    blockOf: () => undefined,
  },
);
const vips = new LocalVips(
  new ActorSystem(world),
  {
    vips: ips.map(localVip),
    patience: { coolDownMs: 30_000, patienceMs: 4_000 },
    probeMs: 10,
    probeLimitMs: 3_000,
  },
  {
    ...world,
    kernel,
    host: { online: async () => ({ ok: true }), offline: async () => {} },
    mayBegin: () => true,
    announcementChanged: () => {},
    released: () => {},
    leaving: () => {},
    acquired: (addresses) => neighbourhood.announce(addresses),
    claimed: () => {},
  },
);
await kernel.lease.take(leaseMs);
process.on('message', async () => process.send?.(await take()));
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function take(): Promise<Taken> {
  const turns = monitorEventLoopDelay({ resolution: meterPeriodMs });
  turns.enable();
  await new Promise((resolve) => setTimeout(resolve, 10 * meterPeriodMs));
  turns.reset();
  const decidedMs = performance.timeOrigin + performance.now();
  vips.assign(new Map(ips.map((ip) => [ip, noWait])));
  await until(() => [...vips.all].every(({ state }) => state === 'owned'));
  return { decidedMs, longestTurnMs: Math.max(0, turns.max / 1e6 - meterPeriodMs) };
}

function localVip(ip: string): LocalVip {
  return {
    announcement: { ip, names: [ip], services: [], preference: [], followers: [] },
    places: [{ ip, prefixBits: 32, interface: 'eth0' }],
    block: undefined,
  };
}
