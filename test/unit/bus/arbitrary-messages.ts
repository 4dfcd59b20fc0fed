/** Arbitraries for every kind of view message, within what a sender of this version can say. */
import fc from 'fast-check';
import type { NodeInfo, OrderedEntry, ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation, MemberType } from '../../../src/core/identity.ts';
import type { Process, ViewId } from '../../../src/core/view.ts';

const hexDigits = '0123456789abcdef';
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const epoch = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 50 }));
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 });

export const incarnation = fc
  .array(fc.constantFrom(...hexDigits), { minLength: 32, maxLength: 32 })
  .map((digits) => digits.join('') as Incarnation);
const memberType = fc.constantFrom<MemberType>('Momentum', 'Manager', 'Other');
const viewId: fc.Arbitrary<ViewId> = fc.record({ epoch, coordinator: incarnation, nonce: u32 });
const process: fc.Arbitrary<Process> = fc.record({
  incarnation,
  type: memberType,
  node: text,
  number: u32,
  seniority: fc.oneof(epoch, fc.constant(Number.POSITIVE_INFINITY)),
});
const entry: fc.Arbitrary<OrderedEntry> = fc.record({ number: count, payload: bytes });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 5 });
const info: fc.Arbitrary<NodeInfo> = fc.record(
  {
    incarnation,
    node: text,
    subcluster: text,
    type: memberType,
    version: text,
    address: text,
    port: u16,
    groups: few(text),
    mustAgree: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }).map((pairs) => new Map(pairs)),
    throttles: fc.array(text, { minLength: 1, maxLength: 3 }),
  },
  // These two are absent when there is none.
  {
    requiredKeys: ['incarnation', 'node', 'subcluster', 'type', 'version', 'address', 'port', 'groups'],
  },
);

const beat = fc.nat({ max: 70 }).chain((viewSize) => {
  const bits = fc.uint8Array({ minLength: Math.ceil(viewSize / 8), maxLength: Math.ceil(viewSize / 8) });
  return fc.record({
    kind: fc.constant('beat' as const),
    from: process,
    count: u32,
    view: viewId,
    viewSize: fc.constant(viewSize),
    viewHash: u32,
    hears: bits,
    mutual: bits,
    heard: fc.uint8Array({ maxLength: 8 }),
    others: few(fc.record({ incarnation, mutual: fc.boolean() })),
    epoch,
    applied: count,
    digests: few(fc.record({ object: u32, sequence: count, high: u32, low: u32 })),
  });
});

const kind = <K extends ViewMessage['kind']>(name: K) => fc.constant(name);

/** One arbitrary a kind, so that no kind can be forgotten. */
export const messagesByKind: {
  readonly [K in ViewMessage['kind']]: fc.Arbitrary<Extract<ViewMessage, { kind: K }>>;
} = {
  beat,
  propose: fc.record({ kind: kind('propose'), from: incarnation, ballot: viewId, members: few(process) }),
  ok: fc.record({
    kind: kind('ok'),
    from: incarnation,
    ballot: viewId,
    oldView: viewId,
    applied: count,
    unstable: few(entry),
  }),
  nack: fc.record({ kind: kind('nack'), from: incarnation, ballot: viewId, epoch }),
  commit: fc.record({
    kind: kind('commit'),
    from: incarnation,
    ballot: viewId,
    members: few(process),
    flush: few(fc.record({ view: viewId, upTo: count, entries: few(entry), survivors: few(incarnation) })),
  }),
  ask: fc.record({ kind: kind('ask'), from: incarnation, view: viewId }),
  ordered: fc.record({ kind: kind('ordered'), from: incarnation, view: viewId, entry }),
  resend: fc.record({ kind: kind('resend'), from: incarnation, view: viewId, first: count }),
  goodbye: fc.record({ kind: kind('goodbye'), from: incarnation }),
  state: fc.record({ kind: kind('state'), from: incarnation, view: viewId, info }),
  solicit: fc.record({ kind: kind('solicit'), from: incarnation }),
  heartbeat: fc.record({
    kind: kind('heartbeat'),
    from: incarnation,
    view: viewId,
    leader: fc.option(incarnation, { nil: undefined }),
    applied: count,
    table: u32,
  }),
};

export const anyMessage: fc.Arbitrary<ViewMessage> = fc.oneof(...Object.values(messagesByKind));
