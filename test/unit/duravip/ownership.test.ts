import { describe, expect, it } from 'vitest';
import { Harbour, matureMs } from './harbour.ts';

describe('a cluster that starts', () => {
  it('T1 gives the addresses to the nodes in turn, after the views have matured', async () => {
    const harbour = new Harbour();
    await harbour.open('a b c');
    expect(harbour.answering()).toEqual({ a: '', b: '', c: '' });
    await harbour.pass(matureMs + 1_000);
    expect(harbour.answering()).toEqual({ a: '1 4', b: '2 5', c: '3 6' });
    expect(harbour.tables('a', 'b', 'c')).toBe('a b c a b c');
    expect([harbour.doubles, harbour.critical]).toEqual([[], []]);
  });
});

describe('a node alone', () => {
  it('LIFE-5 LIFE-1 owns all its addresses after maturity, and none before', async () => {
    const harbour = new Harbour();
    const { ips } = harbour;
    harbour.start('a');
    await harbour.pass(matureMs - 100);
    expect([harbour.answering(), harbour.log.size]).toEqual([{ a: '' }, 0]);
    await harbour.until(() => harbour.answering().a === '1 2 3 4 5 6', 1_500);
    expect([harbour.log.size, harbour.critical]).toEqual([ips.length, []]);
  });
});

describe('a node that ends', () => {
  it('T2, LIFE-12 killed with closed evidence: its addresses are served elsewhere within 50 ms', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.at('c').kill();
    await harbour.pass(2);
    harbour.reportClosed('c');
    await harbour.pass(50);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    expect(harbour.log.get('10.9.0.3')).toEqual(['-', 'a']);
    expect(harbour.doubles).toEqual([]);
  });

  it('LIFE-13 silent: after the failure timeout, and not before its lease is over', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.machine('c').guarded = false;
    harbour.at('c').kill();
    await harbour.pass(1_600);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    expect(harbour.doubles).toEqual([]);
  });

  it('INV-3, EXT-4, LIFE-18 stopped and continued: never two at a time, and it comes back as a newcomer', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.at('c').clock.pause();
    await harbour.pass(4_000);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    harbour.clock.after(0, () => harbour.at('c').clock.resume());
    await harbour.pass(5_000);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    expect(harbour.doubles).toEqual([]);
    expect(harbour.tables('a', 'b', 'c')).toBe('a b a a b b');
  });

  it('LIFE-18 one of two that finds its lease over gives itself nothing before it had time to hear the other', async () => {
    const harbour = await Harbour.settled('a b', { apart: true });
    const b = harbour.at('b');
    b.clock.pause();
    harbour.partition('a', 'b');
    await harbour.pass(4_000);
    harbour.clock.after(0, () => b.clock.resume());
    await harbour.pass(1_500);
    expect([b.member.membership.view.members.length, harbour.tables('b')]).toEqual([1, '- - - - - -']);
    // Nobody is heard for two failure timeouts: it is a component of its own.
    await harbour.until(() => harbour.answering().b === '1 2 3 4 5 6');
  });
});

describe('two processes of one name', () => {
  it('ID-20 the later one takes no address while it hears the earlier one', async () => {
    const harbour = await Harbour.settled('a b');
    harbour.start('x', {}, 'b');
    await harbour.pass(10_000);
    expect(harbour.answering()).toEqual({ a: '1 3 5', b: '2 4 6', x: '' });
    expect(harbour.doubles).toEqual([]);
  });

  it('ID-20, EXT-2 one that had addresses on its side of a cut lets go when the cut heals; neighbours follow', async () => {
    const harbour = await Harbour.settled('a b', { apart: true });
    harbour.partition('a b', 'x');
    harbour.start('x', {}, 'b');
    await harbour.pass(matureMs + 2_000);
    expect(harbour.answering().x).toBe('1 2 3 4 5 6');
    harbour.heal();
    await harbour.until(() => harbour.answering().x === '', 1_500);
    // The others never see it in a view: that is for the claims it made to tell.
    await harbour.pass(12_000);
    const { neighbours } = harbour.lan;
    expect(harbour.ips.map((ip) => neighbours.get(ip))).toEqual(
      ['a', 'b', 'a', 'b', 'a', 'b'].map((name) => harbour.machine(name).mac),
    );
  });
});
