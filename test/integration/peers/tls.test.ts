/** Streams between nodes with TLS: the secret and a certificate of the fleet's authority, both, on both sides. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BusTls } from '../../../src/core/settings.ts';
import { certificates } from '../bus/certificates.ts';
import { until } from '../until.ts';
import { closed, keep, type Member, Post, type PostOptions, readAll } from './post.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-peers-'));
let files: ReturnType<typeof certificates>;
let members: Member[] = [];
let posts: Post[] = [];

beforeAll(() => {
  files = certificates(folder);
});

afterEach(async () => {
  await Promise.all(posts.map(({ peers }) => peers.stop(0)));
  [members, posts] = [[], []];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(name: string, tls?: BusTls, options: PostOptions = {}): Promise<Post> {
  const post = await Post.start(name, posts.length + 1, members, { ...options, ...(tls ? { tls } : {}) });
  posts.push(post);
  return post;
}

const tlsOf = (role: 'server' | 'client', caFile = files.ca): BusTls => ({
  caFile,
  certFile: files[role].cert,
  keyFile: files[role].key,
});

describe('streams between nodes with TLS', () => {
  it('API-8 carry bytes both ways and end as others do, whatever name is in the certificates', async () => {
    const [a, b] = [await start('a', tlsOf('server')), await start('b', tlsOf('client'))];
    const streams = keep(b, 'ours');
    const { socket } = await a.peers.open('b', 'ours');
    await until(() => streams.length === 1);
    socket.end('one way');
    expect(await readAll(streams[0]!.socket)).toBe('one way');
    streams[0]!.socket.end('and back');
    expect(await readAll(socket)).toBe('and back');
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
  });

  it('CMD-18 are aborted on both nodes by one', async () => {
    const [a, b] = [await start('a', tlsOf('server')), await start('b', tlsOf('client'))];
    const streams = keep(b, 'ours');
    const { socket, job } = await a.peers.open('b', 'ours');
    await until(() => streams.length === 1);
    b.peers.jobs.abort(job);
    await Promise.all([closed(socket), closed(streams[0]!.socket)]);
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
  });

  it('BUS-18 need a certificate of the authority, and the secret besides', async () => {
    const b = await start('b', tlsOf('client'));
    const streams = keep(b, 'ours');
    const a = await start('a', tlsOf('server'), { settings: { secret: 'another' } });
    await expect(a.peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1702' });
    const c = await start('c', tlsOf('server', files.otherCa));
    await expect(c.peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1701' });
    const d = await start('d', undefined, { settings: { connectTimeoutMs: 300 } });
    await expect(d.peers.open('b', 'ours')).rejects.toMatchObject({ code: 'FLT-1701' });
    expect(streams).toEqual([]);
  });

  it('API-8 a stop ends those that are under way', async () => {
    const [a, b] = [await start('a', tlsOf('server')), await start('b', tlsOf('client'))];
    keep(b, 'ours');
    const { socket } = await a.peers.open('b', 'ours');
    await b.peers.stop(0);
    await closed(socket);
    await until(() => a.peers.jobs.size + b.peers.jobs.size === 0);
  });
});
