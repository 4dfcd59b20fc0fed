import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Beat } from '../../../src/core/agreement/messages.ts';
import { bit, hashMembers, Peers, setBit, viewsShown } from '../../../src/core/agreement/peers.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { Process, View, ViewId } from '../../../src/core/view.ts';
import { processOf } from './post-office.ts';

const limits = { failureTimeoutMs: 1_000, beatIntervalMs: 200, maxPeers: 4 };
const [a, b, c] = ['a', 'b', 'c'].map((name) => processOf(name)) as [Process, Process, Process];

const idOf = (coordinator: Process, epoch = 1): ViewId => ({
  epoch,
  coordinator: coordinator.incarnation,
  nonce: 1,
});
const viewOf = (...members: Process[]): View => ({ id: idOf(members[0]!), members });
const aloneOf = (process: Process): View => viewOf(process);

let count = 0;
/** A beat of `from` in `view` that hears, and is mutual with, the members named in `mutual`. */
function beatOf(from: Process, view: View, mutual: readonly Process[], more: Partial<Beat> = {}): Beat {
  const hears = new Uint8Array(Math.ceil(view.members.length / 8));
  const others: { incarnation: Incarnation; mutual: boolean }[] = [];
  for (const process of [from, ...mutual]) {
    const index = view.members.findIndex(({ incarnation }) => incarnation === process.incarnation);
    if (index >= 0) setBit(hears, index);
    else others.push({ incarnation: process.incarnation, mutual: true });
  }
  return {
    kind: 'beat',
    from,
    count: ++count,
    view: view.id,
    viewSize: view.members.length,
    viewHash: hashMembers(view.members),
    hears,
    mutual: hears,
    others,
    epoch: view.id.epoch,
    applied: 0,
    heard: new Uint8Array(),
    digests: [],
    ...more,
  };
}

function peersOfA(view = aloneOf(a)): Peers {
  const peers = new Peers(a, limits);
  peers.rememberView(view);
  return peers;
}

describe('who is heard', () => {
  it('BUS-21 a peer is fresh for the failure timeout after its last beat', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), []), 0);
    expect([peers.fresh(b.incarnation, 999), peers.fresh(b.incarnation, 1_000)]).toEqual([true, false]);
  });

  it('LIFE-17 a peer is mutual only when its beat says that it hears us', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), []), 0);
    expect(peers.mutual(b.incarnation, 0)).toBe(false);
    peers.hear(beatOf(b, aloneOf(b), [a]), 200);
    expect(peers.mutual(b.incarnation, 200)).toBe(true);
    expect(peers.mutual(b.incarnation, 1_200)).toBe(false);
  });

  it('BUS-21 an older beat and a repeated one are ignored', () => {
    const peers = peersOfA();
    const [older, newer] = [beatOf(b, aloneOf(b), []), beatOf(b, aloneOf(b), [a])];
    peers.hear(newer, 0);
    expect([peers.hear(older, 900), peers.hear(newer, 900)]).toEqual(['ignored', 'ignored']);
    expect(peers.fresh(b.incarnation, 1_000)).toBe(false);
  });

  it('a beat that only proves life needs no evaluation, one that says something new does', () => {
    const peers = peersOfA();
    expect(peers.hear(beatOf(b, aloneOf(b), []), 0)).toBe('changed');
    expect(peers.hear(beatOf(b, aloneOf(b), []), 200)).toBe('nothing');
    expect(peers.hear(beatOf(b, aloneOf(b), [a]), 400)).toBe('changed');
    expect(peers.hear(beatOf(b, aloneOf(b), [a]), 2_000)).toBe('changed');
  });

  it('the table is bounded: a stranger beyond the bound is not heard until somebody is forgotten', () => {
    const peers = peersOfA();
    for (const name of ['p', 'q', 'r', 's'])
      peers.hear(beatOf(processOf(name), aloneOf(processOf(name)), []), 0);
    expect(peers.hear(beatOf(b, aloneOf(b), []), 0)).toBe('ignored');
    peers.prune(10_001);
    expect(peers.size).toBe(0);
    expect(peers.hear(beatOf(b, aloneOf(b), []), 10_001)).toBe('changed');
  });
});

