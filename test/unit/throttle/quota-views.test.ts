import { describe, expect, it } from 'vitest';
import { QuotaViews } from '../../../src/actors/quota-views.ts';
import type { SharedReplica } from '../../../src/actors/shared-replica.ts';
import type { NodeInfo } from '../../../src/core/agreement/messages.ts';
import type { Incarnation, MemberType } from '../../../src/core/identity.ts';
import type { View } from '../../../src/core/view.ts';

function view(epoch: number, names: string): View {
  const members = names.split(' ').map((node, number) => ({
    incarnation: node as Incarnation,
    type: (node.startsWith('manager') ? 'ECCluster_Manager' : 'Momentum') as MemberType,
    node,
    number,
    seniority: 1,
  }));
  return { id: { epoch, coordinator: members[0]!.incarnation, nonce: 0 }, members };
}

function watching() {
  const told: string[] = [];
  const infos = new Map<string, Pick<NodeInfo, 'throttles'>>([['a', { throttles: ['OBTM OBTM'] }]]);
  const replica = {
    name: 'OBTM',
    type: 'OBTM',
    viewInstalled: (view: View, ended: readonly string[]) =>
      told.push(`${view.id.epoch}: ${view.members.map(({ node }) => node).join(' ')}; ${ended.join(' ')}`),
  };
  const infoOf = (incarnation: Incarnation) => infos.get(incarnation) as NodeInfo | undefined;
  const views = new QuotaViews({ infoOf }, [replica as unknown as SharedReplica]);
  return { told, infos, views };
}

describe('views of throttles', () => {
  it('REP-3.12 who has no such object, or another type under its name, has no part in it', () => {
    const { told, infos, views } = watching();
    infos
      .set('b', {})
      .set('c', { throttles: ['OBTM OBTM', 'OBTC OBTC'] })
      .set('d', { throttles: ['OBTC OBTM'] });
    views.viewInstalled(view(1, 'a b c d manager'), []);
    expect(told).toEqual(['1: a c; ']);
  });

  it('REP-7.20 a view waits until all have said what they have; nobody that ended meanwhile is forgotten', () => {
    const { told, infos, views } = watching();
    views.viewInstalled(view(1, 'a b'), ['x']);
    views.infoHeard();
    views.viewInstalled(view(2, 'a c'), ['b']);
    expect(told).toEqual([]);
    infos.set('c', { throttles: ['OBTM OBTM'] });
    views.infoHeard();
    views.infoHeard();
    expect(told).toEqual(['2: a c; x b']);
    views.viewInstalled(view(3, 'a'), []);
    expect(told).toEqual(['2: a c; x b', '3: a; ']);
  });
});
