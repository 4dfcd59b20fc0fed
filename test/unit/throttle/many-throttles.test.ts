/** With very many throttles no turn of the event loop does something to all of them, and nothing is left out. */
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { ThrottleUse } from '../../../src/core/throttle/messages.ts';
import { Network, type Node } from './network.ts';

const count = 5_000;
const ids = Array.from({ length: count }, (_, i) => `t${i}`);

/** Counts the entries of maps and sets that are walked over. Put in place once: each change slows all maps down. */
function counting(run: (walked: (part: () => void) => number) => void): void {
  const maps = Map.prototype[Symbol.iterator];
  const sets = Set.prototype[Symbol.iterator];
  let entries = 0;
  function counted<T extends IterableIterator<unknown>>(all: T): T {
    const next = all.next.bind(all);
    all.next = () => {
      entries++;
      return next();
    };
    return all;
  }
  Map.prototype[Symbol.iterator] = function () {
    return counted(maps.call(this));
  };
  Set.prototype[Symbol.iterator] = function () {
    return counted(sets.call(this));
  };
  try {
    run((part) => {
      entries = 0;
      part();
      return entries;
    });
  } finally {
    Map.prototype[Symbol.iterator] = maps;
    Set.prototype[Symbol.iterator] = sets;
  }
}

function turn(network: Network, node: Node): boolean {
  const { dueMs } = node.throttles;
  if (dueMs === undefined || dueMs > network.nowMs) return false;
  node.throttles.tick();
  return true;
}

describe('many throttles', () => {
  it('REP-7.14 those that nobody uses any more are forgotten some in each turn, all in the end', () => {
    const network = new Network(1, { capacity: count, expires: true });
    const [node] = network.nodes as [Node];
    for (const id of ids) node.create(id, '1/1');
    network.nowMs += 3_000;
    let left = count;
    while (turn(network, node)) {
      const { throttles } = node.throttles.stats;
      expect(left - throttles).toBeLessThanOrEqual(1024);
      left = throttles;
    }
    expect(left).toBe(0);
  });

  it('CMD-17 a process that goes on as another one looks at few of them, and begins each with nothing granted', () => {
    const network = new Network(1, { capacity: count });
    const [node] = network.nodes as [Node];
    for (const id of ids) {
      node.create(id, '1/3600');
      node.take(id);
    }
    const clock = { nowMs: () => network.nowMs, wallMs: () => network.nowMs };
    const ports = { clock, send: () => true, dueChanged: () => {}, ratesDiffer: () => {} };
    counting((walked) => {
      expect(walked(() => node.throttles.become('f'.repeat(32) as Incarnation, ports))).toBeLessThan(
        count / 2,
      );
    });
    const decisions: number[] = [];
    node.throttles.take(ids[0]!, (waitMs) => decisions.push(waitMs));
    // Alone it is the account, which knows that the life before had the unit.
    expect(decisions[0]).toBeGreaterThan(0);
  });

  it('REP-7.20 reports are made and sent in pieces, and nobody grants before it has them whole', () => {
    const network = new Network(1, { capacity: count });
    const [first] = network.nodes as [Node];
    for (const id of ids) {
      first.create(id, '1/60');
      first.take(id);
    }
    const joiner = network.add({ capacity: count });
    network.propose();
    for (const node of network.nodes) node.install();
    for (const id of ids) joiner.create(id, '1/60');
    for (const id of ids) joiner.take(id);
    for (let turns = 0; !network.isSettled || network.under.length > 0; turns++) {
      expect(turns).toBeLessThan(1_000);
      const parts = network.under.filter(({ message }) => message.kind === 'report').length;
      expect(parts).toBeLessThanOrEqual(2 * 2);
      network.settle();
      for (const node of network.nodes) turn(network, node);
    }
    network.pass(200);
    expect(joiner.throttles.stats.waiting).toBe(0);
    const allowed = network.nodes.flatMap(({ allowed }) => [...allowed]);
    expect(allowed).toHaveLength(count);
    expect(allowed.every(([, units]) => units === 1)).toBe(true);
  });

  it('REP-7.20 in no turn a node goes through all that it holds or waits for, whoever comes or goes', () => {
    const network = new Network(2, { capacity: count });
    // More than are looked at in any turn.
    const some = ids.slice(0, 1_500);
    const [first, second] = network.nodes as [Node, Node];
    for (const id of some) {
      for (const node of [first, second]) node.throttles.createSlots(id, 2, { partition: 'open' });
      first.take(id);
    }
    network.settle();
    const joiner = network.add({ capacity: count });
    let most = 0;
    const change = (nodes: readonly Node[]) =>
      counting((walked) => {
        const walk = (part: () => void) => {
          most = Math.max(most, walked(part));
        };
        network.propose(nodes);
        for (const node of nodes) walk(() => node.install());
        for (let isBusy = true; isBusy; ) {
          isBusy = network.under.length > 0;
          while (network.under.length > 0) walk(() => network.deliver());
          for (const node of nodes)
            walk(() => {
              isBusy = turn(network, node) || isBusy;
            });
        }
      });
    change([first, second, joiner]);
    for (const id of some) joiner.throttles.createSlots(id, 2, { partition: 'open' });
    for (const node of [joiner, second]) {
      for (const id of some) node.take(id);
      network.settle();
    }
    network.kill(first);
    change([second, joiner]);
    expect(most).toBeLessThan(some.length);
    // One of two was held by the first, the other one was had by the joiner.
    expect([joiner, second].map(({ allowed }) => allowed.size)).toEqual([some.length, 0]);
    expect(network.nodes.every(({ throttles }) => throttles.isSettled)).toBe(true);
  });

  it('REP-18.7 a listing goes on to the next turn also where nothing is used', () => {
    const network = new Network(1, { capacity: count });
    const [node] = network.nodes as [Node];
    for (const id of ids) node.create(id, '1/60');
    node.take(ids.at(-1)!);
    const uses = node.throttles.uses();
    const met: ThrottleUse[] = [];
    let most = 0;
    counting((walked) => {
      for (let isDone = false; !isDone; ) {
        const entries = walked(() => {
          const { done, value } = uses.next();
          isDone = done === true;
          if (value) met.push(value);
        });
        most = Math.max(most, entries);
      }
    });
    // Beside them the ends of some of the 256 parts of the map.
    expect(most).toBeLessThan(1500);
    expect(met).toHaveLength(1);
  });

  it('REP-7.14 makes room past those that are waited for, and refuses when there are too many of them', () => {
    const network = new Network(1, { capacity: 100 });
    const [node] = network.nodes as [Node];
    const name = (i: number) => `w${i}`;
    for (let i = 0; i < 99; i++) {
      node.create(name(i), '1/60');
      for (let calls = 0; calls < 2; calls++) node.tarpit(name(i));
    }
    node.create('free', '1/60');
    // Sixty-four that are waited for stand before it.
    expect(() => node.create('late', '1/60')).toThrow('are waited for');
    node.create('later', '1/60');
    expect([node.throttles.has('free'), node.throttles.has('later')]).toEqual([false, true]);
    for (let i = 0; i < 99; i++) expect(node.throttles.has(name(i))).toBe(true);
  });
});
