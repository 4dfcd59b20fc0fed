import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leaseTables, removeLeaseTables } from '../../../../src/net/linux/lease-tables.ts';
import { LifetimeLease } from '../../../../src/net/linux/lifetime-lease.ts';
import { Plumbing } from '../../../../src/net/linux/plumbing.ts';
import { missingCapabilities, privilegeProblems } from '../../../../src/net/linux/privileges.ts';
import { formatCommands, parseCommands, StateFile } from '../../../../src/net/linux/state-file.ts';
import { systemClock } from '../../../../src/node/system-clock.ts';

const address = { ip: '10.84.0.1', prefixBits: 32, interface: 'eth0' };
const address6 = { ip: 'fd84::1', prefixBits: 128, interface: 'bond0.7' };

describe('the state file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-state-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('LIFE-2 the next life reads what this one plumbed, and the name of its tables', async () => {
    const first = await StateFile.open(folder, 'flotilla-old', systemClock);
    expect(first.earlierTable).toBeUndefined();
    first.add([address, address6]);
    first.add([{ ...address, ip: '10.84.0.2' }]);
    first.remove([{ ...address, ip: '10.84.0.2' }]);
    expect(readFileSync(first.path, 'utf8')).toBe(
      'address del 10.84.0.1/32 dev eth0\naddress del fd84::1/128 dev bond0.7\n',
    );
    first.close();
    const second = await StateFile.open(folder, 'flotilla-new', systemClock);
    expect(second.addresses).toEqual([address, address6]);
    expect(second.earlierTable).toBe('flotilla-old');
    second.close();
  });

  test('LIFE-1 an address of an earlier life that cannot be taken off is an error, and stays in the file', async () => {
    const state = await StateFile.open(folder, 'flotilla-a', systemClock);
    state.add([address, address6]);
    const refused = { ok: false, reason: 'operation not permitted' } as const;
    const plumbing = new Plumbing(
      {
        list: async () => [address, address6],
        add: async () => [],
        remove: async (some) => some.map(({ ip }) => (ip === address.ip ? refused : { ok: true })),
      },
      state,
    );
    await expect(plumbing.clear([])).rejects.toThrow(
      /10\.84\.0\.1 on eth0: not removed, operation not permitted/,
    );
    expect(state.addresses).toEqual([address]);
    state.close();
  });

  test('LIFE-2 behind a line that was torn nothing is lost', async () => {
    writeFileSync(join(folder, 'plumbed'), 'address del 10.84.0.9/32 de');
    const first = await StateFile.open(folder, 'flotilla-a', systemClock);
    first.add([address]);
    first.add([address, address6]);
    first.close();
    const second = await StateFile.open(folder, 'flotilla-a', systemClock);
    expect(second.addresses).toEqual([address, address6]);
    second.close();
  });

  test('LIFE-2 nobody else reads or writes it', async () => {
    const state = await StateFile.open(folder, 'flotilla-a', systemClock);
    state.add([address]);
    expect(statSync(state.path).mode & 0o777).toBe(0o600);
    state.close();
  });

  test('LIFE-2 lines of another form are left out', async () => {
    expect(parseCommands(formatCommands([address, address6]))).toEqual([address, address6]);
    const torn = `address del 10.84.0.9/32 dev\nlink del eth0\naddress flush dev eth0\n${formatCommands([address])}addr`;
    writeFileSync(join(folder, 'plumbed'), torn);
    const state = await StateFile.open(folder, 'flotilla-a', systemClock);
    expect(state.addresses).toEqual([address]);
    state.close();
  });
});

describe('privileges', () => {
  const status = (bits: string) => `Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${bits}\n`;

  test('NET-13 all, none, and some', () => {
    const wanted = ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'] as const;
    expect(missingCapabilities(wanted, status('000001ffffffffff'))).toEqual([]);
    expect(missingCapabilities(wanted, status('0000000000000000'))).toEqual(wanted);
    expect(missingCapabilities(wanted, status('0000000000003000'))).toEqual(['CAP_NET_BIND_SERVICE']);
    expect(missingCapabilities(wanted, '')).toEqual(wanted);
  });

  test('NET-13 a problem names the privilege, what it is for, and the remedy', () => {
    expect(privilegeProblems(['CAP_NET_RAW'], status('0'))).toEqual([
      'CAP_NET_RAW is missing, which announces addresses by ARP and NDP: run as root, or give it with ' +
        'AmbientCapabilities=CAP_NET_RAW in the systemd unit, or in capabilities of Security { }; in a container ' +
        'run as root with all other capabilities dropped',
    ]);
  });
});

describe('the tables of the lease', () => {
  test('LIFE-18 earlier ones of the name are gone in the same transaction', () => {
    const text = leaseTables('flotilla-a', { managed: ['10.84.0.1', 'fd84::1'], owned: ['fd84::1'] }, [
      'eth0',
    ]);
    expect(text.startsWith(removeLeaseTables('flotilla-a', ['inet', 'arp', 'netdev']))).toBe(true);
    expect(text).toContain('set managed4 { type ipv4_addr; elements = { 10.84.0.1 }; }');
    expect(text).toContain('set managed6 { type ipv6_addr; elements = { fd84::1 }; }');
    expect(text).toContain('set owned4 { type ipv4_addr;  }');
    expect(text).toContain('set owned6 { type ipv6_addr; elements = { fd84::1 }; }');
    expect(text).toContain('hook egress devices = { "eth0" }');
  });

  test('LIFE-18 without interfaces nothing is said of them, which older kernels would refuse', () => {
    expect(leaseTables('flotilla-a', { managed: ['10.84.0.1'], owned: [] }, [])).not.toContain('netdev');
  });
});

describe('a lease by life times', () => {
  function leaseAt(now: { ms: number }) {
    const calls: string[] = [];
    const lease = new LifetimeLease(
      {
        renew: async (seconds) => void calls.push(`renew ${seconds}`),
        withdraw: async (ips) => void calls.push(`withdraw ${ips ? [...ips].join(' ') : 'all'}`),
      },
      { nowMs: () => now.ms, wallMs: () => 0, after: () => ({ cancel: () => undefined }) },
    );
    return { lease, calls };
  }

  test('LIFE-18 it is renewed in whole seconds, and not at every refresh', async () => {
    const now = { ms: 0 };
    const { lease, calls } = leaseAt(now);
    expect(lease.lifetimeS, 'nothing may stay for ever').toBe(1);
    await lease.take(1_500);
    for (now.ms = 0; now.ms <= 1_000; now.ms += 100) expect(await lease.refresh(1_500)).toBe(true);
    expect(calls).toEqual(['renew 2', 'renew 2', 'renew 2']);
  });

  test('LIFE-18 once it has run out everything is taken off, and it stays so', async () => {
    const now = { ms: 0 };
    const { lease, calls } = leaseAt(now);
    await lease.take(800);
    await lease.own(['10.84.0.1']);
    expect(lease.answers('10.84.0.1')).toBe(true);
    now.ms = 800;
    expect(lease.answers('10.84.0.1')).toBe(false);
    expect(await lease.refresh(800)).toBe(false);
    expect(await lease.refresh(800)).toBe(false);
    expect(calls).toEqual(['renew 1', 'withdraw all', 'withdraw all']);
    await lease.take(800);
    expect(await lease.refresh(800)).toBe(true);
  });
});