describe('who is gone', () => {
  it('BUS-21 after closed evidence beats are ignored for one interval, then they prove life', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), []), 0);
    expect(peers.close(b.incarnation, 100)).toBe(true);
    expect(peers.hear(beatOf(b, aloneOf(b), []), 299)).toBe('ignored');
    expect(peers.hear(beatOf(b, aloneOf(b), []), 300)).toBe('changed');
    expect(peers.get(b.incarnation)?.evidence).toBe('silent');
  });

  it('LIFE-10 after a goodbye nothing proves life, until it is forgotten', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), []), 0);
    expect([peers.goodbye(b.incarnation), peers.goodbye(b.incarnation)]).toEqual([true, false]);
    expect(peers.hear(beatOf(b, aloneOf(b), []), 5_000)).toBe('ignored');
    peers.prune(10_001);
    expect(peers.get(b.incarnation)).toBeUndefined();
  });

  it('BUS-21 a process known to have ended has no edges, whatever the last beats of others say', () => {
    const whole = viewOf(a, b, c);
    const peers = peersOfA(whole);
    peers.hear(beatOf(b, whole, [a, c]), 0);
    peers.hear(beatOf(c, whole, [a, b]), 0);
    expect(peers.edge(b, c, 0)).toBe(true);
    peers.goodbye(c.incarnation);
    expect(peers.edge(b, c, 0)).toBe(false);
  });

  it('BUS-21 forgiving moves nobody beyond now', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), []), 0);
    peers.hear(beatOf(c, aloneOf(c), []), 5_000);
    peers.forgive(5_000, 5_100);
    expect([peers.fresh(b.incarnation, 5_999), peers.fresh(b.incarnation, 6_000)]).toEqual([true, false]);
    expect([peers.fresh(c.incarnation, 6_099), peers.fresh(c.incarnation, 6_100)]).toEqual([true, false]);
  });

  it('MEM-17 a suspect is not heard although its beats go on', () => {
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), [a]), 0);
    expect([peers.suspect(b.incarnation, true), peers.suspect(b.incarnation, true)]).toEqual([true, false]);
    peers.hear(beatOf(b, aloneOf(b), [a]), 200);
    expect(peers.mutual(b.incarnation, 200)).toBe(false);
    peers.suspect(b.incarnation, false);
    expect(peers.mutual(b.incarnation, 200)).toBe(true);
  });
});

describe('edges', () => {
  it('LIFE-17 an edge needs the word of both ends that can be heard', () => {
    const whole = viewOf(a, b, c);
    const peers = peersOfA(whole);
    peers.hear(beatOf(b, whole, [a, c]), 0);
    peers.hear(beatOf(c, whole, [a]), 0);
    expect(peers.edge(b, c, 0)).toBe(false);
    peers.hear(beatOf(c, whole, [a, b]), 200);
    expect([peers.edge(b, c, 200), peers.edge(c, b, 200)]).toEqual([true, true]);
  });

  it('LIFE-17 when only one end can be heard its word counts, when none can there is no edge', () => {
    const whole = viewOf(a, b, c);
    const peers = peersOfA(whole);
    peers.hear(beatOf(b, whole, [a, c]), 0);
    expect(peers.edge(b, c, 0)).toBe(true);
    expect(peers.edge(b, c, 1_000)).toBe(false);
  });

  it('ID-20 there is never an edge between two processes of one node', () => {
    const again = { ...processOf("b'"), node: 'b' };
    const peers = peersOfA();
    peers.hear(beatOf(b, aloneOf(b), [a, again]), 0);
    peers.hear(beatOf(again, aloneOf(again), [a, b]), 0);
    expect(peers.edge(b, again, 0)).toBe(false);
    expect(peers.edge(b, { ...again, type: 'Manager' }, 0)).toBe(true);
  });

  it('BUS-22 the bit maps of a foreign view stay readable while its members move on one by one', () => {
    const joint = viewOf(a, b, c);
    const theirs = viewOf(b, c);
    const peers = peersOfA();
    peers.hear(beatOf(b, theirs, [c, a]), 0);
    peers.hear(beatOf(c, theirs, [b, a]), 0);
    expect(peers.edge(b, c, 0)).toBe(true);
    // All three agree on a joint view. The beat of b shows it first, that of c is still under way.
    peers.rememberView(joint);
    peers.hear(beatOf(b, joint, [a, c]), 10);
    expect(peers.edge(b, c, 10)).toBe(true);
  });
});

