/** Random lives of a fleet: truths about all tables after each step. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DecisionContent,
  decideBalance,
  decideMature,
  decideMove,
  maturable,
  planWithout,
} from '../../../src/core/duravip/decisions.ts';
import { labelsOf } from '../../../src/core/duravip/labels.ts';
import type { VipAnnouncement } from '../../../src/core/duravip/vip.ts';
import { vipView, vipViews } from '../../../src/core/duravip/vip-view.ts';
import { address, Fleet, matureMs, vip } from './fleet.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const vipCount = 5;

const someVip = fc
  .record({
    number: fc.integer({ min: 1, max: vipCount }),
    naming: fc.constantFrom('own', 'own', 'own', 'own', 'shared', 'other', 'none'),
    preference: fc.constantFrom([], [], [], ['a'], ['b'], ['c', 'a']),
    service: fc.constantFrom('esmtp', 'esmtp', 'esmtp', 'http'),
    capable: fc.integer({ min: 0, max: 5 }).map((number) => number > 0),
    draining: fc.integer({ min: 0, max: 7 }).map((number) => number === 0),
  })
  .map(({ number, naming, service, ...rest }): VipAnnouncement => {
    const ip = address(number);
    const bindings = { own: [`n${number}`], shared: ['n1'], other: [`x${number}`], none: [] };
    return vip(ip, { ...rest, names: bindings[naming], services: [{ kind: service, endpoint: `${ip}:25` }] });
  });
const someVips = fc.uniqueArray(someVip, { maxLength: vipCount, selector: ({ ip }) => ip });
const node = fc.constantFrom(...names);

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('announce' as const), node, vips: someVips }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(100, 1_000, matureMs) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('views' as const),
      sides: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), node, vips: someVips }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      node,
      number: fc.integer({ min: 1, max: vipCount }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('balance' as const), limit: fc.integer({ min: 1, max: 3 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const life = fc.record({
  start: fc.array(someVips, { minLength: 4, maxLength: 4 }),
  steps: fc.array(step, { maxLength: 25 }),
});

/** All tables of a component get what the leader decides, and each is checked before. */
function decide(fleet: Fleet, name: string, content: DecisionContent): void {
  const leader = fleet.leaderOf(name);
  for (const { ip, owner } of content.assignments) {
    const before = vipView(leader, ip, fleet.nowMs)!;
    if (before.labels.includes('broken')) expect([undefined, before.owner?.incarnation]).toContain(owner);
    if (owner === undefined) continue;
    const taker = before.participants.find(({ member }) => member.incarnation === owner);
    expect(taker).toMatchObject({ capable: true, draining: false });
  }
  fleet.decide(name, content);
}

function sweep(fleet: Fleet): void {
  for (const [first] of fleet.components) {
    for (let rounds = 0; ; rounds++) {
      expect(rounds).toBeLessThan(3);
      const table = fleet.leaderOf(first!);
      const due = maturable(table, fleet.nowMs, () => false);
      for (const ip of due.mature) {
        expect(vipView(table, ip, fleet.nowMs)!.viewAgeMs).toBeGreaterThanOrEqual(matureMs);
      }
      if (due.orphans.length + due.mature.length === 0) break;
      const content = decideMature(table, due, fleet.nowMs);
      // What members of the component compute themselves is what the leader decides.
      for (const member of fleet.componentOf(first!)) {
        const own = fleet.at(member).table;
        const fromAll = decideMature(own, { orphans: [], mature: due.mature }, fleet.nowMs);
        if (due.orphans.length === 0) expect(strip(fromAll)).toEqual(strip(content));
      }
      decide(fleet, first!, content);
    }
  }
}

function strip({ assignments }: DecisionContent): unknown {
  return assignments.map(({ ip, owner }) => [ip, owner]);
}

function take(fleet: Fleet, step: Step): void {
  switch (step.kind) {
    case 'announce':
      fleet.announce(step.node, step.vips);
      break;
    case 'pass':
      fleet.nowMs += step.ms;
      break;
    case 'views': {
      const sides = [0, 1, 2].map((side) => names.filter((_, i) => step.sides[i] === side).join(' '));
      fleet.views(...sides.filter((side) => side !== ''));
      break;
    }
    case 'restart':
      fleet.views(
        ...fleet.components
          .map((all) => all.filter((name) => name !== step.node).join(' '))
          .filter((all) => all !== ''),
      );
      fleet.start(step.node, step.vips);
      fleet.views([...names].join(' '));
      break;
    case 'move':
      for (const [first] of fleet.components) {
        if (!fleet.componentOf(first!).includes(step.node)) continue;
        decide(
          fleet,
          first!,
          decideMove(fleet.leaderOf(first!), [address(step.number)], fleet.id(step.node)),
        );
      }
      break;
    case 'balance':
      for (const [first] of fleet.components)
        decide(fleet, first!, decideBalance(fleet.leaderOf(first!), step.limit));
  }
}

