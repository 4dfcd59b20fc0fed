/** Streams from node to node: who gets one, what both ends know, and how each ends. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/node/system-clock.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { until } from '../until.ts';
import { closed, defaults, keep, type Member, Post, type PostOptions, readAll } from './post.ts';

let members: Member[];
let posts: Post[];
let servers: Server[];
let sockets: Socket[];

beforeEach(() => {
  [members, posts, servers, sockets] = [[], [], [], []];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(posts.map(({ peers }) => peers.stop(0)));
  for (const server of servers) server.close();
});

async function start(name: string, options: PostOptions = {}): Promise<Post> {
  const post = await Post.start(name, posts.length + 1, members, options);
  posts.push(post);
  return post;
}

/** Someone on a port that a member is said to have. */
async function impostor(onSocket: (socket: Socket) => void): Promise<void> {
  const server = createServer(onSocket).listen(0, '127.0.0.99');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  members.push({ process: { node: 'x', type: 'Momentum' }, info: { address: '127.0.0.99', port } } as never);
}

function dial(to: Post, localAddress?: string): Socket {
  const place = { host: to.listener.address.address, port: to.port };
  const socket = connect(localAddress === undefined ? place : { ...place, localAddress });
  sockets.push(socket.on('error', () => {}));
  return socket;
}

describe('a stream from node to node', () => {
  it('API-8 ID-9 goes to the service that was named; both ends know each other and the job, and end by themselves', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const streams = keep(b, 'ECmmove2');
    const { socket, ...opened } = await a.peers.open('b', 'ECmmove2');
    expect(opened).toEqual({ job: expect.stringMatching(/^ECMMOVE-\d{5}$/), node: 'b', service: 'ECmmove2' });
    await until(() => streams.length === 1);
    const [{ socket: theirs, ...accepted } = { socket }] = streams;
    expect(accepted).toEqual({ ...opened, node: 'a' });
    expect(theirs.remoteAddress).toBe('127.0.0.1');
    socket.end('one way');
    expect(await readAll(theirs)).toBe('one way');
    theirs.end('and back');
    expect(await readAll(socket)).toBe('and back');
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
    expect([
      a.recorder.counted.get('peer_opened_total'),
      b.recorder.counted.get('peer_accepted_total'),
    ]).toEqual([1, 1]);
  });

  it('API-8 CMD-18 has an id that no other one has on either node, though nodes choose without asking each other', async () => {
    const random = { ...systemRandom, next: () => 0.5 };
    const [a, b, c] = [await start('a', { random }), await start('b', { random }), await start('c')];
    keep(c, 'ours');
    const opened = await Promise.all([a, b, a, b].map(({ peers }) => peers.open('c', 'ours')));
    const ids = opened.map(({ job }) => job);
    expect(new Set(ids).size).toBe(4);
    expect(
      c.peers.jobs
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ids.sort());
    expect(c.peers.jobs.abort(opened[0]!.job)).toBe(true);
    await until(() => c.peers.jobs.size === 3);
    const left = opened.slice(1).map(({ job }) => job);
    expect(
      c.peers.jobs
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(left.sort());
  });

  it('API-8 carries what is said in the same breath as the acceptance', async () => {
    const [a, b] = [await start('a'), await start('b')];
    b.peers.serve('greets', ({ socket }) => void socket.end('220 hello'));
    const { socket } = await a.peers.open('b', 'greets');
    expect(await readAll(socket)).toBe('220 hello');
    socket.end();
  });

  it('API-8 is refused with a reason by the node that was asked for', async () => {
    const [a, b, c] = [await start('a'), await start('b'), await start('c')];
    keep(b, 'ours');
    await expect(a.peers.open('b', 'theirs')).rejects.toMatchObject({
      code: 'FLT-1702',
      message: expect.stringMatching(/b \(ECCMGRJOB-\d{5}\): b has no service theirs$/),
    });
    // What comes to the address of another node is not taken.
    members[2] = { ...members[2]!, process: { node: 'd', type: 'Momentum' } as never };
    await expect(a.peers.open('d', 'ours')).rejects.toThrow(/this is c, not d/);
    expect(c.recorder.counted.get('peer_refused_total')).toBe(1);
    await expect(a.peers.open('nobody', 'ours')).rejects.toMatchObject({ code: 'FLT-1701' });
  });

  it('MOV-7 API-10 never goes to the node itself, whatever the case of its name; others are found in any case', async () => {
    const [a, b] = [await start('a'), await start('b')];
    keep(a, 'ours');
    keep(b, 'ours');
    await expect(a.peers.open('A', 'ours')).rejects.toThrow(/a is this node itself/);
    expect((await a.peers.open('B', 'ours')).node).toBe('b');
  });

  it('API-8 an error of the service ends it, on both nodes', async () => {
    const [a, b] = [await start('a'), await start('b')];
    b.peers.serve('fails', async () => {
      throw new Error('under test');
    });
    const { socket, job } = await a.peers.open('b', 'fails');
    await closed(socket);
    expect(b.recorder.texts('error')).toEqual([`error: ${job}: the service fails failed: Error: under test`]);
  });

  it('API-8 a program can serve each name once, and not the one that each node serves itself', async () => {
    const a = await start('a');
    const end = a.peers.serve('ours', () => {});
    for (const name of ['ours', 'log', 'two words', '', 'x'.repeat(65)])
      expect(() => a.peers.serve(name, () => {})).toThrow(expect.objectContaining({ code: 'FLT-1705' }));
    end();
    a.peers.serve('ours', () => {});
  });
});

