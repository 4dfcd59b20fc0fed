import { describe, expect, it } from 'vitest';
import type { KernelPort, Neighbour, NeighbourFrame } from '../../../src/actors/kernel-port.ts';
import { Neighbourhood } from '../../../src/actors/neighbourhood.ts';
import { parsePrefix } from '../../../src/core/address.ts';
import type { HostsMessage } from '../../../src/core/duravip/messages.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';
import { incarnation } from './fleet.ts';

const [self, other] = [incarnation('a'), incarnation('b')];
const vip = '10.9.0.1';
const hosts: Neighbour[] = [
  { ip: '10.9.0.100', mac: '02:00:00:00:01:00' },
  { ip: '10.9.0.101', mac: '02:00:00:00:01:01' },
];
const shareIntervalMs = 60_000;
const place = (ip: string) => ({ ip, prefixBits: 32, interface: 'eth0' });

/** One node's neighbours, with everything it sent and when. */
class Street {
  readonly clock = new VirtualClock();
  readonly recorder = new Recorder();
  readonly sent: { readonly atMs: number; readonly frame: NeighbourFrame }[] = [];
  readonly shared: HostsMessage[] = [];
  /** The kernel's own table. */
  known: readonly Neighbour[] = [];
  broken = false;
  /** The lease lives. */
  answers = true;
  readonly neighbourhood: Neighbourhood;

  constructor(allHosts = true, framesPerSecond = 2_000) {
    const { clock, recorder } = this;
    const kernel = {
      announce: (frames: readonly NeighbourFrame[]) => {
        for (const frame of frames) this.sent.push({ atMs: clock.nowMs(), frame });
      },
      neighbours: () => (this.broken ? Promise.reject(new Error('no table')) : Promise.resolve(this.known)),
    } as unknown as KernelPort;
    this.neighbourhood = new Neighbourhood(
      { allHosts, framesPerSecond, shareIntervalMs },
      {
        clock,
        log: recorder.log,
        counters: recorder.counters,
        kernel,
        self,
        share: (message) => this.shared.push(message),
        isVip: (ip) => ip.startsWith('10.9.0.') && ip.length < 10,
        answers: () => this.answers,
        blockOf: () => parsePrefix('10.9.0.0/24'),
      },
    );
  }

  hear(...seen: readonly Neighbour[]): void {
    this.neighbourhood.heard({
      kind: 'hosts',
      from: other,
      hosts: seen.map((host) => ({ ...host, ageMs: 0 })),
    });
  }

  /** `0 request *`: when, in which form, to whom. */
  get said(): string[] {
    return this.sent.map(({ atMs, frame }) => `${atMs} ${frame.form} ${frame.to?.ip ?? '*'}`);
  }

