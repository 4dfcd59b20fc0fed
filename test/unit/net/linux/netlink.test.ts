import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipBytes } from '../../../../src/net/linux/ip-bytes.ts';
import {
  NetlinkWriter,
  netlinkAttributes,
  netlinkFlag,
  netlinkMessages,
} from '../../../../src/net/linux/netlink-message.ts';
import { decodeRouteMessage, writeAddress, writeRemoval } from '../../../../src/net/linux/route-messages.ts';
import { SetBatch } from '../../../../src/net/linux/set-batch.ts';

const set = { family: 'inet', table: 'flotilla-a', set: 'owned4' } as const;

describe('netlink messages', () => {
  test('what is written is read again, whatever the lengths', () => {
    const attributes = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 100 }), fc.uint8Array({ maxLength: 3_000 })),
      { selector: ([type]) => type, maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.array(attributes, { maxLength: 5 }), (messages) => {
        const writer = new NetlinkWriter();
        for (const [i, each] of messages.entries()) {
          writer.start(100 + i, i % 2 === 0 ? netlinkFlag.ack : 0, Buffer.from([1, 2, 3, 4]));
          for (const [type, value] of each) writer.attribute(type, value);
          writer.end();
        }
        const read = [...netlinkMessages(writer.finish())];
        expect(read.map(({ type, sequence }) => [type, sequence])).toEqual(
          messages.map((_, i) => [100 + i, i + 1]),
        );
        expect(writer.awaited).toBe(Math.ceil(messages.length / 2));
        for (const [i, { body }] of read.entries()) {
          expect(body.subarray(0, 4)).toEqual(Buffer.from([1, 2, 3, 4]));
          const found = [...netlinkAttributes(body, 4)].map(([type, value]) => [type, [...value]]);
          expect(found).toEqual(messages[i]!.map(([type, value]) => [type, [...value]]));
        }
      }),
    );
  });

  test('R7 no bytes break the decoders', () => {
    const types = fc.constantFrom(16, 17, 20, 21, 28, 99);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), types, (bytes, type) => {
        for (const message of netlinkMessages(Buffer.from(bytes))) decodeRouteMessage(message);
        decodeRouteMessage({ type, flags: 0, sequence: 1, body: Buffer.from(bytes) });
      }),
    );
  });
});

describe('addresses', () => {
  test.each([
    { ip: '10.84.0.1', prefixBits: 24, index: 7 },
    { ip: 'fd84::1', prefixBits: 128, index: 7 },
  ])('NET-7 $ip: the request says what the kernel will report', (request) => {
    const writer = new NetlinkWriter();
    writeAddress(writer, request, 300);
    writeRemoval(writer, request);
    const [added, removed] = [...netlinkMessages(writer.finish())].map(decodeRouteMessage);
    expect(added).toEqual({ kind: 'address', present: true, ...request });
    expect(removed).toEqual({ kind: 'address', present: false, ...request });
  });

  test('NET-7 only the last of a batch asks for an answer, and once', () => {
    const writer = new NetlinkWriter();
    const ips = ['10.84.0.1', 'fd84::1', '10.84.0.2'];
    for (const ip of ips) writeAddress(writer, { ip, prefixBits: 32, index: 7 }, 300);
    const asks = () =>
      [...netlinkMessages(writer.finish())].map(({ flags }) => (flags & netlinkFlag.ack) !== 0);
    expect(asks()).toEqual([false, false, false]);
    for (let times = 0; times < 2; times++) {
      writer.askLast();
      expect([asks(), writer.awaited]).toEqual([[false, false, true], 1]);
    }
  });

  test('ARP-16 NET-11 IPv6 without detection, without a route, and never a source of own connections', () => {
    const writer = new NetlinkWriter();
    writeAddress(writer, { ip: 'fd84::1', prefixBits: 128, index: 7 }, 300);
    const [message] = [...netlinkMessages(writer.finish())];
    const attributes = netlinkAttributes(message!.body, 8);
    expect(attributes.get(8)!.readUInt32LE(0)).toBe(0x202);
    const [preferredS, validS] = [attributes.get(6)!.readUInt32LE(0), attributes.get(6)!.readUInt32LE(4)];
    expect([preferredS, validS]).toEqual([0, 300]);
  });

  test('NET-18 a port that leaves its bridge is no interface that goes', () => {
    const body = Buffer.alloc(24);
    body[0] = 7;
    body.writeUInt16LE(8, 16);
    body.writeUInt16LE(3, 18);
    body.write('eth0', 20);
    expect(decodeRouteMessage({ type: 17, flags: 0, sequence: 0, body })).toBeUndefined();
    body[0] = 0;
    expect(decodeRouteMessage({ type: 17, flags: 0, sequence: 0, body })).toMatchObject({
      kind: 'link',
      present: false,
    });
  });

  test.each([
    { state: 0x02, mac: '020000000001', listed: true },
    { state: 0x04, mac: '020000000001', listed: true },
    { state: 0x01, mac: '020000000001', listed: false },
    { state: 0x20, mac: '020000000001', listed: false },
    { state: 0x02, mac: '000000000000', listed: false },
    { state: 0x02, mac: '010000000001', listed: false },
    { state: 0x02, mac: 'ffffffffffff', listed: false },
    { state: 0x02, mac: '0200', listed: false },
  ])('ARP-10 neighbour in state $state with $mac: $listed', ({ state, mac, listed }) => {
    const header = Buffer.alloc(12);
    header.writeUInt16LE(state, 8);
    const writer = new NetlinkWriter().start(28, 0, header);
    writer.attribute(1, ipBytes('10.0.0.1')).attribute(2, Buffer.from(mac, 'hex')).end();
    const [message] = [...netlinkMessages(writer.finish())];
    expect(decodeRouteMessage(message!) !== undefined).toBe(listed);
  });
});

describe('batches on sets', () => {
  test('LIFE-18 one transaction: begin, changes in order, end', () => {
    const key = [ipBytes('10.0.0.1')];
    const writer = new SetBatch().remove(set, key).add(set, key, 400).finish();
    const messages = [...netlinkMessages(writer.finish())];
    expect(messages.map(({ type }) => type)).toEqual([0x10, 0xa0e, 0xa0c, 0x11]);
    expect(writer.awaited).toBe(2);
    const added = netlinkAttributes(messages[2]!.body, 4);
    expect(added.get(1)!.toString()).toBe('flotilla-a\0');
    expect(added.get(2)!.toString()).toBe('owned4\0');
    const element = netlinkAttributes(netlinkAttributes(added.get(3)!, 0).get(1)!, 0);
    expect(element.get(4)!.readBigUInt64BE(0)).toBe(400n);
    expect(netlinkAttributes(element.get(1)!, 0).get(1)).toEqual(key[0]);
  });

  test('NET-21 more addresses than fit one message', () => {
    const many = Array.from({ length: 10_240 }, (_, i) => ipBytes(`fd84::${i.toString(16)}`));
    const messages = [...netlinkMessages(new SetBatch().add(set, many).finish().finish())];
    expect(messages).toHaveLength(2 + 6);
    expect(messages.every(({ body }) => body.length < 0xffff)).toBe(true);
  });

  test('a batch without addresses says so', () => {
    expect(new SetBatch().add(set, []).empty).toBe(true);
    expect(new SetBatch().discard(set, [Buffer.alloc(4)]).empty).toBe(false);
  });
});
