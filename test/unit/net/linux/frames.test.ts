import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../../src/core/address.ts';
import {
  arpAnnouncement,
  arpClaim,
  arpClaimFilter,
  arpProbe,
  type FilterStep,
} from '../../../../src/net/linux/arp-frame.ts';
import { ipBytes, macBytes, macText } from '../../../../src/net/linux/ip-bytes.ts';
import {
  neighbourAdvertisement,
  neighbourClaim,
  neighbourClaimFilter,
  neighbourProbe,
} from '../../../../src/net/linux/ndp-frame.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const ipv4 = word.filter((n) => n !== 0).map(formatAddress);
const ipv6 = fc
  .tuple(
    word.filter((n) => n !== 0),
    word,
    word,
    word,
  )
  .map((words) => formatAddress(words));
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => Buffer.from(bytes));

describe('ARP frames', () => {
  test('ARP-4 a gratuitous request, byte by byte', () => {
    const frame = arpAnnouncement('10.1.2.3', Buffer.from('020000000001', 'hex'), 'request');
    expect(frame.toString('hex')).toBe(
      'ffffffffffff' +
        '020000000001' +
        '0806' +
        '0001080006040001' +
        '0200000000010a010203' +
        '0000000000000a010203',
    );
  });

  test('ARP-4 in the reply form the target is the sender, to one host where asked', () => {
    const [own, neighbour] = [Buffer.from('020000000001', 'hex'), Buffer.from('020000000002', 'hex')];
    expect(arpAnnouncement('10.1.2.3', own, 'reply', neighbour).toString('hex')).toBe(
      '020000000002' +
        '020000000001' +
        '0806' +
        '0001080006040002' +
        '0200000000010a010203' +
        '0200000000010a010203',
    );
  });

  test('EXT-2 every announcement is a claim that passes the filter; a probe is none', () => {
    fc.assert(
      fc.property(ipv4, mac, fc.constantFrom('request' as const, 'reply' as const), (ip, own, form) => {
        const frame = arpAnnouncement(ip, own, form);
        expect(arpClaim(frame)).toEqual({ ip, mac: macText(own) });
        expect(passes(arpClaimFilter, frame)).toBe(true);
        expect(arpClaim(arpProbe(ip, own))).toBeUndefined();
      }),
    );
  });

  test('EXT-2 an ordinary question never wakes the process', () => {
    const question = arpAnnouncement('10.1.2.3', Buffer.alloc(6, 2), 'request');
    ipBytes('10.1.2.4').copy(question, 38);
    expect(passes(arpClaimFilter, question)).toBe(false);
  });

  test('R7 no bytes break the decoders', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, ipv6Frame) => {
        const frame = Buffer.from(bytes);
        if (frame.length > 54) {
          frame.writeUInt16BE(ipv6Frame ? 0x86dd : 0x0806, 12);
          if (ipv6Frame) Buffer.from([58, 255]).copy(frame, 20);
          if (ipv6Frame) frame[54] = 136;
        }
        arpClaim(frame);
        neighbourClaim(frame);
      }),
    );
  });
});

describe('NDP frames', () => {
  test('ARP-17 an advertisement to all nodes: override set, solicited clear, hop limit 255, own hardware address', () => {
    const frame = neighbourAdvertisement('fd84::1', Buffer.from('020000000001', 'hex'));
    expect(frame.toString('hex')).toBe(
      '333300000001' +
        '020000000001' +
        '86dd' +
        '6000000000203aff' +
        'fd840000000000000000000000000001' +
        'ff020000000000000000000000000001' +
        `8800${frame.toString('hex', 56, 58)}20000000` +
        'fd840000000000000000000000000001' +
        '0201020000000001',
    );
  });

  test('ARP-17 the sum over addresses and message is all ones', () => {
    fc.assert(
      fc.property(ipv6, mac, fc.boolean(), (ip, own, probe) => {
        const frame = probe ? neighbourProbe(ip, own) : neighbourAdvertisement(ip, own);
        let sum = frame.length - 54 + 58;
        for (let i = 22; i < frame.length; i += 2) sum += frame.readUInt16BE(i);
        expect(((sum & 0xffff) + (sum >>> 16)) % 0xffff).toBe(0);
      }),
    );
  });

  test('EXT-2 every advertisement is a claim that passes the filter; a probe does neither', () => {
    fc.assert(
      fc.property(ipv6, mac, (ip, own) => {
        const frame = neighbourAdvertisement(ip, own);
        expect(neighbourClaim(frame)).toEqual({ ip, mac: macText(own) });
        expect(passes(neighbourClaimFilter, frame)).toBe(true);
        expect(neighbourClaim(neighbourProbe(ip, own))).toBeUndefined();
        expect(passes(neighbourClaimFilter, neighbourProbe(ip, own))).toBe(false);
      }),
    );
  });

  test('EXT-2 what came from beyond the link is no claim', () => {
    const frame = neighbourAdvertisement('fd84::1', Buffer.alloc(6, 2));
    frame[21] = 254;
    expect(neighbourClaim(frame)).toBeUndefined();
  });

  test('EXT-2 a probe goes to the group of the address', () => {
    const frame = neighbourProbe('fd84::12:3456', Buffer.alloc(6, 2));
    expect(frame.toString('hex', 0, 6)).toBe('3333ff123456');
    expect(frame.toString('hex', 38, 54)).toBe('ff0200000000000000000001ff123456');
    expect(frame.toString('hex', 22, 38), 'from nobody').toBe('0'.repeat(32));
  });
});

test('addresses of the link as text and bytes', () => {
  fc.assert(
    fc.property(mac, (bytes) => {
      expect(macBytes(macText(bytes))).toEqual(bytes);
    }),
  );
  expect(macBytes('02:00:00:00:00')).toBeUndefined();
  expect(macBytes('')).toBeUndefined();
});

/** The kernel's machine for classic packet filters, as far as ours use it. */
function passes(filter: readonly FilterStep[], frame: Buffer): boolean {
  let [a, x] = [0, 0];
  for (let at = 0; ; at++) {
    const [code, ifTrue, ifFalse, k] = filter[at]!;
    if (code === 0x28) a = frame.readUInt16BE(k);
    else if (code === 0x30) a = frame[k]!;
    else if (code === 0x20) a = frame.readUInt32BE(k);
    else if (code === 0x07) x = a;
    else if (code === 0x15) at += a === k ? ifTrue : ifFalse;
    else if (code === 0x1d) at += a === x ? ifTrue : ifFalse;
    else if (code === 0x06) return k > 0;
    else throw new Error(`step ${code.toString(16)}`);
  }
}
