/** A third node joins two that have many floating addresses: who moves, in how many rounds, and what clients notice. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lookout, type Report, sharedNowMs } from '../../../lab/lookout.ts';
import { until } from '../until.ts';
import { Harbour } from './harbour.ts';

const machines = ['a', 'b', 'c'] as const;
const balanceIntervalS = 2;
let harbour: Harbour;
let lookout: Lookout;

beforeAll(async () => {
  harbour = new Harbour(machines, {
    addresses: 60,
    askEveryMs: 1_000,
    cluster: `view_mature_time = 1
      view_balance_interval = ${balanceIntervalS}
      duravip_balance_set_size = 10`,
  });
  lookout = Lookout.start(harbour.floating.on('client'), {
    ips: harbour.ips,
    machines: Object.fromEntries(machines.map((machine) => [machine, harbour.floating.mac(machine)])),
    asksDirectly: true,
    askEveryMs: 50,
  });
  await Promise.all([harbour.start('a'), harbour.start('b')]);
  await owners('a', 'b');
});

afterAll(async () => {
  lookout.stop();
  await harbour.end();
});

const reports: Report[] = [];

/** Waits until these machines have the same number of addresses each, and the client knows: who has which. */
async function owners(...names: readonly string[]): Promise<Map<string, string>> {
  let found = new Map<string, string>();
  await until(async () => {
    const look = await lookout.look();
    reports.push(...look.reports);
    found = new Map(harbour.ips.map((ip) => [ip, look.outlook[ip]!.machine ?? '']));
    return names.every(
      (name) => [...found.values()].filter((owner) => owner === name).length === 60 / names.length,
    );
  }, 40_000);
  return found;
}

interface Change {
  readonly time: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
}

describe('a node that joins', () => {
  it('OWN-26 OWN-27 LIFE-8 T8 gets its share in two rounds of ten, and what stays is never interrupted', async () => {
    const before = await owners('a', 'b');
    reports.length = 0;
    const joinMs = sharedNowMs();
    await harbour.start('c');
    const after = await owners('a', 'b', 'c');
    const moved = harbour.ips.filter((ip) => before.get(ip) !== after.get(ip));
    expect(moved).toHaveLength(20);
    expect(moved.every((ip) => after.get(ip) === 'c')).toBe(true);
    const isTrouble = (report: Report) =>
      report.what === 'double' ||
      (report.what === 'gap' && report.fromMs > joinMs && !moved.includes(report.ip));
    expect(reports.filter(isTrouble)).toEqual([]);
    const history = await harbour.node('a').console('json cluster duravip history');
    const { changes } = JSON.parse(history) as { changes: Change[] };
    const timesMs = changes.filter(({ reason }) => reason === 'balanced').map(({ time }) => Date.parse(time));
    expect(timesMs).toHaveLength(20);
    const starts = timesMs.filter(
      (atMs, at) => at === 0 || atMs - timesMs[at - 1]! > (balanceIntervalS * 1_000) / 2,
    );
    expect(starts.map((atMs) => timesMs.indexOf(atMs))).toEqual([0, 10]);
  });
});
