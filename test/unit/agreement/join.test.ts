import { describe, expect, it } from 'vitest';
import { beatMs, is, PostOffice, timeoutMs } from './post-office.ts';

describe('joining', () => {
  it('BUS-14 a process by itself has a view of its own', () => {
    const office = new PostOffice();
    const a = office.open('a');
    office.pass(10 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a' });
    expect([a.agreement.isLeader, a.agreement.settled, a.diary]).toEqual([true, true, []]);
  });

  it('BUS-22 two processes share a view within a few beats, and both are told why', () => {
    const office = new PostOffice();
    const [a, b] = [office.open('a'), office.open('b')];
    office.pass(4 * beatMs);
    expect(office.share('a b')).toBe(true);
    expect(a.diary).toEqual(['view [a b] join, with a']);
    expect(b.diary).toEqual(['view [a b] join, with b']);
  });

  it('MEM-9 a newcomer does not become leader, whatever its name', () => {
    const office = PostOffice.settled('b c');
    office.open('a');
    office.pass(timeoutMs);
    expect(office.views()).toEqual({ a: 'b c a', b: 'b c a', c: 'b c a' });
    expect(['a', 'b', 'c'].filter((name) => office.at(name).agreement.isLeader)).toEqual(['b']);
  });

  it('MEM-9 seniority is set once: it survives later views', () => {
    const office = PostOffice.settled('a b');
    const { seniority } = office.at('b').agreement.self;
    office.open('c');
    office.pass(timeoutMs);
    expect(office.share('a b c')).toBe(true);
    expect(office.at('b').agreement.self.seniority).toBe(seniority);
    expect(office.at('c').agreement.self.seniority).toBeGreaterThan(seniority);
  });

  it('MEM-10 a manager joins behind all nodes and never leads, not even alone', () => {
    const office = new PostOffice();
    const manager = office.open('a', { type: 'Manager' });
    office.pass(timeoutMs);
    expect(manager.agreement.isLeader).toBe(false);
    office.open('b');
    office.pass(timeoutMs);
    expect(office.views()).toEqual({ a: 'b a', b: 'b a' });
    expect(office.at('b').agreement.isLeader).toBe(true);
  });

  it('BUS-12 views of one process are strictly newer, and it is in each of them', () => {
    const office = new PostOffice();
    const a = office.open('a');
    const epochs = [a.agreement.view.id.epoch];
    for (const name of ['b', 'c', 'd']) {
      office.open(name);
      office.pass(timeoutMs);
      epochs.push(a.agreement.view.id.epoch);
      expect(a.agreement.view.members).toContain(a.agreement.self);
    }
    expect(epochs).toEqual([...new Set(epochs)].sort((x, y) => x - y));
  });

  it('INV-32 a settled view does not change while nothing happens', () => {
    const office = PostOffice.settled('a b c d');
    const { id } = office.at('a').agreement.view;
    office.pass(60_000);
    expect(office.at('a').agreement.view.id).toEqual(id);
  });

  it('BUS-21 a beat that was overtaken by a newer one is not evidence', () => {
    const office = PostOffice.settled('a b');
    office.intercept(is('beat', { from: 'b' }));
    office.pass(beatMs);
    office.deliverNormally();
    office.pass(beatMs);
    office.kill('b');
    office.pass(timeoutMs - 2 * beatMs);
    // The old beat arrives last of all. It must not make b look alive for another second.
    for (const letter of office.taken) office.hand(letter);
    office.pass(3 * beatMs);
    expect(office.views()).toEqual({ a: 'a' });
  });
});
