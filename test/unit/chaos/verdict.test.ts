import { describe, expect, it } from 'vitest';
import type { Report } from '../../../lab/lookout.ts';
import { judge, type Round } from '../../chaos/verdict.ts';

const ip = '10.84.0.1';
const round: Round = {
  ips: [ip, '10.84.0.2'],
  ownersBefore: { [ip]: 'a', '10.84.0.2': 'b' },
  struckMs: 1_000,
  servedMs: 2_300,
  undoneMs: 2_500,
  endedMs: 5_000,
  mayBothAnswer: () => false,
  victims: ['a'],
  neighboursKnowMs: 100,
  asks: { east: 'east', north: 'east', west: 'east' },
};
const takenOver: Report = {
  what: 'owner',
  ip,
  machine: 'b',
  protocol: 'icmp',
  atMs: 2_000,
  before: { machine: 'a', untilMs: 1_000 },
};

function verdictOf(reports: readonly Report[], changed: Partial<Round> = {}) {
  const seen = [takenOver, ...reports].map((report) => ({ by: 'east' as const, report }));
  return judge({ ...round, ...changed }, seen);
}

function neighbour(machine: string | undefined, fromMs: number, untilMs: number): Report {
  return { what: 'neighbour', ip, machine, fromMs, untilMs };
}

describe('the verdict on a round', () => {
  it('R3 a neighbour table may be wrong for 100 ms after the first answer of a new owner', () => {
    expect(verdictOf([neighbour('a', 900, 2_090), neighbour('b', 2_095, 5_000)]).staleNeighbours).toEqual([]);
    expect(verdictOf([neighbour('a', 900, 2_150)]).staleNeighbours).toHaveLength(1);
    expect(
      verdictOf([neighbour('b', 2_000, 3_000), neighbour('a', 3_000, 3_010)]).staleNeighbours,
    ).toHaveLength(1);
    expect(verdictOf([neighbour(undefined, 2_000, 5_000)]).staleNeighbours).toEqual([]);
  });

  it('R3 an announcement may be there before the first answer that is seen', () => {
    expect(verdictOf([neighbour('b', 1_995, 5_000)]).staleNeighbours).toEqual([]);
  });

  it('R3 the last answer of an owner may be noted after the announcement of the next, but not much later', () => {
    const noted = { ...takenOver, before: { machine: 'a', untilMs: 1_990 } };
    const stale = (fromMs: number, machine = 'b') =>
      judge(round, [
        { by: 'east', report: noted },
        { by: 'east', report: neighbour(machine, fromMs, 5_000) },
      ]).staleNeighbours;
    expect(stale(1_950)).toEqual([]);
    expect(stale(1_900)).toHaveLength(1);
    expect(stale(1_950, 'c')).toHaveLength(1);
  });

  it('R2 two at one time are a violation, except while two sides of a cut without quorum meet', () => {
    const double: Report = { what: 'double', ip, machines: ['a', 'b'], protocol: 'arp', atMs: 2_600 };
    expect(verdictOf([double]).doubles).toHaveLength(1);
    const mayBothAnswer = (one: string, other: string, atMs: number) => one !== other && atMs < 3_000;
    expect(verdictOf([double], { mayBothAnswer }).doubles).toEqual([]);
    expect(verdictOf([{ ...double, atMs: 3_001 }], { mayBothAnswer }).doubles).toHaveLength(1);
  });

  it('P5 what clients lack is the longest gap of what the victims owned, until the others served', () => {
    const gap = (of: string, fromMs: number, untilMs: number): Report => ({
      what: 'gap',
      ip: of,
      lost: 9,
      fromMs,
      untilMs,
    });
    const verdict = verdictOf([gap(ip, 1_000, 2_010), gap('10.84.0.2', 1_500, 1_600), gap(ip, 2_600, 4_000)]);
    expect(verdict.gapMs).toBe(1_010);
    expect(verdict.bystanderGapMs).toBe(100);
    expect(verdictOf([gap(ip, 1_000, 2_010)], { servedMs: undefined }).gapMs).toBe(0);
  });
});