describe('who may open a stream', () => {
  it('BUS-18 only who knows the secret: neither side gets anything from the other without it', async () => {
    const [a, b] = [await start('a', { settings: { secret: 'another' } }), await start('b')];
    const streams = keep(b, 'ours');
    await expect(a.peers.open('b', 'ours')).rejects.toMatchObject({
      code: 'FLT-1702',
      message: expect.stringContaining('the secret is another one here'),
    });
    expect(streams).toEqual([]);
  });

  it('BUS-18 who says "accepted" without a proof is not believed', async () => {
    const a = await start('a');
    await impostor((socket) => {
      socket.on('error', () => {});
      socket.write(Buffer.concat([Buffer.of(0, 34, 1, 1), Buffer.alloc(32)]));
      socket.once('data', () => socket.write(Buffer.concat([Buffer.of(0, 33, 3), Buffer.alloc(32)])));
    });
    await expect(a.peers.open('x', 'ours')).rejects.toThrow(/does not know the secret/);
  });

  it('BUS-18 what was overheard is of no use a second time', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const streams = keep(b, 'ours');
    const heard: Buffer[] = [];
    await impostor((socket) => {
      const through = dial(b);
      socket.on('data', (bytes: Buffer) => void heard.push(bytes)).pipe(through);
      through.pipe(socket);
    });
    // Everybody takes it for `b`; it passes on what it hears.
    members[1] = { ...members.pop()!, process: members[1]!.process };
    members.push({ process: { node: 'c' }, info: { address: '127.0.0.1' } } as never);
    await a.peers.open('b', 'ours');
    await until(() => streams.length === 1);
    const again = dial(b);
    await once(again, 'data');
    again.write(Buffer.concat(heard));
    await closed(again);
    expect(streams).toHaveLength(1);
  });

  it('BUS-18 only from addresses of members, unless the configuration says otherwise; others are told nothing', async () => {
    const [a, open] = [await start('a'), await start('b', { settings: { membersOnly: false } })];
    const stranger = dial(a, '127.0.0.77');
    await closed(stranger);
    expect(stranger.bytesRead).toBe(0);
    expect(a.recorder.texts('error')).toEqual([
      'error: ECCluster_Listener turned a node away: not the address of a member',
    ]);
    const greeted = dial(open, '127.0.0.77');
    const [greeting] = await once(greeted, 'data');
    expect(greeting).toHaveLength(36);
  });

  it('API-8 a node that is no member is refused though it knows the secret', async () => {
    const [a, b] = [await start('a'), await start('b', { settings: { membersOnly: false } })];
    keep(b, 'ours');
    a.leave();
    await expect(a.peers.open('b', 'ours')).rejects.toThrow(/a is not a member here/);
  });

  it('API-8 without a secret there is no service at all', async () => {
    const b = await start('b');
    const a = await start('a');
    const { peers } = await withoutSecret();
    expect(await peers.listen({ host: '127.0.0.9', port: 0, backlog: 1 })).toBeUndefined();
    expect(() => peers.serve('ours', () => {})).toThrow(expect.objectContaining({ code: 'FLT-1703' }));
    await expect(peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1703' });
    expect([a.peers.jobs.size, b.peers.jobs.size]).toEqual([0, 0]);
  });

  it('GOAL-R7 whatever is said instead of a handshake, the service hears nothing of it and nothing stays open', async () => {
    const b = await start('b', { settings: { connectTimeoutMs: 300 } });
    const a = await start('a');
    const streams = keep(b, 'ours');
    const random = new SeededRandom(7, 'peers');
    const strangers = Array.from({ length: 100 }, () => {
      const socket = dial(b, '127.0.0.2');
      const bytes = Buffer.from(Array.from({ length: random.below(90) }, () => random.below(256)));
      // Often with a length and a kind that are right.
      if (random.chance(0.5) && bytes.length > 3) bytes.set([0, bytes.length - 2, 1 + random.below(4)]);
      if (random.chance(0.5)) socket.end(bytes);
      else socket.write(bytes);
      return closed(socket);
    });
    await Promise.all(strangers);
    expect(streams).toEqual([]);
    await until(() => b.recorder.counted.get('peer_refused_total') === 100);
    expect((await a.peers.open('b', 'ours')).node).toBe('b');
  });
});

