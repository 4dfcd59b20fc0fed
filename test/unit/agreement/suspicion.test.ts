import { describe, expect, it } from 'vitest';
import type { Heartbeat } from '../../../src/core/agreement/messages.ts';
import { Suspicion, type Verdict } from '../../../src/core/agreement/suspicion.ts';
import type { View } from '../../../src/core/view.ts';
import { incarnationOf, processOf } from './post-office.ts';

const options = { heartbeatStartDelayMs: 15_000, heartbeatIntervalMs: 1_000, failureTimeoutMs: 1_000 };
const a = incarnationOf('a');
const b = incarnationOf('b');
const c = incarnationOf('c');
const viewOf = (names: string, epoch = 1): View => ({
  id: { epoch, coordinator: a, nonce: 1 },
  members: names.split(' ').map((name) => processOf(name)),
});
const heartbeat = (from: typeof a, more: Partial<Heartbeat> = {}): Heartbeat => ({
  kind: 'heartbeat',
  from,
  view: viewOf('a b').id,
  leader: a,
  applied: 0,
  table: 0,
  ...more,
});

/** What a process at the desk of `a` sees: heartbeats come in, checks are made once a second. */
class Desk {
  readonly suspects = new Set<string>();
  readonly notes: string[] = [];
  readonly suspicion = new Suspicion(options, (incarnation) => this.suspects.has(incarnation), 0);
  view: View;

  constructor(names = 'a b') {
    this.view = viewOf(names);
    this.suspicion.viewInstalled(this.view, 0);
  }

  /** Checks once a second up to and including `untilMs`; `beating` members send their heartbeats just before. */
  watch(fromMs: number, untilMs: number, beating: readonly Heartbeat[] = []): this {
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 1_000) {
      for (const each of beating) this.#note(nowMs, this.suspicion.heard(each, this.own(), nowMs));
      this.#note(nowMs, this.suspicion.check(this.view, a, nowMs));
    }
    return this;
  }

  own(): Heartbeat {
    return heartbeat(a, { view: this.view.id });
  }

  #note(nowMs: number, verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      const name =
        'member' in verdict ? ` ${String.fromCharCode(Number.parseInt(verdict.member.slice(0, 2), 16))}` : '';
      this.notes.push(`${nowMs / 1000} s: ${verdict.kind}${name}`);
      if (verdict.kind === 'silent') this.suspects.add(verdict.member);
      if (verdict.kind === 'recovered') this.suspects.delete(verdict.member);
    }
  }
}

describe('silent members', () => {
  it('MEM-13, MEM-16 nobody is suspected before both sides are past their start delay and three intervals', () => {
    expect(new Desk().watch(1_000, 17_000).notes).toEqual([]);
    expect(new Desk().watch(1_000, 30_000).notes).toEqual(['18 s: silent b']);
  });

  it('MEM-16 a member that joins late has its own start delay', () => {
    const desk = new Desk('a').watch(1_000, 60_000);
    desk.view = viewOf('a b', 2);
    desk.suspicion.viewInstalled(desk.view, 60_000);
    expect(desk.watch(61_000, 90_000).notes).toEqual(['78 s: silent b']);
  });

  it('MEM-16 heartbeats once a second keep a member in good standing; the third one missed does not', () => {
    const desk = new Desk().watch(1_000, 100_000, [heartbeat(b)]);
    expect(desk.notes).toEqual([]);
    expect(desk.watch(101_000, 110_000).notes).toEqual(['103 s: silent b']);
  });

  it('MEM-16 with fast heartbeats the patience is 3 s all the same', () => {
    const fast = new Suspicion({ ...options, heartbeatIntervalMs: 100 }, () => false, 0);
    fast.viewInstalled(viewOf('a b'), 0);
    fast.heard(heartbeat(b), heartbeat(a), 20_000);
    const silentAt: number[] = [];
    for (let nowMs = 20_000; nowMs < 24_000; nowMs += 100) {
      if (fast.check(viewOf('a b'), a, nowMs).length > 0) silentAt.push(nowMs);
    }
    expect(silentAt[0]).toBe(23_000);
  });

  it('MEM-17 its heartbeats are back: it recovers, also after an hour in the view and half an hour outside', () => {
    const desk = new Desk().watch(1_000, 3_600_000, [heartbeat(b)]);
    desk.watch(3_601_000, 3_610_000);
    desk.view = viewOf('a', 2);
    desk.suspicion.viewInstalled(desk.view, 3_610_000);
    desk.watch(3_611_000, 5_400_000);
    desk.view = viewOf('a c', 3);
    desk.suspicion.viewInstalled(desk.view, 5_400_000);
    desk.watch(5_401_000, 5_401_000, [heartbeat(b, { view: viewOf('b', 2).id })]);
    expect(desk.notes).toEqual(['3603 s: silent b', '5401 s: recovered b']);
  });

  it('MEM-17 what a stopped process takes for the silence of all others is its own', () => {
    const desk = new Desk('a b c').watch(1_000, 50_000, [heartbeat(b), heartbeat(c)]);
    // SIGSTOP for 20 s. The timer runs before what waits in the socket.
    desk.watch(70_000, 70_000);
    desk.watch(71_000, 80_000, [heartbeat(b), heartbeat(c)]);
    expect(desk.notes).toEqual([]);
  });
});

