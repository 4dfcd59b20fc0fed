/**
 * Random and mutated bytes for the decoder of view messages (goal R7). It must never throw, and what it accepts must be
 * a message: sent again it reads the same. A failure names the run and seed that replay it.
 */
import { decodeViewMessage, encodeViewMessage } from '../../src/bus/view-codec.ts';
import type { ViewMessage } from '../../src/core/agreement/messages.ts';
import { type MemberType, newIncarnation } from '../../src/core/identity.ts';
import type { Process, ViewId } from '../../src/core/view.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';

export interface CodecFuzzSummary {
  readonly runs: number;
  readonly decoded: number;
  readonly dropped: number;
}

export function fuzzViewCodec(runs: number, seed: number): CodecFuzzSummary {
  const summary = { runs, decoded: 0, dropped: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `codec ${run}`);
    const bytes = random.chance(0.8)
      ? mutateBytes(encodeViewMessage(randomMessage(random)), random)
      : randomBytes(random);
    try {
      summary[examine(bytes) ? 'decoded' : 'dropped']++;
    } catch (error) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`fuzzViewCodec run ${run} of seed ${seed}: ${hex}`, { cause: error });
    }
  }
  return summary;
}

function examine(bytes: Uint8Array): boolean {
  const message = decodeViewMessage(bytes);
  if (!message) return false;
  const once = encodeViewMessage(message);
  if (once.length > bytes.length) throw new Error('more was read than was there');
  const again = decodeViewMessage(once);
  if (!again || !Buffer.from(encodeViewMessage(again)).equals(Buffer.from(once)))
    throw new Error('it reads differently again');
  return true;
}

/** Version and kind are often right, so that the fields behind them are reached. */
function randomBytes(random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from({ length: random.below(random.chance(0.02) ? 5_000 : 200) }, () =>
    random.below(256),
  );
  if (random.chance(0.8)) bytes.set([1, random.below(13)].slice(0, bytes.length));
  return bytes;
}

/** A message of any kind as a sender might write it. */
export function randomMessage(random: SeededRandom): ViewMessage {
  const from = newIncarnation(random);
  const list = <T>(make: () => T): T[] => Array.from({ length: random.below(4) }, make);
  const number = () => random.below(random.chance(0.8) ? 100 : 2 ** 40);
  const view = (): ViewId => ({
    epoch: number(),
    coordinator: newIncarnation(random),
    nonce: random.below(100),
  });
  const entry = () => ({ number: number(), payload: Uint8Array.from(list(() => random.below(256))) });
  const process = (): Process => ({
    incarnation: newIncarnation(random),
    type: random.pick<MemberType>(['Momentum', 'Manager', 'Other']),
    node: random.pick(['relay-1', '', 'größe', 'x'.repeat(63)]),
    number: random.below(100_000),
    seniority: random.chance(0.5) ? Number.POSITIVE_INFINITY : number(),
  });
  const viewSize = random.below(20);
  const bits = () => Uint8Array.from({ length: Math.ceil(viewSize / 8) }, () => random.below(256));
  const makers: readonly (() => ViewMessage)[] = [
    () => ({
      kind: 'beat',
      from: process(),
      count: number() % 2 ** 32,
      view: view(),
      viewSize,
      viewHash: random.below(2 ** 32),
      hears: bits(),
      mutual: bits(),
      heard: bits(),
      others: list(() => ({ incarnation: newIncarnation(random), mutual: random.chance(0.5) })),
      epoch: number(),
      applied: number(),
      digests: list(() => ({ object: 1, sequence: number(), high: 2, low: 3 })),
    }),
    () => ({ kind: 'propose', from, ballot: view(), members: list(process) }),
    () => ({ kind: 'ok', from, ballot: view(), oldView: view(), applied: number(), unstable: list(entry) }),
    () => ({ kind: 'nack', from, ballot: view(), epoch: number() }),
    () => ({
      kind: 'commit',
      from,
      ballot: view(),
      members: list(process),
      flush: list(() => ({
        view: view(),
        upTo: number(),
        entries: list(entry),
        survivors: list(() => newIncarnation(random)),
      })),
    }),
    () => ({ kind: 'ask', from, view: view() }),
    () => ({ kind: 'ordered', from, view: view(), entry: entry() }),
    () => ({ kind: 'resend', from, view: view(), first: number() }),
    () => ({ kind: 'goodbye', from }),
    () => ({
      kind: 'state',
      from,
      view: view(),
      info: {
        incarnation: from,
        node: 'relay-1',
        subcluster: 'default',
        type: 'Momentum',
        version: '1',
        address: '10.0.0.1',
        port: 4802,
        groups: list(() => 'ec_cluster'),
      },
    }),
    () => ({ kind: 'solicit', from }),
    () => ({
      kind: 'heartbeat',
      from,
      view: view(),
      leader: random.chance(0.5) ? undefined : newIncarnation(random),
      applied: number(),
      table: random.below(2 ** 32),
    }),
  ];
  return random.pick(makers)();
}
