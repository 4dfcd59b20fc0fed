import { expect, test } from 'vitest';
import { picture, shares, strip } from '../../../examples/floating-addresses/picture.ts';

const span = (by: string, fromMs: number, toMs: number) => ({ by, fromMs, toMs });

test('a column shows the latest machine that answered in it, a dot where nobody did, nothing where nobody looked', () => {
  const spans = [span('relay-1', 1_010, 1_032), span('relay-2', 1_071, 1_200)];
  const frame = { leftMs: 1_000, columnMs: 10, fromMs: 1_010, toMs: 1_119 };
  expect(strip(spans, frame).trimEnd()).toBe(' 111...22222');
  expect(strip([], frame).trimEnd()).toBe(' ...........');
});

test('a picture is as wide as the slowest move, and tells the gaps of what moved', () => {
  const seen = new Map([
    ['10.84.0.1', { last: 'relay-1', gapMs: 3, spans: [span('relay-1', 0, 2_000)] }],
    [
      '10.84.0.2',
      { last: 'relay-1', gapMs: 1_020, spans: [span('relay-2', 0, 400), span('relay-1', 1_420, 2_000)] },
    ],
  ]);
  const hasMoved = (by: string) => by !== 'relay-2';
  expect(picture({ ips: [...seen.keys()], moved: ['10.84.0.2'], seen, fromMs: 0, hasMoved })).toBe(
    `Who answered, in columns of 50 ms:
  10.84.0.1  11111111111111111111111111111111111111111
  10.84.0.2  222222222...................1111111111111                 gap 1020 ms
`,
  );
});

test('without a move there is no picture', () => {
  const scene = { ips: ['10.84.0.1'], moved: [], seen: new Map(), fromMs: 0, hasMoved: () => true };
  expect(picture(scene)).toBe('');
});

test('shares name who is away, and why', () => {
  const machines = [
    { name: 'relay-1', absence: undefined },
    { name: 'relay-2', absence: 'frozen' as const },
  ];
  expect(shares(machines, new Map([['10.84.0.1', ['relay-1']]]))).toBe(
    '  relay-1  10.84.0.1\n  relay-2  frozen\n',
  );
});
