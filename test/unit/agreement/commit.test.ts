import { describe, expect, it } from 'vitest';
import { beatMs, is, type Letter, PostOffice, timeoutMs } from './post-office.ts';

/** c leaves a view of three, and the commit for b is lost or late. */
function commitTakenFromB(): { office: PostOffice; commit: Letter } {
  const office = PostOffice.settled('a b c');
  office.intercept(is('commit', { to: 'b' }));
  office.leave('c');
  office.deliverNormally();
  expect(office.views()).toEqual({ a: 'a b', b: 'a b c' });
  return { office, commit: office.taken[0]! };
}

describe('commits that get lost or come late', () => {
  it('BUS-21 a member that sees others in the view it promised asks for the commit it missed', () => {
    const { office } = commitTakenFromB();
    // Its promise is in force for a while, and it waits for what it was promised.
    office.pass(timeoutMs - beatMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b c' });
    office.pass(3 * beatMs);
    expect(office.share('a b')).toBe(true);
    expect(office.at('a').diary).toEqual(['view [a b] leave, with a b']);
    expect(office.at('b').diary).toEqual(['view [a b] leave, with a b']);
  });

  it('BUS-21 while a promise is in force nothing is delivered and nothing is proposed', () => {
    const office = PostOffice.settled('a b c');
    office.intercept((letter) => is('commit')(letter) || is('ok')(letter));
    office.leave('c');
    expect(['a', 'b'].map((name) => office.at(name).agreement.settled)).toEqual([false, false]);
    expect(office.order('a', 'too early')).toBe(false);
  });

  it('BUS-21 a promise that nobody keeps runs out after the failure timeout', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('commit', { to: 'b' }));
    office.leave('c');
    // The proposer vanishes with its commit.
    office.kill('a');
    office.deliverNormally();
    office.pass(3 * timeoutMs);
    expect(office.views()).toEqual({ b: 'b' });
    expect(office.at('b').agreement.settled).toBe(true);
  });

  it('BUS-12 a commit that comes after a newer promise is refused: views of one process only get newer', () => {
    const { office, commit } = commitTakenFromB();
    office.pass(2 * timeoutMs);
    office.open('d');
    office.pass(timeoutMs);
    expect(office.share('a b d')).toBe(true);
    const before = [...office.at('b').diary];
    office.hand(commit);
    expect(office.at('b').diary).toEqual(before);
    expect(office.share('a b d')).toBe(true);
  });

  it('BUS-12 of two commits under way the older is refused: the later ballot was promised', () => {
    const office = PostOffice.settled('a b c');
    // a agrees with b on {a b} twice, because b never seems to install: both commits are on their way for long.
    office.intercept(is('commit', { to: 'b' }));
    office.leave('c');
    const late = office.taken[0]!;
    office.intercept((letter) => is('ask')(letter) || is('commit', { to: 'b' })(letter));
    office.pass(2 * timeoutMs);
    const promisedLater = office.taken.filter(is('commit', { to: 'b' })).at(-1)!;
    expect(promisedLater.message).not.toEqual(late.message);
    office.hand(late);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b c' });
    office.deliverNormally();
    office.pass(2 * timeoutMs);
    expect(office.share('a b')).toBe(true);
  });

  it('BUS-21 a laggard whose questions are lost too is proposed the same view again', () => {
    const { office } = commitTakenFromB();
    office.intercept(is('ask'));
    office.pass(3 * timeoutMs);
    expect(office.share('a b')).toBe(true);
    // Two views of the same members: the first never reached b.
    expect(office.at('a').diary).toEqual(['view [a b] leave, with a b', 'view [a b] network, with a']);
    expect(office.at('b').diary.at(-1)).toBe('view [a b] leave, with b');
  });

  it('BUS-21 a repeated OK, because the commit was lost, is answered with the commit', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('commit', { to: 'b' }));
    office.leave('c');
    office.deliverNormally();
    const commit = office.taken[0]!.message;
    if (commit.kind !== 'commit') throw new Error('not a commit');
    office.hand({
      from: 'b',
      to: 'a',
      message: {
        kind: 'ok',
        from: office.at('b').incarnation,
        ballot: commit.ballot,
        oldView: office.at('b').agreement.view.id,
        applied: 0,
        unstable: [],
      },
    });
    expect(office.share('a b')).toBe(true);
  });
});

