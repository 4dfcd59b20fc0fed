/** The move of a message, broken off after each of its steps. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conversation } from '../../../examples/queue-host/conversation.ts';
import { until } from '../until.ts';
import { type Life, Movers } from './movers.ts';

let movers: Movers;
let [a, b, c]: Life[] = [];

beforeEach(async () => {
  movers = new Movers();
  [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => movers.begin(name)));
});

afterEach(() => movers.end());

const queued = (...lives: readonly Life[]) => lives.map(({ spool }) => spool.queue.size);
const held = (...lives: readonly Life[]) => lives.map(({ spool }) => spool.held.size);

/** offer, held, yours, done. */
const linesOfMove = 4;

describe('the move of a message', () => {
  it('API-10 MOV-7 keeps its id and its attempts, and counts the hop', async () => {
    const message = await a!.take();
    await a!.moveTo('b');
    expect(queued(a!, b!)).toEqual([0, 1]);
    expect(b!.spool.queue.get(message.id)).toEqual({ ...message, hops: 1 });
    expect((await b!.spool.body(message.id)).toString()).toBe('Subject: one\r\n\r\nHello.\r\n');
  });

  it('API-10 a node that refuses it leaves it where it is, and the others are moved', async () => {
    await a!.take();
    b!.refusal = 'not here';
    await a!.moveTo('b');
    expect([...queued(a!, b!), ...held(a!, b!)]).toEqual([1, 0, 0, 0]);
  });

  for (const end of ['stream', 'source', 'target', 'both'] as const) {
    it(`API-10 R6 whichever line is the last before the ${end} breaks, one node has it, and only one`, async () => {
      for (let lines = 0; lines <= linesOfMove; lines++) {
        // One that has not failed before does not pause.
        a = await movers.begin('a');
        const message = await a.take();
        movers.linesLeft = lines;
        await a.moveTo('b');
        movers.breakAll();
        movers.linesLeft = Number.POSITIVE_INFINITY;
        if (end === 'source' || end === 'both') a = await movers.begin('a');
        if (end === 'target' || end === 'both') b = await movers.begin('b');
        // What the source kept it may give to anybody, while the target still holds it.
        await a!.moveTo('c');
        await until(async () => {
          await b!.mover.settle();
          return held(b!)[0] === 0;
        });
        const owners = [a!, b!, c!].filter(({ spool }) => spool.queue.has(message.id));
        expect({ lines, owners: owners.map(({ name }) => name) }).toEqual({
          lines,
          owners: [lines < 2 ? 'c' : 'b'],
        });
      }
    });
  }

  it('API-10 R6 an offer that is made again while the target asks about the first one is not dropped', async () => {
    await a!.take();
    const offer = async () => {
      a = await movers.begin('a');
      movers.linesLeft = 1;
      await a.moveTo('b');
    };
    await offer();
    await until(() => held(b!)[0] === 1);
    const [first] = [...b!.spool.held.values()];
    await offer();
    await until(() => [...b!.spool.held.values()][0] !== first);
    // The answer to the question about the first offer comes only now.
    await b!.spool.drop(first!);
    expect(held(b!)).toEqual([1]);
  });

  it('API-10 R6 who asks in the middle of an offer is told to ask later: its answer may be on its way', async () => {
    const message = await a!.take();
    const key = `${message.id}.1`;
    b!.handler = ({ socket }) => void socket.resume();
    const moving = a!.moveTo('b');
    const { socket } = await movers.connect(b!, 'a');
    const talk = new Conversation(socket);
    const answer = async () => {
      talk.say({ say: 'ask', key });
      return (await talk.hear())?.say;
    };
    await until(async () => (await answer()) === 'busy');
    movers.breakAll();
    await moving;
    const { socket: next } = await movers.connect(b!, 'a');
    const again = new Conversation(next);
    again.say({ say: 'ask', key });
    expect(await again.hear()).toEqual({ say: 'mine', key });
  });

  it('API-10 what its source can no longer be asked about waits, and expires with it', async () => {
    const message = await a!.take({ expiresAtMs: Date.now() + 60_000 });
    movers.linesLeft = 2;
    await a!.moveTo('b');
    movers.breakAll();
    await b!.mover.settle();
    expect(held(b!)).toEqual([1]);
    await b!.spool.sweep(message.expiresAtMs);
    expect([...held(b!), ...queued(b!)]).toEqual([0, 0]);
  });
});
