import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/core/address.ts';
import { ArpTable, usableMac } from '../../../src/core/duravip/arp-table.ts';

const limits = { shareIntervalMs: 60_000, maxHosts: 1_000 };
const noVip = () => false;
const [m1, m2] = ['00:e0:81:63:5c:e8', '00:00:5e:00:01:0c'] as const;

describe('shared ARP table', () => {
  it('ARP-9 ARP-14 merges what nodes saw and lists it in order of addresses, with ages', () => {
    const table = new ArpTable(limits);
    table.merge([{ ip: '10.0.0.10', mac: m1.toUpperCase(), ageMs: 1_000 }], 5_000, noVip);
    table.merge([{ ip: '10.0.0.9', mac: m2, ageMs: 0 }], 6_000, noVip);
    table.merge([{ ip: '2001:DB8::1', mac: m2, ageMs: 0 }], 6_000, noVip);
    expect(table.entries(8_000)).toEqual([
      { ip: '10.0.0.9', mac: m2, ageMs: 2_000 },
      { ip: '10.0.0.10', mac: m1, ageMs: 4_000 },
      { ip: '2001:db8::1', mac: m2, ageMs: 2_000 },
    ]);
  });

  it('ARP-10 ARP-11 skips what no host can have and what is malformed', () => {
    const table = new ArpTable(limits);
    const macs = [
      '00:00:00:00:00:00',
      'ff:ff:ff:ff:ff:ff',
      '01:00:5e:00:00:01',
      '33:33:00:00:00:01',
      '',
      'x',
      `${m1}:00`,
    ];
    for (const mac of macs) expect(usableMac(mac)).toBeUndefined();
    const samples = macs.map((mac, i) => ({ ip: `10.0.0.${i}`, mac, ageMs: 0 }));
    samples.push({ ip: '10.0.0', mac: m1, ageMs: 0 }, { ip: '10.0.0.1', mac: m1, ageMs: -1 });
    samples.push({ ip: '10.0.0.1', mac: m1, ageMs: Number.NaN });
    expect(table.merge(samples, 0, noVip)).toBe(0);
  });

  it('ARP-12 drops an entry after five intervals without a word of it', () => {
    const table = new ArpTable(limits);
    table.merge([{ ip: '10.0.0.1', mac: m1, ageMs: 0 }], 0, noVip);
    table.expire(300_000);
    expect(table.size).toBe(1);
    table.merge([{ ip: '10.0.0.1', mac: m1, ageMs: 0 }], 300_000, noVip);
    table.expire(300_001);
    expect(table.size).toBe(1);
    table.expire(600_001);
    expect(table.size).toBe(0);
    expect(table.merge([{ ip: '10.0.0.1', mac: m1, ageMs: 300_001 }], 0, noVip)).toBe(0);
  });

  it('ARP-13 of two MACs the one confirmed last counts; floating addresses never', () => {
    const table = new ArpTable(limits);
    table.merge([{ ip: '10.0.0.1', mac: m1, ageMs: 0 }], 1_000, noVip);
    table.merge([{ ip: '10.0.0.1', mac: m2, ageMs: 5_000 }], 2_000, noVip);
    expect(table.entries(2_000)).toMatchObject([{ mac: m1 }]);
    expect(table.merge([{ ip: '10.0.0.2', mac: m1, ageMs: 0 }], 0, (ip) => ip === '10.0.0.2')).toBe(0);
    table.forget(['10.0.0.1']);
    expect(table.size).toBe(0);
  });

  it('ARP-6 targets lie in the block and are not the node itself', () => {
    const table = new ArpTable(limits);
    const ips = ['10.1.0.1', '10.1.0.2', '10.2.0.1', '2001:db8::1'];
    table.merge(
      ips.map((ip) => ({ ip, mac: m1, ageMs: 0 })),
      0,
      noVip,
    );
    const targets = (block: string) =>
      table.targets(parsePrefix(block)!, (ip) => ip === '10.1.0.2').map(({ ip }) => ip);
    expect(targets('10.1.0.0/16')).toEqual(['10.1.0.1']);
    expect(targets('2001:db8::/32')).toEqual(['2001:db8::1']);
    expect(targets('0.0.0.0/0')).toEqual(['10.1.0.1', '10.2.0.1']);
  });

  it('always: at most the allowed number of hosts, and those unconfirmed for longest go', () => {
    const table = new ArpTable({ ...limits, maxHosts: 3 });
    for (let i = 0; i < 10; i++) table.merge([{ ip: `10.0.0.${i}`, mac: m1, ageMs: 0 }], i, noVip);
    expect(table.entries(10).map(({ ip }) => ip)).toEqual(['10.0.0.7', '10.0.0.8', '10.0.0.9']);
  });

  it('always: the same samples in any order, some twice, give the same table', () => {
    const sample = fc.record({
      ip: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
      mac: fc.constantFrom(m1, m2),
      ageMs: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(sample), fc.array(fc.nat()), (samples, keys) => {
        const [x, y] = [new ArpTable(limits), new ArpTable(limits)];
        x.merge(samples, 100, noVip);
        const shuffled = [...samples, ...samples].map((each, i) => [keys[i] ?? i, each] as const);
        shuffled.sort(([a], [b]) => a - b);
        for (const [, each] of shuffled) y.merge([each], 100, noVip);
        expect(y.entries(100)).toEqual(x.entries(100));
      }),
    );
  });
});
