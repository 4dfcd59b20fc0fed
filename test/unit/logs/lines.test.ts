/** Record formats of ec_logger and bounce_logger (spec: logging 3). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountLine,
  bounceLine,
  deliveryLine,
  failureLine,
  heartbeatLine,
  microsecondsTime,
  panicLine,
  receptionLine,
  rejectHeartbeatLine,
  rejectionLine,
  secondsTime,
  sessionLine,
} from '../../../src/core/logs/lines.ts';

const ids = {
  messageId: '00/00-25004-31B987F3',
  batchId: '00/00-03736-F4101B54',
  connectionId: '00/00-04532-A3456B54',
};
const head = '1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54';
const time = '1064868656';

describe('LOG-3 lines of the main log', () => {
  it('R has recipient, sender, peer, size, protocol, group and binding; an unknown peer says so', () => {
    const record = {
      ...ids,
      recipient: 'bob@example.fict',
      sender: '<info@postalengine.com>',
      address: '10.0.1.1',
      bytes: 201,
      protocol: 'esmtp',
    };
    expect(receptionLine(time, record)).toBe(
      `${head}@R@bob@example.fict@info@postalengine.com@10.0.1.1@201@esmtp@default@default\n`,
    );
    const { address: _, ...unknown } = { ...record, sender: '', group: 'g', binding: 'b' };
    expect(receptionLine(time, unknown)).toBe(`${head}@R@bob@example.fict@@@unknown@201@esmtp@g@b\n`);
  });

  it('D and X have domain, size, group, binding, retries, time in the queue and address', () => {
    const record = { ...ids, domain: 'postalengine.com', bytes: 266, address: '10.0.0.1' };
    const more = { group: 'group-a', binding: 'binding-a', queuedS: 0.393 };
    expect(deliveryLine(time, 'D', { ...record, ...more })).toBe(
      `${head}@D@postalengine.com@266@group-a@binding-a@0@0.393@10.0.0.1\n`,
    );
    expect(deliveryLine(time, 'X', { ...record, retries: 2 })).toBe(
      `${head}@X@postalengine.com@266@default@default@2@0.000@10.0.0.1\n`,
    );
  });

  it('T and P have the stage, and a text that ends the line and keeps its @', () => {
    const record = {
      ...ids,
      domain: 'example.fict',
      text: '421 no\r\nservers for a@b',
      stage: 15,
      queuedS: 18.53,
    };
    expect(failureLine(time, 'T', { ...record, address: '10.0.0.1' })).toBe(
      `${head}@T@example.fict@0@default@default@15@0@18.530@10.0.0.1@421 no servers for a@b\n`,
    );
    expect(failureLine(time, 'P', { ...record, bytes: 31, retries: 1 })).toBe(
      `${head}@P@example.fict@31@default@default@15@1@18.530@@421 no servers for a@b\n`,
    );
  });

  it('@ and \\ in a quoted local part are escaped, so that the fields stay where they are', () => {
    const line = receptionLine(time, {
      recipient: '"a@b\\c"@example.com',
      sender: { local: 'x', domain: 'y' },
      bytes: 1,
      protocol: 'rest',
    });
    expect(line).toBe('1064868656@@@@R@"a\\@b\\\\c"@example.com@x@y@unknown@1@rest@default@default\n');
  });

  it('a session of a front listener is no reception', () => {
    const record = { timeUs: 0, connectionId: 'c', listener: '0.0.0.0:25', address: '::1', port: 9 };
    expect(sessionLine(time, { ...record, bytesIn: 10, bytesOut: 20, seconds: 1.5 })).toBe(
      '1064868656@@@c@C@0.0.0.0:25@::1@9@10@20@1.500\n',
    );
  });

  it('every record is one line with its number of fields, whatever the values hold', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, text, text, (messageId, local, domain, address) => {
        const line = receptionLine(time, {
          messageId,
          address,
          recipient: { local, domain },
          sender: { local: domain, domain: local },
          bytes: 1,
          protocol: 'esmtp',
        });
        expect(line.match(/\n/g)).toHaveLength(1);
        expect(line.replace(/\\[\s\S]/g, '').match(/@/g)).toHaveLength(13);
      }),
    );
  });
});

describe('LOG-3 lines of the other logs', () => {
  it('B and T of the bounce log have both mailboxes, stage, class, size, address and text', () => {
    const record = { ...ids, recipient: 'bob@a.b', sender: 'eve@c.d', stage: 5, classCode: 10, bytes: 31 };
    expect(bounceLine(time, 'B', { ...record, address: '10.0.0.1', text: '552 No such account' })).toBe(
      `${head}@B@bob@a.b@eve@c.d@default@default@5@10@31@10.0.0.1@552 No such account\n`,
    );
    expect(bounceLine(time, 'T', { ...ids, text: 'x' })).toBe(`${head}@T@@@@@default@default@0@1@0@@x\n`);
  });

  it('a rejection has named fields', () => {
    const line = rejectionLine('1236672125', {
      remote: '10.79.25.142:42601',
      local: '10.79.25.142:25',
      connectionId: '18/00-07149-D7E16B94',
      phase: 'awaiting mailfrom',
      code: 550,
      module: 'scriptlet',
      connectionContext: { pathway: 'default' },
      context: { mailfrom_string: 'MAIL FROM:<>' },
      text: 'relaying denied',
    });
    expect(line).toBe(
      '1236672125: R="10.79.25.142:42601" L="10.79.25.142:25" C="18/00-07149-D7E16B94" PATH="default" PATH_GRP="default" ' +
        'P="awaiting mailfrom" E=550 M=scriptlet CTXCONN=[pathway=default] CTXMESS=[mailfrom_string=MAIL FROM:<>] relaying denied\n',
    );
  });

  it('an account record escapes what would change its fields, and loses nothing', () => {
    const record = { listener: '/tmp/2025', peer: '', user: 'a@b', result: 1 } as const;
    expect(accountLine(time, { ...record, kind: 'N' })).toBe('1064868656@N@/tmp/2025@@a\\@b@1\n');
    expect(accountLine(time, { ...record, kind: 'Z', command: 'x\n\u0001\\', role: 'admin' })).toBe(
      '1064868656@Z@/tmp/2025@@a\\@b@1@x\\n\\x01\\\\@admin\n',
    );
  });

  it('signs of life and panics', () => {
    expect(heartbeatLine(time)).toBe('1064868656@@@@M1\n');
    expect(rejectHeartbeatLine(time)).toBe('1064868656: Marker 1\n');
    expect(panicLine(time, 'module: a\nb')).toBe('1064868656:module: a b\n');
  });

  it('times are ten digits of seconds or sixteen of microseconds', () => {
    expect(secondsTime(1_700_000_000_123_456)).toBe('1700000000');
    expect(microsecondsTime(1_700_000_000_123_456)).toBe('1700000000123456');
  });
});
