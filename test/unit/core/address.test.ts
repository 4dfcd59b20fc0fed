/** Spelling of addresses and prefixes. */

import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
} from '../../../src/core/address.ts';

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:0001', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('REP-5.3 %s is %s', (text, expected) => {
    expect(formatAddress(parseAddress(text)!)).toBe(expected);
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.-4',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    'a.b.c.d',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    '::g',
    '1:2:3:4:5:6:7::8:9',
    '1.2.3.4::',
    '::1.2.3',
    ':1::',
  ])('REP-5.2 %j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('agrees with Node.js on what is an address', () => {
    const char = fc.constantFrom(...'0123456789abcdefF:.:.::');
    fc.assert(
      fc.property(fc.string({ unit: char, maxLength: 24 }), (text) => {
        expect(parseAddress(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads back what it writes', () => {
    const word = fc.oneof(
      fc.constantFrom(0, 1, -1, 0xffff, 0x10000),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    );
    const address: fc.Arbitrary<Address> = fc.oneof(word, fc.tuple(word, word, word, word));
    fc.assert(
      fc.property(address, (given) => {
        const mapped = typeof given !== 'number' && given[0] === 0 && given[1] === 0 && given[2] === 0xffff;
        expect(parseAddress(formatAddress(given))).toEqual(mapped ? given[3] : given);
      }),
    );
  });

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['2001:db8::ffff/48', '2001:db8::/48'],
    ['2001:db8::ffff', '2001:db8::ffff/128'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['ffff::/1', '8000::/1'],
  ])('REP-5.2 the prefix %s is %s', (text, expected) => {
    const { address, bits } = parsePrefix(text)!;
    expect(formatPrefix(address, bits)).toBe(expected);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/ 8',
    '/8',
    '2001:db8::/129',
    '10.0.0.0/8/8',
    '1/8',
  ])('REP-5.2 %j is no prefix', (text) => expect(parsePrefix(text)).toBeUndefined());
});
