import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NeighbourFrame } from '../../../src/actors/kernel-port.ts';
import { until } from '../until.ts';
import type { Machine } from './machine.ts';
import { Machines, vip4, vip6 } from './machines.ts';

const long = 60_000;
let net: Machines;

beforeEach(() => {
  net = new Machines('a', 'b', 'c');
});
afterEach(() => net.remove());

type Form = Pick<NeighbourFrame, 'form' | 'to'>;

function announce(machine: Machine, ip: string, form: Form): Promise<void> {
  return machine.call('kernel', 'announce', [{ ip, interface: 'eth0', ...form }]);
}

describe.each([
  { rule: 'ARP-4', vip: vip4, form: 'request', alone: false },
  { rule: 'ARP-4', vip: vip4, form: 'reply', alone: false },
  { rule: 'ARP-5', vip: vip4, form: 'request', alone: true },
  { rule: 'ARP-17', vip: vip6, form: 'reply', alone: false },
  { rule: 'ARP-17', vip: vip6, form: 'reply', alone: true },
] as const)('$rule $vip.ip as $form, to one host: $alone', ({ rule, vip, form, alone }) => {
  test(`${rule} an announcement makes a neighbour turn to the new owner`, async () => {
    const [old, other, taker] = await Promise.all([net.startNode('a'), net.start('b'), net.startNode('c')]);
    await old.serve(long, vip);
    await until(() => other.answersFrom(vip.ip));
    expect(other.neighbour(vip.ip)).toBe(old.mac());
    await old.lease('disown', [vip.ip]);
    await old.unplumb(vip);
    await taker.serve(long, vip);
    // Linux ignores a plain reply for a second after an entry changed; the repeats of ARP-4 are for that.
    const to = alone ? { ip: otherAddress(vip === vip4), mac: other.mac() } : undefined;
    await until(async () => {
      await announce(taker, vip.ip, { form, to });
      return other.neighbour(vip.ip) === taker.mac();
    });
    expect(await other.answersFrom(vip.ip)).toBe(true);
  });
});

function otherAddress(ipv4: boolean): string {
  return ipv4 ? net.address('b') : 'fd83::2';
}

test('R3 ARP-4 the first gratuitous request is enough', async () => {
  const [old, other, taker] = await Promise.all([net.startNode('a'), net.start('b'), net.startNode('c')]);
  await old.serve(long, vip4);
  await until(() => other.answersFrom(vip4.ip));
  await old.lease('disown', [vip4.ip]);
  await taker.serve(long, vip4);
  await announce(taker, vip4.ip, { form: 'request', to: undefined });
  await until(() => other.neighbour(vip4.ip) === taker.mac());
});

test('ARP-7 an address that does not answer is not announced, whatever was decided before', async () => {
  const [old, other, taker] = await Promise.all([net.startNode('a'), net.start('b'), net.startNode('c')]);
  await old.serve(long, vip4);
  await taker.serve(long, vip4);
  await announce(taker, vip4.ip, { form: 'request', to: undefined });
  await until(() => other.answersFrom(vip4.ip));
  await old.lease('disown', [vip4.ip]);
  await announce(old, vip4.ip, { form: 'request', to: undefined });
  // Frames of one socket arrive in order, so the mark shows that the one before it was never sent.
  await old.lease('own', ['10.84.0.5']);
  const mark = { ...vip4, ip: '10.84.0.5' };
  await old.serve(long, mark);
  other.run('ip', 'neigh', 'replace', mark.ip, 'lladdr', '02:00:00:00:00:01', 'dev', 'eth0', 'nud', 'stale');
  await announce(old, mark.ip, { form: 'request', to: undefined });
  await until(() => other.neighbour(mark.ip) === old.mac());
  expect(other.neighbour(vip4.ip)).not.toBe(old.mac());
});

test.each([
  { vip: vip4, mark: { ...vip4, ip: '10.84.0.5' } },
  { vip: vip6, mark: { ...vip6, ip: 'fd84::5' } },
])(
  'LIFE-18 ARP-7 without a lease no announcement of $vip.ip leaves, if the process was stopped before it',
  async ({ vip, mark }) => {
    const [old, other] = await Promise.all([net.startNode('a'), net.start('b')]);
    await old.serve(long, vip);
    await until(() => other.answersFrom(vip.ip));
    for (const { ip } of [vip, mark])
      other.run('ip', 'neigh', 'replace', ip, 'lladdr', '02:00:00:00:00:01', 'dev', 'eth0', 'nud', 'stale');
    await old.lease('drop');
    await old.call('announceUnchecked', vip.ip, 'eth0');
    // Frames of one machine arrive in order, so the mark shows that the one before it was never sent.
    await old.serve(long, mark);
    await old.call('announceUnchecked', mark.ip, 'eth0');
    await until(() => other.neighbour(mark.ip) === old.mac());
    expect(other.neighbour(vip.ip)).not.toBe(old.mac());
  },
);

