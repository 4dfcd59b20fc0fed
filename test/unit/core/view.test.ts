import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation, MemberType } from '../../../src/core/identity.ts';
import {
  compareProcesses,
  compareViewIds,
  leaderOf,
  memberOf,
  membershipName,
  type Process,
  sameViewId,
  sharedName,
  type View,
  type ViewId,
  viewKey,
} from '../../../src/core/view.ts';

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
// Few different values, so that equal ones meet and the later criteria decide.
const incarnation = fc.oneof(
  hex(1).map((digit) => digit.repeat(32)),
  hex(32),
) as fc.Arbitrary<Incarnation>;
const type = fc.constantFrom<MemberType>('Momentum', 'Manager', 'Other');
const anyProcess: fc.Arbitrary<Process> = fc.record({
  incarnation,
  type,
  node: fc.constantFrom('relay-1', 'relay-2', 'relay-10'),
  number: fc.constantFrom(2, 7, 99_999),
  seniority: fc.constantFrom(1, 2, 40, Number.POSITIVE_INFINITY),
});
const anyViewId: fc.Arbitrary<ViewId> = fc.record({
  epoch: fc.nat({ max: 3 }),
  coordinator: incarnation,
  nonce: fc.nat({ max: 3 }),
});
const members = fc.uniqueArray(anyProcess, {
  minLength: 1,
  maxLength: 8,
  selector: (process) => process.incarnation,
});

const relay = (node: string, more: Partial<Process> = {}): Process => ({
  incarnation: node.padEnd(32, '0') as Incarnation,
  type: 'Momentum',
  node,
  number: 100,
  seniority: 1,
  ...more,
});
const viewOf = (list: readonly Process[]): View => ({
  id: { epoch: 1, coordinator: list[0]!.incarnation, nonce: 1 },
  members: [...list].sort(compareProcesses),
});
const sign = Math.sign;

describe('member order', () => {
  it('MEM-9 always a total order: antisymmetric, transitive, and equal only for one and the same process', () => {
    fc.assert(
      fc.property(anyProcess, anyProcess, anyProcess, (a, b, c) => {
        expect(sign(compareProcesses(a, b))).toBe(-sign(compareProcesses(b, a)) + 0);
        if (compareProcesses(a, b) <= 0 && compareProcesses(b, c) <= 0) {
          expect(compareProcesses(a, c)).toBeLessThanOrEqual(0);
        }
        if (compareProcesses(a, b) === 0) expect(a.incarnation).toBe(b.incarnation);
      }),
      { numRuns: 2_000 },
    );
  });

  it('MEM-9 nodes before others, then the longest in company, then node name, then private name', () => {
    const order = [
      relay('relay-2', { seniority: 1 }),
      relay('relay-1', { seniority: 2, number: 100 }),
      relay('relay-1', { seniority: 2, number: 200 }),
      relay('relay-3', { seniority: 2 }),
      relay('relay-0', { seniority: Number.POSITIVE_INFINITY }),
      relay('barca', { type: 'Manager', seniority: 1 }),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(order, { minLength: order.length }), (shuffled) => {
        expect(shuffled.sort(compareProcesses)).toEqual(order);
      }),
    );
  });

  it('MEM-9 two that have never been in company are ordered by name: none yet is not less than none yet', () => {
    const never = { seniority: Number.POSITIVE_INFINITY };
    expect(compareProcesses(relay('relay-1', never), relay('relay-2', never))).toBeLessThan(0);
  });
});

describe('leader', () => {
  it('MEM-11, INV-16 always a function of the view: the same for whatever order the members were found in', () => {
    fc.assert(
      fc.property(
        members.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          const leader = leaderOf(viewOf(list));
          expect(leaderOf(viewOf(shuffled))).toEqual(leader);
          const nodes = list.filter((process) => process.type === 'Momentum');
          expect(leader).toEqual(nodes.sort(compareProcesses)[0]);
        },
      ),
    );
  });

  it('MEM-10 a manager is never the leader, even alone', () => {
    const manager = relay('barca', { type: 'Manager', seniority: 1 });
    expect(leaderOf(viewOf([manager]))).toBeUndefined();
    expect(leaderOf(viewOf([manager, relay('relay-1', { seniority: 9 })]))?.node).toBe('relay-1');
  });
});

describe('view ids', () => {
  it('BUS-23 always a total order, equal only for the same view, and keys differ exactly when the views do', () => {
    fc.assert(
      fc.property(anyViewId, anyViewId, anyViewId, (a, b, c) => {
        expect(sign(compareViewIds(a, b))).toBe(-sign(compareViewIds(b, a)) + 0);
        if (compareViewIds(a, b) <= 0 && compareViewIds(b, c) <= 0)
          expect(compareViewIds(a, c)).toBeLessThanOrEqual(0);
        expect(compareViewIds(a, b) === 0).toBe(sameViewId(a, b));
        expect(viewKey(a) === viewKey(b)).toBe(sameViewId(a, b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('BUS-23 a restarted coordinator that counts from the start again makes another view', () => {
    const first: ViewId = { epoch: 1, coordinator: 'a'.repeat(32) as Incarnation, nonce: 1 };
    expect(sameViewId(first, { ...first, coordinator: 'b'.repeat(32) as Incarnation })).toBe(false);
  });
});

describe('members of a view', () => {
  it('ID-18 the same process has one name on each connection', () => {
    const process = relay('uhalehe', { number: 8422 });
    expect([membershipName(process), sharedName(process)]).toEqual([
      '#ec0-08422#uhalehe',
      '#ec1-08422#uhalehe',
    ]);
  });

  it('ID-14 a member is found by its incarnation, not by its name', () => {
    const view = viewOf([relay('relay-1')]);
    expect(memberOf(view, view.members[0]!.incarnation)?.node).toBe('relay-1');
    expect(memberOf(view, 'f'.repeat(32) as Incarnation)).toBeUndefined();
  });
});