describe('views of others', () => {
  it('BUS-22 a view counts as found only when all its members are heard and show it', () => {
    const theirs = viewOf(b, c);
    const peers = peersOfA();
    peers.hear(beatOf(b, theirs, [c, a]), 0);
    expect(peers.membersShowing(theirs.id, 0)).toBeUndefined();
    peers.hear(beatOf(c, theirs, [b, a]), 0);
    expect(peers.membersShowing(theirs.id, 0)).toEqual([b, c]);
    expect(peers.membersShowing(theirs.id, 1_000)).toBeUndefined();
    expect([...viewsShown(peers.all()).values()]).toEqual([theirs.id]);
  });

  it('BUS-22 always: the hash of members depends on who they are, not on their order', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(names, (list) => {
        const members = list.map((name) => processOf(name));
        expect(hashMembers([...members].reverse())).toBe(hashMembers(members));
        expect(hashMembers(members.slice(1))).not.toBe(hashMembers(members));
      }),
    );
  });

  it('always: a bit that was set is read, and no other', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 63 })), (set) => {
        const bits = new Uint8Array(8);
        for (const index of set) setBit(bits, index);
        const read = Array.from({ length: 70 }, (_, index) => index).filter((index) => bit(bits, index));
        expect(read).toEqual([...set].sort((x, y) => x - y));
      }),
    );
  });
});

describe('what is remembered of beats', () => {
  const everybody = ['a', 'b', 'c', 'd', 'e'].map((name) => processOf(name));
  const others = everybody.slice(1);
  const whole = viewOf(...everybody);
  const views = [...others.map(aloneOf), viewOf(...others), viewOf(...others.slice(1)), whole];
  /** Often all of them: among what is told at random nothing is ever whole. */
  const anyMutual = fc.oneof({ weight: 4, arbitrary: fc.constant(everybody) }, fc.subarray(everybody));
  const anyBeat = fc.record({
    from: fc.constantFrom(...others),
    view: fc.constantFrom(...views),
    mutual: anyMutual,
  });
  const pairs = everybody.flatMap((one, i) => everybody.slice(i + 1).map((other) => [one, other] as const));
  const peersOf = () => new Peers(everybody[0]!, limits);

  it('LIFE-17 always: who was asked about edges all the time knows the same as who never was', () => {
    fc.assert(
      fc.property(fc.array(anyBeat, { maxLength: 24 }), fc.nat(24), (said, installedAfter) => {
        const steps = said
          .filter(({ from, view }) => view.members.includes(from))
          .map(({ from, view, mutual }) => beatOf(from, view, mutual))
          .map(
            (beat) =>
              (peers: Peers): unknown =>
                peers.hear(beat, 0),
          );
        steps.splice(installedAfter, 0, (peers) => peers.rememberView(whole));
        const asked = peersOf();
        steps.forEach((step, i) => {
          step(asked);
          const silent = peersOf();
          for (const before of steps.slice(0, i + 1)) before(silent);
          for (const [one, other] of pairs)
            expect(asked.edge(one, other, 0)).toBe(silent.edge(one, other, 0));
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it('LIFE-17 always: a view is complete for who is mutual with all of it when there is an edge between all', () => {
    fc.assert(
      fc.property(
        fc.array(anyMutual, { minLength: 4, maxLength: 4 }),
        fc.array(fc.constantFrom(...views), { minLength: 4, maxLength: 4 }),
        (mutual, shown) => {
          const peers = peersOf();
          peers.rememberView(whole);
          others.forEach((from, i) => {
            const view = shown[i]!.members.includes(from) ? shown[i]! : whole;
            peers.hear(beatOf(from, view, [everybody[0]!, ...mutual[i]!]), 0);
          });
          expect(others.every(({ incarnation }) => peers.mutual(incarnation, 0))).toBe(true);
          const isWhole = pairs.every(([one, other]) => peers.edge(one, other, 0));
          expect(peers.isComplete(whole, 0)).toBe(isWhole);
        },
      ),
    );
  });
});
