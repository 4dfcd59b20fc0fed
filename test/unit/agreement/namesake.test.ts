import { describe, expect, it } from 'vitest';
import { beatMs, PostOffice, timeoutMs } from './post-office.ts';

// In these scenarios a' is another life of node a.
describe('two processes of one node name', () => {
  it('ID-20 they never share a view, not even through a third that hears both', () => {
    const office = PostOffice.settled('a b');
    office.open("a'");
    office.pass(10 * timeoutMs);
    expect(office.views()).toEqual({ a: 'a b', b: 'a b', "a'": "a'" });
  });

  it('ID-20 the later in member order is told to end after 3 failure timeouts, not before', () => {
    const office = PostOffice.settled('a b');
    const later = office.open("a'");
    office.pass(3 * timeoutMs);
    expect(later.diary).toEqual([]);
    office.pass(3 * beatMs);
    expect(later.diary[0]).toBe('must end, a has the name');
    expect(office.at('a').diary).toEqual([]);
  });

  it('ID-20 after a crash the new life waits until the old one has fallen silent, and is not told to end', () => {
    const office = PostOffice.settled('a b');
    office.kill('a');
    const restarted = office.open("a'");
    office.pass(5 * timeoutMs);
    expect(office.share("b a'")).toBe(true);
    expect(restarted.diary).toEqual(["view [b a'] join, with a'"]);
  });

  it('ID-20 the wait begins anew with each namesake', () => {
    const office = PostOffice.settled('a b');
    const newest = office.open("a'");
    office.pass(1.5 * timeoutMs);
    office.kill('a');
    office.pass(1.5 * timeoutMs);
    // The first one is gone. Now another life of the node appears in company, earlier in member order.
    office.open("a''", { seniority: 1 });
    office.pass(2.5 * timeoutMs);
    expect(newest.diary.some((line) => line.startsWith('must end'))).toBe(false);
    office.pass(timeoutMs);
    expect(newest.diary.at(-1)).toBe("must end, a'' has the name");
  });

  it('ID-20 when a heal brings two of one name together the later in member order ends', () => {
    const office = PostOffice.settled('a b c');
    office.partition('a b', 'c');
    office.open("a'");
    office.cut("a'", 'a');
    office.cut("a'", 'b');
    office.pass(3 * timeoutMs);
    expect(office.share("c a'")).toBe(true);
    office.heal();
    office.pass(4 * timeoutMs);
    expect(office.at("a'").diary.at(-1)).toBe('must end, a has the name');
    expect(office.at('a').diary.some((line) => line.startsWith('must end'))).toBe(false);
    office.kill("a'");
    office.pass(2 * timeoutMs);
    expect(office.share('a b c')).toBe(true);
  });

  it('ID-20 a node and a manager of one name are two different things', () => {
    const office = new PostOffice();
    office.open('a');
    office.open("a'", { type: 'Manager' });
    office.pass(timeoutMs);
    expect(office.share("a a'")).toBe(true);
  });
});
