/** Floating addresses as the simulator configures them: as in production, with shorter waits. */
import type { LocalVip } from '../../src/actors/local-vips.ts';
import type { DuravipSettings } from '../../src/actors/ownership.ts';
import { parsePrefix } from '../../src/core/address.ts';

export interface SimVip {
  readonly ip: string;
  readonly follower: string | undefined;
  /** Node name. */
  readonly preferred: string | undefined;
  /** Default: `eth0`. */
  readonly interface?: string;
}

export function duravipSettings(vips: readonly SimVip[], quorum: number | undefined): DuravipSettings {
  return {
    vips: vips.map(localVip),
    table: { matureMs: 2_000, orphanMatureMs: 0, brokenPolicy: 'release' },
    balanceSetSize: 4,
    balanceIntervalMs: 2_000,
    handover: { concurrent: false, timeoutMs: 3_000, failureTimeoutMs: 1_000 },
    holdMs: 800,
    quorum,
    keepOnOutage: false,
    beatIntervalMs: 200,
    patience: { coolDownMs: 3_000, patienceMs: 1_000 },
    probeMs: 10,
    probeLimitMs: 3_000,
    neighbours: { allHosts: true, framesPerSecond: 2_000, shareIntervalMs: 60_000 },
  };
}

function localVip({ ip, follower, preferred, interface: name = 'eth0' }: SimVip): LocalVip {
  const followers = follower === undefined ? [] : [follower];
  const preference = preferred === undefined ? [] : [preferred];
  return {
    announcement: { ip, names: [`b${ip}`], services: [], preference, followers },
    places: [ip, ...followers].map((each) => ({ ip: each, prefixBits: 32, interface: name })),
    block: parsePrefix('10.9.0.0/16'),
  };
}
