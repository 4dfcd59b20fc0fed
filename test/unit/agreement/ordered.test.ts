import { describe, expect, it } from 'vitest';
import { beatMs, is, PostOffice, timeoutMs } from './post-office.ts';

describe('ordered messages within a view', () => {
  it('BUS-7, BUS-9 every member delivers the same messages in the same order, the leader its own, too', () => {
    const office = PostOffice.settled('a b c');
    for (const text of ['one', 'two', 'three']) expect(office.order('a', text)).toBe(true);
    for (const name of ['a', 'b', 'c']) expect(office.at(name).diary).toEqual(['1 one', '2 two', '3 three']);
  });

  it('BUS-20 only the leader orders', () => {
    const office = PostOffice.settled('a b');
    expect(office.order('b', 'mine')).toBe(false);
    expect(office.at('a').diary).toEqual([]);
  });

  it('INV-8 an ordered message that is not from the leader changes nothing', () => {
    const office = PostOffice.settled('a b c');
    const { view } = office.at('c').agreement;
    const entry = { number: 1, payload: new TextEncoder().encode('mine') };
    const message = { kind: 'ordered', from: office.at('b').incarnation, view: view.id, entry } as const;
    office.hand({ from: 'b', to: 'c', message });
    expect(office.at('c').diary).toEqual([]);
  });

  it('BUS-11, INV-8 a message of another view is dropped', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('ordered', { to: 'b' }));
    office.order('a', 'old');
    office.deliverNormally();
    office.leave('c');
    office.pass(beatMs);
    const before = [...office.at('b').diary];
    office.hand(office.taken[0]!);
    office.pass(timeoutMs);
    expect(office.at('b').diary).toEqual(before);
  });

  it('BUS-20 numbers begin with 1 in each view', () => {
    const office = PostOffice.settled('a b c');
    office.order('a', 'one');
    office.leave('c');
    office.order('a', 'first');
    expect(office.at('b').diary).toEqual(['1 one', 'view [a b] leave, with a b', '1 first']);
  });

  it('BUS-16 a message is delivered when its turn has come, although another member lacks it still', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('ordered', { to: 'c' }));
    office.order('a', 'one');
    expect(['a', 'b', 'c'].map((name) => office.at(name).diary)).toEqual([['1 one'], ['1 one'], []]);
  });

  it('BUS-9 a gap holds later messages back until the lost one is sent again, after a beat of the leader', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('ordered', { to: 'b' }));
    office.order('a', 'one');
    office.deliverNormally();
    office.order('a', 'two');
    expect(office.at('b').diary).toEqual([]);
    office.pass(2 * beatMs);
    expect(office.at('b').diary).toEqual(['1 one', '2 two']);
  });

  it('BUS-9 a message that was lost last of all is missed at the next beat, too', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('ordered', { to: 'b' }));
    office.order('a', 'one');
    office.deliverNormally();
    office.pass(2 * beatMs);
    expect(office.at('b').diary).toEqual(['1 one']);
  });

  it('BUS-9 duplicates are delivered once', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('ordered'));
    office.order('a', 'one');
    office.deliverNormally();
    for (let i = 0; i < 3; i++) office.hand(office.taken[0]!);
    expect(office.at('b').diary).toEqual(['1 one']);
  });

  it('BUS-20 the leader orders no more than its backlog ahead of the slowest member, and goes on when it caught up', () => {
    const office = PostOffice.settled('a b');
    // The backlog of these agreements is 4.
    office.intercept((letter) => is('ordered')(letter) || is('resend')(letter));
    expect(['1', '2', '3', '4', '5'].map((text) => office.order('a', text))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    office.deliverNormally();
    office.pass(3 * beatMs);
    expect(office.order('a', '5')).toBe(true);
    expect(office.at('b').diary).toEqual(['1 1', '2 2', '3 3', '4 4', '5 5']);
  });

  it('BUS-20 a member that cannot be brought up to date within the backlog is brought up by a new view', () => {
    const office = PostOffice.settled('a b');
    office.intercept((letter) => is('ordered')(letter) || is('resend')(letter));
    for (const text of ['1', '2', '3', '4']) office.order('a', text);
    office.pass(3 * timeoutMs);
    expect(office.at('b').diary.slice(0, 5)).toEqual([
      '1 1',
      '2 2',
      '3 3',
      '4 4',
      'view [a b] network, with a b',
    ]);
    expect(office.order('a', 'again')).toBe(true);
  });
});

