/** Slots (replication 21.1): never more held than there are, and whoever waits gets one as soon as it is free. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepersOf } from '../../../src/core/throttle/keepers.ts';
import { Network, type Node, type NodeOptions } from './network.ts';

/** What the callers of each node hold. */
class Holders {
  readonly network: Network;
  readonly held = new Map<Node, number>();
  refused = 0;

  constructor(network: Network) {
    this.network = network;
  }

  create(node: Node, count: number): void {
    node.throttles.createSlots('a', count, { partition: 'open' });
  }

  take(node: Node): void {
    node.throttles.take('a', (waitMs) => {
      if (waitMs === 0) this.#change(node, 1);
      else this.refused++;
    });
  }

  wait(node: Node): void {
    node.throttles.tarpit('a', () => this.#change(node, 1));
  }

  giveBack(node: Node): void {
    if ((this.held.get(node) ?? 0) === 0) return;
    this.#change(node, -1);
    node.throttles.giveBack('a', 0);
  }

  get inAll(): number {
    return this.network.nodes.reduce((sum, node) => sum + (this.held.get(node) ?? 0), 0);
  }

  #change(node: Node, by: number): void {
    this.held.set(node, (this.held.get(node) ?? 0) + by);
  }
}

function shared(count: number, slots: number, options: NodeOptions = {}): Holders {
  const holders = new Holders(new Network(count, options));
  for (const node of holders.network.nodes) holders.create(node, slots);
  return holders;
}

