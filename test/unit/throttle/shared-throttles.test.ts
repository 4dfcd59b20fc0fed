import { describe, expect, it } from 'vitest';
import { Network, type Node } from './network.ts';

function shared(count: number, rate: string, epsilon?: number): Network {
  const network = new Network(count);
  for (const node of network.nodes) node.create('a', rate, epsilon);
  return network;
}

describe('shared throttles', () => {
  it('REP-7.19 one node alone gets all N, in the same call', () => {
    const network = shared(1, '100/60');
    const [node] = network.nodes;
    for (let i = 0; i < 100; i++) expect(node!.take('a')).toEqual([0]);
    network.nowMs += 1500;
    expect(node!.take('a')).toEqual([58_500]);
    network.nowMs += 58_500;
    expect(node!.take('a')).toEqual([0]);
    expect(network.under).toEqual([]);
  });

  it('REP-7.23 before there is a view a node counts for itself', () => {
    const network = new Network(1);
    const node = network.add();
    node.create('a', '2');
    expect([node.take('a'), node.take('a'), node.take('a')]).toEqual([[0], [0], [1000]]);
  });

  it('REP-7.19 1/60 on three nodes is one unit a minute in all', () => {
    const network = shared(3, '1/60');
    for (let minute = 0; minute < 3; minute++) {
      for (const node of network.nodes) node.take('a');
      network.settle();
      network.nowMs += 60_000;
    }
    expect([...network.allowed('a').values()]).toEqual([1, 1, 1]);
  });

  it('REP-22.6 100/1 on 1 to 8 nodes with uneven demand admits exactly 100 a second', () => {
    for (let count = 1; count <= 8; count++) {
      const network = shared(count, '100/1');
      for (let second = 0; second < 3; second++) {
        for (let i = 0; i < 200; i++) network.nodes[Math.floor(Math.sqrt(i)) % count]!.take('a');
        network.settle();
        network.nowMs += 1000;
      }
      expect([...network.allowed('a').values()]).toEqual([100, 100, 100]);
    }
  });

  it('REP-7.18 the first grant is at most epsilon of N, and a node alone may ask again at once', () => {
    const network = shared(2, '100/60', 0.5);
    const asker = network.keeper('a', 'deputy');
    for (let i = 0; i < 100; i++) asker.take('a');
    const grants: number[] = [];
    while (network.under.length > 0) {
      const { message } = network.under[0]!;
      if (message.kind === 'record') grants.push(message.granted);
      network.deliver();
    }
    // The first ask was for one.
    expect(grants.slice(0, 4)).toEqual([1, 50, 75, 87]);
    expect(grants.at(-1)).toBe(100);
  });

  it('REP-7.18 while several ask they are served in turn', () => {
    const network = shared(4, '100/60', 0.2);
    for (let i = 0; i < 100; i++) for (const node of network.nodes) node.take('a');
    network.settle();
    const shares = network.nodes.map((node) => network.most('a', [node]));
    expect(shares.reduce((sum, share) => sum + share)).toBe(100);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(10);
  });

  it('REP-7.16 a check after more uses than units is over, before that it is not', () => {
    const network = shared(3, '5/60');
    const answers = network.nodes.map((node) => Array.from({ length: 3 }, () => node.use('a', 0)));
    network.settle();
    expect(answers.flat().every((answer) => answer.length === 1)).toBe(true);
    expect(answers.flat(2).filter((isOver) => !isOver)).toHaveLength(5);
  });

  it('REP-7.9 a unit that is given back can be taken again in its window, not in another', () => {
    const network = shared(1, '1/60');
    const [node] = network.nodes;
    let window = 0;
    node!.throttles.take('a', (_, taken) => {
      window = taken;
    });
    node!.throttles.giveBack('a', window);
    expect(node!.take('a')).toEqual([0]);
    network.nowMs += 60_000;
    expect(node!.take('a')).toEqual([0]);
    node!.throttles.giveBack('a', window);
    expect(node!.take('a')).toEqual([60_000]);
  });

  it('REP-7.13 those who wait are let through in the windows to come, in order', () => {
    const network = shared(2, '2/1');
    const node = network.keeper('a', 'deputy');
    for (let i = 0; i < 5; i++) node.tarpit('a');
    network.settle();
    expect([...network.allowed('a').values()]).toEqual([2]);
    network.pass(100);
    expect(node.throttles.dueMs).toBe(network.nowMs + 900);
    network.pass(1900);
    expect([...network.allowed('a').values()]).toEqual([2, 2, 1]);
  });

  it.each(['holder', 'deputy'] as const)(
    'REP-7.20 after the %s is lost the others go on with the rest',
    (rank) => {
      const network = shared(3, '10/60');
      for (let i = 0; i < 2; i++) for (const node of network.nodes) node.take('a');
      network.settle();
      network.kill(network.keeper('a', rank));
      network.propose();
      for (let i = 0; i < 10; i++) for (const node of network.nodes) node.take('a');
      network.settle();
      expect([...network.allowed('a').values()]).toEqual([10]);
    },
  );

  it('REP-7.20 nothing is granted before all members have answered', () => {
    const network = shared(3, '10/60');
    network.kill(network.keeper('a'));
    const silent = network.keeper('a', 'deputy');
    network.propose();
    const holder = network.keeper('a');
    holder.install();
    expect(holder.take('a')).toEqual([]);
    network.pass(0);
    expect(holder.throttles.isReady).toBe(false);
    expect(network.most('a')).toBe(0);
    silent.install();
    network.settle();
    expect(network.most('a')).toBe(1);
  });

  it('REP-7.22 the smallest rate counts, and each is told once that has another', () => {
    for (const smaller of ['3/60', '1/30']) {
      const network = new Network(3);
      network.nodes[0]!.create('a', smaller);
      for (const node of network.nodes.slice(1)) node.create('a', '100/60');
      network.nodes[0]!.take('a');
      network.settle();
      for (let i = 0; i < 9; i++) for (const node of network.nodes) node.take('a');
      network.settle();
      expect(network.most('a')).toBe(smaller === '3/60' ? 3 : 1);
      expect(network.nodes.map(({ warnings }) => warnings.length)).toEqual([0, 1, 1]);
    }
  });

  it('REP-7.24 what a restarted node was granted before stays spent', () => {
    const network = shared(3, '5/60');
    const node = network.nodes[0]!;
    for (let i = 0; i < 3; i++) node.take('a');
    network.settle();
    network.kill(node);
    const restarted = network.add();
    restarted.create('a', '5/60');
    network.propose();
    network.settle();
    for (let i = 0; i < 5; i++) restarted.take('a');
    network.settle();
    expect(network.most('a')).toBe(5);
  });

  it('REP-7.14 a throttle that went and was made again has spent what it was granted', () => {
    const network = new Network(2, { capacity: 1 });
    const node = network.keeper('a', 'deputy');
    node.create('a', '2/60');
    node.take('a');
    network.settle();
    node.create('b', '2/60');
    expect(() => node.take('a')).toThrow("no such throttle 'a'");
    node.create('a', '2/60');
    for (let i = 0; i < 3; i++) node.take('a');
    network.settle();
    expect(network.most('a')).toBe(2);
    expect(node.throttles.stats.evictions).toBe(2);
  });

  it('REP-7.14 a throttle goes a window and a second after it was last used', () => {
    const network = new Network(2, { expires: true });
    const [node] = network.nodes;
    node!.create('a', '2/5');
    network.nowMs += 6000;
    node!.throttles.increment('a');
    network.nowMs += 6001;
    network.settle();
    expect(() => node!.throttles.increment('a')).toThrow("no such throttle 'a'");
    expect([...node!.throttles.uses()]).toEqual([]);
  });

  it('REP-7.14 to wait is to use: who was let go after a long time finds the throttle', () => {
    const network = new Network(2, { expires: true });
    const holder = network.keeper('a');
    const waiting = network.keeper('a', 'deputy');
    for (const node of [holder, waiting]) node.create('a', '1/1');
    let releases = 0;
    waiting.tarpit('a');
    network.settle();
    waiting.throttles.tarpit('a', () => releases++);
    // The other one, which keeps the account, is the first in each of these windows.
    for (let second = 0; second < 5; second++) {
      network.nowMs += 1000;
      holder.tarpit('a');
      network.pass(500);
      network.nowMs -= 500;
    }
    expect(releases).toBe(0);
    network.pass(1000);
    expect(releases).toBe(1);
    waiting.throttles.increment('a');
  });

  it('REP-7.17 REP-22.10 epsilon is between 0 and 1', () => {
    const [node] = new Network(1).nodes;
    for (const epsilon of [0, 1, -1, 2, Number.NaN])
      expect(() => node!.create('a', '1', epsilon)).toThrow('epsilon must be between 0 and 1');
  });

  it('REP-7.22 a rate that nobody uses any more counts no longer', () => {
    const network = shared(3, '2/1');
    const [first, second, third] = network.nodes;
    const units = () => {
      const window = Math.floor(network.nowMs / 1000);
      for (const node of network.nodes) for (let i = 0; i < 4; i++) node.take('a');
      network.settle();
      return network.allowed('a').get(window);
    };
    expect(units()).toBe(2);
    // Configurations are changed one after the other.
    for (const node of [first!, second!]) node.throttles.change('a', '6/1', 'open');
    for (let second = 0; second < 8; second++) {
      network.pass(1000);
      expect(units()).toBe(2);
    }
    third!.throttles.change('a', '6/1', 'open');
    network.pass(12_000);
    const reached: (number | undefined)[] = [];
    for (let second = 0; second < 12; second++) {
      network.pass(1000);
      reached.push(units());
    }
    expect(reached.at(-1)).toBe(6);
    second!.throttles.change('a', '5/1', 'open');
    network.pass(1000);
    expect(units()).toBe(5);
  });

  it('REP-7.1 between a limit and none who waits is let go', () => {
    const network = shared(1, '1/60');
    const [node] = network.nodes;
    for (let i = 0; i < 3; i++) node!.tarpit('a');
    node!.throttles.change('a', '0', 'open');
    expect([...network.allowed('a').values()]).toEqual([3]);
    expect(node!.take('a')).toEqual([0]);
    expect(node!.throttles.stats.waiting).toBe(0);
  });

  it('REP-7.7 a name that no message could carry is refused', () => {
    const [node] = new Network(1).nodes;
    expect(() => node!.create('x'.repeat(1025), '1')).toThrow('has 1025 characters');
    expect(() => node!.create('x'.repeat(1024), '1')).not.toThrow();
  });

  it('REP-7.1 a rate of 0 is no limit', () => {
    const [node] = new Network(1).nodes;
    node!.create('a', '0');
    expect(node!.take('a')).toEqual([0]);
    expect(node!.use('a', 0)).toEqual([false]);
  });

  it('a bound on those who wait', () => {
    const network = shared(2, '1');
    const [node] = network.nodes;
    expect(() => {
      for (let i = 0; i < 20_000; i++) node!.tarpit('a');
    }).toThrow('Too many wait');
    expect(node!.throttles.stats).toMatchObject({ waiting: 10_000, refusals: 1 });
  });

  it('REP-18.7 tells what this node has used', () => {
    const network = shared(1, '5/60');
    const [node] = network.nodes;
    for (let i = 0; i < 2; i++) node!.take('a');
    expect([...node!.throttles.uses()]).toEqual([{ id: 'a', rate: { units: 5, windowS: 60 }, used: 2 }]);
  });

  it('REP-7.16 a check says over from the first use beyond N on', () => {
    const [node] = shared(1, '2/60').nodes;
    expect([node!.use('a', 0), node!.use('a', 0), node!.use('a', 0)]).toEqual([[false], [false], [true]]);
  });

  it('REP-22.8 a grant that was lost is sent again, not granted again', () => {
    const network = shared(3, '2/60');
    const asker = network.nodes.find(
      (node) => ![network.keeper('a'), network.keeper('a', 'deputy')].includes(node),
    )!;
    asker.take('a');
    network.deliver();
    network.deliver();
    expect(network.under.map(({ message }) => message.kind)).toEqual(['grant']);
    network.lose();
    network.pass(200);
    expect(network.most('a', [asker])).toBe(1);
    network.keeper('a').take('a');
    network.settle();
    expect(network.most('a')).toBe(2);
  });

  it('REP-22.8 an ask that comes twice is granted once', () => {
    const network = shared(2, '2/60');
    network.keeper('a', 'deputy').take('a');
    network.repeat();
    network.settle();
    network.keeper('a').take('a');
    network.settle();
    expect(network.most('a')).toBe(2);
  });

  it('REP-7.20 reports that were lost are sent again', () => {
    const network = shared(3, '2/60');
    network.propose();
    for (const node of network.nodes) node.install();
    while (network.under.length > 0) network.lose();
    network.pass(200);
    expect(network.isSettled).toBe(true);
  });

  it('REP-7.20 who has said all and only waits for others does not keep busy', () => {
    const network = shared(2, '2/60');
    network.propose();
    for (const node of network.nodes) node.install();
    const [silent, other] = network.nodes as [Node, Node];
    for (let i = 0; i < 20; i++) {
      network.under = network.under.filter(
        ({ message }) => message.kind !== 'report' || message.from !== silent.incarnation,
      );
      network.deliver();
    }
    network.nowMs += 150;
    other.throttles.tick();
    expect(other.throttles.isReady).toBe(false);
    expect(other.throttles.dueMs).toBeGreaterThan(network.nowMs);
  });

  it('REP-7.20 a holder that comes late to a view is asked again without delay', () => {
    const network = shared(3, '2/60');
    network.propose();
    const holder = network.keeper('a');
    const asker = network.keeper('a', 'deputy');
    for (const node of network.nodes) if (node !== holder) node.install();
    asker.take('a');
    while (network.under.length > 0) network.deliver();
    expect(network.most('a')).toBe(0);
    network.settle();
    expect(network.most('a')).toBe(1);
  });

  it('REP-7.20 a joiner that is the new holder grants nothing before it knows what was granted', () => {
    const network = new Network(2, { capacity: 2000 });
    const [first] = network.nodes;
    const joiner = network.add({ capacity: 2000 });
    // More than fit into one part of a report.
    const ids = Array.from({ length: 2000 }, (_, i) => `throttle-${i}`).filter(
      (id) => network.keeper(id) === joiner,
    );
    expect(ids.length).toBeGreaterThan(500);
    for (const id of ids) {
      for (const node of network.nodes) node.create(id, '1/60');
      first!.take(id);
    }
    network.settle();
    network.propose();
    for (const node of network.nodes) node.install();
    const isLast = ({ message }: (typeof network.under)[number]) =>
      message.kind === 'report' && message.part > 0 && message.part === message.parts - 1;
    const deliverOthers = () => {
      while (network.under.length > 0) {
        if (isLast(network.under[0]!)) network.lose();
        else network.deliver();
      }
    };
    deliverOthers();
    expect(joiner.throttles.isReady).toBe(false);
    for (const id of ids) joiner.take(id);
    deliverOthers();
    for (const id of ids) expect(network.most(id)).toBe(1);
    network.pass(200);
    expect(joiner.throttles.isReady).toBe(true);
    for (const id of ids) expect(network.most(id)).toBe(1);
    expect(joiner.throttles.stats.waiting).toBe(0);
  });

  it('REP-7.20 nothing is forgotten when one holder after the other is lost', () => {
    const network = shared(4, '5/60');
    for (let i = 0; i < 5; i++) network.keeper('a').take('a');
    network.settle();
    while (network.nodes.length > 1) {
      network.kill(network.keeper('a'));
      network.propose();
      network.settle();
      for (const node of network.nodes) node.take('a');
      network.settle();
    }
    expect(network.most('a')).toBe(5);
  });

  it('REP-7.20 what the living were granted is known though holder and deputy are lost together', () => {
    const network = shared(4, '5/60');
    const asker = network.nodes.find(
      (node) => ![network.keeper('a'), network.keeper('a', 'deputy')].includes(node),
    )!;
    for (let i = 0; i < 5; i++) asker.take('a');
    network.settle();
    network.kill(network.keeper('a'));
    network.kill(network.keeper('a'));
    network.propose();
    network.settle();
    for (const node of network.nodes) if (node !== asker) node.take('a');
    network.settle();
    expect(network.most('a')).toBe(5);
  });
});
