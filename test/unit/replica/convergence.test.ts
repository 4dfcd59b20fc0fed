/**
 * Whatever is lost, repeated, late or out of order, whoever comes and goes: at rest every member shows the exact sum of
 * what each of them counts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplicaType } from '../../../src/core/settings.ts';
import { Cluster, contents, expectWholeRows, type Node } from './cluster.ts';

const addresses = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.7', '2001:db8::1', '2001:db8::2'];
const domains = ['aol.com', 'yahoo.com', 'hotmail.com', 'bellsouth.net'];

type Step =
  | {
      readonly do: 'increment' | 'decrement' | 'set';
      readonly node: number;
      readonly key: number;
      readonly by: number;
    }
  | {
      readonly do: 'flush' | 'tick' | 'work' | 'cut' | 'mend' | 'restart' | 'join' | 'end';
      readonly node: number;
    }
  | { readonly do: 'deliver' | 'lose' | 'repeat'; readonly index: number }
  | { readonly do: 'beat' | 'view' };

const node = fc.nat(3);
const index = fc.nat(12);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('increment', 'decrement', 'set'),
      node,
      key: fc.nat(5),
      by: fc.nat(3),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('flush', 'tick', 'work', 'cut', 'mend', 'restart', 'join', 'end'),
      node,
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('deliver', 'lose', 'repeat'), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('beat', 'view') }) },
);

/** Every node's own counts, from the calls made, not from the tables. */
class Truth {
  readonly counts = new Map<Node, Map<string, number>>();

  of(node: Node): Map<string, number> {
    let counts = this.counts.get(node);
    if (!counts) {
      counts = new Map();
      this.counts.set(node, counts);
    }
    return counts;
  }

  sum(nodes: readonly Node[]): Record<string, number> {
    const sums = new Map<string, number>();
    for (const node of nodes) for (const [key, n] of this.of(node)) sums.set(key, (sums.get(key) ?? 0) + n);
    return Object.fromEntries([...sums].filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function play(type: ReplicaType, keys: readonly string[], steps: readonly Step[]): void {
  const cluster = new Cluster();
  const truth = new Truth();
  const options = { type, maxPending: 3 };
  for (let i = 0; i < 3; i++) cluster.add(options);
  cluster.view();
  const at = (index: number) => cluster.nodes[index % cluster.nodes.length]!;
  for (const step of steps) {
    switch (step.do) {
      case 'increment':
      case 'decrement':
      case 'set': {
        const counts = truth.of(at(step.node));
        const key = keys[step.key % keys.length]!;
        const before = counts.get(key) ?? 0;
        const after =
          step.do === 'set' ? step.by : Math.max(0, before + (step.do === 'increment' ? step.by : -step.by));
        counts.set(key, after);
        at(step.node).table[step.do](key, step.by);
        break;
      }
      case 'flush':
        at(step.node).replicator.flush();
        break;
      case 'work':
        at(step.node).replicator.step();
        break;
      case 'tick':
        cluster.nowMs += 400;
        at(step.node).replicator.tick();
        break;
      case 'cut':
      case 'mend':
        at(step.node).linkUp = step.do === 'mend';
        at(step.node).replicator.linkChanged(step.do === 'mend');
        break;
      case 'restart': {
        const old = at(step.node);
        cluster.remove(old);
        cluster.add({ ...options, node: old.process.node });
        break;
      }
      case 'join':
        if (cluster.nodes.length < 4) cluster.add(options);
        break;
      case 'end':
        if (cluster.nodes.length > 2) cluster.remove(at(step.node));
        break;
      case 'deliver':
        cluster.deliver(step.index);
        break;
      case 'lose':
        cluster.lose(step.index);
        break;
      case 'repeat':
        cluster.repeat(step.index);
        break;
      case 'beat':
        cluster.beat();
        break;
      case 'view':
        // A partition: those whose link is up form one view, everybody else is alone.
        cluster.view(
          cluster.nodes.filter(({ linkUp }) => linkUp).length > 0
            ? cluster.nodes.filter(({ linkUp }) => linkUp)
            : cluster.nodes,
        );
        for (const cut of cluster.nodes.filter(({ linkUp }) => !linkUp)) cluster.view([cut]);
    }
    expectWholeRows(cluster);
  }
  for (const node of cluster.nodes) {
    node.linkUp = true;
    node.replicator.linkChanged(true);
  }
  cluster.view();
  cluster.rest();
  for (const node of cluster.nodes) {
    expect(contents(node.table)).toEqual(truth.sum(cluster.nodes));
    for (const other of cluster.nodes)
      expect(contents(node.table, other.incarnation)).toEqual(truth.sum([other]));
    expect(node.replicator.standing).toBe('whole');
    expect(node.replicator.verify().map(({ verdict }) => verdict)).not.toContain('differ');
  }
}

describe('convergence', () => {
  it('REP-22.8 trees are exact again after any loss, repetition, reordering, cut, restart, join and leave', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) =>
        play('inbound_cidr', addresses, steps),
      ),
      { numRuns: 400 },
    );
  });

  it('REP-22.8 gauge tables are, too', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) =>
        play('outbound_domains', domains, steps),
      ),
      { numRuns: 300 },
    );
  });
});
