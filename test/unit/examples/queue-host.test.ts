import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wordsOf } from '../../../examples/queue-host/conversation.ts';
import { QueueHost } from '../../../examples/queue-host/host.ts';
import type { Message } from '../../../examples/queue-host/message.ts';
import { Spool } from '../../../examples/queue-host/spool.ts';
import type { BindingHandler, OwnershipChange, RunningNode, VipLocation } from '../../../src/index.ts';
import { until } from '../../integration/until.ts';

let folder: string;
let spool: Spool;
let places: Map<string, Partial<VipLocation>>;
let asked: string[];
let bindings: BindingHandler;
let changed: (change: Partial<OwnershipChange>) => void;
let fails = false;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-queue-'));
  spool = await Spool.open(folder);
  places = new Map([
    ['out-1', { local: true, owner: 'a', mature: true }],
    ['out-2', { local: false, owner: 'b', mature: true }],
  ]);
  [asked, fails] = [[], false];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function host(options: { readonly rebind?: boolean; readonly lifeMs?: number } = {}): QueueHost {
  const node = {
    settings: {
      duravip: {
        vips: ['out-1', 'out-2', 'far-2'].map((name) => ({ announcement: { names: [name] } })),
        services: { unconditionalRebind: options.rebind ?? false },
      },
      caps: { groupOfBinding: new Map([['far-2', 'far']]) },
    },
    locate: (name: string) => places.get(name),
    registerBindings: async (handler: BindingHandler) => {
      bindings = handler;
    },
    onOwnershipChange: (listener: typeof changed) => {
      changed = listener;
      return () => {};
    },
    servePeer: () => () => {},
    openPeer: async (to: string) => {
      asked.push(to);
      throw new Error('nobody is there');
    },
  };
  return new QueueHost({
    node: node as unknown as RunningNode,
    spool,
    deliver: async ({ id }) => {
      if (fails) throw new Error('under test');
      await spool.delivered(id);
    },
    lifeMs: options.lifeMs ?? 60_000,
    retryMs: 60_000,
    movesPerSecond: 100,
  });
}

const message = (more: Partial<Message>): Message => ({
  id: '00000000-0000-4000-8000-000000000001',
  group: 'default',
  binding: 'out-2',
  hops: 0,
  attempts: 0,
  expiresAtMs: Date.now() + 60_000,
  from: 'a@example.com',
  to: [],
  ...more,
});

const body = Buffer.from('Subject: one\r\n\r\n');

describe('the queue of a node', () => {
  it('MOV-5 chooses a binding that is here, if the group has one; otherwise any', async () => {
    const queue = host();
    bindings.online(['out-1'], '10.0.0.1');
    queue.suspended = true;
    await queue.take('default', 'a@example.com', [], body);
    await queue.take('far', 'a@example.com', [], body);
    expect([...spool.queue.values()].map(({ binding }) => binding)).toEqual(['out-1', 'far-2']);
    expect(await queue.take('nothing', 'a@example.com', [], body)).toBeUndefined();
  });

  it('INV-6 nothing leaves from a binding that is owned here and not online yet', async () => {
    const queue = host();
    await spool.accept(message({ binding: 'out-1' }), body);
    queue.judge();
    await queue.stop();
    expect(spool.queue.size).toBe(1);
    queue.suspended = false;
    bindings.online(['out-1'], '10.0.0.1');
    await until(() => spool.queue.size === 0);
  });

  it('OWN-32 MOV-4 API-9 a message whose binding is elsewhere is moved, or gets another binding where the policy is applied again', async () => {
    const queue = host();
    bindings.online(['out-1'], '10.0.0.1');
    await spool.accept(message({}), body);
    expect(queue.listing()).toEqual(new Map([['default/#mmove', 1]]));
    queue.judge();
    await until(() => asked.join() === 'b');
    expect(spool.queue.size).toBe(1);
    changed({ unconditionalRebind: true });
    await until(() => spool.queue.size === 0);
    expect(asked).toEqual(['b']);
  });

  it('API-10 nothing moves while the view is not mature, and to nobody', async () => {
    places.set('out-2', { local: false, owner: 'b', mature: false });
    const queue = host();
    await spool.accept(message({}), body);
    queue.judge();
    await queue.stop();
    places.set('out-2', { local: false, owner: undefined, mature: true });
    queue.suspended = false;
    queue.judge();
    await queue.stop();
    expect(asked).toEqual([]);
    expect(queue.listing()).toEqual(new Map([['default/out-2', 1]]));
  });

  it('API-10 MOV-7 what was moved three times stays, and leaves from a binding that is here', async () => {
    const queue = host();
    await spool.accept(message({ hops: 3 }), body);
    queue.judge();
    await queue.stop();
    expect(asked).toEqual([]);
    queue.suspended = false;
    bindings.online(['out-1'], '10.0.0.1');
    await until(() => spool.queue.size === 0);
    expect(asked).toEqual([]);
  });

  it('API-10 MOV-7 a message that waits for a node that cannot be reached expires all the same', async () => {
    host({ lifeMs: 1 });
    await spool.accept(message({ expiresAtMs: Date.now() + 1 }), body);
    await until(() => spool.queue.size === 0);
    expect((await Spool.open(folder)).queue.size).toBe(0);
  });

  it('API-10 failed attempts are counted, also over a restart', async () => {
    const queue = host();
    fails = true;
    bindings.online(['out-1'], '10.0.0.1');
    await spool.accept(message({ binding: 'out-1' }), body);
    queue.judge();
    await queue.stop();
    const [after] = [...(await Spool.open(folder)).queue.values()];
    expect(after).toMatchObject({ attempts: 1, binding: 'out-1' });
  });
});

describe('what nodes say about a message that moves', () => {
  it('GOAL-R7 anything else is not understood, and no name of a file comes of it', () => {
    const key = `${message({}).id}.1`;
    expect(wordsOf(JSON.stringify({ say: 'held', key }))).toEqual({ say: 'held', key });
    const others = [
      '',
      'x',
      'null',
      '[]',
      '{}',
      JSON.stringify({ say: 'held', key: '../../etc/passwd' }),
      JSON.stringify({ say: 'else', key }),
      JSON.stringify({ say: 'offer', key }),
      JSON.stringify({ say: 'offer', message: message({ id: '../x' }), body: '' }),
      JSON.stringify({ say: 'offer', message: { ...message({}), to: [1] }, body: '' }),
      JSON.stringify({ say: 'offer', message: { ...message({}), hops: 0.5 }, body: '' }),
      JSON.stringify({ say: 'offer', message: message({}) }),
    ];
    for (const line of others) expect(wordsOf(line)).toBeUndefined();
  });
});
