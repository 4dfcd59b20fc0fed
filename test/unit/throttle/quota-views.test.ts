import { describe, expect, it } from 'vitest';
import { type QuotaObject, QuotaViews } from '../../../src/actors/quota-views.ts';
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
  const replica: QuotaObject = {
    name: 'OBTM',
    type: 'OBTM',
    suspend: () => void told.push('suspended'),
    viewInstalled: (view: View, ended: readonly string[]) =>
      void told.push(
        `${view.id.epoch}: ${view.members.map(({ node }) => node).join(' ')}; ${ended.join(' ')}`,
      ),
  };
  const infoOf = (incarnation: Incarnation) => infos.get(incarnation) as NodeInfo | undefined;
  const views = new QuotaViews({ infoOf }, [replica]);
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

  it('REP-7.20 R4 until all have said what they have nothing is granted; nobody that ended meanwhile is forgotten', () => {
    const { told, infos, views } = watching();
    views.viewInstalled(view(1, 'a b'), ['x']);
    views.infoHeard();
    views.viewInstalled(view(2, 'a c'), ['b']);
    expect(told).toEqual(['suspended', 'suspended']);
    infos.set('c', { throttles: ['OBTM OBTM'] });
    views.infoHeard();
    views.infoHeard();
    expect(told.slice(2)).toEqual(['2: a c; x b']);
    views.viewInstalled(view(3, 'a'), []);
    expect(told.slice(2)).toEqual(['2: a c; x b', '3: a; ']);
  });
});
