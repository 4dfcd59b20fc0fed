/** How long keys live, as clients tell it: each answer is that of redis-server 7.0.15 to the same command. */
import net from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RespSession } from '../../../../src/net/resp/session.ts';
import { systemClock } from '../../../../src/node/system-clock.ts';
import { Recorder } from '../../recorder.ts';
import { newStore } from './new-store.ts';

const beganMs = 1_800_000_000_000;
let wallMs = beganMs;
let server: net.Server;
let redis: Redis;

beforeAll(async () => {
  const store = newStore(() => wallMs);
  server = net.createServer(
    (socket) => new RespSession(socket, 1, store, { clock: systemClock, log: new Recorder().log }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  redis = new Redis({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
});

afterAll(async () => {
  redis.disconnect();
  await new Promise((resolve) => server.close(resolve));
});

/** Commands, each with its answer; an error is its text. */
async function talk(conversation: readonly (readonly [command: string, answer: unknown])[]): Promise<void> {
  const answers: unknown[] = [];
  for (const [command] of conversation) {
    const [name, ...words] = command.split(' ');
    answers.push([command, await redis.call(name!, ...words).catch((error: Error) => error.message)]);
  }
  expect(answers).toEqual(conversation);
}

const noInteger = 'ERR value is not an integer or out of range';
const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';

/** A hash, and a counter: both are made of more than one entry, and end as one key. */
const makers = { hash: 'HINCRBY k f 1', counter: 'INCR k' } as const;

describe.each(Object.entries(makers))('a %s of a Redis client', (type, make) => {
  it('lives as long as it is told, or for ever', async () => {
    await talk([
      ['DEL k', expect.any(Number)],
      [make, 1],
      ['TTL k', -1],
      ['PTTL k', -1],
      ['EXPIRETIME k', -1],
      ['PERSIST k', 0],
      ['EXPIRE k 100', 1],
      ['TTL k', 100],
      [make, 2],
      ['TTL k', 100],
      ['PEXPIRE k 1500', 1],
      ['PTTL k', 1500],
      ['TTL k', 2],
      ['PERSIST k', 1],
      ['TTL k', -1],
      ['PERSIST k', 0],
      ['EXPIREAT k 1800000060', 1],
      ['TTL k', 60],
      ['PEXPIREAT k 1800000070500', 1],
      ['PEXPIRETIME k', 1_800_000_070_500],
      ['EXPIRETIME k', 1_800_000_071],
      ['TYPE k', type === 'hash' ? 'hash' : 'string'],
      [make, 3],
      ['PTTL k', 70_500],
    ]);
    wallMs += 70_499;
    await talk([
      [make, 4],
      ['PTTL k', 1],
      ['EXISTS k', 1],
    ]);
    wallMs += 1;
    await talk([
      ['EXISTS k', 0],
      ['TTL k', -2],
      [make, 1],
      ['TTL k', -1],
    ]);
    wallMs = beganMs;
  });

  it('ends at once with a time that is over', async () => {
    for (const over of ['EXPIRE k 0', 'EXPIRE k -1', 'PEXPIRE k 0', 'EXPIREAT k 1', 'PEXPIREAT k -1'])
      await talk([
        ['DEL k', expect.any(Number)],
        [make, 1],
        [over, 1],
        ['EXISTS k', 0],
        [over, 0],
        [make, 1],
      ]);
  });

  it('takes another time under a condition', async () => {
    await talk([
      ['DEL k', expect.any(Number)],
      [make, 1],
      ['EXPIRE k 100 XX', 0],
      ['EXPIRE k 100 GT', 0],
      ['EXPIRE k 100 nx', 1],
      ['EXPIRE k 200 NX', 0],
      ['EXPIRE k 50 GT', 0],
      ['EXPIRE k 50 LT', 1],
      ['TTL k', 50],
      ['EXPIRE k 50 GT', 0],
      ['EXPIRE k 60 XX GT', 1],
      ['PEXPIREAT k 1800000060000 LT', 0],
      ['PEXPIREAT k 1800000060001 GT', 1],
      ['EXPIRE k 0 GT', 0],
      ['PERSIST k', 1],
      ['EXPIRE k 10 LT', 1],
      ['EXPIRE k -1 LT', 1],
      ['EXISTS k', 0],
      ['EXPIRE k 10 NX XX', 'ERR NX and XX, GT or LT options at the same time are not compatible'],
      ['EXPIRE k 10 GT NX', 'ERR NX and XX, GT or LT options at the same time are not compatible'],
      ['EXPIRE k 10 GT LT', 'ERR GT and LT options at the same time are not compatible'],
      ['EXPIRE k 10 HUH', 'ERR Unsupported option HUH'],
    ]);
  });

  it('is as it was after a time that is none', async () => {
    await talk([
      ['DEL k', expect.any(Number)],
      [make, 1],
      ['EXPIRE k 100', 1],
      ['EXPIRE k', "ERR wrong number of arguments for 'expire' command"],
      ['TTL k x', "ERR wrong number of arguments for 'ttl' command"],
      ['PERSIST', "ERR wrong number of arguments for 'persist' command"],
      ['EXPIRE k abc', noInteger],
      ['EXPIRE k 1.5', noInteger],
      ['EXPIRE k 010', noInteger],
      ['EXPIRE k +5', noInteger],
      ['EXPIRE k 99999999999999999999', noInteger],
      ['EXPIRE none abc', noInteger],
      ['EXPIRE k 9223372036854775807', "ERR invalid expire time in 'expire' command"],
      ['EXPIRE k -9223372036854775807', "ERR invalid expire time in 'expire' command"],
      ['PEXPIRE k 9223372036854775807', "ERR invalid expire time in 'pexpire' command"],
      ['EXPIREAT k 9223372036854775807', "ERR invalid expire time in 'expireat' command"],
      ['SET other v EX 9223372036854775807', "ERR invalid expire time in 'set' command"],
      ['SET other v EX 0', "ERR invalid expire time in 'set' command"],
      ['TTL k', 100],
      [make, 2],
    ]);
  });

  it('that becomes a text keeps or loses its time, and nothing of what was counted stays', async () => {
    await talk([
      ['DEL k', expect.any(Number)],
      [make, 1],
      ['EXPIRE k 100', 1],
      ['SET k v KEEPTTL', 'OK'],
      ['TTL k', 100],
      ['HINCRBY k f 1', wrongType],
      ['SET k v', 'OK'],
      ['TTL k', -1],
      ['DEL k', 1],
      [make, 1],
      ['TTL k', -1],
    ]);
  });
});

describe('keys that there are not', () => {
  it('have no time to live', async () => {
    await talk([
      ['TTL none', -2],
      ['PTTL none', -2],
      ['EXPIRETIME none', -2],
      ['PEXPIRETIME none', -2],
      ['EXPIRE none 10', 0],
      ['EXPIRE none -5', 0],
      ['EXPIREAT none 1', 0],
      ['PERSIST none', 0],
    ]);
  });

  it('a hash goes with its last field, and so does its time', async () => {
    await talk([
      ['DEL k', expect.any(Number)],
      ['HINCRBY k a 1', 1],
      ['EXPIRE k 100', 1],
      ['HINCRBY k b 1', 1],
      ['HDEL k a', 1],
      ['TTL k', 100],
      ['HDEL k b', 1],
      ['TTL k', -2],
      ['HINCRBY k a 1', 1],
      ['TTL k', -1],
    ]);
  });
});
