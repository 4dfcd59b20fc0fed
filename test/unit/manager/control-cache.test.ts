/** What a manager keeps of the answers of nodes, on a real file. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlCache } from '../../../src/manager/control-cache.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

let folder: string;
let clock: VirtualClock;
let recorder: Recorder;
const opened: ControlCache[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-control-cache-'));
  clock = new VirtualClock();
  recorder = new Recorder();
});

afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
  rmSync(folder, { recursive: true });
});

const path = () => join(folder, 'cache.db');

async function openCache({
  unlocked = false,
  ...limits
}: {
  maxBytes?: number;
  maxAgeMs?: number;
  unlocked?: boolean;
} = {}): Promise<ControlCache> {
  const settings = { path: path(), maxBytes: 2 ** 28, maxAgeMs: 86_400_000, ...limits };
  const { log, counters } = recorder;
  const cache = await ControlCache.open({ settings, unlocked, clock, log, counters });
  opened.push(cache);
  return cache;
}

async function closeAll(): Promise<void> {
  for (const cache of opened.splice(0)) await cache.close();
}

const asked = (...nodes: string[]) => nodes.map((node) => ({ node, subcluster: node.slice(0, 4) }));
const broadcast = (...nodes: string[]) => ({ nodes: asked(...nodes), isForAll: true });
const unicast = (...nodes: string[]) => ({ nodes: asked(...nodes), isForAll: false });

function part(command: string, node: string, number: number, text: string, status?: number) {
  const endedMs = clock.wallMs();
  const end = status === undefined ? undefined : { status, beganMs: endedMs - 5, endedMs };
  return {
    command,
    node,
    subcluster: node.slice(0, 4),
    privateName: `#ec0-00007#${node}`,
    number,
    text,
    end,
  };
}

/** Each answer as `node state status text`. */
async function shown(cache: ControlCache, line: string, choice = {}): Promise<string[]> {
  const answers = await cache.answers(line, choice);
  return Promise.all(
    answers.map(async (answer) => {
      let text = '';
      for await (const piece of cache.text(answer)) text += piece;
      return [answer.node, answer.state, answer.status ?? '-', text].join(' ');
    }),
  );
}

