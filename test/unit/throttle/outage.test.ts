/** Callers that want to know now, while the account holder does not answer (R5, replication 7.9, 7.20). */
import { describe, expect, it } from 'vitest';
import { Network, type Node } from './network.ts';

/** Neither keeps the account nor passes on grants of it. */
function bystander(network: Network): Node {
  return network.nodes.find(
    (node) => node !== network.keeper('a') && node !== network.keeper('a', 'deputy'),
  )!;
}

function shared(rate: string): Network {
  const network = new Network(4);
  for (const node of network.nodes) node.create('a', rate);
  return network;
}

function takeAll(network: Network, node: Node): number {
  const waits = Array.from({ length: 20 }, () => node.take('a'));
  network.settle();
  expect(waits.every((answer) => answer.length === 1)).toBe(true);
  return waits.flat().filter((waitMs) => waitMs === 0).length;
}

describe('an account that does not answer', () => {
  it.each(['holder', 'deputy'] as const)(
    'R5 REP-7.20 when the %s is lost whoever takes is refused after max_wait, and all that is left is had in the next view',
    (rank) => {
      const network = shared('10/60');
      const node = bystander(network);
      expect(node.take('a')).toEqual([]);
      network.settle();
      expect(network.most('a')).toBe(1);
      network.kill(network.keeper('a', rank));
      const early = node.take('a');
      const over = node.use('a', 0);
      network.pass(100);
      expect([early, over]).toEqual([[], []]);
      network.pass(100);
      expect([early, over]).toEqual([[200], [true]]);
      network.propose();
      network.settle();
      takeAll(network, node);
      expect(network.most('a')).toBeGreaterThanOrEqual(9);
      expect(network.most('a')).toBeLessThanOrEqual(10);
    },
  );

  it('R5 who comes while it is silent is refused in the same call, and it is asked on', () => {
    const network = shared('10/60');
    const node = bystander(network);
    const holder = network.keeper('a');
    network.kill(holder);
    node.take('a');
    network.pass(200);
    for (let i = 0; i < 5; i++) {
      expect(node.take('a')).toEqual([200]);
      network.pass(100);
    }
    network.nodes.push(holder);
    node.take('a');
    network.pass(100);
    expect(takeAll(network, node)).toBe(10);
  });

  it('R5 R4 a node that has lost the bus refuses in the same call, and spends what it was granted', () => {
    const network = shared('10/60');
    const node = bystander(network);
    // Of two grants one is used.
    node.take('a');
    node.tarpit('a');
    network.settle();
    node.throttles.giveBack('a', [...network.allowed('a').keys()][0]!);
    node.isCutOff = true;
    expect([node.take('a'), node.take('a'), node.take('a')]).toEqual([[0], [200], [200]]);
    expect(network.under).toEqual([]);
  });

  it('R5 the wait is not longer than the window', () => {
    const network = shared('10');
    const node = bystander(network);
    network.kill(network.keeper('a'));
    network.nowMs += 700;
    const waits = node.take('a');
    network.pass(200);
    expect(waits).toEqual([100]);
  });

  it('REP-3.11 another max_wait counts from now on, and who waits in the tarpit is not refused', () => {
    const network = shared('10/60');
    const node = bystander(network);
    network.kill(network.keeper('a'));
    node.throttles.configure({ maxWaitMs: 500 });
    const waits = node.take('a');
    node.tarpit('a');
    network.pass(400);
    expect(waits).toEqual([]);
    network.pass(100);
    expect(waits).toEqual([500]);
    network.propose();
    network.settle();
    expect(network.most('a')).toBe(1);
  });

  it('REP-21.1 R5 a slot that nobody can grant is refused, and given back when it is granted too late', () => {
    const network = new Network(4);
    for (const node of network.nodes) node.throttles.createSlots('a', 1);
    const node = bystander(network);
    const holder = network.keeper('a');
    const waits: number[] = [];
    network.kill(holder);
    node.throttles.take('a', (waitMs) => waits.push(waitMs));
    const late = network.under.splice(0);
    network.pass(200);
    expect(waits).toEqual([200]);
    network.nodes.push(holder);
    network.under.push(...late);
    network.settle();
    holder.tarpit('a');
    network.settle();
    expect(network.most('a', [holder])).toBe(1);
  });
});