describe('slots', () => {
  it('REP-21.1 a limit of 2 over 8 nodes is never 3, and a slot that comes free goes to who waits', () => {
    const holders = shared(8, 2);
    const { network } = holders;
    for (const node of network.nodes) {
      holders.wait(node);
      network.settle();
    }
    const served: number[] = [];
    for (let round = 0; round < 8; round++) {
      expect(holders.inAll).toBe(Math.min(2, 8 - round));
      const holder = network.nodes.find((node) => (holders.held.get(node) ?? 0) > 0)!;
      served.push(network.nodes.indexOf(holder));
      holders.giveBack(holder);
      // No time passes: nobody waits for a timer.
      network.settle();
    }
    expect(served.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('REP-21.1 who does not wait is told at once that there is none', () => {
    const holders = shared(3, 1);
    const [first, second, third] = holders.network.nodes;
    for (const node of [first!, second!, third!]) {
      holders.take(node);
      holders.network.settle();
    }
    expect([holders.inAll, holders.refused]).toEqual([1, 2]);
    holders.giveBack(first!);
    holders.network.settle();
    expect(holders.inAll).toBe(0);
    holders.take(third!);
    holders.network.settle();
    expect([holders.inAll, holders.refused]).toEqual([1, 2]);
  });

  it('REP-21.1 who asks again is told at once again, also while another of its node waits for one', () => {
    const holders = shared(3, 1);
    const { network } = holders;
    const [first, second] = [network.keeper('a'), network.keeper('a', 'deputy')];
    const third = network.nodes.find((node) => node !== first && node !== second)!;
    holders.take(first);
    network.settle();
    for (const waiting of [0, 1]) {
      for (let i = 0; i < waiting; i++) holders.wait(third);
      network.settle();
      holders.refused = 0;
      for (let i = 0; i < 5; i++) {
        holders.take(third);
        network.settle();
        expect(holders.refused).toBe(i + 1);
      }
    }
    holders.giveBack(first);
    network.settle();
    expect(holders.held.get(third)).toBe(1);
    expect(holders.inAll).toBe(1);
  });

  it('REP-21.1 a node alone decides in the same call', () => {
    const holders = shared(1, 2);
    const [node] = holders.network.nodes;
    for (let i = 0; i < 3; i++) holders.take(node!);
    expect([holders.inAll, holders.refused]).toEqual([2, 1]);
    holders.giveBack(node!);
    holders.take(node!);
    expect([holders.inAll, holders.refused]).toEqual([2, 1]);
  });

  it('REP-21.1 slots of who has left the view are free; those of the others are known to the next holder', () => {
    for (const rank of ['holder', 'deputy'] as const) {
      const holders = shared(4, 3);
      const { network } = holders;
      const lost = network.keeper('a', rank);
      const others = network.nodes.filter((node) => node !== lost);
      for (const node of [lost, others[0]!, others[1]!]) {
        holders.take(node);
        network.settle();
      }
      network.kill(lost);
      network.propose();
      network.settle();
      for (const node of others) {
        holders.take(node);
        network.settle();
      }
      expect(holders.inAll).toBe(3);
    }
  });

  it('REP-21.1 it is not forgotten while somebody holds one', () => {
    const network = new Network(0);
    const holders = new Holders(network);
    const node = network.add({ expires: true, capacity: 1 });
    network.propose();
    network.settle();
    holders.create(node, 1);
    holders.take(node);
    network.pass(10_000);
    expect(() => node.throttles.create('b', '1')).toThrow('all 1 throttles are waited for');
    holders.giveBack(node);
    network.pass(10_000);
    expect(() => node.throttles.giveBack('a', 0)).toThrow('no such throttle');
  });

  it('REP-21.1 a node that forgot it for a while knows what it has given back, over a change of view', () => {
    const network = new Network(3, { expires: true });
    const holders = new Holders(network);
    const [holder, deputy] = [network.keeper('a'), network.keeper('a', 'deputy')];
    const third = network.nodes.find((node) => node !== holder && node !== deputy)!;
    for (const node of network.nodes) holders.create(node, 2);
    for (let i = 0; i < 4; i++) {
      holders.take(third);
      network.settle();
      holders.giveBack(third);
      network.settle();
    }
    network.propose();
    network.pass(3_000);
    for (const node of network.nodes) holders.create(node, 2);
    for (const node of [holder, holder, third, third]) {
      holders.take(node);
      network.settle();
    }
    expect([holders.held.get(holder), holders.held.get(third)]).toEqual([2, 0]);
  });

  it('REP-21.1 a slot that comes to a node which forgot the limit meanwhile is for the others', () => {
    const network = new Network(3, { expires: true });
    const holders = new Holders(network);
    const [holder, deputy] = [network.keeper('a'), network.keeper('a', 'deputy')];
    const third = network.nodes.find((node) => node !== holder && node !== deputy)!;
    for (const node of network.nodes) holders.create(node, 1);
    for (const node of [deputy, third]) {
      holders.take(node);
      network.settle();
    }
    expect([holders.inAll, holders.refused]).toEqual([1, 1]);
    network.pass(5_000);
    expect(() => third.throttles.giveBack('a', 0)).toThrow('no such throttle');
    holders.giveBack(deputy);
    network.settle();
    holders.create(holder, 1);
    holders.take(holder);
    network.settle();
    expect(holders.held.get(holder)).toBe(1);
  });

  it('REP-21.1 what others remember of a member is not taken for what it holds', () => {
    const network = new Network(7, { expires: true });
    const holders = new Holders(network);
    const away = new Set<Node>();
    const present = () => network.nodes.filter((node) => !away.has(node));
    const keepers = () => {
      const { holder, deputy } = keepersOf(
        'a',
        present().map(({ process }) => process),
      );
      return [network.node(holder), network.node(deputy!)] as const;
    };
    // Keepers of each of three views; the others may use slots.
    const first = keepers();
    for (const node of first) away.add(node);
    const second = keepers();
    for (const node of second) away.add(node);
    const third = keepers();
    away.clear();
    const [user] = network.nodes.filter((node) => ![...first, ...second, ...third].includes(node));
    const other = third[0];
    const use = (node: Node, by: () => void) => {
      for (let i = 0; i < 2; i++) {
        holders.create(node, 2);
        by();
      }
      network.settle();
    };
    const change = (leaving: readonly Node[]) => {
      for (const node of leaving) away.add(node);
      network.propose(present());
      network.settle();
    };
    use(user!, () => holders.take(user!));
    change(first);
    use(user!, () => holders.giveBack(user!));
    use(other, () => holders.take(other));
    change(second);
    use(other, () => holders.giveBack(other));
    network.pass(5_000);
    expect(holders.inAll).toBe(0);
    away.clear();
    change([]);
    for (const node of [user!, other]) use(node, () => holders.take(node));
    expect(holders.inAll).toBe(2);
  });

  it('REP-21.1 nor is what a member of an earlier release tells of it', () => {
    const { network } = shared(4, 2);
    const [holder, deputy] = [network.keeper('a'), network.keeper('a', 'deputy')];
    const [third, fourth] = network.nodes.filter((node) => node !== holder && node !== deputy);
    const remembered = { id: 'a', rate: holder.throttles.rate('a')!, window: 0, granted: 2, released: 0 };
    network.under.push({
      to: holder.incarnation,
      message: {
        kind: 'report',
        object: 'shared_named_throttles',
        type: 'shared_named_throttles',
        from: deputy.incarnation,
        view: holder.view!.id,
        part: 0,
        parts: 1,
        items: [{ ...remembered, to: third!.incarnation }],
        lost: [],
      },
    });
    network.settle();
    const waitsMs = [fourth!.take('a'), fourth!.take('a')];
    network.settle();
    expect(waitsMs).toEqual([[0], [0]]);
  });

  it.each([0, -1, 1.5, Number.NaN])('REP-7.2 %s is no number of slots', (count) => {
    const [node] = new Network(1).nodes;
    expect(() => node!.throttles.createSlots('a', count)).toThrow('not a number of slots');
  });

  it('REP-21.1 never more than there are, whatever is lost; when all is well again every one can be had', () => {
    const steps = fc.array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({ do: fc.constantFrom('take', 'wait', 'back', 'back'), at: fc.nat(5) }),
        },
        { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver'), at: fc.nat(10) }) },
        { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('lose', 'repeat'), at: fc.nat(10) }) },
        {
          weight: 3,
          arbitrary: fc.record({ do: fc.constantFrom('tick', 'install', 'pass'), at: fc.nat(5) }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constantFrom('settle', 'kill', 'view', 'join', 'rest'),
            at: fc.nat(5),
          }),
        },
      ),
      { maxLength: 150 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        steps,
        fc.boolean(),
        (slots, count, steps, isNewView) => {
          const holders = shared(count, slots, { expires: true });
          const { network } = holders;
          for (const step of steps) {
            // Whoever wants some says how many there are: what was not used for a while is forgotten.
            for (const each of network.nodes) holders.create(each, slots);
            const node = network.nodes[step.at % network.nodes.length]!;
            moves[step.do]!(holders, node, step.at, slots);
            expect(holders.inAll).toBeLessThanOrEqual(slots);
          }
          // Without one, too, nothing may stay lost for long.
          if (isNewView) network.propose();
          network.settle();
          network.pass(1_500);
          for (const node of network.nodes) holders.create(node, slots);
          for (const node of network.nodes) for (let i = 0; i < slots; i++) holders.wait(node);
          network.pass(1_500);
          expect(holders.inAll).toBe(slots);
          for (let i = 0; i < 40 && network.nodes.some(({ throttles }) => throttles.stats.waiting > 0); i++) {
            for (const node of network.nodes) holders.giveBack(node);
            network.pass(1_200);
            expect(holders.inAll).toBeLessThanOrEqual(slots);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

const moves: Record<string, (holders: Holders, node: Node, at: number, slots: number) => void> = {
  // Before its first view a node counts for itself.
  take: (holders, node) => node.view && holders.take(node),
  wait: (holders, node) => node.view && holders.wait(node),
  back: (holders, node) => holders.giveBack(node),
  deliver: ({ network }, _, at) => network.deliver(at % Math.max(1, network.under.length)),
  lose: ({ network }, _, at) => network.lose(at),
  repeat: ({ network }, _, at) => network.repeat(at),
  tick: (_, node) => node.throttles.tick(),
  install: (_, node) => node.install(),
  pass: ({ network }) => {
    network.nowMs += 110;
  },
  settle: ({ network }) => network.settle(),
  rest: ({ network }) => network.pass(1_200),
  view: ({ network }) => network.propose(),
  join: (holders, _, __, slots) => {
    holders.create(holders.network.add(), slots);
    holders.network.propose();
  },
  kill: ({ network }, node) => {
    // After a second loss in a row slots of the dead may be forgotten too soon, so the next one waits.
    if (network.nodes.length < 2 || !network.isSettled) return;
    network.kill(node);
    network.propose();
  },
};