describe('proposals', () => {
  it('BUS-21 a proposal that is lost is repeated with the next beat', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('propose'));
    office.leave('c');
    office.deliverNormally();
    office.pass(2 * beatMs);
    expect(office.share('a b')).toBe(true);
  });

  it('BUS-21 a proposal that stalls is made again without those no longer mutual', () => {
    const office = PostOffice.settled('a b c d');
    office.kill('c');
    office.leave('d');
    // a proposes {a b c}, c will never answer.
    office.pass(timeoutMs + 4 * beatMs);
    expect(office.share('a b')).toBe(true);
  });

  it('BUS-21 a proposal is given up at once when one of its members is lost', () => {
    const office = PostOffice.settled('a b c d');
    office.intercept(is('ok', { from: 'c' }));
    office.leave('d');
    expect(office.at('a').agreement.settled).toBe(false);
    office.leave('c');
    expect(office.share('a b')).toBe(true);
  });

  it('BUS-21 who waits for the first of its group in vain stands alone after two failure timeouts, and merges later', () => {
    const office = PostOffice.settled('a b c d');
    office.intercept(is('propose', { to: 'c' }));
    office.leave('d');
    office.pass(timeoutMs);
    expect(office.views()).toMatchObject({ c: 'a b c d' });
    office.pass(2 * timeoutMs);
    expect(office.views()).toMatchObject({ c: 'c' });
    office.deliverNormally();
    office.pass(timeoutMs);
    expect(office.share('a b c')).toBe(true);
  });

  it('BUS-12 a ballot below the one promised is refused, also when nothing came of the promise', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('commit'));
    office.leave('c');
    const promised = office.taken[0]!.message;
    if (promised.kind !== 'commit') throw new Error('not a commit');
    const { ballot, members } = promised;
    office.intercept(is('nack'));
    const lower = { ...ballot, nonce: ballot.nonce - 1 };
    office.hand({
      from: 'a',
      to: 'b',
      message: { kind: 'propose', from: office.at('a').incarnation, ballot: lower, members },
    });
    expect(office.taken.at(-1)).toMatchObject({ from: 'b', message: { kind: 'nack', ballot: lower } });
  });

  describe('when b has a proposal of its own under way, to c,', () => {
    /** All three are alone, b and c without a. The answer of c to b is under way. */
    function competition() {
      const office = new PostOffice();
      for (const name of ['a', 'b', 'c']) office.open(name);
      office.partition('a', 'b c');
      office.intercept(is('ok'));
      while (office.taken.length === 0) office.pass(10);
      office.intercept((letter) => is('ok')(letter) || is('nack')(letter));
      return { office, answer: office.taken[0]! };
    }

    it('BUS-21 a later proposer that is in it has to wait', () => {
      const { office, answer } = competition();
      const { agreement, incarnation } = office.at('c');
      const ballot = { epoch: 50, coordinator: incarnation, nonce: 50 };
      const members = [office.at('b').agreement.self, agreement.self];
      office.hand({ from: 'c', to: 'b', message: { kind: 'propose', from: incarnation, ballot, members } });
      expect(office.taken.at(-1)).toMatchObject({ from: 'b', to: 'c', message: { kind: 'nack' } });
      office.hand(answer);
      expect(office.views()).toMatchObject({ b: 'b c' });
    });

    it('BUS-21 an earlier proposer goes first, and the own proposal is void although its answers arrive', () => {
      const { office, answer } = competition();
      office.heal();
      // a and b hear each other; c, which has not beaten since, does not yet say so: a proposes to b alone.
      for (const name of ['a', 'b', 'a']) office.tick(name);
      expect(office.taken.at(-1)).toMatchObject({ from: 'b', to: 'a', message: { kind: 'ok' } });
      office.hand(answer);
      expect(office.views()).toMatchObject({ b: 'b' });
      office.deliverNormally();
      office.pass(3 * timeoutMs);
      expect(office.share('a b c')).toBe(true);
    });
  });

  it('R7 an OK that makes no sense ends in no view for anybody, instead of one without its proposer', () => {
    const office = PostOffice.settled('a b c');
    office.intercept((letter) => is('propose')(letter) || is('commit')(letter));
    office.leave('c');
    const propose = office.taken[0]!.message;
    if (propose.kind !== 'propose') throw new Error('not a proposal');
    const { ballot } = propose;
    const oldView = office.at('b').agreement.view.id;
    const from = office.at('b').incarnation;
    office.hand({
      from: 'b',
      to: 'a',
      message: { kind: 'ok', from, ballot, oldView, applied: 7, unstable: [] },
    });
    expect(office.taken.filter(is('commit'))).toEqual([]);
    office.deliverNormally();
    office.pass(4 * beatMs);
    expect(office.share('a b')).toBe(true);
  });

  it('BUS-23 a proposer with a stale epoch learns the newer one from the refusal and tries again above it', () => {
    const office = PostOffice.settled('a b');
    office.partition('a', 'b');
    office.pass(2 * timeoutMs);
    // b goes through many views with others, a knows nothing of it.
    for (const name of ['c', 'd', 'e']) {
      const { agreement } = office.open(name);
      office.cut('a', name);
      office.pass(timeoutMs);
      expect(agreement.view.members.length).toBeGreaterThan(1);
    }
    const stale = office.at('a').agreement.view.id.epoch;
    const newest = office.at('b').agreement.view.id.epoch;
    expect(newest).toBeGreaterThan(stale);
    office.hand({
      from: 'a',
      to: 'b',
      message: {
        kind: 'propose',
        from: office.at('a').incarnation,
        ballot: { epoch: stale + 1, coordinator: office.at('a').incarnation, nonce: 99 },
        members: [office.at('a').agreement.self, office.at('b').agreement.self],
      },
    });
    expect(office.views()).toMatchObject({ a: 'a', b: 'b c d e' });
    office.heal();
    office.pass(timeoutMs);
    expect(office.share('a b c d e')).toBe(true);
    expect(office.at('a').agreement.view.id.epoch).toBeGreaterThan(newest);
  });

  it('BUS-21 a proposal is refused by a member that does not hear all of the others', () => {
    const office = PostOffice.settled('a b');
    const c = office.open('c');
    office.cut('b', 'c');
    office.pass(timeoutMs);
    office.intercept(is('nack'));
    office.hand({
      from: 'a',
      to: 'b',
      message: {
        kind: 'propose',
        from: office.at('a').incarnation,
        ballot: { epoch: 50, coordinator: office.at('a').incarnation, nonce: 50 },
        members: [office.at('a').agreement.self, office.at('b').agreement.self, c.agreement.self],
      },
    });
    expect(office.taken.map(({ from, message }) => [from, message.kind])).toEqual([['b', 'nack']]);
    expect(office.at('b').agreement.settled).toBe(true);
  });

  it('MEM-9 a proposal that gives a member another seniority than its own is refused', () => {
    const office = PostOffice.settled('a b');
    const b = office.at('b').agreement.self;
    office.intercept(is('nack'));
    office.hand({
      from: 'a',
      to: 'b',
      message: {
        kind: 'propose',
        from: office.at('a').incarnation,
        ballot: { epoch: 50, coordinator: office.at('a').incarnation, nonce: 50 },
        members: [office.at('a').agreement.self, { ...b, seniority: Number.POSITIVE_INFINITY }],
      },
    });
    expect(office.taken).toHaveLength(1);
  });

  it('BUS-21 an OK of somebody who was not asked does not end up in the view or among the survivors', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('propose'));
    office.leave('c');
    const propose = office.taken[0]!;
    if (propose.message.kind !== 'propose') throw new Error('not a proposal');
    office.hand({
      from: 'c',
      to: 'a',
      message: {
        kind: 'ok',
        from: office.at('c').incarnation,
        ballot: propose.message.ballot,
        oldView: office.at('b').agreement.view.id,
        applied: 7,
        unstable: [],
      },
    });
    office.deliverNormally();
    office.hand(propose);
    expect(office.share('a b')).toBe(true);
    expect(office.at('a').diary.at(-1)).toBe('view [a b] leave, with a b');
  });
});
