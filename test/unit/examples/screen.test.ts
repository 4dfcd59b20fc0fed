import { expect, test } from 'vitest';
import { columns, counted, milliseconds, seconds, verdict } from '../../../examples/three-relays/screen.ts';

const connections = new Map([
  ['relay-1', 2],
  ['relay-2', 1],
]);

test('right sums are one line', () => {
  expect(verdict({ connections, agreedMs: 61.2, wrong: [] })).toBe(
    'The kernel holds 3 connections (relay-1 2, relay-2 1). Every node agrees, after 61 ms.\n',
  );
});

test('wrong sums come with both tables, and a mark where they differ', () => {
  const rows = [
    { key: '127.0.0.0/10', shown: 4, truth: 3 },
    { key: '127.10.1.11/32', shown: 2, truth: 2 },
    { key: '127.44.3.11/32', shown: undefined, truth: 1 },
  ];
  expect(verdict({ connections, agreedMs: 2000, wrong: [{ title: 'relay-1: sum', rows }] })).toBe(
    `The kernel holds 3 connections (relay-1 2, relay-2 1). WRONG SUMS:
relay-1: sum
     key             shown  kernel
  !  127.0.0.0/10    4      3
     127.10.1.11/32  2      2
  !  127.44.3.11/32  -      1
`,
  );
});

test('numbers read as people say them', () => {
  expect([seconds(30_000), seconds(12_340), milliseconds(9.24), milliseconds(61.2)]).toEqual([
    ...['30 s', '12.3 s', '9.2 ms', '61 ms'],
  ]);
  expect([counted(0, 'check'), counted(1, 'check'), counted(2, 'address', 'addresses')]).toEqual([
    ...['0 checks', '1 check', '2 addresses'],
  ]);
  expect(
    columns([
      ['a', 'bb'],
      ['ccc', ''],
    ]),
  ).toBe('  a    bb\n  ccc\n');
});