  async pass(durationMs: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.clock.advance(this.clock.nowMs() + durationMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('telling the neighbours', () => {
  it('ARP-1, ARP-2, ARP-4 everybody at once in both forms, and again after 1 and 3 seconds', async () => {
    const street = new Street();
    street.neighbourhood.announce([place(vip)]);
    expect(street.said).toEqual(['0 request *', '0 reply *']);
    await street.pass(10_000);
    expect(street.said.slice(2)).toEqual([
      '1000 request *',
      '1000 reply *',
      '3000 request *',
      '3000 reply *',
    ]);
    expect(street.recorder.counted.get('neighbour_frames_sent_total')).toBe(6);
  });

  it('ARP-4, ARP-6 and each host that any node has seen in the block, once', async () => {
    const street = new Street();
    street.hear(...hosts, { ip: '192.0.2.7', mac: '02:00:00:00:02:07' });
    street.neighbourhood.announce([place(vip)]);
    await street.pass(10_000);
    const toHosts = street.sent.filter(({ frame }) => frame.to).map(({ frame }) => frame.to?.ip);
    expect(toHosts).toEqual(hosts.map(({ ip }) => ip));
  });

  it('ARP-2, ARP-5 arp_all_hosts = false: only hosts that were seen', async () => {
    const street = new Street(false);
    street.neighbourhood.announce([place(vip)]);
    await street.pass(5_000);
    expect(street.said).toEqual([]);
    street.hear(...hosts);
    street.neighbourhood.announce([place(vip)]);
    await street.pass(5_000);
    expect(street.sent).toHaveLength(6);
    expect(street.sent.every(({ frame }) => frame.to !== undefined)).toBe(true);
  });

  it('ARP-7, LIFE-18 without the lease nothing is said: others may answer by now', async () => {
    const street = new Street();
    street.answers = false;
    street.neighbourhood.announce([place(vip)]);
    await street.pass(1_500);
    expect(street.said).toEqual([]);
    street.answers = true;
    await street.pass(50);
    expect(street.said.map((each) => each.split(' ')[1])).toContain('request');
  });

  it('ARP-7 an address that leaves is not spoken of any more', async () => {
    const street = new Street();
    street.hear(...hosts);
    street.neighbourhood.announce([place(vip), place('10.9.0.2')]);
    const before = street.sent.length;
    street.neighbourhood.released(vip);
    await street.pass(10_000);
    expect(street.sent.slice(before).filter(({ frame }) => frame.ip === vip)).toEqual([]);
    expect(street.sent.slice(before).some(({ frame }) => frame.ip === '10.9.0.2')).toBe(true);
  });

  it('ARP-8 the first word about each of many leaves at once, the rest at the configured rate', async () => {
    const street = new Street(true, 100);
    const many = Array.from({ length: 50 }, (_, i) => place(`10.9.1.${i}`));
    street.neighbourhood.announce(many);
    expect(street.sent).toHaveLength(100);
    await street.pass(1_000 + 1_000);
    const repeats = street.sent.slice(100);
    for (let fromMs = 0; fromMs < 2_000; fromMs += 100) {
      const within = repeats.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1_000);
      expect(within.length).toBeLessThanOrEqual(101);
    }
    await street.pass(10_000);
    expect(street.sent).toHaveLength(300);
  });

  it('EXT-2 a claim of somebody else is answered soon, and with a last word, but never for ever', async () => {
    const street = new Street();
    const mac = '02:00:00:00:09:09';
    street.neighbourhood.defend(place(vip), mac);
    // A claim comes in both forms; the second must not put the answer off.
    street.neighbourhood.defend(place(vip), mac);
    await street.pass(900);
    expect(street.said).toEqual(['200 request *', '200 reply *']);
    for (let second = 0; second < 100; second++) {
      await street.pass(1_000);
      street.neighbourhood.defend(place(vip), mac);
    }
    expect(street.sent).toHaveLength(12);
    expect(street.sent[6]!.atMs).toBe(10_000);
    expect(street.recorder.counted.get('foreign_claims_total')).toBe(102);
    // A minute of silence later it is another incident.
    await street.pass(60_000);
    street.neighbourhood.defend(place(vip), mac);
    await street.pass(500);
    expect(street.sent).toHaveLength(14);
  });

  it('EXT-2, ARP-7 nothing is said for an address that has left meanwhile', async () => {
    const street = new Street();
    street.neighbourhood.defend(place(vip), 'x');
    street.neighbourhood.defend(place(vip), 'x');
    street.neighbourhood.released(vip);
    await street.pass(20_000);
    expect(street.sent).toHaveLength(0);
  });

  it('OWN-8 told again: the schedule begins anew', async () => {
    const street = new Street();
    street.neighbourhood.announce([place(vip)]);
    await street.pass(500);
    street.neighbourhood.announce([place(vip)]);
    await street.pass(10_000);
    const moments = [...new Set(street.sent.map(({ atMs }) => atMs))];
    expect(moments).toEqual([0, 500, 1_500, 3_500]);
  });

  it('nothing is sent or asked once it has stopped', async () => {
    const street = new Street();
    street.known = hosts;
    street.neighbourhood.share();
    await street.pass(0);
    street.neighbourhood.announce([place(vip)]);
    const before = [street.sent.length, street.shared.length];
    street.neighbourhood.stop();
    await street.pass(3 * shareIntervalMs);
    expect([street.sent.length, street.shared.length]).toEqual(before);
  });
});

describe('the shared table of hosts', () => {
  it('ARP-9 what this machine knows is told to the others, again after each interval, without floating addresses', async () => {
    const street = new Street();
    street.known = [...hosts, { ip: vip, mac: '02:00:00:00:00:09' }];
    street.neighbourhood.share();
    await street.pass(0);
    const seen = hosts.map((host) => ({ ...host, ageMs: 0 }));
    expect(street.shared).toEqual([{ kind: 'hosts', from: self, hosts: seen }]);
    await street.pass(shareIntervalMs - 1);
    expect(street.shared).toHaveLength(1);
    await street.pass(1 + shareIntervalMs);
    expect(street.shared).toHaveLength(3);
  });

  it('ARP-9 asked for between two intervals, the next follows a whole interval later', async () => {
    const street = new Street();
    street.known = hosts;
    street.neighbourhood.share();
    await street.pass(shareIntervalMs / 2);
    street.neighbourhood.share();
    await street.pass(shareIntervalMs - 1);
    expect(street.shared).toHaveLength(2);
  });

  it('ARP-9, ARP-14 what others saw is in the table, too, by address and with its age', async () => {
    const street = new Street();
    street.known = [hosts[1]!];
    street.neighbourhood.share();
    await street.pass(1_000);
    street.hear(hosts[0]!);
    expect(street.neighbourhood.hosts).toEqual([
      { ...hosts[0], ageMs: 0 },
      { ...hosts[1], ageMs: 1_000 },
    ]);
  });

  it('ARP-9 a machine that knows nobody says nothing, and one that cannot be read tries again', async () => {
    const street = new Street();
    street.neighbourhood.share();
    await street.pass(0);
    expect(street.shared).toEqual([]);
    street.broken = true;
    await street.pass(shareIntervalMs);
    expect(street.recorder.texts('error')).toEqual([
      'error: the neighbours of this machine could not be read: Error: no table',
    ]);
    street.broken = false;
    street.known = hosts;
    await street.pass(shareIntervalMs);
    expect(street.shared).toHaveLength(1);
  });
});