describe('diverged members', () => {
  it('MEM-16 the same view and sequence but another table in three consecutive heartbeats', () => {
    const other = [heartbeat(b, { table: 7 })];
    expect(new Desk().watch(20_000, 21_000, other).notes).toEqual([]);
    expect(new Desk().watch(20_000, 24_000, other).notes).toEqual(['22 s: diverged b']);
  });

  it('MEM-16 one heartbeat that agrees ends the count, one of another sequence does too', () => {
    const desk = new Desk();
    for (const between of [heartbeat(b), heartbeat(b, { applied: 1, table: 7 })]) {
      desk.watch(20_000, 21_000, [heartbeat(b, { table: 7 })]).watch(22_000, 22_000, [between]);
      desk.watch(23_000, 24_000, [heartbeat(b, { table: 7 })]).watch(25_000, 25_000, [heartbeat(b)]);
    }
    expect(desk.notes).toEqual([]);
  });

  it('MEM-16 a sequence that stays behind for three heartbeats, one that moves does not', () => {
    const ahead = (applied: number) => heartbeat(b, { applied });
    const desk = new Desk();
    for (let i = 0; i < 10; i++) desk.watch(20_000 + i * 1_000, 20_000 + i * 1_000, [ahead(5)]);
    expect(desk.notes).toEqual(['23 s: diverged b']);
    const busy = new Suspicion(options, () => false, 0);
    for (let i = 0; i < 10; i++) {
      const verdicts = busy.heard(
        heartbeat(b, { applied: i }),
        heartbeat(a, { applied: i + 2 }),
        20_000 + i * 1_000,
      );
      expect(verdicts).toEqual([]);
    }
  });

  it('MEM-16 with fast heartbeats it takes 3 s all the same', () => {
    const fast = new Suspicion({ ...options, heartbeatIntervalMs: 100 }, () => false, 0);
    const verdicts = Array.from({ length: 40 }, (_, i) =>
      fast.heard(heartbeat(b, { table: 7 }), heartbeat(a), 20_000 + i * 100),
    );
    expect(verdicts.findIndex((list) => list.length > 0)).toBe(29);
  });

  it('MEM-17 if it persists for three more, the one whose table differs from the leader resets itself', () => {
    const leader = new Suspicion(options, () => false, 0);
    const follower = new Suspicion(options, () => false, 0);
    const differing = heartbeat(b, { table: 7 });
    const seconds = Array.from({ length: 8 }, (_, i) => 20_000 + i * 1_000);
    const kinds = (verdicts: readonly Verdict[]) => verdicts.map(({ kind }) => kind).join();
    const atLeader = seconds.map((nowMs) => kinds(leader.heard(differing, heartbeat(a), nowMs)));
    const atFollower = seconds.map((nowMs) => kinds(follower.heard(heartbeat(a), differing, nowMs)));
    expect(atLeader).toEqual(['', '', 'diverged', '', '', '', '', '']);
    expect(atFollower).toEqual(['', '', 'diverged', '', '', 'reset', '', '']);
  });

  it('MEM-16 a new view begins the count anew', () => {
    const desk = new Desk().watch(20_000, 21_000, [heartbeat(b, { table: 7 })]);
    desk.suspicion.viewInstalled(desk.view, 21_500);
    expect(desk.watch(22_000, 23_000, [heartbeat(b, { table: 7 })]).notes).toEqual([]);
  });
});

describe('alien members', () => {
  const elsewhere = heartbeat(b, { view: viewOf('b', 9).id });

  it('MEM-16 another view for longer than two failure timeouts, reported once', () => {
    const desk = new Desk('a').watch(20_000, 40_000, [elsewhere]);
    expect(desk.notes).toEqual(['23 s: alien b']);
  });

  it('MEM-16 a member that comes over in time is none', () => {
    const desk = new Desk().watch(20_000, 22_000, [elsewhere]).watch(23_000, 40_000, [heartbeat(b)]);
    expect(desk.notes).toEqual([]);
  });
});
