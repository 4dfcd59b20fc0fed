import { describe, expect, it } from 'vitest';
import type { ThrottleStanza } from '../../../src/core/outbound-settings.ts';
import { OutboundThrottles, type ThrottledAttempt } from '../../../src/core/outbound-throttles.ts';
import type { PartitionPolicy } from '../../../src/core/throttle/shares.ts';
import { Network, type Node } from './network.ts';

const local = 'outbound_throttle_messages';
const cluster = 'cluster_outbound_throttle_messages';
const attempt: ThrottledAttempt = { binding: 'b', domain: 'Example.COM.' };

/** One node that is alone. */
function throttles(...stanzas: ThrottleStanza[]) {
  const network = new Network(1);
  const [node] = network.nodes;
  const outbound = new OutboundThrottles(stanzas, {
    wallMs: () => network.nowMs,
    groupOf: (binding) => (binding === 'b' ? 'g' : 'default'),
    shared: () => node!.throttles,
  });
  const givesBack: (() => void)[] = [];
  const take = (more: Partial<ThrottledAttempt> = {}) => {
    let answer: number | undefined;
    outbound.take('messages', { ...attempt, ...more }, (waitMs, giveBack) => {
      answer = waitMs;
      givesBack.push(giveBack);
    });
    return answer;
  };
  return { network, node: node!, outbound, take, givesBack };
}

const stanza = (scope: ThrottleStanza['scope'], limits: ThrottleStanza['limits']) => ({ scope, limits });

describe('throttles of outbound stanzas', () => {
  it('REP-7.5 without any there is no limit', () => {
    const { take } = throttles();
    for (let i = 0; i < 100; i++) expect(take()).toBe(0);
  });

  it('REP-7.6 all that fall back to a stanza draw from it together; a value of its own is a throttle of its own', () => {
    const { take } = throttles(
      stanza({}, { [local]: '2/60' }),
      stanza({ domain: 'own.org' }, { [local]: '1/60' }),
    );
    expect([take(), take({ binding: 'c' }), take({ domain: 'other.org' })]).toEqual([0, 0, 60_000]);
    expect([take({ domain: 'own.org' }), take({ domain: 'own.org' })]).toEqual([0, 60_000]);
  });

  it('REP-7.6 a regular expression is one throttle for all domains it matches', () => {
    const { take } = throttles(stanza({ domain: '/^(wanadoo|orange)\\.fr$/' }, { [cluster]: '1/60' }));
    expect([take({ domain: 'orange.fr' }), take({ domain: 'WANADOO.fr' }), take()]).toEqual([0, 60_000, 0]);
  });

  it.each([
    [cluster, ['group domain', 'group', 'domain', 'global']],
    [
      local,
      [
        'group binding domain',
        'binding domain',
        'group domain',
        'group binding',
        'binding',
        'group',
        'domain',
        'global',
      ],
    ],
  ] as const)('REP-7.7 %s: the most specific stanza counts', (option, order) => {
    const scopes = order.map((path) => ({
      ...(path.includes('group') && { group: 'g' }),
      ...(path.includes('binding') && { binding: 'b' }),
      ...(path.includes('domain') && { domain: 'example.com' }),
    }));
    for (const [first] of order.entries()) {
      const found = throttles(
        ...scopes.slice(first).map((scope, i) => stanza(scope, { [option]: i === 0 ? '1/60' : '9/60' })),
      );
      expect([found.take(), found.take()]).toEqual([0, 60_000]);
    }
  });

  it('REP-7.1 a rate of 0 is no limit, and ends the search', () => {
    const { take } = throttles(
      stanza({}, { [local]: '1/60', [cluster]: '1/60' }),
      stanza({ domain: 'example.com' }, { [local]: '0', [cluster]: '0/5' }),
    );
    expect([take(), take(), take()]).toEqual([0, 0, 0]);
  });

  it('REP-7.8 of both or of neither a unit is taken', () => {
    const { take, network } = throttles(stanza({}, { [local]: '3/60', [cluster]: '1/10' }));
    expect([take(), take(), take(), take()]).toEqual([0, 10_000, 10_000, 10_000]);
    network.nowMs += 10_000;
    expect([take(), take()]).toEqual([0, 10_000]);
    network.nowMs += 10_000;
    expect([take(), take()]).toEqual([0, 40_000]);
    network.nowMs += 10_000;
    // Nothing of the cluster's is gone either: the local one has no room.
    expect(take()).toBe(30_000);
  });

  it('REP-7.9 what was taken for an attempt that never began is given back within the window', () => {
    const { take, givesBack, network } = throttles(stanza({}, { [local]: '1/60', [cluster]: '1/60' }));
    expect([take(), take()]).toEqual([0, 60_000]);
    givesBack[0]!();
    expect([take(), take()]).toEqual([0, 60_000]);
    network.nowMs += 60_000;
    expect(take()).toBe(0);
    givesBack[2]!();
    expect(take()).toBe(60_000);
  });

  it('nothing of this node is taken when the cluster refuses for want of room', () => {
    const { take, node } = throttles(stanza({}, { [local]: '1/60', [cluster]: '1/60' }));
    node.throttles.take = () => {
      throw new Error('too many wait');
    };
    expect(() => take()).toThrow('too many wait');
    expect(() => take()).toThrow('too many wait');
  });

  it('REP-21.7 while others are lost each throttle of the cluster admits what the policy of its stanza says', () => {
    const network = new Network(3);
    const [, , lone] = network.nodes as [Node, Node, Node];
    network.propose([lone]);
    lone.install();
    const throttled = (partition: PartitionPolicy): ThrottleStanza[] => [
      { ...stanza({}, { [cluster]: '3/60' }), partition },
    ];
    const outbound = new OutboundThrottles(throttled('closed'), {
      wallMs: () => network.nowMs,
      groupOf: () => 'default',
      shared: () => lone.throttles,
    });
    const admitted = () => {
      network.nowMs += 60_000;
      let units = 0;
      for (let i = 0; i < 5; i++)
        outbound.take('messages', attempt, (waitMs) => {
          if (waitMs === 0) units++;
        });
      return units;
    };
    expect(admitted()).toBe(0);
    outbound.configure(throttled('share'));
    expect(admitted()).toBe(1);
    outbound.configure(throttled('open'));
    expect(admitted()).toBe(3);
  });

  it('another configuration counts with the next attempt', () => {
    const { take, outbound, network } = throttles(stanza({}, { [local]: '1/60', [cluster]: '9/60' }));
    expect([take(), take()]).toEqual([0, 60_000]);
    outbound.configure([stanza({}, { [local]: '9/60', [cluster]: '3/60' })]);
    expect([take(), take(), take()]).toEqual([0, 0, 60_000]);
    outbound.configure([stanza({}, { [cluster]: '0' })]);
    expect([take(), take(), take()]).toEqual([0, 0, 0]);
    outbound.configure([stanza({}, { [cluster]: '2/60' })]);
    network.nowMs += 60_000;
    expect([take(), take(), take()]).toEqual([0, 0, 60_000]);
  });
});
