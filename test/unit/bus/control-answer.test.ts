import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlAnswer } from '../../../src/bus/control-answer.ts';
import { MemoryBus } from '../../../src/bus/memory.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

interface Part {
  readonly text: string;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

const headerNames = [
  'Flotilla-Node',
  'Flotilla-Private-Name',
  'Flotilla-Part',
  'Flotilla-Status',
  'Flotilla-Began',
  'Flotilla-Ended',
  'Flotilla-End',
];

function answered(texts: readonly string[], maxPayloadBytes: number): Part[] {
  const clock = new VirtualClock();
  const bus = new MemoryBus(clock, () => [0]);
  const [node, client] = [bus.connect('node', maxPayloadBytes), bus.connect('client')];
  node.setState('up');
  client.setState('up');
  const parts: Part[] = [];
  client.subscribe('inbox', ({ data, header }) => {
    const headers = Object.fromEntries(headerNames.map((name) => [name, header(name)]));
    // Fatal: a part that begins or ends inside a character fails the test.
    parts.push({ text: new TextDecoder('utf-8', { fatal: true }).decode(data), bytes: data.length, headers });
  });
  const answer = new ControlAnswer(node, 'inbox', { node: 'relay-1', privateName: '#ec0-00007#relay-1' });
  for (const text of texts) expect(answer.add(text)).toBe(true);
  expect(answer.end(3, { beganMs: 1_000, endedMs: 2_500 })).toBe(true);
  clock.runUntil(1);
  return parts;
}

describe('console answers over NATS', () => {
  it('CON-14 always: parts are whole characters within the bound, numbered, in order, and only the last one ends', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 2_000 }), { maxLength: 5 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1_300, max: 4_000 }), (pieces, maxPayloadBytes) => {
        const parts = answered(pieces, maxPayloadBytes);
        expect(parts.map(({ text }) => text).join('')).toBe(pieces.join(''));
        expect(parts.every(({ bytes }) => bytes <= maxPayloadBytes - 1_024)).toBe(true);
        expect(parts.map(({ headers }) => headers['Flotilla-Part'])).toEqual(parts.map((_, i) => `${i + 1}`));
        const ends = parts.map(({ headers }) => headers['Flotilla-End'] ?? headers['Flotilla-Status']);
        expect(ends.slice(0, -1).every((end) => end === undefined)).toBe(true);
        expect(parts.at(-1)?.headers).toMatchObject({ 'Flotilla-End': 'true', 'Flotilla-Status': '3' });
      }),
    );
  });

  it('MGR-22 every part names the node and its process; the last one says when the command began and ended', () => {
    const [part, last] = answered(['x'.repeat(1_500)], 2_048);
    const from = { 'Flotilla-Node': 'relay-1', 'Flotilla-Private-Name': '#ec0-00007#relay-1' };
    expect(part?.headers).toMatchObject({ ...from, 'Flotilla-Began': undefined });
    const times = {
      'Flotilla-Began': '1970-01-01T00:00:01.000Z',
      'Flotilla-Ended': '1970-01-01T00:00:02.500Z',
    };
    expect(last?.headers).toMatchObject({ ...from, ...times });
  });

  it('an answer that fits is one message, an empty one too', () => {
    expect(answered(['a', 'b', 'c'.repeat(1_022)], 2_048)).toHaveLength(1);
    expect(answered(['a', 'b', 'c'.repeat(1_023)], 2_048)).toHaveLength(2);
    expect(answered([], 2_048)).toMatchObject([{ text: '', headers: { 'Flotilla-Node': 'relay-1' } }]);
  });
});
