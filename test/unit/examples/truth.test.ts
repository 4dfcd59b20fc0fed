import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, isWrong, parseSockets, sumOf, totalOf } from '../../../examples/three-relays/truth.ts';

/** As Linux 6.1 on a little-endian machine prints it. */
const procNetTcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:09C5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 859498 1 00000000a322128c 100 0 0 10 0
   1: 0100007F:107E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 781256 1 000000000796a57d 100 0 0 10 0
   2: 0100007F:09C5 0B010A7F:EC89 01 00000000:00000000 00:00000000 00000000     0        0 859045 2 0000000022c3a212 20 0 0 12 -1
   3: 0100007F:09C5 0B010A7F:EC8A 08 00000000:00000001 00:00000000 00000000     0        0 859046 2 0000000022c3a213 20 0 0 12 -1
   4: 0B010A7F:EC89 0100007F:09C5 01 00000000:00000000 00:00000000 00000000     0        0 859047 2 0000000022c3a214 20 0 0 12 -1
   5: 0100007F:09C6 0CC8567F:9094 01 00000000:00000000 00:00000000 00000000     0        0 859048 1 00000000e1bb95af 20 8 0 10 -1
   6: 0100007F:09C5 0CC8567F:9095 01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000e1bb95ae 20 8 0 10 -1
   7: 0100007F:09C5 0CC8567F:9096 06 00000000:00000000 03:00001771 00000000     0        0 0 3 00000000e1bb95ad
`;

describe('the kernel as the truth', () => {
  test('what counts is accepted and held by a process: not waiting in the queue, not closed and lingering', () => {
    const { listening, accepted } = parseSockets(procNetTcp);
    expect([...listening]).toEqual([2501, 4222]);
    expect(accepted.get(2501)).toEqual(new Map([['127.10.1.11', 2]]));
    expect(accepted.get(2502)).toEqual(new Map([['127.86.200.12', 1]]));
  });

  test('an empty table is no sockets', () => {
    expect(parseSockets('')).toEqual({ listening: new Set(), accepted: new Map() });
  });
});

const truth = new Map([
  ['127.10.1.11', 2],
  ['127.10.1.12', 1],
  ['127.44.3.11', 4],
]);
const rightRows = [
  { key: '127.0.0.0/10', count: 7 },
  { key: '127.10.1.8/29', count: 3 },
  { key: '127.10.1.11/32', count: 2 },
  { key: '127.10.1.12/32', count: 1 },
  { key: '127.44.3.11/32', count: 4 },
];

describe('what a node shows beside the truth', () => {
  test('right rows are right, netblocks included', () => {
    expect(compare(rightRows, truth).filter(isWrong)).toEqual([]);
    expect(compare([], new Map())).toEqual([]);
  });

  test('a netblock that does not add up is wrong, even when all addresses are right', () => {
    const rows = rightRows.map((row) => (row.key === '127.10.1.8/29' ? { ...row, count: 4 } : row));
    expect(compare(rows, truth).filter(isWrong)).toEqual([{ key: '127.10.1.8/29', shown: 4, truth: 3 }]);
  });

  test('an address that is not shown is wrong', () => {
    const rows = rightRows.filter(({ key }) => key !== '127.44.3.11/32');
    expect(compare(rows, truth).filter(isWrong)).toEqual([
      { key: '127.44.3.11/32', shown: undefined, truth: 4 },
    ]);
  });

  test('an address that has left is wrong', () => {
    const rows = [...rightRows, { key: '127.86.200.11/32', count: 1 }];
    expect(compare(rows, truth).filter(isWrong)).toEqual([{ key: '127.86.200.11/32', shown: 1, truth: 0 }]);
  });

  test('one count that is off never goes unnoticed', () => {
    const at = fc.integer({ min: 0, max: rightRows.length - 1 });
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 1_000_000 }), (index, error) => {
        const rows = rightRows.map((row, other) =>
          other === index ? { ...row, count: row.count + error } : row,
        );
        expect(compare(rows, truth).filter(isWrong)).toHaveLength(1);
      }),
    );
  });

  test('tables of several listeners add up by address', () => {
    const sum = sumOf([truth, new Map([['127.10.1.11', 5]])]);
    expect(sum.get('127.10.1.11')).toBe(7);
    expect(totalOf(sum)).toBe(12);
  });
});