/** INV-1, INV-2, INV-25 at every moment. */
function check(fleet: Fleet): void {
  for (const component of fleet.components) {
    const first = fleet.at(component[0]!).table;
    const live = component.map((name) => ({ node: name, vips: fleet.at(name).vips }));
    for (const name of component) {
      const { table } = fleet.at(name);
      expect(table.digest).toEqual(first.digest);
      for (const view of vipViews(table, fleet.nowMs)) {
        expect(first.ownerOf(view.ip)).toBe(view.owner?.incarnation);
        const labels = labelsOf(view.ip, live, {
          owned: view.owner !== undefined,
          held: view.labels.includes('held'),
          mature: !view.labels.includes('immature'),
          stuck: false,
        });
        expect(view.labels).toEqual(labels);
        const saying = component.filter((each) => fleet.at(each).vips.some(({ ip }) => ip === view.ip));
        expect(view.participants.map(({ member }) => member.node)).toEqual(saying);
      }
      const fresh = [...table.facts()];
      for (const row of table.rows.ordered) row.facts = undefined;
      expect(table.facts()).toEqual(fresh);
    }
  }
}

/** After the leader looked, no owner is anybody but a participant that may own it, and nothing served is unowned. */
function checkSwept(fleet: Fleet, isQuiet: boolean): void {
  for (const [first] of fleet.components) {
    const table = fleet.leaderOf(first!);
    for (const view of vipViews(table, fleet.nowMs)) {
      const eligible = view.participants.filter(({ capable, draining }) => capable && !draining);
      const isBroken = view.labels.includes('broken');
      if (view.owner && !isBroken) {
        expect(eligible.map(({ member }) => member.node)).toContain(view.owner.node);
      }
      if (!isQuiet) continue;
      expect(view.owner !== undefined).toBe(!isBroken && eligible.length > 0);
      expect(view.labels).not.toContain('immature');
      if (view.preferred && !isBroken && !view.labels.includes('held'))
        expect(view.owner!.node).toBe(view.preferred);
    }
  }
}

function live(start: readonly (readonly VipAnnouncement[])[]): Fleet {
  const fleet = new Fleet();
  for (const [i, name] of names.entries()) fleet.start(name, start[i]!);
  fleet.views(names.join(' '));
  return fleet;
}

describe('lives of a fleet', () => {
  it('INV-1 INV-2 INV-9 INV-13 INV-15 INV-25 INV-26 INV-29 always, whatever happens', () => {
    fc.assert(
      fc.property(life, ({ start, steps }) => {
        const fleet = live(start);
        for (const step of steps) {
          take(fleet, step);
          check(fleet);
          sweep(fleet);
          check(fleet);
          checkSwept(fleet, false);
        }
        fleet.nowMs += matureMs;
        sweep(fleet);
        checkSwept(fleet, true);
      }),
      { numRuns: 400 },
    );
  });

  it('INV-19 always: when a member leaves, only its addresses move, and those whose preference or names its leaving changes', () => {
    fc.assert(
      fc.property(life, node, ({ start }, leaver) => {
        const fleet = live(start);
        fleet.pass(matureMs);
        const stays = names.filter((name) => name !== leaver);
        const watcher = stays[0]!;
        const before = [...vipViews(fleet.at(watcher).table, fleet.nowMs)];
        fleet.views(stays.join(' '));
        fleet.pass(0);
        fleet.pass(matureMs);
        for (const view of before) {
          if (view.owner?.node === leaver || view.labels.includes('broken')) continue;
          const now = vipView(fleet.at(watcher).table, view.ip, fleet.nowMs);
          if (now && now.preferred === view.preferred) expect(now.owner?.node).toBe(view.owner?.node);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('INV-20 always: when a member joins, before balancing only addresses that prefer it move, or whose conflict it ends', () => {
    const plainVips = someVips.map((vips) =>
      vips.map((each) => ({ ...each, names: [`n-${each.ip}`], capable: true, draining: false })),
    );
    fc.assert(
      fc.property(fc.array(plainVips, { minLength: 4, maxLength: 4 }), (start) => {
        const fleet = new Fleet();
        for (const [i, name] of names.entries()) fleet.start(name, start[i]!);
        fleet.views('a b c');
        fleet.pass(matureMs);
        const before = [...vipViews(fleet.at('a').table, fleet.nowMs)];
        fleet.views(names.join(' '));
        fleet.pass(matureMs);
        for (const view of before) {
          const now = vipView(fleet.at('a').table, view.ip, fleet.nowMs)!;
          if (now.preferred === view.preferred) expect(now.owner?.node).toBe(view.owner?.node);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('EXT-7 always: a plan for the death of a node is what happens when it dies', () => {
    fc.assert(
      fc.property(life, node, ({ start }, victim) => {
        const fleet = live(start);
        fleet.pass(matureMs);
        const stays = names.filter((name) => name !== victim);
        const watcher = stays[0]!;
        const { table } = fleet.at(watcher);
        const planned = new Map(
          planWithout(table, new Set([fleet.id(victim)])).map(({ ip, to }) => [ip, to]),
        );
        const expected = table.rows.ordered.map(({ ip, owner }) => [
          ip,
          planned.has(ip) ? planned.get(ip) : owner,
        ]);
        fleet.views(stays.join(' '));
        fleet.pass(0);
        fleet.pass(matureMs);
        while (fleet.balance(watcher, 10).length > 0);
        expect(expected.map(([ip]) => [ip, table.ownerOf(ip!)])).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
