import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseServerUrl } from '../../../src/bus/server-url.ts';
import { isFlotillaError } from '../../../src/core/errors.ts';

describe('addresses of NATS servers', () => {
  it.each([
    ['127.0.0.1', { host: '127.0.0.1', port: 4222, tls: false, label: 'nats://127.0.0.1:4222' }],
    ['bus-1:4333', { host: 'bus-1', port: 4333, label: 'nats://bus-1:4333' }],
    ['nats://[::1]:4333', { host: '::1', port: 4333, label: 'nats://[::1]:4333' }],
    ['tls://bus.example', { host: 'bus.example', tls: true, label: 'tls://bus.example:4222' }],
    ['nats://ann:a%40b@bus', { user: 'ann', password: 'a@b', token: undefined, label: 'nats://bus:4222' }],
    ['nats://t0ken@bus', { user: undefined, token: 't0ken', label: 'nats://bus:4222' }],
  ])('%s', (text, expected) => {
    expect(parseServerUrl(text)).toMatchObject(expected);
  });

  it.each(['', 'http://bus', 'nats://', 'nats://bus:99999', 'nats://a%zz:b@bus', 'nats://u:secret@bus:x'])(
    'FLT-1201 "%s" is refused, and credentials in it are not repeated',
    (text) => {
      expect(() => parseServerUrl(text)).toThrow(expect.objectContaining({ code: 'FLT-1201' }));
      expect(() => parseServerUrl(text)).not.toThrow(/secret/);
    },
  );

  it('R7 always: any text is an address or FLT-1201', () => {
    const text = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.string().map((rest) => `nats://${rest}`),
    );
    fc.assert(
      fc.property(text, (text) => {
        try {
          expect(parseServerUrl(text).host).not.toBe('');
        } catch (error) {
          expect(isFlotillaError(error) && error.code).toBe('FLT-1201');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
