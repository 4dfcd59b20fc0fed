import { describe, expect, it } from 'vitest';
import { noWait } from '../../../src/actors/duravip.ts';
import { Handovers } from '../../../src/actors/handovers.ts';
import type { Trace } from '../../../src/actors/membership.ts';
import type { ClaimsMessage, Stamp } from '../../../src/core/duravip/messages.ts';
import type { Process, View } from '../../../src/core/view.ts';
import { incarnation } from './fleet.ts';

const ip = '10.9.0.1';
const settings = { concurrent: false, timeoutMs: 3_000, failureTimeoutMs: 1_000 };
const leaseMs = 800;
const nowMs = 100_000;

const [a, b, c] = [incarnation('a'), incarnation('b'), incarnation('c')];

function processOf(name: string): Process {
  return { incarnation: incarnation(name), type: 'Momentum', node: name, number: 1, seniority: 1 };
}

function viewOf(names: string, epoch = 1): View {
  const members = names.split(' ').map(processOf);
  return { id: { epoch, coordinator: members[0]!.incarnation, nonce: 1 }, members };
}

const stamp = (epoch: number, applied: number): Stamp => ({ view: viewOf('a', epoch).id, applied });

/** Members a, b and c, which state their leases; `left` went from the view that epoch 1 was. */
function afterLoss(
  left: string,
  seen: Omit<Trace, 'closedMs'> | undefined,
  changes: Partial<typeof settings> = {},
) {
  const trace = seen && { ...seen, closedMs: nowMs - 8 };
  const handovers = new Handovers({ ...settings, ...changes });
  for (const member of [a, b, c]) handovers.leaseOf(member, leaseMs);
  handovers.owned(ip, incarnation(left), stamp(1, 1), nowMs);
  const staying = ['a', 'b', 'c'].filter((name) => name !== left).join(' ');
  const view = viewOf(staying, 2);
  handovers.viewInstalled(view, viewOf('a b c'), () => trace, nowMs);
  return { handovers, view, wait: (atMs = nowMs) => handovers.waitFor(ip, a, view, atMs) };
}

