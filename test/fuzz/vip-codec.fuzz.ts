/**
 * Random and mutated bytes for the decoders of messages and decisions about floating addresses (goal R7). They must
 * never throw, and what they accept must be a message: sent again it reads the same. A failure names the run and seed
 * that replay it.
 */
import {
  decodeDecision,
  decodeVipMessage,
  encodeDecision,
  encodeVipMessage,
} from '../../src/bus/vip-codec.ts';
import type { Decision, VipMessage } from '../../src/core/duravip/messages.ts';
import type { AssignmentReason, VipAnnouncement } from '../../src/core/duravip/vip.ts';
import { newIncarnation } from '../../src/core/identity.ts';
import type { ViewId } from '../../src/core/view.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';
import { examine } from './rereading.ts';

export interface VipCodecFuzzSummary {
  readonly runs: number;
  /** Bytes that were a message, or a decision. */
  readonly messages: number;
  readonly decisions: number;
  readonly dropped: number;
}

export function fuzzVipCodec(runs: number, seed: number): VipCodecFuzzSummary {
  const summary = { runs, messages: 0, decisions: 0, dropped: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `vip codec ${run}`);
    const bytes = input(random);
    try {
      const isMessage = examine(bytes, decodeVipMessage, encodeVipMessage);
      const isDecision = examine(bytes, decodeDecision, encodeDecision);
      if (isMessage) summary.messages++;
      if (isDecision) summary.decisions++;
      if (!isMessage && !isDecision) summary.dropped++;
    } catch (error) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`fuzzVipCodec run ${run} of seed ${seed}: ${hex}`, { cause: error });
    }
  }
  return summary;
}

function input(random: SeededRandom): Uint8Array {
  if (random.chance(0.2)) return randomBytes(random);
  const whole = random.chance(0.3)
    ? encodeDecision(randomDecision(random))
    : encodeVipMessage(randomMessage(random));
  return mutateBytes(whole, random);
}

/** Version and kind are often right, so that the fields behind them are reached. */
function randomBytes(random: SeededRandom): Uint8Array {
  const length = random.below(random.chance(0.02) ? 5_000 : 200);
  const bytes = Uint8Array.from({ length }, () => random.below(256));
  if (random.chance(0.8)) bytes.set([1, random.below(8)].slice(0, length));
  return bytes;
}

function randomDecision(random: SeededRandom): Decision {
  const ip = () => randomIp(random);
  return {
    verb: random.pick<Decision['verb']>(['mature', 'balance', 'move', 'unhold']),
    sequence: random.below(1_000),
    matured: listOf(random, ip),
    assignments: listOf(random, () => ({
      ip: ip(),
      owner: random.chance(0.7) ? newIncarnation(random) : undefined,
      reason: random.pick<AssignmentReason>(['elected', 'orphan', 'moved', 'reset']),
    })),
  };
}

function randomMessage(random: SeededRandom): VipMessage {
  const from = newIncarnation(random);
  const list = <T>(make: () => T) => listOf(random, make);
  const ip = () => randomIp(random);
  const number = () => random.below(random.chance(0.8) ? 100 : 2 ** 40);
  const viewId = (): ViewId => ({ epoch: number(), coordinator: newIncarnation(random), nonce: number() });
  const lost = () => ({
    member: newIncarnation(random),
    evidence: random.pick(['silent', 'closed', 'goodbye'] as const),
    silentMs: number(),
    leaseMs: number(),
    holds: list(ip),
  });
  const makers: readonly (() => VipMessage)[] = [
    () => ({
      kind: 'claims',
      from,
      view: viewId(),
      announced: number(),
      claims: list(ip),
      stuck: list(ip),
      holds: list(() => ({ ip: ip(), owner: newIncarnation(random) })),
      leaseMs: number(),
      lost: list(lost),
    }),
    () => ({ kind: 'announcement', from, sequence: number(), vips: list(() => randomVip(random)) }),
    () => ({ kind: 'solicit', from, want: random.pick(['claims', 'announcement'] as const) }),
    () => ({ kind: 'released', from, upTo: { view: viewId(), applied: number() }, ips: list(ip) }),
    () => ({
      kind: 'hosts',
      from,
      hosts: list(() => ({ ip: ip(), mac: randomMac(random), ageMs: number() })),
    }),
    () => ({
      kind: 'request',
      from,
      id: random.hex(random.below(20)),
      verb: random.pick(['move', 'unhold'] as const),
      ips: list(ip),
      to: random.chance(0.5) ? newIncarnation(random) : undefined,
    }),
  ];
  return random.pick(makers)();
}

function randomVip(random: SeededRandom): VipAnnouncement {
  const name = () => random.pick(['mx-1', '', 'größe', 'x'.repeat(63)]);
  return {
    ip: randomIp(random),
    names: listOf(random, name),
    services: listOf(random, () => ({ kind: 'esmtp', endpoint: `${randomIp(random)}:25` })),
    preference: listOf(random, name),
    followers: listOf(random, () => randomIp(random)),
    capable: random.chance(0.5),
    draining: random.chance(0.5),
  };
}

function randomIp(random: SeededRandom): string {
  if (random.chance(0.7)) return `10.9.${random.below(256)}.${random.below(256)}`;
  return `2001:db8::${(1 + random.below(0xffff)).toString(16)}`;
}

function randomMac(random: SeededRandom): string {
  return Array.from({ length: 6 }, () => random.hex(1)).join(':');
}

function listOf<T>(random: SeededRandom, make: () => T): T[] {
  return Array.from({ length: random.below(4) }, make);
}
