import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  causeOf,
  isBroken,
  joinable,
  ownGroup,
  partsCompany,
  type Scene,
} from '../../../src/core/agreement/grouping.ts';
import type { Beat } from '../../../src/core/agreement/messages.ts';
import { hashMembers, Peers, setBit } from '../../../src/core/agreement/peers.ts';
import type { Process, View } from '../../../src/core/view.ts';
import { options, processOf } from './post-office.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const everybody = names.map((name) => processOf(name, { seniority: 1 }));
const view: View = { id: { epoch: 1, coordinator: everybody[0]!.incarnation, nonce: 1 }, members: everybody };
const spell = (members: readonly Process[]) => members.map(({ node }) => node).join('');

const anyBeat = {
  kind: 'beat',
  count: 1,
  viewSize: 1,
  heard: new Uint8Array(),
  others: [],
  epoch: 1,
  applied: 0,
  digests: [],
} satisfies Partial<Beat>;

/** The scene as `self` sees it when exactly these pairs do not hear each other, and all have heard of it. */
function sceneOf(self: string, cuts: readonly string[]): Scene {
  const me = everybody.find(({ node }) => node === self)!;
  const hear = (a: Process, b: Process) => !cuts.includes(a.node + b.node) && !cuts.includes(b.node + a.node);
  const peers = new Peers(me, options);
  peers.rememberView(view);
  for (const from of everybody) {
    if (from === me || !hear(from, me)) continue;
    const bits = new Uint8Array(1);
    for (const [i, other] of everybody.entries()) if (hear(from, other)) setBit(bits, i);
    peers.hear(
      {
        ...anyBeat,
        from,
        view: view.id,
        viewSize: everybody.length,
        viewHash: hashMembers(everybody),
        hears: bits,
        mutual: bits,
      },
      0,
    );
  }
  return { self: me.incarnation, view, peers, okayed: [], nowMs: 0 };
}

const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => a + b));
const anyCuts = fc.subarray(pairs);

describe('groups of a broken view', () => {
  it('LIFE-17 always: a view is whole exactly when nobody in it is cut from anybody', () => {
    fc.assert(
      fc.property(anyCuts, fc.constantFrom(...names), (cuts, self) => {
        const scene = sceneOf(self, cuts);
        // Who hears neither end of a cut cannot know of it, but has lost two members itself.
        expect(isBroken(scene)).toBe(cuts.length > 0);
      }),
    );
  });

  it('LIFE-17 always: the own group holds the process, and only members that hear each other as far as it knows', () => {
    fc.assert(
      fc.property(anyCuts, fc.constantFrom(...names), (cuts, self) => {
        const group = ownGroup(sceneOf(self, cuts));
        expect(spell(group)).toContain(self);
        for (const other of group) expect(cuts).not.toContain([self, other.node].sort().join(''));
      }),
    );
  });

  it('INV-15 always: who hears everybody finds the same groups, whoever it is', () => {
    // a and b hear all others: what they know of the cuts between the rest is the same.
    const cutsOfOthers = fc.subarray(pairs.filter((pair) => !/[ab]/.test(pair)));
    fc.assert(
      fc.property(cutsOfOthers, (cuts) => {
        expect(spell(ownGroup(sceneOf('a', cuts)))).toBe(spell(ownGroup(sceneOf('b', cuts))));
      }),
    );
  });

  it('LIFE-17 groups are made in member order: the first member keeps all it can', () => {
    expect(spell(ownGroup(sceneOf('a', ['bc'])))).toBe('abde');
    expect(spell(ownGroup(sceneOf('c', ['bc'])))).toBe('c');
    expect(spell(ownGroup(sceneOf('e', ['ab', 'cd'])))).toBe('ace');
  });

  it('BUS-21 a group that leaves out a member who is with us parts company, one that leaves out the lost does not', () => {
    const scene = sceneOf('c', ['bc']);
    expect(partsCompany(scene, ownGroup(scene))).toBe(true);
    const lost = sceneOf('a', ['ae', 'be', 'ce', 'de']);
    expect([spell(ownGroup(lost)), partsCompany(lost, ownGroup(lost))]).toEqual(['abcd', false]);
  });

  it('BUS-22 with no stranger in sight the view is all there is to join', () => {
    expect(joinable(sceneOf('a', []))).toBe(view.members);
  });

  it('BUS-22 strangers who hear all are joined by the first of all, and it is not up to the others', () => {
    const alone = (process: Process): View => ({
      id: { epoch: 0, coordinator: process.incarnation, nonce: 0 },
      members: [process],
    });
    const joinedBy = (self: string) => {
      const me = everybody.find(({ node }) => node === self)!;
      const peers = new Peers(me, options);
      for (const from of everybody) {
        if (from === me) continue;
        const { id, members } = alone(from);
        const bits = Uint8Array.of(1);
        const others = everybody
          .filter((other) => other !== from)
          .map(({ incarnation }) => ({ incarnation, mutual: true }));
        peers.hear(
          { ...anyBeat, from, view: id, viewHash: hashMembers(members), hears: bits, mutual: bits, others },
          0,
        );
      }
      return joinable({ self: me.incarnation, view: alone(me), peers, okayed: [], nowMs: 0 });
    };
    expect(spell(joinedBy('a')!)).toBe('abcde');
    expect(names.slice(1).map(joinedBy)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('the cause of a view', () => {
  const peers = sceneOf('a', []).peers;
  const only = (list: string): View => ({
    ...view,
    members: everybody.filter(({ node }) => list.includes(node)),
  });

  it('BUS-10 somebody new is a join, whoever left at the same time', () => {
    expect(causeOf(only('ab'), only('ac'), peers)).toBe('join');
  });

  it('BUS-10 otherwise the weakest evidence of a loss', () => {
    expect(causeOf(view, only('abcd'), peers)).toBe('network');
    peers.goodbye(everybody[4]!.incarnation);
    expect(causeOf(view, only('abcd'), peers)).toBe('leave');
    peers.close(everybody[3]!.incarnation, 0);
    expect(causeOf(view, only('abc'), peers)).toBe('disconnect');
    expect(causeOf(view, only('ab'), peers)).toBe('network');
  });

  it('BUS-10 the same members once more is the network: one of them had missed the last view', () => {
    expect(causeOf(view, view, peers)).toBe('network');
  });
});
