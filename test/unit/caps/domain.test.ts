import fc from 'fast-check';
import { expect, test } from 'vitest';
import { domainKey } from '../../../src/core/domain.ts';

test.each([
  ['Example.COM', 'example.com'],
  ['example.com.', 'example.com'],
  ['bücher.Example', 'xn--bcher-kva.example'],
  ['例え。テスト。', 'xn--r8jz45g.xn--zckzah'],
  ['[IPv6:2001:DB8::1]', '[ipv6:2001:db8::1]'],
  ['_Service._tcp.example', '_service._tcp.example'],
  ['ü@example.com/path', 'ü@example.com/path'],
  ['two\nlines', 'two\nlines'],
])('REP-5.12 the key of %j is %j', (domain, key) => {
  expect(domainKey(domain)).toBe(key);
});

test('REP-5.12 a key is always its own key', () => {
  const domain = fc.oneof(fc.domain(), fc.string(), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(domain, (text) => {
      expect(domainKey(domainKey(text))).toBe(domainKey(text));
    }),
  );
});