describe('how long the next owner waits', () => {
  it('OWN-34 for an orphan that nobody held there is nobody to wait for', () => {
    expect(new Handovers(settings).waitFor(ip, a, viewOf('a b'), nowMs)).toEqual(noWait);
  });

  it('LIFE-10 a goodbye follows the release of everything', () => {
    expect(afterLoss('c', { evidence: 'goodbye', heardMs: nowMs }).wait()).toEqual(noWait);
  });

  it('LIFE-12, LIFE-18 closed: the grace of the guardian, then a probe until a lease is over that others may have extended until it ended', () => {
    const { wait } = afterLoss('c', { evidence: 'closed', heardMs: nowMs - 150 });
    // Counted from the report: a view and a decision have been made since.
    expect(wait()).toEqual({ notBeforeMs: nowMs - 8 + 20, probeUntilMs: nowMs - 8 + leaseMs });
  });

  it('LIFE-18 silent: the failure timeout after the last sign of life, or the lease it stated, if that is longer', () => {
    const { handovers, wait } = afterLoss('c', { evidence: 'silent', heardMs: nowMs - 600 });
    expect(wait()).toEqual({ notBeforeMs: nowMs + 400, probeUntilMs: undefined });
    handovers.lostElsewhere(
      { member: c, evidence: 'silent', silentMs: 600, leaseMs: 5_000, holds: [] },
      stamp(2, 0),
      nowMs,
    );
    expect(wait()).toEqual({ notBeforeMs: nowMs + 4_400, probeUntilMs: undefined });
  });

  it('LIFE-18, INV-14 one that left without a word may have been given what nobody here knows of', () => {
    const other = '10.9.0.2';
    const { handovers, view } = afterLoss('c', { evidence: 'silent', heardMs: nowMs - 600 });
    expect(handovers.waitFor(other, a, view, nowMs).notBeforeMs).toBe(nowMs + 400);
    // And so has who hears of it from another view.
    const elsewhere = new Handovers(settings);
    for (const lost of handovers.lost(nowMs)) elsewhere.lostElsewhere(lost, stamp(2, 0), nowMs);
    expect(elsewhere.waitFor(other, a, view, nowMs).notBeforeMs).toBe(nowMs + 400);
  });

  it('LIFE-18 closed, and the lease is over by now: nobody is asked', () => {
    const { wait } = afterLoss('c', { evidence: 'closed', heardMs: nowMs });
    expect(wait(nowMs - 8 + leaseMs)).toEqual(noWait);
  });

  it('LIFE-18 a process of which nothing is known any more counts as heard until now', () => {
    expect(afterLoss('c', undefined).wait().notBeforeMs).toBe(nowMs + 1_000);
  });

  it('OWN-34 a member that has it gets the hand-over timeout, never less than its lease', () => {
    const handovers = new Handovers(settings);
    handovers.leaseOf(b, leaseMs);
    handovers.owned(ip, b, stamp(1, 1), nowMs);
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs)).toEqual({
      notBeforeMs: nowMs + 3_000,
      probeUntilMs: undefined,
    });
    handovers.leaseOf(b, 7_000);
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs).notBeforeMs).toBe(nowMs + 7_000);
  });

  it('DVC-14, OWN-34 removed and added again: for a decision that may be under way, whoever lets go meanwhile', () => {
    const handovers = new Handovers(settings);
    const view = viewOf('a b');
    const wait = () => handovers.waitFor(ip, a, view, nowMs);
    handovers.owned(ip, a, stamp(1, 1), nowMs);
    handovers.waitForDecision(ip, nowMs);
    const undecided = { notBeforeMs: nowMs + 1_000, probeUntilMs: nowMs + 4_000 };
    expect(wait()).toEqual(undecided);
    handovers.released(ip, b, stamp(1, 2));
    expect(wait()).toEqual(undecided);
    handovers.owned(ip, a, stamp(1, 3), nowMs);
    expect(wait()).toEqual(noWait);
    handovers.waitForDecision(ip, nowMs);
    handovers.forget(view, nowMs);
    expect(wait(), 'claims are merged').toEqual(noWait);
  });

  it('OWN-34 nobody waits for itself', () => {
    const handovers = new Handovers(settings);
    handovers.owned(ip, a, stamp(1, 1), nowMs);
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs)).toEqual(noWait);
  });

  it('OWN-33, OWN-34 concurrent: nobody waits', () => {
    const { wait } = afterLoss('c', { evidence: 'silent', heardMs: nowMs }, { concurrent: true });
    expect(wait()).toEqual(noWait);
  });

  it('OWN-34, LIFE-18 of several that may have it the longest wait counts, and the longest probe', () => {
    const { handovers, wait } = afterLoss('c', { evidence: 'closed', heardMs: nowMs });
    handovers.owned(ip, b, stamp(1, 2), nowMs);
    const both = { notBeforeMs: nowMs + 3_000, probeUntilMs: nowMs - 8 + leaseMs };
    expect(wait()).toEqual(both);
    // In whatever order they had it.
    handovers.released(ip, c, stamp(2, 0));
    handovers.owned(ip, c, stamp(2, 1), nowMs);
    expect(wait()).toEqual(both);
    handovers.released(ip, b, stamp(2, 1));
    expect(wait()).toEqual({ notBeforeMs: nowMs + 12, probeUntilMs: nowMs - 8 + leaseMs });
  });

  it('LIFE-18 who is back in the view counts as a member again', () => {
    const { handovers } = afterLoss('c', { evidence: 'silent', heardMs: nowMs });
    const back = viewOf('a b c', 3);
    handovers.viewInstalled(back, viewOf('a b', 2), () => undefined, nowMs);
    expect(handovers.waitFor(ip, a, back, nowMs).notBeforeMs).toBe(nowMs + 3_000);
    expect(handovers.lost(nowMs)).toEqual([]);
  });

  it('OWN-34, INV-26 asked for again it is the same: it counts from when the address was given, or somebody came to have it', () => {
    const handovers = new Handovers(settings);
    const view = viewOf('a b c');
    const wait = (atMs: number) => handovers.waitFor(ip, a, view, atMs).notBeforeMs;
    handovers.owned(ip, b, stamp(1, 1), nowMs - 9_000);
    handovers.owned(ip, a, stamp(1, 2), nowMs);
    handovers.viewInstalled(viewOf('a b', 2), view, () => undefined, nowMs + 500);
    expect([wait(nowMs), wait(nowMs + 2_000)]).toEqual([nowMs + 3_000, nowMs + 3_000]);
    handovers.owned(ip, c, stamp(2, 1), nowMs + 100);
    expect(wait(nowMs + 2_000)).toBe(nowMs + 3_100);
    handovers.viewInstalled(viewOf('a b c', 3), viewOf('a b', 2), () => undefined, nowMs + 700);
    expect(wait(nowMs + 2_000)).toBe(nowMs + 3_700);
  });
});

describe('what is given back', () => {
  it('OWN-34 ends the wait', () => {
    const handovers = new Handovers(settings);
    handovers.owned(ip, b, stamp(1, 4), nowMs);
    handovers.released(ip, b, stamp(1, 5));
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs)).toEqual(noWait);
  });

  it.each([
    ['earlier in the view', stamp(2, 3)],
    ['in the view before', stamp(1, 99)],
  ])('OWN-34 %s than it was given says nothing', (_case, upTo) => {
    const handovers = new Handovers(settings);
    handovers.owned(ip, b, stamp(2, 4), nowMs);
    handovers.released(ip, b, upTo);
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs).notBeforeMs).toBe(nowMs + 3_000);
  });

  it('OWN-34 by one of two leaves the other', () => {
    const handovers = new Handovers(settings);
    handovers.owned(ip, b, stamp(1, 1), nowMs);
    handovers.owned(ip, c, stamp(1, 2), nowMs);
    handovers.released(ip, c, stamp(1, 2));
    expect(handovers.waitFor(ip, a, viewOf('a b c'), nowMs).notBeforeMs).toBe(nowMs + 3_000);
  });
});