describe.each([vip4, vip6])('neighbours and $ip', (vip) => {
  test('EXT-2 a probe finds who has the address, and nobody when nobody has', async () => {
    const [node, holder] = await Promise.all([net.startNode('a'), net.startNode('c')]);
    const probe = (timeoutMs: number) =>
      node.call<string | undefined>('kernel', 'probe', vip.ip, 'eth0', timeoutMs);
    expect(await probe(50)).toBeUndefined();
    await holder.serve(long, vip);
    expect(await probe(5_000)).toBe(holder.mac());
    await holder.lease('drop');
    expect(await probe(50), 'plumbed without lease: it answers nobody').toBeUndefined();
  });

  test('EXT-2 an answer counts that came while the process did not run, however late it is read', async () => {
    const [node, holder] = await Promise.all([net.startNode('a'), net.startNode('c')]);
    await holder.serve(long, vip);
    expect(await node.call('probeWhileStalled', vip.ip, 'eth0')).toBe(holder.mac());
  });

  test('EXT-2 a claim of somebody else on an owned address is seen', async () => {
    const [node, rival] = await Promise.all([net.startNode('a'), net.startNode('c')]);
    await node.serve(long, vip);
    await rival.serve(long, vip);
    const seen = async () => (await node.changes()).filter(({ kind }) => kind === 'foreign-claim');
    await until(async () => {
      await announce(rival, vip.ip, { form: 'request', to: undefined });
      return (await seen()).length > 0;
    });
    expect((await seen())[0]).toEqual({
      kind: 'foreign-claim',
      ip: vip.ip,
      mac: rival.mac(),
      interface: 'eth0',
    });
  });
});

test('EXT-2 claims on addresses that are not owned are nobody’s business', async () => {
  const [node, rival] = await Promise.all([net.startNode('a'), net.startNode('c')]);
  const marked = { ...vip4, ip: '10.84.0.2' };
  await node.serve(long, marked);
  await rival.serve(long, vip4, marked);
  await announce(rival, vip4.ip, { form: 'request', to: undefined });
  await announce(rival, marked.ip, { form: 'request', to: undefined });
  const claims = async () => (await node.changes()).filter(({ kind }) => kind === 'foreign-claim');
  await until(async () => (await claims()).length > 0);
  expect(await claims()).toEqual([expect.objectContaining({ ip: marked.ip })]);
});

test('EXT-2 own announcements that come back by another interface are no claim', async () => {
  const node = await net.start('a');
  node.run('ip', 'link', 'add', 'pair0', 'type', 'veth', 'peer', 'name', 'pair1');
  for (const name of ['pair0', 'pair1']) node.run('ip', 'link', 'set', name, 'up');
  const rival = await net.startNode('c');
  await node.open(net.stateFolder('a'));
  const marked = { ...vip4, ip: '10.84.0.2' };
  await node.serve(long, vip4, marked);
  await rival.serve(long, marked);
  await node.call('kernel', 'announce', [{ ip: vip4.ip, interface: 'pair0', form: 'request' }]);
  const claims = async () => (await node.changes()).filter(({ kind }) => kind === 'foreign-claim');
  await until(async () => {
    await announce(rival, marked.ip, { form: 'request', to: undefined });
    return (await claims()).length > 0;
  });
  expect(await claims()).toEqual([expect.objectContaining({ ip: marked.ip, mac: rival.mac() })]);
});

test('ARP-9 ARP-10 the table of neighbours: those that were confirmed', async () => {
  const [node, other] = await Promise.all([net.startNode('a'), net.startNode('b')]);
  await other.serve(long, vip4, vip6);
  await until(() => node.answersFrom(vip4.ip));
  await until(() => node.answersFrom(vip6.ip));
  expect(await node.answersFrom('10.84.0.99')).toBe(false);
  const neighbours = await node.call<{ ip: string; mac: string }[]>('kernel', 'neighbours');
  expect(neighbours).toContainEqual({ ip: vip4.ip, mac: other.mac() });
  expect(neighbours).toContainEqual({ ip: vip6.ip, mac: other.mac() });
  expect(neighbours.map(({ ip }) => ip)).not.toContain('10.84.0.99');
});
