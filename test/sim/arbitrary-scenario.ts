/** Random schedules of faults for fast-check: small ones, because what it finds is shrunk and then read by people. */
import fc from 'fast-check';
import type { Fault, Scenario, TimedFault } from './faults.ts';

const chaosMs = 12_000;
const mostFaults = 12;

/** One server a node, as with embedded servers, or a few shared ones. */
export const anyScenario: fc.Arbitrary<Scenario> = fc
  .record({
    nodes: fc.integer({ min: 3, max: 5 }),
    sharedServers: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
  })
  .chain(({ nodes, sharedServers }) => {
    const servers = sharedServers ?? nodes;
    return fc.record({
      seed: fc.nat(1_000_000),
      nodes: fc.constant(nodes),
      manager: fc.boolean(),
      servers: fc.constant(servers),
      advisories: fc.boolean(),
      chaosMs: fc.constant(chaosMs),
      faults: fc.array(timed(anyFault(nodes, servers)), { maxLength: mostFaults }),
      finalReach: fc.option(reach(servers), { nil: undefined, freq: 6 }),
    });
  });

function timed(fault: fc.Arbitrary<Fault>): fc.Arbitrary<TimedFault> {
  return fc.record({ atMs: fc.integer({ min: 500, max: chaosMs - 1 }), fault });
}

function anyFault(nodes: number, servers: number): fc.Arbitrary<Fault> {
  const node = fc.nat(nodes - 1);
  const server = fc.nat(servers - 1);
  const kind = <K extends Fault['kind']>(name: K) => fc.constant(name);
  const sides = fc.array(fc.nat(2), { minLength: servers, maxLength: servers });
  return fc.oneof(
    fc.record({ kind: kind('partition'), sides }),
    fc.record({ kind: kind('one-way'), from: server, to: server, reaches: fc.boolean() }),
    fc.record({ kind: kind('graph'), reaches: reach(servers) }),
    fc.record({ kind: kind('heal') }),
    fc.record({ kind: kind('loss'), probability: fc.constantFrom(0, 0.05, 0.2) }),
    fc.record({ kind: kind('duplicate'), probability: fc.constantFrom(0, 0.1) }),
    fc.record({ kind: kind('kill'), node, downMs: fc.nat(2_000) }),
    fc.record({ kind: kind('stop'), node, downMs: fc.nat(2_000) }),
    fc.record({ kind: kind('pause'), node, forMs: fc.integer({ min: 50, max: 4_000 }) }),
    fc.record({ kind: kind('clone'), node, forMs: fc.integer({ min: 500, max: 5_000 }) }),
    fc.record({ kind: kind('server-down'), server, forMs: fc.integer({ min: 100, max: 2_000 }) }),
    fc.record({
      kind: kind('link-break'),
      node,
      link: fc.constantFrom('m' as const, 's' as const),
      forMs: fc.nat(2_000),
    }),
    fc.record({ kind: kind('clock-step'), node, byMs: fc.integer({ min: -7_200_000, max: 7_200_000 }) }),
  );
}

/** What each server publishes arrives at which others. */
function reach(servers: number): fc.Arbitrary<boolean[][]> {
  const row = fc.array(fc.boolean(), { minLength: servers, maxLength: servers });
  return fc.array(row, { minLength: servers, maxLength: servers });
}
