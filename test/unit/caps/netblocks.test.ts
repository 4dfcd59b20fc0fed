/** Longest-prefix lookup and counts by netblock, against a list that is searched from end to end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, isIpv4, type Prefix, parseAddress, parsePrefix } from '../../../src/core/address.ts';
import { NetblockCounts, Netblocks, noNetblock } from '../../../src/core/netblocks.ts';

/** Few distinct bits, so that prefixes nest and addresses hit them. */
const word = fc.constantFrom(0, 1, 0x0a000000, 0x0a010000, 0x0a010203, -1, 0x80000000 | 0);
const ipv4 = word;
const ipv6 = fc.tuple(word, word, word, word);
const prefix: fc.Arbitrary<Prefix> = fc.oneof(
  fc.record({ address: ipv4, bits: fc.constantFrom(0, 1, 7, 8, 16, 24, 31, 32) }),
  fc.record({ address: ipv6, bits: fc.constantFrom(0, 1, 31, 32, 33, 64, 96, 127, 128) }),
);
const address: fc.Arbitrary<Address> = fc.oneof(ipv4, ipv6);

function bitsOf(value: Address): string {
  const words = isIpv4(value) ? [value] : value;
  return words.map((part) => (part >>> 0).toString(2).padStart(32, '0')).join('');
}

function contains({ address: network, bits }: Prefix, client: Address): boolean {
  return (
    isIpv4(network) === isIpv4(client) && bitsOf(network).slice(0, bits) === bitsOf(client).slice(0, bits)
  );
}

function named(text: string): Address {
  return parseAddress(text) as Address;
}

describe('Netblocks', () => {
  test('REP-15.2 the most specific netblock that contains the client is always found', () => {
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), address, (prefixes, client) => {
        const netblocks = new Netblocks(prefixes);
        const found = netblocks.prefixes[netblocks.find(client)];
        const longest = Math.max(
          -1,
          ...prefixes.filter((each) => contains(each, client)).map(({ bits }) => bits),
        );
        expect(found?.bits ?? -1).toBe(longest);
        if (found !== undefined) expect(contains(found, client)).toBe(true);
      }),
    );
  });

  test('IPv6 networks with the same hash are told apart', () => {
    const texts = ['::1:0:0', '::9e37:79b1'];
    const netblocks = new Netblocks(texts.map((text) => parsePrefix(text) as Prefix));
    expect(texts.map((text) => netblocks.find(named(text)))).toEqual([0, 1]);
    expect(netblocks.find(named('::1:9e37:79b1'))).toBe(noNetblock);
  });
});

describe('NetblockCounts', () => {
  test('REP-15.3 the count of a netblock is always the number of open sessions inside, nested netblocks included', () => {
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 8 }),
        fc.array(address, { maxLength: 40 }),
        (prefixes, clients) => {
          const counts = new NetblockCounts(new Netblocks(prefixes));
          const add = (client: Address, by: 1 | -1) => counts.add(counts.netblocks.find(client), by);
          for (const client of clients) add(client, 1);
          const open = clients.slice(clients.length / 2);
          for (const client of clients.slice(0, clients.length / 2)) add(client, -1);
          for (const [index, netblock] of counts.netblocks.prefixes.entries()) {
            expect(counts.count(index)).toBe(open.filter((client) => contains(netblock, client)).length);
          }
          expect(counts.count(noNetblock)).toBe(open.length);
        },
      ),
    );
  });
});
