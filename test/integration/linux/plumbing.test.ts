import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PlumbedAddress } from '../../../src/actors/kernel-port.ts';
import { until } from '../until.ts';
import { Machines, vip4, vip6 } from './machines.ts';

let net: Machines;

beforeEach(() => {
  net = new Machines('a', 'b');
});
afterEach(() => net.remove());

test('NET-7 NET-9 present counts as added, absent as removed', async () => {
  const node = await net.startNode('a');
  expect(await node.plumb(vip4, vip6)).toEqual([{ ok: true }, { ok: true }]);
  expect(await node.plumb(vip4, vip6)).toEqual([{ ok: true }, { ok: true }]);
  expect(node.floating()).toEqual([vip4.ip, vip6.ip]);
  expect(await node.call('kernel', 'addresses')).toEqual(expect.arrayContaining([vip4, vip6]));
  expect(await node.unplumb(vip4, vip6)).toEqual([{ ok: true }, { ok: true }]);
  expect(await node.unplumb(vip4, vip6)).toEqual([{ ok: true }, { ok: true }]);
  expect(node.floating()).toEqual([]);
});

test('NET-7 each address of a batch has its own outcome', async () => {
  const node = await net.startNode('a');
  const nowhere = { ...vip4, ip: '10.84.0.2', interface: 'eth7' };
  expect(await node.plumb(vip4, nowhere, { ...vip4, ip: '10.84.0.3', prefixBits: 33 }, vip6)).toEqual([
    { ok: true },
    { ok: false, reason: expect.stringContaining('ENODEV') },
    { ok: false, reason: expect.stringContaining('EINVAL') },
    { ok: true },
  ]);
  expect(node.floating()).toEqual([vip4.ip, vip6.ip]);
});

test('NET-2 an address goes on the machine with the mask of its topology', async () => {
  const node = await net.startNode('a');
  const wide = { ...vip4, prefixBits: 24 };
  await node.plumb(wide);
  expect(await node.call('kernel', 'addresses')).toContainEqual(wide);
  await node.unplumb(wide);
  expect(node.floating()).toEqual([]);
});

test('NET-6 with a wide mask one that is taken off takes others off, and that is told at once', async () => {
  const node = await net.startNode('a');
  const wide = ['10.84.1.1', '10.84.1.2', '10.84.1.3'].map((ip) => ({ ...vip4, ip, prefixBits: 24 }));
  node.run(
    'sysctl',
    '-qw',
    'net.ipv4.conf.eth0.promote_secondaries=0',
    'net.ipv4.conf.all.promote_secondaries=0',
  );
  await node.plumb(...wide);
  await node.unplumb(wide[0]!);
  expect(node.floating(), 'what Linux does').toEqual([]);
  const removed = async () =>
    (await node.changes()).flatMap((change) => (change.kind === 'address-removed' ? change.address.ip : []));
  await until(async () => (await removed()).length === 3);
  expect((await removed()).sort()).toEqual(wide.map(({ ip }) => ip));
  // Each with a mask of its own stays.
  const narrow = wide.map((address) => ({ ...address, prefixBits: 32 }));
  await node.plumb(...narrow);
  await node.unplumb(narrow[0]!);
  expect(node.floating()).toEqual(['10.84.1.2', '10.84.1.3']);
});

test('NET-11 nothing but the addresses of a call is touched', async () => {
  const node = await net.start('a');
  node.run(
    'nft',
    'table inet others { chain input { type filter hook input priority 0; tcp dport 99 drop; }; }',
  );
  // The kernel itself still asks whether others have the link-local address: for a second it is shown as tentative.
  await until(() => !node.run('ip', 'address').includes('tentative'));
  const before = configuration();
  await node.open(net.stateFolder('a'));
  await node.serve(60_000, vip4, vip6);
  await node.call('kernel', 'announce', [{ ip: vip4.ip, interface: 'eth0', form: 'request' }]);
  expect(configuration()).not.toEqual(before);
  await node.unplumb(vip4, vip6);
  await node.lease('disown', [vip4.ip, vip6.ip]);
  await node.call('kernel', 'close');
  expect(configuration()).toEqual(before);

  function configuration(): string[] {
    const commands = ['ip address', 'ip link', 'ip route', 'ip -6 route', 'ip rule', 'nft list ruleset'];
    return commands.map((command) =>
      node.run(...command.split(' ')).replace(/counter packets \d+ bytes \d+/g, ''),
    );
  }
});

test('NET-21 1,024 addresses go on and off in one batch', async () => {
  const node = await net.startNode('a');
  const many = Array.from({ length: 1_024 }, (_, i): PlumbedAddress => {
    return { ip: `10.84.${i >> 8}.${i & 255}`, prefixBits: 32, interface: 'eth0' };
  });
  await node.serve(60_000, ...many);
  expect(new Set(node.floating())).toEqual(new Set(many.map(({ ip }) => ip)));
  expect((await node.unplumb(...many)).every(({ ok }) => ok)).toBe(true);
  expect(node.floating()).toEqual([]);
});

test('NET-18 tells what happens to addresses and interfaces', async () => {
  const node = await net.startNode('a');
  const added = { kind: 'address-added', address: vip4 };
  const removed = { kind: 'address-removed', address: vip4 };
  node.run('ip', 'address', 'add', `${vip4.ip}/32`, 'dev', 'eth0');
  node.run('ip', 'address', 'del', `${vip4.ip}/32`, 'dev', 'eth0');
  await until(async () => (await node.changes()).length >= 2);
  expect(await node.changes()).toEqual([added, removed]);

  net.unplug('a');
  const down = {
    kind: 'interface',
    interface: expect.objectContaining({ name: 'eth0', up: false, mac: node.mac() }),
  };
  await until(async () => (await node.changes()).length >= 3);
  expect((await node.changes())[2]).toEqual(down);
  expect(await node.call('kernel', 'interfaces')).toContainEqual(down.interface);

  node.run('ip', 'link', 'add', 'pair0', 'type', 'veth', 'peer', 'name', 'pair1');
  node.run('ip', 'link', 'del', 'pair0');
  await until(async () => (await node.changes()).some(({ kind }) => kind === 'interface-gone'));
  expect(await node.changes()).toContainEqual({ kind: 'interface-gone', name: 'pair0' });
});

test('NET-18 says that it is unsure when more changed than it could hear', async () => {
  const node = await net.startNode('a');
  node.signal('SIGSTOP');
  const lines = (word: string) =>
    Array.from({ length: 8_192 }, (_, i) => `address ${word} 10.84.${i >> 8}.${i & 255}/32 dev eth0\n`).join(
      '',
    );
  node.runWithInput(lines('add') + lines('del'), 'ip', '-batch', '-');
  node.signal('SIGCONT');
  await until(async () => (await node.changes()).some(({ kind }) => kind === 'unsure'));
});