describe('limits of streams', () => {
  it('API-8 a node that accepts the connection and says nothing is given up after connect_timeout', async () => {
    const a = await start('a', { settings: { connectTimeoutMs: 50 } });
    await impostor((socket) => void socket.on('error', () => {}));
    await expect(a.peers.open('x', 'ours')).rejects.toMatchObject({
      code: 'FLT-1701',
      message: expect.stringContaining('no answer within 0.05 s'),
    });
    await until(() => a.peers.jobs.size === 0);
  });

  it('API-8 a node whose port is closed, or something else, is told from one that refuses', async () => {
    const a = await start('a');
    await impostor((socket) => void socket.end('220 mail.example ESMTP\r\n'));
    await expect(a.peers.open('x', 'ours')).rejects.toThrow(/no greeting/);
    servers[0]!.close();
    await until(() => !servers[0]!.listening);
    await expect(a.peers.open('x', 'ours')).rejects.toThrow(/ECONNREFUSED/);
    // Once in ten seconds, though it fails each time.
    expect(a.recorder.texts('error')).toHaveLength(1);
  });

  it('API-8 a stream on which nothing moves for idle_timeout is ended on both nodes', async () => {
    const [a, b] = [await start('a'), await start('b', { settings: { idleTimeoutMs: 60 } })];
    const streams = keep(b, 'ours');
    const { socket } = await a.peers.open('b', 'ours');
    await until(() => streams.length === 1);
    expect(await closed(streams[0]!.socket)).toMatchObject({ code: 'FLT-1704' });
    await closed(socket);
    expect(b.recorder.counted.get('peer_idle_closed_total')).toBe(1);
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
  });

  it('API-8 max_jobs bounds what others may open here, and what is opened to others', async () => {
    const [a, b] = [
      await start('a', { settings: { maxJobs: 2 } }),
      await start('b', { settings: { maxJobs: 3 } }),
    ];
    const c = await start('c', { settings: { maxJobs: 2 } });
    b.peers.serve('ours', ({ socket }) => void socket.resume().on('end', () => socket.end()));
    const first = await a.peers.open('b', 'ours');
    await a.peers.open('b', 'ours');
    await expect(a.peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1305' });
    await c.peers.open('b', 'ours');
    await expect(c.peers.open('b', 'ours')).rejects.toThrow(/b has 3 transfers already/);
    first.socket.destroy();
    await until(() => b.peers.jobs.size === 2);
    await c.peers.open('b', 'ours');
  });

  it('CONF-10 API-8 takes other settings at any time, and streams that are open go on', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const streams = keep(b, 'ours');
    const first = await a.peers.open('b', 'ours');
    b.peers.configure({ ...defaults, maxJobs: 1, membersOnly: false });
    await expect(a.peers.open('b', 'ours')).rejects.toThrow(/b has 1 transfers already/);
    const [greeting] = await once(dial(b, '127.0.0.77'), 'data');
    expect(greeting).toHaveLength(36);
    b.peers.configure({ ...defaults, idleTimeoutMs: 60 });
    const second = await a.peers.open('b', 'ours');
    await closed(second.socket);
    expect([first.socket.destroyed, streams[0]!.socket.destroyed]).toEqual([false, false]);
  });
});

