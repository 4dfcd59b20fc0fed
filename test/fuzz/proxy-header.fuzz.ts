/**
 * Random and mutated bytes for the decoder of the PROXY protocol (goal R7). It must never throw, never ask for more
 * than its bound, and give the same answer however the bytes are cut. A failure names the run and seed that replay it.
 */
import type { Address } from '../../src/core/address.ts';
import { encodeProxyHeader, type ProxyDecoding, ProxyHeaderDecoder } from '../../src/net/proxy-header.ts';
import { SeededRandom } from '../sim/seeded-random.ts';

/** A v1 line has at most 107 bytes, a v2 header is refused above 4096. */
const mostBytesHeld = 4096;
const openings = ['PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN', '\r\n\r\n\0\r\nQUIT\n', ''];
const fragments = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '0',
  '255',
  '65536',
  '::',
  'ffff:',
  '1.2.3.4',
  '\0',
  '\xff',
  '%eth0',
];

export interface FuzzSummary {
  readonly runs: number;
  readonly done: number;
  readonly invalid: number;
  readonly more: number;
}

export function fuzzProxyHeader(runs: number, seed: number): FuzzSummary {
  const summary = { runs, done: 0, invalid: 0, more: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `proxy ${run}`);
    const input = mutate(random.chance(0.7) ? validHeader(random) : randomBytes(random), random);
    try {
      summary[examine(input, random)]++;
    } catch (error) {
      throw new Error(
        `fuzzProxyHeader run ${run} of seed ${seed}: ${JSON.stringify(input.toString('latin1'))}`,
        {
          cause: error,
        },
      );
    }
  }
  return summary;
}

function examine(input: Buffer, random: SeededRandom): ProxyDecoding['state'] {
  const whole = new ProxyHeaderDecoder().push(input);
  const { decoding, rest } = decodeInPieces(input, random);
  if (decoding.state !== whole.state) throw new Error(`whole ${whole.state}, in pieces ${decoding.state}`);
  if (whole.state === 'more' && input.length >= mostBytesHeld) throw new Error('wants more than its bound');
  if (whole.state !== 'done' || decoding.state !== 'done') return whole.state;
  if (JSON.stringify(whole.header) !== JSON.stringify(decoding.header))
    throw new Error('another header in pieces');
  if (!whole.rest.equals(rest)) throw new Error('another rest in pieces');
  // What was understood can be said again and means the same.
  const again = new ProxyHeaderDecoder().push(encodeProxyHeader(whole.header));
  if (again.state !== 'done') throw new Error('what was read cannot be sent');
  return 'done';
}

function decodeInPieces(input: Buffer, random: SeededRandom): { decoding: ProxyDecoding; rest: Buffer } {
  const decoder = new ProxyHeaderDecoder();
  let decoding: ProxyDecoding = { state: 'more' };
  let at = 0;
  while (at < input.length && decoding.state === 'more') {
    const end = Math.min(input.length, at + 1 + random.below(40));
    decoding = decoder.push(input.subarray(at, end));
    at = end;
  }
  const rest = decoding.state === 'done' ? decoding.rest : Buffer.alloc(0);
  return { decoding, rest: Buffer.concat([rest, input.subarray(at)]) };
}

function validHeader(random: SeededRandom): Buffer {
  const word = () => random.pick([0, -1, 1, 0xffff, random.below(2 ** 32) | 0]);
  const ipv4 = random.chance(0.5);
  const address = (): Address => (ipv4 ? word() : [word(), word(), word(), word()]);
  const endpoint = () => ({ address: address(), port: random.below(65_536) });
  return encodeProxyHeader({
    version: random.pick(['v1', 'v2'] as const),
    endpoints: random.chance(0.1) ? undefined : { client: endpoint(), listener: endpoint() },
  });
}

function randomBytes(random: SeededRandom): Buffer {
  const length = random.chance(0.02) ? random.below(6000) : random.below(130);
  const printable = random.chance(0.5);
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = printable ? 32 + random.below(95) : random.below(256);
  return Buffer.concat([Buffer.from(random.pick(openings), 'latin1'), bytes]);
}

function mutate(input: Buffer, random: SeededRandom): Buffer {
  let bytes = input;
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(4);
    if (kind === 0) bytes = bytes.subarray(0, at);
    if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(4))]);
    if (kind === 2) {
      const fragment = Buffer.from(random.pick(fragments), 'latin1');
      bytes = Buffer.concat([bytes.subarray(0, at), fragment, bytes.subarray(at)]);
    }
    if (kind === 3 && at < bytes.length) {
      bytes = Buffer.from(bytes);
      bytes[at] = random.below(256);
    }
  }
  return bytes;
}
