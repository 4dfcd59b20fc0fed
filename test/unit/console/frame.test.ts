import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FrameReader,
  maxBodyBytes,
  parseRequest,
  parseResponse,
} from '../../../src/console/frame.ts';

const body = (text: string) => Buffer.from(text);
const framed = (content: Buffer) => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(content.length);
  return Buffer.concat([header, content]);
};

describe('frames', () => {
  it('CON-7 a frame is a 4-byte big-endian length and JSON in UTF-8', () => {
    const frame = encodeFrame({ id: 1, cmd: 'é', format: 'text' });
    expect(frame.readUInt32BE()).toBe(frame.length - 4);
    expect(frame.subarray(4).toString()).toBe('{"id":1,"cmd":"é","format":"text"}');
  });

  it('CON-6 what other protocols send first is no frame, and breaks the stream at once', () => {
    for (const text of ['summary\n', 'GET / HTTP/1.1\r\n', 'SSH-2.0-x', 'EHLO x']) {
      const reader = new FrameReader();
      expect(reader.push(Buffer.from(text))).toEqual([]);
      expect(reader.broken).toBe(true);
    }
  });

  it('CON-24 a login has a user and a password, and an end may ask for one', () => {
    const parse = (request: unknown) => parseRequest(Buffer.from(JSON.stringify(request)));
    const login = { user: 'tom', password: '' };
    expect(parse({ id: 1, login })).toEqual({ id: 1, login });
    for (const wrong of [null, true, 'tom', {}, { user: 'tom' }, { user: ['tom'], password: 'x' }])
      expect(parse({ id: 1, login: wrong, cmd: 'pid' })).toEqual({
        id: 1,
        problem: 'the login has no user or no password',
      });
    const end = { id: 1, end: true, status: 3, login: 'Authorization required' };
    expect(parseResponse(Buffer.from(JSON.stringify(end)))).toEqual(end);
  });

  it('CON-7 bodies come out whole whatever the pieces in which the bytes come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
        (bodies, sizes) => {
          const bytes = Buffer.concat(bodies.map((content) => framed(Buffer.from(content))));
          const reader = new FrameReader();
          const received: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value;
            received.push(...reader.push(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(received.map((content) => [...content])).toEqual(bodies.map((content) => [...content]));
        },
      ),
    );
  });

  it('CON-7 a body of exactly 1 MiB is read, also byte by byte; a longer one breaks the stream', () => {
    const bytes = framed(Buffer.alloc(maxBodyBytes, 'x'));
    const reader = new FrameReader();
    let received = 0;
    for (let at = 0; at < bytes.length; at++) received += reader.push(bytes.subarray(at, at + 1)).length;
    expect({ received, broken: reader.broken }).toEqual({ received: 1, broken: false });

    const header = Buffer.alloc(4);
    header.writeUInt32BE(maxBodyBytes + 1);
    expect(reader.push(Buffer.concat([framed(body('{}')), header]))).toEqual([body('{}')]);
    expect(reader.broken).toBe(true);
    expect(reader.push(framed(body('{}')))).toEqual([]);
  });

  it('CON-7 a request needs no format', () => {
    expect(parseRequest(body('{"id":3,"cmd":"pid"}'))).toEqual({ id: 3, cmd: 'pid', format: 'text' });
    expect(parseRequest(body('{"id":0,"cmd":"","format":"xml","more":1}'))).toEqual({
      id: 0,
      cmd: '',
      format: 'xml',
    });
  });

  it.each([
    ['', 0],
    ['{', 0],
    ['[]', 0],
    ['null', 0],
    ['"x"', 0],
    ['{"cmd":"pid"}', 0],
    ['{"id":-1,"cmd":"pid"}', 0],
    ['{"id":1.5,"cmd":"pid"}', 0],
    ['{"id":"1","cmd":"pid"}', 0],
    ['{"id":7}', 7],
    ['{"id":7,"cmd":null}', 7],
    ['{"id":7,"cmd":"pid","format":"yaml"}', 7],
  ])('INV-33 the request %s is a problem with id %d', (text, id) => {
    expect(parseRequest(body(text))).toEqual({ problem: expect.any(String), id });
  });

  it('INV-33 invalid UTF-8 is a problem', () => {
    expect(parseRequest(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual({
      problem: expect.stringContaining('UTF-8'),
      id: 0,
    });
  });

  it.each([
    '{}',
    '{"id":1}',
    '{"id":1,"out":1}',
    '{"id":1,"end":true}',
    '{"id":1,"end":true,"status":6}',
    'x',
  ])('%s is no response', (text) => {
    expect(parseResponse(body(text))).toBeUndefined();
  });

  it('CON-7 responses come back from their frames', () => {
    for (const response of [
      { id: 1, out: 'text\n' },
      { id: 1, end: true, status: 5 },
    ] as const) {
      expect(parseResponse(encodeFrame(response).subarray(4))).toEqual(response);
    }
  });
});