describe('jobs', () => {
  it('CMD-18 each stream is listed on both nodes with kind, peer, age and bytes, and ends on both when one aborts it', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const streams = keep(b, 'ECmmove2');
    const { socket, job } = await a.peers.open('b', 'ECmmove2');
    await until(() => streams.length === 1);
    socket.write('x'.repeat(1_000));
    await once(streams[0]!.socket, 'readable');
    const [here, there] = [a.peers.jobs.list(), b.peers.jobs.list()];
    expect(here).toEqual([
      { id: job, kind: 'move', peer: 'b', ageMs: expect.any(Number), bytes: expect.any(Number) },
    ]);
    expect(there).toMatchObject([{ id: job, kind: 'move', peer: 'a' }]);
    expect(there[0]!.bytes).toBeGreaterThan(1_000);
    expect(b.peers.jobs.abort('ECMMOVE-x')).toBe(false);
    expect(b.peers.jobs.abort(job)).toBe(true);
    expect(await closed(streams[0]!.socket)).toMatchObject({ code: 'FLT-1704' });
    await closed(socket);
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
  });

  it('CMD-18 one that still waits for the other node can be aborted, too', async () => {
    const a = await start('a');
    await impostor((socket) => void socket.on('error', () => {}));
    const opening = a.peers.open('x', 'log').catch((error: unknown) => error);
    const [{ id, kind } = { id: '', kind: '' }] = a.peers.jobs.list();
    expect([id, kind]).toEqual([expect.stringMatching(/^ECCMGRLOG-\d{5}$/), 'log']);
    expect(a.peers.jobs.abort(id)).toBe(true);
    expect(await opening).toMatchObject({ code: 'FLT-1704' });
  });

  it('LIFE-9 a node that stops lets jobs end by themselves, accepts no others, and ends those that stay', async () => {
    const [a, b] = [await start('a'), await start('b')];
    const streams = keep(b, 'ours');
    const first = await a.peers.open('b', 'ours');
    await until(() => streams.length === 1);
    const stopped = b.peers.stop(5_000);
    await expect(a.peers.open('b', 'ours')).rejects.toThrow(/b stops/);
    first.socket.end();
    streams[0]!.socket.resume().end();
    first.socket.resume();
    await stopped;
    expect(b.peers.jobs.size).toBe(0);
    await expect(a.peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1701' });
  });
});

async function withoutSecret(): Promise<{ peers: Post['peers'] }> {
  const { Peers } = await import('../../../src/node/peers.ts');
  const { systemClock, systemRandom } = await import('../../../src/node/system-clock.ts');
  const { Recorder } = await import('../../unit/recorder.ts');
  const peers = new Peers({
    settings: { nodename: 'q', peers: { secret: undefined, maxJobs: 1 }, bus: {} } as never,
    around: { clock: systemClock, random: systemRandom, ...new Recorder() },
    membership: () => ({ members: () => members }),
  });
  return { peers };
}
