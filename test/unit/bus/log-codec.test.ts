/** The log service as bytes: what is encoded is decoded to the same, and nothing that arrives throws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAck,
  decodeClose,
  decodeFetch,
  decodeJson,
  decodeNames,
  decodeNothing,
  decodeOpen,
  decodeOpened,
  decodeRefusal,
  decodeStored,
  encodeAck,
  encodeFetch,
  encodeNothing,
  encodeOpen,
  encodeOpened,
  encodeRefusal,
  finalHeaders,
  firstHeaders,
  intervalOf,
  versionRefusal,
} from '../../../src/bus/log-codec.ts';
import { decodeListing, encodeListing } from '../../../src/bus/log-listing-codec.ts';
import { crc32c } from '../../../src/core/logs/crc32c.ts';
import { refusalNames } from '../../../src/core/logs/service-messages.ts';

const word = fc.integer({ min: 0, max: 0xffffffff });
const id = fc.record({ segment: word, marker: word });
const name = fc.string({ minLength: 1, maxLength: 60, unit: 'binary' });
const count = fc.nat(2 ** 31);
const read = (bytes: Uint8Array) => decodeJson(bytes)!;

const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });

describe('the log service as bytes', () => {
  it('9.2 requests and answers come as they were sent', () => {
    const job = fc.constantFrom(undefined, 'ECCMGRLOG-00017');
    fc.assert(
      fc.property(id, name, fc.array(name, { maxLength: 5 }), count, job, (at, text, names, size, job) => {
        const open = { log: text, subscribers: names, consumer: text, instance: text };
        expect(decodeOpen(read(encodeOpen({ ...open, ...(job && { job }) })))).toEqual({
          ...open,
          ...(job && { job }),
        });
        const fetch = { lease: text, maxBytes: size + 1, after: size % 2 ? at : undefined };
        expect(decodeFetch(read(encodeFetch(fetch)))).toEqual(fetch);
        expect(decodeAck(read(encodeAck(text, at)))).toEqual({ lease: text, id: at });
        const opened = {
          lease: text,
          subscriber: text,
          ttlMs: size,
          checkpoint: at,
          journal: text,
          job: text,
          others: names,
        };
        expect(decodeOpened(read(encodeOpened(opened)))).toEqual(opened);
        expect(decodeNothing(read(encodeNothing({ count: 0, last: at, waitMs: size })))).toEqual({
          count: 0,
          last: at,
          waitMs: size,
        });
      }),
    );
  });

  it('9.2 refusals come as they were sent, those of newer nodes as one that is known', () => {
    for (const refused of refusalNames) {
      const refusal = { refused, text: 'why', by: 'barca', retryMs: 5 };
      expect(decodeRefusal(read(encodeRefusal(refusal, 0)))).toEqual(refusal);
    }
    expect(decodeRefusal({ ok: false, error: 'newer' })).toEqual({ refused: 'unavailable', text: 'newer' });
  });

  it('MSG-2 requests say their version; one that says none is of the first, and later ones are refused', () => {
    const request = read(encodeFetch({ lease: 'a', maxBytes: 1, after: undefined }));
    expect(request.version).toBe(1);
    expect(versionRefusal(request)).toBeUndefined();
    expect(versionRefusal({ lease: 'a' })).toBeUndefined();
    for (const version of [2, '1', null])
      expect(versionRefusal({ ...request, version })).toMatchObject({ refused: 'version' });
  });

  it('9.3 the headers of the final part say what the bytes are', () => {
    const interval = {
      format: { order: 'big', magic: 0x15106a01 },
      first: { segment: 3, marker: 5 },
      last: { segment: 3, marker: 9 },
      count: 5,
      bytes: new Uint8Array(),
      more: true,
      waitMs: 0,
    } as const;
    const headers: Record<string, string> = { ...firstHeaders(interval), ...finalHeaders(interval, 1) };
    const { bytes, ...rest } = interval;
    expect(intervalOf((header) => headers[header])).toEqual(rest);
    for (const header of ['First', 'Last', 'Count', 'Wait', 'Format'])
      expect(intervalOf((asked) => (asked === `Flotilla-${header}` ? 'x' : headers[asked]))).toBeUndefined();
    headers['Flotilla-Count'] = '6';
    expect(intervalOf((header) => headers[header])).toBeUndefined();
  });

  it('9.3 CRC-32C has its known values, and goes on where it was', () => {
    const digits = Buffer.from('123456789');
    expect(crc32c(digits)).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, cut) => {
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
      }),
    );
  });

  it('13 a listing comes as it was sent', () => {
    const subscriber = fc.record({
      name,
      checkpoint: id,
      lagBytes: count,
      lagRecords: maybe(count),
      oldestMs: maybe(count),
      state: name,
      holder: maybe(name),
      contactMs: maybe(count),
    });
    const log = fc.record({
      name,
      path: name,
      onDisk: count,
      first: maybe(id),
      last: maybe(id),
      problem: maybe(name),
      subscribers: fc.array(subscriber, { maxLength: 3 }),
    });
    const listing = fc.record({ node: name, subcluster: name, logs: fc.array(log, { maxLength: 3 }) });
    fc.assert(
      fc.property(listing, (sent) => {
        expect(decodeListing(read(encodeListing(sent)))).toEqual(sent);
      }),
    );
  });

  it('R7 whatever arrives, nothing throws', () => {
    const decoders = [decodeOpen, decodeFetch, decodeAck, decodeClose, decodeOpened, decodeStored];
    const others = [decodeNothing, decodeNames, decodeRefusal, decodeListing];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const answer = decodeJson(bytes);
          if (answer) for (const decode of [...decoders, ...others]) decode(answer);
        },
      ),
      { numRuns: 500 },
    );
    const fields = [
      'ok',
      'lease',
      'subscriber',
      'logs',
      'log',
      'subscribers',
      'consumer',
      'after',
      'id',
      'names',
    ];
    const nonsense = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue());
    fc.assert(
      fc.property(nonsense, (answer) => {
        for (const decode of [...decoders, ...others]) decode(answer);
      }),
      { numRuns: 500 },
    );
  });
});