describe('what a member says at the beginning of a view', () => {
  const said = (from: typeof b, claims: readonly string[], leaving?: readonly string[]): ClaimsMessage => ({
    kind: 'claims',
    from,
    view: viewOf('a b', 2).id,
    announced: 1,
    claims,
    stuck: [],
    holds: [],
    leaseMs,
    lost: [],
    leaving,
  });
  const waitAfter = (...messages: readonly ClaimsMessage[]) => {
    const handovers = new Handovers(settings);
    handovers.owned(ip, b, stamp(1, 1), nowMs);
    handovers.claimed(messages);
    return handovers.waitFor(ip, a, viewOf('a b', 2), nowMs).notBeforeMs;
  };

  it('OWN-34, INV-26 what it neither claims nor is about to take off it has not: nobody waits for it', () => {
    expect(waitAfter(said(b, ['10.9.0.2'], ['10.9.0.3']))).toBe(0);
  });

  it.each([
    ['what it claims', said(b, [ip], [])],
    ['what it is about to take off', said(b, [], [ip])],
    ['anything, of a release that does not say what it is about to take off', said(b, [])],
  ])('OWN-34 %s it may have', (_case, message) => {
    expect(waitAfter(message)).toBe(nowMs + 3_000);
  });

  it('OWN-34 says nothing of others', () => {
    expect(waitAfter(said(a, [], []))).toBe(nowMs + 3_000);
  });
});

describe('what members tell each other', () => {
  it('LIFE-18 who left and may still answer, with whole milliseconds of silence', () => {
    const { handovers } = afterLoss('c', { evidence: 'silent', heardMs: nowMs - 10.7 });
    expect(handovers.lost(nowMs + 100)).toEqual([
      { member: c, evidence: 'silent', silentMs: 110, leaseMs, holds: [ip] },
    ]);
    handovers.released(ip, c, stamp(1, 1));
    expect(handovers.lost(nowMs).map(({ holds }) => holds)).toEqual([[]]);
  });

  it('LIFE-18 one that comes from another view learns of a holder it never knew', () => {
    const handovers = new Handovers(settings);
    const lost = { member: c, evidence: 'closed', silentMs: 100, leaseMs, holds: [ip] } as const;
    handovers.lostElsewhere(lost, stamp(3, 0), nowMs);
    expect(handovers.waitFor(ip, a, viewOf('a b', 3), nowMs + 5)).toEqual({
      notBeforeMs: nowMs + 20,
      probeUntilMs: nowMs + leaseMs,
    });
  });

  it('LIFE-18 others heard it for longer: the latest sign of life counts, and any evidence of its end', () => {
    const { handovers, wait } = afterLoss('c', { evidence: 'silent', heardMs: nowMs - 900 });
    const lost = { member: c, silentMs: 200, leaseMs, holds: [ip] };
    handovers.lostElsewhere({ ...lost, evidence: 'silent' }, stamp(2, 0), nowMs);
    expect(wait().notBeforeMs).toBe(nowMs + 800);
    handovers.lostElsewhere({ ...lost, evidence: 'closed', silentMs: 5_000 }, stamp(2, 0), nowMs);
    expect(wait()).toEqual({ notBeforeMs: nowMs + 20, probeUntilMs: nowMs + leaseMs });
    // Somebody who only heard nothing does not know better.
    handovers.lostElsewhere({ ...lost, evidence: 'silent', silentMs: 5_000 }, stamp(2, 0), nowMs);
    expect(wait().probeUntilMs).toBe(nowMs + leaseMs);
  });

  it('OWN-34 hearsay does not make an old assignment younger', () => {
    const { handovers } = afterLoss('c', { evidence: 'silent', heardMs: nowMs });
    handovers.lostElsewhere(
      { member: c, evidence: 'silent', silentMs: 0, leaseMs, holds: [ip] },
      stamp(2, 7),
      nowMs,
    );
    handovers.released(ip, c, stamp(1, 1));
    expect(handovers.lost(nowMs).map(({ holds }) => holds)).toEqual([[]]);
  });
});

describe('what is forgotten', () => {
  it('LIFE-18 a departed holder when its lease is over, and not before', () => {
    const { handovers, view, wait } = afterLoss('c', { evidence: 'silent', heardMs: nowMs });
    handovers.forget(view, nowMs + 999);
    expect(wait(nowMs + 999).notBeforeMs).toBe(nowMs + 1_000);
    handovers.forget(view, nowMs + 1_000);
    expect(wait(nowMs + 1_000)).toEqual(noWait);
    expect(handovers.lost(nowMs + 1_000)).toEqual([]);
  });

  it('OWN-34 members of the view stay holders, however old that is', () => {
    const handovers = new Handovers(settings);
    handovers.leaseOf(b, leaseMs);
    handovers.owned(ip, b, stamp(1, 1), nowMs);
    handovers.forget(viewOf('a b'), nowMs + 3_600_000);
    expect(handovers.waitFor(ip, a, viewOf('a b'), nowMs).notBeforeMs).toBe(nowMs + 3_000);
  });
});
