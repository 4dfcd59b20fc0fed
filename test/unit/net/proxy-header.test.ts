/** The PROXY protocol header, both ways: what the front listener sends and what a service behind it reads. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, formatAddress, parseAddress } from '../../../src/core/address.ts';
import {
  encodeProxyHeader,
  type ProxyDecoding,
  type ProxyHeader,
  ProxyHeaderDecoder,
} from '../../../src/net/proxy-header.ts';
import { fuzzProxyHeader } from '../../fuzz/proxy-header.fuzz.ts';

function address(text: string): Address {
  return parseAddress(text) as Address;
}

function header(version: 'v1' | 'v2', client: string, listener: string): ProxyHeader {
  const endpoints = {
    client: { address: address(client), port: 56_324 },
    listener: { address: address(listener), port: 25 },
  };
  return { version, endpoints };
}

function decode(bytes: Buffer | string): ProxyDecoding {
  return new ProxyHeaderDecoder().push(Buffer.from(bytes as string, 'latin1'));
}

const signature = '\r\n\r\n\0\r\nQUIT\n';

describe('what is sent', () => {
  test('v1 is one line of text', () => {
    const ipv4 = encodeProxyHeader(header('v1', '192.168.0.1', '192.168.0.11'));
    expect(ipv4.toString()).toBe('PROXY TCP4 192.168.0.1 192.168.0.11 56324 25\r\n');
    const ipv6 = encodeProxyHeader(header('v1', '2001:DB8:0:0:0:0:0:1', '::1'));
    expect(ipv6.toString()).toBe('PROXY TCP6 2001:db8::1 ::1 56324 25\r\n');
  });

  test('v2 is binary', () => {
    expect(encodeProxyHeader(header('v2', '192.168.0.1', '10.0.0.255')).toString('hex')).toBe(
      '0d0a0d0a000d0a515549540a2111000cc0a800010a0000ffdc040019',
    );
    expect(encodeProxyHeader(header('v2', '2001:db8::1', '::1')).toString('hex')).toBe(
      `0d0a0d0a000d0a515549540a21210024${'20010db8000000000000000000000001'}${'00000000000000000000000000000001'}dc040019`,
    );
  });

  test('REP-5.3 an IPv4 client of an IPv6 socket is sent as IPv4', () => {
    const mapped = header('v1', '::ffff:192.0.2.1', '::ffff:192.0.2.2');
    expect(encodeProxyHeader(mapped).toString()).toBe('PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n');
  });

  test('addresses that are not known, or of two families, are said to be unknown', () => {
    const mixed = header('v1', '192.0.2.1', '::1').endpoints;
    for (const endpoints of [undefined, mixed]) {
      expect(encodeProxyHeader({ version: 'v1', endpoints }).toString()).toBe('PROXY UNKNOWN\r\n');
      expect(encodeProxyHeader({ version: 'v2', endpoints }).toString('latin1')).toBe(
        `${signature}\x20\0\0\0`,
      );
    }
  });
});

const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map(address);
const endpoint = fc.record({ address: anyAddress, port: fc.nat({ max: 65_535 }) });
const anyHeader: fc.Arbitrary<ProxyHeader> = fc.record({
  version: fc.constantFrom('v1' as const, 'v2' as const),
  endpoints: fc.option(
    fc
      .record({ client: endpoint, listener: endpoint })
      .filter(({ client, listener }) => typeof client.address === typeof listener.address),
    { nil: undefined },
  ),
});

describe('what is read', () => {
  test('what is sent is always read back, however its bytes arrive, and what follows is left alone', () => {
    const cuts = fc.array(fc.nat({ max: 60 }), { maxLength: 6 });
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 20 }), cuts, (sent, following, lengths) => {
        let bytes = Buffer.concat([encodeProxyHeader(sent), following]);
        const decoder = new ProxyHeaderDecoder();
        let decoding: ProxyDecoding = { state: 'more' };
        for (const length of [...lengths, bytes.length]) {
          if (decoding.state !== 'more') break;
          decoding = decoder.push(bytes.subarray(0, length));
          bytes = bytes.subarray(length);
        }
        expect(decoding).toMatchObject({ state: 'done', header: sent });
        const rest = decoding.state === 'done' ? Buffer.concat([decoding.rest, bytes]) : undefined;
        expect(rest).toEqual(Buffer.from(following));
      }),
    );
  });

  test.each([
    ['PROXY UNKNOWN\r\n', 'v1'],
    ['PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', 'v1'],
    ['PROXY UNKNOWN  what ever \0\r\n', 'v1'],
    [`${signature}\x20\0\0\0`, 'v2'],
    [`${signature}\x20\x11\0\x0c123456789012`, 'v2'],
    [`${signature}\x21\0\0\x03abc`, 'v2'],
    [`${signature}\x21\x31\0\x03abc`, 'v2'],
    [`${signature}\x21\x12\0\x0c123456789012`, 'v2'],
  ])('a header without usable addresses is accepted: %j', (bytes, version) => {
    expect(decode(bytes)).toMatchObject({ state: 'done', header: { version, endpoints: undefined } });
  });

  test('v2 extensions behind the addresses are skipped', () => {
    const decoding = decode(`${signature}\x21\x11\0\x10\x01\x02\x03\x04\x05\x06\x07\x08\0\x19\0\x1aTLV!EHLO`);
    expect(decoding).toMatchObject({ state: 'done', rest: Buffer.from('EHLO') });
    expect(decoding.state === 'done' && formatAddress(decoding.header.endpoints?.client.address ?? 0)).toBe(
      '1.2.3.4',
    );
  });

  test.each([
    ['EHLO example.com\r\n', 'no PROXY header'],
    ['proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n', 'no PROXY header'],
    ['\r\nhello', 'no PROXY header'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n', 'a line end that is not CRLF'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1\r1\r\n', 'a line end that is not CRLF'],
    [`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, 'no CRLF within 107 bytes'],
    ...[
      'PROXY UNKNOWNS\r\n',
      'PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
      'PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.256 1 1\r\n',
      'PROXY TCP4 ::1 ::1 1 1\r\n',
      'PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n',
      'PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n',
      'PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n',
    ].map((line) => [line, 'addresses or ports that are not valid']),
    [`${signature}\x11\x11\0\x0c123456789012`, 'a version or command that is not known'],
    [`${signature}\x22\x11\0\x0c123456789012`, 'a version or command that is not known'],
    [`${signature}\x21\x41\0\x0c123456789012`, 'an address family or transport that is not known'],
    [`${signature}\x21\x13\0\x0c123456789012`, 'an address family or transport that is not known'],
    [`${signature}\x21\x11\0\x0b12345678901`, 'a header too short for its addresses'],
    [`${signature}\x21\x21\0\x23${'x'.repeat(35)}`, 'a header too short for its addresses'],
    [`${signature}\x21\x11\xff\xff`, 'a header of more than 4096 bytes'],
  ])('anything else is refused: %j', (bytes, reason) => {
    expect(decode(bytes as string)).toEqual({ state: 'invalid', reason });
  });

  test('wrong bytes are refused with the first one that is wrong', () => {
    for (const wrong of ['Q', 'PR0', '\r\n\r\n\0\r\nQUIX']) expect(decode(wrong).state).toBe('invalid');
    for (const right of ['P', 'PROXY', '\r\n\r\n\0', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r']) {
      expect(decode(right).state).toBe('more');
    }
  });

  test('GOAL-R7 random and mutated bytes never throw, and never hold more than the bound', () => {
    const { done, invalid, more } = fuzzProxyHeader(20_000, 7);
    expect(Math.min(done, invalid, more)).toBeGreaterThan(1000);
  });
});
