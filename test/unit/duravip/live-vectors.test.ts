import { describe, expect, it } from 'vitest';
import { Harbour, matureMs } from './harbour.ts';

const roundMs = 10_000;
const joinedMs = 1_500;

/** T2, T3: c has died and comes back in another life; its view matures in 5 s. */
async function returnOfC(options: ConstructorParameters<typeof Harbour>[0] = {}): Promise<Harbour> {
  const harbour = await Harbour.settled('a b c', options);
  harbour.at('c').kill();
  harbour.reportClosed('c');
  await harbour.pass(3_000);
  await harbour.open('c');
  return harbour;
}

/** What the leader moved since the log was cleared: `1: a>c`. */
function moves(harbour: Harbour): string[] {
  return [...harbour.log].map(
    ([ip, answers]) => `${ip.slice(ip.lastIndexOf('.') + 1)}: ${answers.join(' ')}`,
  );
}

describe('test vectors of the specification, on real actors', () => {
  it('T3, LIFE-7, LIFE-8 c returns: nothing moves on maturity, then one address a round', async () => {
    const harbour = await returnOfC();
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    harbour.log.clear();
    await harbour.pass(matureMs);
    expect(moves(harbour)).toEqual([]);
    await harbour.until(() => harbour.log.size === 1, roundMs);
    await harbour.pass(1_000);
    expect(moves(harbour)).toEqual(['1: - c']);
    await harbour.until(() => harbour.log.size === 2, roundMs);
    await harbour.pass(3 * roundMs);
    expect(moves(harbour)).toEqual(['1: - c', '2: - c']);
    expect(harbour.answering()).toEqual({ a: '3 4', b: '5 6', c: '1 2' });
    expect([harbour.doubles, harbour.critical]).toEqual([[], []]);
  });

  it('T4, INV-20, OWN-19 c returns and address 1 prefers it: that one moves on maturity', async () => {
    const harbour = await returnOfC({ each: (ip) => (ip.endsWith('.1') ? { preference: ['c'] } : {}) });
    expect(harbour.answering().c).toBe('');
    harbour.log.clear();
    await harbour.until(() => harbour.answering().c === '1', matureMs + 1_100);
    expect(moves(harbour)).toEqual(['1: - c']);
    await harbour.pass(3 * roundMs);
    // While c was away 1 was with the others, so that they had three each: one more, not the preferring one.
    expect(moves(harbour)).toEqual(['1: - c', '3: - c']);
    expect(harbour.answering().c).toBe('1 3');
    expect(harbour.doubles).toEqual([]);
  });

  it('T5, T5m, LIFE-14, LIFE-15 each side serves all; the heal alone is balanced, and no round follows', async () => {
    const harbour = await Harbour.settled('a b c', { apart: true });
    harbour.partition('a b', 'c');
    await harbour.pass(2_000);
    // One of three waits for maturity, so that a short cut does not double everything (VIEW-8).
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '3 6' });
    await harbour.pass(matureMs);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '1 2 3 4 5 6' });
    harbour.heal();
    harbour.log.clear();
    await harbour.until(() => harbour.tables('a', 'b', 'c') === 'a b c a b c', 1_800);
    await harbour.until(() => harbour.answering().c === '3 6', 1_000);
    expect(harbour.answering()).toEqual({ a: '1 4', b: '2 5', c: '3 6' });
    // c announced them last, before the heal (OWN-8).
    await harbour.pass(20);
    const believed = harbour.ips.map((ip) => harbour.lan.neighbours.get(ip));
    const macs = ['a', 'b', 'c', 'a', 'b', 'c'].map((name) => harbour.machine(name).mac);
    expect(believed).toEqual(macs);
    harbour.log.clear();
    await harbour.pass(matureMs + 2 * roundMs);
    expect(moves(harbour)).toEqual([]);
  });

  it('EXT-1, INV-14 with a quorum the smaller side falls silent, and the heal takes nothing from the larger one', async () => {
    const harbour = await Harbour.settled('a b c', { apart: true, settings: { quorum: 2 } });
    harbour.partition('a b', 'c');
    await harbour.pass(2_000);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    await harbour.pass(2 * matureMs);
    expect(harbour.answering().c).toBe('');
    harbour.heal();
    await harbour.pass(2_000);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    expect(harbour.doubles).toEqual([]);
  });

  it('T6, STA-10 two preferences cancel each other, until one of the preferred is gone', async () => {
    const preferred: Record<string, string> = { a: 'a', b: 'b', c: 'b' };
    const harbour = await Harbour.settled('a b c', {
      each: (ip, node) => (ip.endsWith('.3') ? { preference: [preferred[node]!] } : {}),
    });
    expect(harbour.answering()).toEqual({ a: '1 4', b: '2 5', c: '3 6' });
    harbour.at('b').kill();
    harbour.reportClosed('b');
    const ownerOf3 = () => harbour.tables('a', 'c').split(' ')[2];
    await harbour.until(() => ownerOf3() === 'a', matureMs + joinedMs);
    await harbour.until(() => harbour.answering().a?.includes('3') === true, 1_000);
    expect(harbour.doubles).toEqual([]);
  });

  it.each([
    [1, 20],
    [2, 10],
    [10, 2],
  ])('T8, OWN-27 a third node takes 20 of 60 addresses, %i a round in %i rounds', async (batch, rounds) => {
    const ips = Array.from({ length: 60 }, (_, i) => `10.9.0.${i + 1}`);
    const intervalMs = 2_000;
    const settings = { balanceSetSize: batch, balanceIntervalMs: intervalMs };
    const harbour = await Harbour.settled('a b', { ips, settings });
    await harbour.open('c');
    await harbour.pass(matureMs);
    const seen = new Set<number>();
    const loads = () =>
      Object.values(harbour.answering()).map((list) => list.split(' ').filter(Boolean).length);
    for (let passedMs = 0; passedMs < (rounds + 3) * intervalMs; passedMs += 100) {
      seen.add(harbour.ownership('a').applied);
      await harbour.pass(100);
    }
    expect(loads()).toEqual([20, 20, 20]);
    // The decisions of the view: MATURE once, then a BALANCE for each round.
    expect(Math.max(...seen)).toBe(1 + rounds);
    expect(harbour.doubles).toEqual([]);
  });
});