describe('ordered messages across a change of view', () => {
  it('BUS-11 survivors deliver the same messages: who lacks one gets it with the commit', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('ordered', { to: 'b' }));
    office.order('a', 'one');
    office.order('a', 'two');
    expect([office.at('b').diary, office.at('c').diary]).toEqual([[], ['1 one', '2 two']]);
    office.kill('a');
    office.reportClosed('c', 'a');
    office.reportClosed('b', 'a');
    expect(office.at('b').diary).toEqual(['1 one', '2 two', 'view [b c] disconnect, with b c']);
    expect(office.at('c').diary).toEqual(office.at('b').diary);
  });

  it('BUS-11 a message that no survivor has is delivered by none of them', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('ordered'));
    office.order('a', 'unheard');
    office.kill('a');
    office.deliverNormally();
    office.reportClosed('c', 'a');
    office.reportClosed('b', 'a');
    expect(office.at('b').diary).toEqual(['view [b c] disconnect, with b c']);
    expect(office.at('c').diary).toEqual(['view [b c] disconnect, with b c']);
  });

  it('BUS-11 between promise and install nothing is delivered, although it arrives', () => {
    const office = PostOffice.settled('a b c');
    office.intercept((letter) => is('ordered')(letter) || is('commit')(letter));
    office.order('a', 'late');
    office.leave('c');
    const [ordered, commit] = [
      office.taken.find(is('ordered', { to: 'b' }))!,
      office.taken.find(is('commit', { to: 'b' }))!,
    ];
    office.deliverNormally();
    office.hand(ordered);
    expect(office.at('b').diary).toEqual([]);
    office.hand(commit);
    expect(office.at('b').diary).toEqual(['1 late', 'view [a b] leave, with a b']);
    expect(office.at('a').diary).toEqual(['1 late', 'view [a b] leave, with a b']);
  });

  it('BUS-11 a commit is refused by a member that went on after its promise had run out and delivered more', () => {
    const office = PostOffice.settled('a b c');
    const { id } = office.at('c').agreement.view;
    // a dies. b and c agree on a view without it, but the commit for c is under way for more than a second,
    office.intercept(
      (letter) => letter.to === 'c' && letter.message.kind !== 'beat' && letter.message.kind !== 'propose',
    );
    office.kill('a');
    office.reportClosed('c', 'a');
    office.reportClosed('b', 'a');
    const commit = office.taken.find(is('commit', { to: 'c' }))!;
    office.intercept((letter) => letter.to === 'c' && letter.message.kind !== 'beat');
    office.pass(timeoutMs + beatMs);
    // and meanwhile c, whose promise has run out, gets a message of a that b never had.
    const entry = { number: 1, payload: new TextEncoder().encode('slow') };
    office.hand({
      from: 'a',
      to: 'c',
      message: { kind: 'ordered', from: office.at('a').incarnation, view: id, entry },
    });
    expect(office.at('c').diary).toEqual(['1 slow']);
    office.hand(commit);
    // To install now would mean that b and c came from one view with different messages.
    expect(office.at('c').diary).toEqual(['1 slow']);
    office.deliverNormally();
    office.pass(2 * timeoutMs);
    expect(office.share('b c')).toBe(true);
    expect(office.at('c').diary).toEqual(['1 slow', 'view [b c] disconnect, with c']);
    expect(office.at('b').diary).toEqual(['view [b c] disconnect, with b c', 'view [b c] network, with b']);
  });

  it('BUS-11 two views that merge flush their own messages each', () => {
    const office = PostOffice.settled('a b c d');
    office.partition('a b', 'c d');
    office.pass(2 * timeoutMs);
    office.intercept((letter) => is('ordered', { to: 'b' })(letter) || is('ordered', { to: 'd' })(letter));
    office.order('a', 'left');
    office.order('c', 'right');
    office.heal();
    office.pass(4 * beatMs);
    expect(office.share('a b c d')).toBe(true);
    expect(office.at('b').diary.slice(-2)).toEqual(['1 left', 'view [a b c d] join, with a b']);
    expect(office.at('d').diary.slice(-2)).toEqual(['1 right', 'view [a b c d] join, with c d']);
  });

  it('MEM-11 the leader cannot order while a new view is being formed', () => {
    const office = PostOffice.settled('a b c');
    office.intercept(is('ok'));
    office.leave('c');
    expect(office.order('a', 'now')).toBe(false);
    office.deliverNormally();
    office.pass(3 * beatMs);
    expect(office.order('a', 'now')).toBe(true);
  });
});