describe('the control cache', () => {
  it('MGR-8 MGR-9 MGR-10 MGR-19 keeps answers by line, node and subcluster, and over a restart', async () => {
    let cache = await openCache();
    await cache.begin('a', 'version', broadcast('west2', 'west1', 'east1'));
    await cache.begin('b', 'pid', unicast('west1'));
    await cache.add(part('a', 'west1', 1, 'v1', 0));
    await cache.add(part('a', 'east1', 1, 'v2', 3));
    await cache.add(part('b', 'west1', 1, '17', 0));
    const check = async () => {
      expect(await shown(cache, 'version')).toEqual([
        'east1 whole 3 v2',
        'west1 whole 0 v1',
        'west2 waiting - ',
      ]);
      expect(await shown(cache, 'version', { subcluster: 'west' })).toEqual([
        'west1 whole 0 v1',
        'west2 waiting - ',
      ]);
      expect(await shown(cache, 'version', { node: 'east1' })).toEqual(['east1 whole 3 v2']);
      expect(await shown(cache, 'pid')).toEqual(['west1 whole 0 17']);
      expect(await shown(cache, 'Version')).toEqual([]);
    };
    await check();
    await closeAll();
    cache = await openCache();
    await check();
    const [answer] = await cache.answers('pid');
    expect(answer).toMatchObject({ privateName: '#ec0-00007#west1', timeMs: clock.wallMs() });
  });

  it('MGR-12 INV-35 after a flush there is nothing, and late answers do not come back', async () => {
    const cache = await openCache();
    await cache.begin('a', 'version', broadcast('west1'));
    await cache.flush();
    await cache.add(part('a', 'west1', 1, 'v1', 0));
    expect(await shown(cache, 'version')).toEqual([]);
  });

  it('MGR-20 of a line the newest broadcast is kept, of a node the newest answer, whoever else was asked', async () => {
    const cache = await openCache();
    await cache.begin('a', 'version', broadcast('west1', 'west2'));
    await cache.add(part('a', 'west1', 1, 'old', 0));
    await cache.add(part('a', 'west2', 1, 'old', 0));
    await cache.begin('b', 'version', unicast('west1'));
    await cache.add(part('a', 'west1', 1, 'too late', 0));
    expect(await shown(cache, 'version')).toEqual(['west1 waiting - ', 'west2 whole 0 old']);
    await cache.begin('c', 'version', broadcast('west3'));
    await cache.add(part('b', 'west1', 1, 'too late', 0));
    expect(await shown(cache, 'version')).toEqual(['west3 waiting - ']);
  });

  it('INV-35 a node that came while the command was sent has its answer there, too', async () => {
    const cache = await openCache();
    await cache.begin('a', 'version', broadcast('west1'));
    await cache.add(part('a', 'east9', 1, 'new', 0));
    await cache.add(part('unheard', 'east8', 1, 'new', 0));
    expect(await shown(cache, 'version')).toEqual(['east9 whole 0 new', 'west1 waiting - ']);
    expect(await shown(cache, 'version', { subcluster: 'east' })).toEqual(['east9 whole 0 new']);
  });

  it('MGR-20 what is older than its time is forgotten', async () => {
    const cache = await openCache({ maxAgeMs: 60_000 });
    await cache.begin('a', 'version', broadcast('west1'));
    clock.runUntil(40_000);
    await cache.begin('b', 'pid', broadcast('west1'));
    clock.runUntil(61_000);
    expect(await shown(cache, 'version')).toEqual([]);
    expect(await shown(cache, 'pid')).toHaveLength(1);
  });

  it('MGR-15 MGR-20 other limits hold from then on', async () => {
    const cache = await openCache({ maxAgeMs: 600_000 });
    await cache.begin('a', 'version', broadcast('west1'));
    clock.runUntil(61_000);
    expect(await shown(cache, 'version')).toHaveLength(1);
    cache.configure({ maxBytes: 2 ** 28, maxAgeMs: 60_000 });
    expect(await shown(cache, 'version')).toEqual([]);
  });

  it('MGR-20 beyond the limit the oldest commands go, and of the last one what is too much; the file shrinks', async () => {
    const cache = await openCache({ maxBytes: 1_000_000 });
    const text = 'x'.repeat(300_000);
    for (const command of ['a', 'b', 'c', 'd', 'e']) {
      clock.runUntil(clock.nowMs() + 1_000);
      await cache.begin(command, `line ${command}`, broadcast('west1'));
      await cache.add(part(command, 'west1', 1, text, 0));
    }
    const kept = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((each) => shown(cache, `line ${each}`)));
    expect(kept.map((answers) => answers.length)).toEqual([0, 0, 1, 1, 1]);
    await cache.begin('f', 'big', broadcast('west1', 'west2'));
    await cache.add(part('f', 'west2', 1, 'small', 0));
    for (let number = 1; number <= 5; number++) await cache.add(part('f', 'west1', number, text));
    await cache.add(part('f', 'west1', 6, text, 0));
    expect(await shown(cache, 'big')).toEqual(['west1 broken - ', 'west2 whole 0 small']);
    await cache.flush();
    expect(statSync(path()).size).toBeLessThan(100_000);
  });

  it('MGR-21 an answer in parts is whole when its last part is there, and says so until then', async () => {
    const cache = await openCache();
    await cache.begin('a', 'list', broadcast('west1', 'west2'));
    const texts = Array.from({ length: 11 }, (_, at) => `${at} `);
    for (const [at, text] of texts.entries()) await cache.add(part('a', 'west1', at + 1, text));
    expect(await shown(cache, 'list', { node: 'west1' })).toEqual([`west1 arriving - ${texts.join('')}`]);
    expect(await cache.unfinished('a')).toBe(2);
    await cache.add(part('a', 'west1', 12, 'end', 0));
    expect(await shown(cache, 'list', { node: 'west1' })).toEqual([`west1 whole 0 ${texts.join('')}end`]);
    expect(await cache.unfinished('a')).toBe(1);
  });

  it('MGR-21 one that lacks a part, or of which nothing more comes, is incomplete; after 60 s its text is dropped', async () => {
    const cache = await openCache();
    await cache.begin('a', 'list', broadcast('west1', 'west2'));
    await cache.add(part('a', 'west1', 1, 'one '));
    await cache.add(part('a', 'west1', 3, 'three', 0));
    await cache.add(part('a', 'west2', 1, 'one '));
    await cache.add(part('a', 'west2', 2, 'two '));
    expect(await shown(cache, 'list')).toEqual(['west1 broken - one ', 'west2 arriving - one two ']);
    clock.runUntil(60_001);
    expect(await shown(cache, 'list')).toEqual(['west1 broken - ', 'west2 broken - ']);
    await cache.add(part('a', 'west2', 3, 'end', 0));
    expect(await shown(cache, 'list')).toEqual(['west1 broken - ', 'west2 broken - ']);
  });

  it('MGR-22 parts that come again, and a second process of the same name, change nothing', async () => {
    const cache = await openCache();
    await cache.begin('a', 'list', broadcast('west1'));
    await cache.add(part('a', 'west1', 1, 'one '));
    await cache.add(part('a', 'west1', 1, 'again '));
    await cache.add({ ...part('a', 'west1', 2, 'of another', 0), privateName: '#ec0-00008#west1' });
    await cache.add(part('a', 'west1', 2, 'two', 0));
    await cache.add(part('a', 'west1', 2, 'again', 0));
    expect(await shown(cache, 'list')).toEqual(['west1 whole 0 one two']);
  });

  it('MGR-1 MGR-5 MGR-19 belongs to one process at a time, unless somebody vouches for it', async () => {
    await openCache();
    await expect(openCache()).rejects.toMatchObject({ code: 'FLT-2701' });
    await openCache({ unlocked: true });
    await closeAll();
    await openCache();
  });

  it('MGR-19 is opened after a kill in the middle of a write, and begins anew when the file is none', async () => {
    const cache = await openCache();
    await cache.begin('a', 'version', broadcast('west1'));
    await closeAll();
    mkdirSync(`${path()}.lock`);
    expect(await shown(await openCache(), 'version')).toHaveLength(1);
    await closeAll();
    writeFileSync(path(), 'this is no database, and never was '.repeat(100));
    const another = await openCache();
    expect(recorder.texts('error')).toEqual([expect.stringContaining('is damaged and begins anew')]);
    await another.begin('a', 'version', broadcast('west1'));
    expect(await shown(another, 'version')).toHaveLength(1);
  });

  it('MGR-8 MGR-19 no secret of a line is in the file; answers are found by the line as typed, and as shown', async () => {
    const cache = await openCache();
    const line = 'config set cluster bus_password = S3cretOne';
    await cache.begin('a', line, broadcast('west1'));
    await cache.begin(
      'b',
      'config set cluster servers nats://tom:S3cretOne@10.1.1.1:4222',
      broadcast('west1'),
    );
    await cache.add(part('a', 'west1', 1, 'done', 0));
    const wanted = ['west1 whole 0 done'];
    expect(await shown(cache, line)).toEqual(wanted);
    expect(await shown(cache, 'config set cluster bus_password = ...')).toEqual(wanted);
    expect(await shown(cache, 'config set cluster bus_password = AnotherOne')).toEqual(wanted);
    expect(await shown(cache, 'config set cluster bus_user = tom')).toEqual([]);
    expect(await shown(cache, 'config set cluster servers nats://tom:...@10.1.1.1:4222')).toHaveLength(1);
    await closeAll();
    const bytes = readFileSync(path());
    expect(bytes.includes('bus_password = ...')).toBe(true);
    expect(bytes.includes('S3cretOne')).toBe(false);
  });

  it('MGR-20 of lines that differ in a secret alone the newest is kept', async () => {
    const cache = await openCache();
    await cache.begin('a', 'config set cluster bus_token = one', broadcast('west1'));
    await cache.add(part('a', 'west1', 1, 'first', 0));
    await cache.begin('b', 'config set cluster bus_token = two', broadcast('west1'));
    await cache.add(part('b', 'west1', 1, 'second', 0));
    expect(await shown(cache, 'config set cluster bus_token = one')).toEqual(['west1 whole 0 second']);
  });

  it('MGR-19 only its user can read the file, also one that was there before', async () => {
    await openCache();
    const mode = () => statSync(path()).mode & 0o777;
    expect(mode()).toBe(0o600);
    await closeAll();
    chmodSync(path(), 0o644);
    const cache = await openCache();
    expect(mode()).toBe(0o600);
    await cache.begin('a', 'version', broadcast('west1'));
    expect(mode()).toBe(0o600);
  });

  it('INV-35 always: for each line and node the newest answer, whole as it was sent, or marked', async () => {
    const cache = await openCache();
    const node = fc.constantFrom('west1', 'west2', 'east1');
    const line = fc.constantFrom('x', 'y');
    const action = fc.oneof(
      fc.record({ kind: fc.constant('broadcast' as const), line }),
      fc.record({ kind: fc.constant('unicast' as const), line, node }),
      fc.record({ kind: fc.constant('answer' as const), node, back: fc.nat(3), lost: fc.nat(4) }),
    );
    let runs = 0;
    const property = fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      await cache.flush();
      const sent: { command: string; line: string; nodes: string[] }[] = [];
      for (const each of actions) {
        if (each.kind === 'answer') {
          const run = sent.at(-1 - each.back);
          if (!run?.nodes.includes(each.node)) continue;
          const texts = [1, 2, 3].map((number) => `${run.command}/${each.node}/${number} `);
          for (const [at, text] of texts.entries()) {
            if (at + 1 === each.lost) continue;
            await cache.add(part(run.command, each.node, at + 1, text, at === 2 ? 0 : undefined));
          }
          continue;
        }
        const nodes = each.kind === 'unicast' ? [each.node] : ['east1', 'west1', 'west2'];
        const command = `c${runs++}`;
        await cache.begin(command, each.line, {
          nodes: asked(...nodes),
          isForAll: each.kind === 'broadcast',
        });
        sent.push({ command, line: each.line, nodes });
      }
      for (const wanted of ['x', 'y']) {
        const answers = await cache.answers(wanted);
        const names = answers.map((answer) => answer.node);
        expect(names).toEqual([...new Set(names)].sort());
        for (const answer of answers) {
          const newest = sent.findLast((run) => run.line === wanted && run.nodes.includes(answer.node));
          expect(answer.command).toBe(newest?.command);
          if (answer.state !== 'whole') continue;
          const whole = [1, 2, 3].map((number) => `${answer.command}/${answer.node}/${number} `).join('');
          let text = '';
          for await (const piece of cache.text(answer)) text += piece;
          expect(text).toBe(whole);
        }
      }
    });
    await fc.assert(property, { numRuns: 15 });
  }, 60_000);
});
