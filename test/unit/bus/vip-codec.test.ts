import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeDecision,
  decodeVipMessage,
  encodeDecision,
  encodeVipMessage,
} from '../../../src/bus/vip-codec.ts';
import type { Decision, VipMessage } from '../../../src/core/duravip/messages.ts';
import type { Assignment, VipAnnouncement } from '../../../src/core/duravip/vip.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { fuzzVipCodec } from '../../fuzz/vip-codec.fuzz.ts';

const incarnation = fc
  .array(fc.integer({ min: 0, max: 15 }), { minLength: 32, maxLength: 32 })
  .map((digits) => digits.map((digit) => digit.toString(16)).join('') as Incarnation);
const ip = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.9.${a}.${b}`),
  fc.integer({ min: 1, max: 0xffff }).map((host) => `2001:db8::${host.toString(16)}`),
);
const ips = fc.array(ip, { maxLength: 5 });
const count = fc.nat();
const name = fc.string({ minLength: 1, maxLength: 12 });
const viewId = fc.record({ epoch: count, coordinator: incarnation, nonce: count });
const vip: fc.Arbitrary<VipAnnouncement> = fc.record({
  ip,
  names: fc.array(name, { maxLength: 3 }),
  services: fc.array(fc.record({ kind: name, endpoint: name }), { maxLength: 3 }),
  preference: fc.array(name, { maxLength: 2 }),
  followers: ips,
  capable: fc.boolean(),
  draining: fc.boolean(),
});
const message: fc.Arbitrary<VipMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('claims' as const),
    from: incarnation,
    view: viewId,
    announced: count,
    claims: ips,
    stuck: ips,
    holds: fc.array(fc.record({ ip, owner: incarnation }), { maxLength: 3 }),
    leaseMs: count,
    lost: fc.array(
      fc.record({
        member: incarnation,
        evidence: fc.constantFrom('silent' as const, 'closed' as const, 'goodbye' as const),
        silentMs: count,
        leaseMs: count,
        holds: ips,
      }),
      { maxLength: 3 },
    ),
    leaving: ips,
  }),
  fc.record({
    kind: fc.constant('announcement' as const),
    from: incarnation,
    sequence: count,
    vips: fc.array(vip, { maxLength: 4 }),
    revision: count,
  }),
  fc.record({
    kind: fc.constant('solicit' as const),
    from: incarnation,
    want: fc.constantFrom('claims' as const, 'announcement' as const),
  }),
  fc.record({
    kind: fc.constant('released' as const),
    from: incarnation,
    upTo: fc.record({ view: viewId, applied: count }),
    ips,
  }),
  fc.record({
    kind: fc.constant('hosts' as const),
    from: incarnation,
    hosts: fc.array(fc.record({ ip, mac: name, ageMs: count })),
  }),
  fc.record({
    kind: fc.constant('request' as const),
    from: incarnation,
    id: name,
    verb: fc.constantFrom('move' as const, 'unhold' as const),
    ips,
    to: fc.option(incarnation, { nil: undefined }),
  }),
);
const assignment: fc.Arbitrary<Assignment> = fc.record({
  ip,
  owner: fc.option(incarnation, { nil: undefined }),
  reason: fc.constantFrom('elected', 'orphan', 'moved', 'reset'),
});
const decision: fc.Arbitrary<Decision> = fc.record({
  verb: fc.constantFrom('mature', 'balance', 'move', 'unhold'),
  sequence: count,
  matured: ips,
  assignments: fc.array(assignment, { maxLength: 5 }),
});

/** Without what was added behind its fields. */
function asFirstRelease(message: VipMessage): VipMessage {
  if (message.kind !== 'claims') return message;
  const { leaving: _added, ...first } = message;
  return first;
}

describe('messages about floating addresses', () => {
  it('MSG-2 claims of the first release are whole, and the first release reads those of this one', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const earlier = encodeVipMessage(asFirstRelease(sent));
        expect(decodeVipMessage(earlier)).toEqual(asFirstRelease(sent));
        expect(encodeVipMessage(sent).subarray(0, earlier.length)).toEqual(earlier);
      }),
    );
  });

  it('MSG-2 STA-1 every message comes out as it went in', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeVipMessage(encodeVipMessage(sent))).toEqual(sent);
      }),
    );
  });

  it('MSG-2 every decision comes out as it went in', () => {
    fc.assert(
      fc.property(decision, (sent) => {
        expect(decodeDecision(encodeDecision(sent))).toEqual(sent);
      }),
    );
  });

  it('MSG-1 a message that was cut anywhere is malformed, never half a message', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const bytes = encodeVipMessage(sent);
        const earlier = asFirstRelease(sent);
        const end = at % bytes.length;
        const isEarlier = end === encodeVipMessage(earlier).length;
        expect(decodeVipMessage(bytes.subarray(0, end))).toEqual(isEarlier ? earlier : undefined);
      }),
    );
  });

  it('MSG-1 an address in another spelling is malformed: it would be a second address', () => {
    const nobody = '0'.repeat(32) as Incarnation;
    const spelt = (ip: string) =>
      decodeVipMessage(
        encodeVipMessage({
          kind: 'request',
          from: nobody,
          id: '1',
          verb: 'unhold',
          ips: [ip],
          to: undefined,
        }),
      );
    expect(spelt('2001:db8::1')).toBeDefined();
    for (const other of ['2001:DB8::1', '2001:db8:0::1', '10.0.0.01', 'relay'])
      expect(spelt(other)).toBeUndefined();
  });

  it('MSG-1, R7 no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeVipMessage(bytes);
        decodeDecision(bytes);
        if (bytes.length > 1) {
          bytes[0] = 1;
          bytes[1] = bytes[1]! % 6;
          decodeVipMessage(bytes);
          decodeDecision(bytes);
        }
      }),
    );
  });

  it('MSG-1, R7 20,000 damaged messages and decisions: no exception, and what is accepted reads the same again', () => {
    const { messages, decisions, dropped } = fuzzVipCodec(20_000, 1);
    expect(Math.min(messages, decisions, dropped)).toBeGreaterThan(200);
  });
});
