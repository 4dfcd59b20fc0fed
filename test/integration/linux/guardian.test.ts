import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../until.ts';
import { Machines, vip4, vip6 } from './machines.ts';

const long = 60_000;
const others = { ...vip4, ip: '10.84.9.9' };
let net: Machines;

beforeEach(() => {
  net = new Machines('a', 'b');
});
afterEach(() => net.remove());

test('LIFE-12 EXT-3 when the process is killed its addresses answer no more, and are taken off', async () => {
  const [node, other] = await Promise.all([net.start('a'), net.start('b')]);
  node.run('ip', 'address', 'add', `${others.ip}/32`, 'dev', 'eth0');
  await node.open(net.stateFolder('a'));
  await node.serve(long, vip4, vip6);
  await until(() => other.answersFrom(vip4.ip));
  await until(() => other.answersFrom(vip6.ip));
  node.signal('SIGKILL');
  await until(() => node.floating().length === 1);
  expect(node.floating(), 'not ours').toEqual([others.ip]);
  expect(await other.answersFrom(vip4.ip)).toBe(false);
  expect(await other.answersFrom(vip6.ip)).toBe(false);
  await until(() => !node.run('nft', 'list', 'tables').includes('flotilla'));
});

test('LIFE-12 the guardian outlives what is sent to its whole group', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4);
  // Its shell may not have begun yet on a busy machine.
  await until(() => ignores(guardianPid, constants.signals.SIGTERM));
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(guardianPid, name);
  expect(node.sessionOf(guardianPid), 'Ctrl-C does not reach it').not.toBe(node.sessionOf(node.pid));
  node.signal('SIGKILL');
  await until(() => node.floating().length === 0);
});

test('LIFE-12 a guardian that somebody killed is replaced', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4);
  process.kill(guardianPid, 'SIGKILL');
  await until(async () => {
    const { guardianPid: now } = await node.call<{ guardianPid: number }>('guardian');
    return now !== guardianPid;
  });
  node.signal('SIGKILL');
  await until(() => node.floating().length === 0);
});

test('LIFE-2 the next life waits until the guardian of the earlier one has ended', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4);
  process.kill(guardianPid, 'SIGSTOP');
  node.signal('SIGKILL');
  const next = await net.start('a');
  let opened = false;
  const opening = next.open(net.stateFolder('a')).then(() => {
    opened = true;
  });
  // It asks for the lock every 5 ms; so many looks at the machine take longer.
  for (let look = 0; look < 20; look++) expect(next.floating()).toEqual([vip4.ip]);
  expect(opened).toBe(false);
  process.kill(guardianPid, 'SIGCONT');
  await opening;
  expect(next.floating()).toEqual([]);
});

test('LIFE-2 a second node with the same state folder is refused', async () => {
  const [node, second] = await Promise.all([net.startNode('a'), net.start('b')]);
  await expect(second.open(net.stateFolder('a'))).rejects.toThrow('held by another node');
  await node.serve(long, vip4);
  expect(node.floating()).toEqual([vip4.ip]);
});

test('LIFE-1 LIFE-2 a clean slate: what is configured on any interface, what the earlier life left, and nothing else', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4);
  // A container that is killed as a whole.
  process.kill(guardianPid, 'SIGKILL');
  node.signal('SIGKILL');
  node.run('ip', 'address', 'add', `${vip6.ip}/128`, 'dev', 'lo');
  node.run('ip', 'address', 'add', `${others.ip}/32`, 'dev', 'eth0');
  const next = await net.startNode('a');
  const removed = await next.call('kernel', 'cleanSlate', [vip6.ip, '10.84.0.77']);
  expect(removed).toEqual(expect.arrayContaining([vip4, { ...vip6, interface: 'lo' }]));
  expect(removed).toHaveLength(2);
  expect(next.floating()).toEqual([others.ip]);
  expect(next.plumbedOn('lo')).not.toContain(vip6.ip);
});

test('LIFE-9 a graceful end with nothing plumbed leaves no guardian and no tables', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4);
  await node.unplumb(vip4);
  node.run('ip', 'address', 'add', `${vip4.ip}/32`, 'dev', 'eth0');
  await node.call('kernel', 'close');
  expect(() => process.kill(guardianPid, 0)).toThrow('ESRCH');
  expect(node.floating(), 'put there by somebody else').toEqual([vip4.ip]);
  expect(node.run('nft', 'list', 'tables')).not.toContain('flotilla');
});

test('LIFE-9 at a graceful end the guardian takes off what is still there', async () => {
  const node = await net.start('a');
  const { guardianPid } = await node.open(net.stateFolder('a'));
  await node.serve(long, vip4, vip6);
  await node.call('kernel', 'close');
  expect(() => process.kill(guardianPid, 0)).toThrow('ESRCH');
  expect(node.floating()).toEqual([]);
});

function ignores(pid: number, signal: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const ignored = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)![1]}`);
  return ((ignored >> BigInt(signal - 1)) & 1n) === 1n;
}
