/** The commands on the real actors: three nodes on one simulated segment, each with its own console. */
import { describe, expect, it, vi } from 'vitest';
import type { NodeFacts } from '../../../src/console/facts.ts';
import { FakeKernel } from '../../../src/net/fake-kernel.ts';
import { duravipFacts } from '../../../src/node/duravip-facts.ts';
import { DuravipRecord } from '../../../src/node/duravip-record.ts';
import { Harbour, type HarbourOptions, matureMs } from '../duravip/harbour.ts';
import { type Collected, fakeNode, silentLog, type } from './fake-node.ts';
import { readShow, readTables } from './read-show.ts';

/** Bindings of the addresses .1 and .2 are in a group of their own. */
const groupOfBinding = () =>
  new Map([
    ['b10.9.0.1', 'bulk'],
    ['b10.9.0.2', 'bulk'],
  ]);

class Consoles {
  readonly harbour: Harbour;
  readonly logged: string[] = [];
  readonly #facts = new Map<string, NodeFacts>();
  /** As in a process that goes on after a reset. */
  readonly #records = new Map<string, DuravipRecord>();

  constructor(harbour: Harbour) {
    this.harbour = harbour;
  }

  static async settled(options: HarbourOptions = {}): Promise<Consoles> {
    const consoles = new Consoles(new Harbour(options));
    for (const name of ['a', 'b', 'c']) await consoles.start(name);
    await consoles.harbour.pass(matureMs + 1_000);
    return consoles;
  }

  async start(name: string): Promise<void> {
    const node = this.harbour.start(name);
    const { clock } = node;
    const log = { ...silentLog, notice: (text: string) => void this.logged.push(`${name}: ${text}`) };
    const record = this.#records.get(name) ?? new DuravipRecord({ clock, log, groupOfBinding });
    this.#records.set(name, record);
    record.follow(node.member);
    const machine = this.harbour.machine(name);
    const kernel = new FakeKernel({
      lan: this.harbour.lan,
      machine,
      later: (delayMs, run) => this.harbour.clock.after(delayMs, run),
      gate: (run) => run(),
      costMs: () => 0.2,
    });
    const duravip = () => duravipFacts({ member: () => node.member, kernel, clock, record });
    this.#facts.set(name, fakeNode({ nodename: name, duravip }));
    await this.harbour.pass(1_500);
  }

  /** Time passes while the command runs. */
  async type(name: string, words: string): Promise<Collected> {
    const answer = type(words, this.#facts.get(name)!);
    await this.harbour.pass(10);
    return answer;
  }

  /** On all nodes at the same moment. */
  async broadcast(names: string, words: string): Promise<readonly string[]> {
    const facts = names.split(' ').map((name) => this.#facts.get(name)!);
    const answers = facts.map((node) => type(`cluster duravip ${words}`, node));
    await this.harbour.pass(100);
    return (await Promise.all(answers)).map(({ text }) => text);
  }

  async said(name: string, words: string): Promise<string> {
    return (await this.type(name, `cluster duravip ${words}`)).text;
  }

  /** `1a 2b ...` as a node shows it. */
  async owners(name: string): Promise<string> {
    const vips = readShow(await this.said(name, 'show'));
    return vips.map(({ ip, owner }) => `${ip.split('.').at(-1)}${owner ?? '-'}`).join(' ');
  }

  async everywhere(): Promise<string> {
    const all = new Set<string>();
    for (const name of this.#facts.keys()) all.add(await this.owners(name));
    return [...all].join(' | ');
  }
}

describe('the console of three nodes', () => {
  it('CMD-9, INV-37 show is the same on each node, and reads back to the table', async () => {
    const consoles = await Consoles.settled();
    expect(await consoles.everywhere()).toBe('1a 2b 3c 4a 5b 6c');
    const shown = readShow(await consoles.said('b', 'show'));
    const { ownership, membership } = consoles.harbour.at('b').member;
    expect(shown.map(({ ip }) => ip)).toEqual(ownership!.table.rows.ordered.map(({ ip }) => ip));
    for (const { ip, owner, labels, names, participants } of shown) {
      const incarnation = ownership!.table.ownerOf(ip);
      expect(membership.view.members.find((member) => member.incarnation === incarnation)?.node).toBe(owner);
      expect([labels, names]).toEqual([['owned', 'safe'], [`b${ip}`]]);
      expect(participants).toEqual(['a', 'b', 'c'].map((node) => ({ node, services: ['multivip'] })));
    }
    const tables = readTables(await consoles.said('c', 'show tables'));
    expect(tables.byIp).toEqual(shown);
    expect(tables.byName).toEqual(tables.byIp);
    expect(readShow(await consoles.said('a', 'show c')).map(({ ip }) => ip)).toEqual([
      '10.9.0.3',
      '10.9.0.6',
    ]);
  });

  it('VIEW-1, VIEW-2 ages are those of the view and of the owner', async () => {
    const consoles = await Consoles.settled();
    await consoles.harbour.pass(30_000);
    const [before] = readShow(await consoles.said('a', 'show 10.9.0.1'));
    expect(before!.viewSeconds - before!.ownerSeconds).toBe(5);
    await consoles.said('a', 'move 10.9.0.1 to b');
    await consoles.harbour.pass(2_000);
    const [after] = readShow(await consoles.said('a', 'show 10.9.0.1'));
    expect(after!.ownerSeconds).toBe(2);
    // The move took some milliseconds, too.
    expect([2, 3]).toContain(after!.viewSeconds - before!.viewSeconds);
  });

  it('CMD-14, OWN-29 a move typed on all nodes is one move, with a hold', async () => {
    const consoles = await Consoles.settled();
    const applied = () => consoles.harbour.at('b').member.ownership!.applied;
    const before = applied();
    const answers = await consoles.broadcast('c b a', 'move 10.9.0.3 to a');
    expect(answers).toEqual(Array(3).fill('Moving 10.9.0.3 from c to a.\n'));
    await consoles.harbour.pass(1_000);
    expect(applied()).toBe(before + 1);
    expect(await consoles.everywhere()).toBe('1a 2b 3a 4a 5b 6c');
    expect(consoles.harbour.answering()).toEqual({ a: '1 3 4', b: '2 5', c: '6' });
    const moved = (await consoles.said('b', 'history 10.9.0.3')).split('\n').filter(Boolean);
    expect(moved.map((line) => /from .*$/.exec(line)![0])).toEqual([
      expect.stringMatching(/^from - to c \(elected\) in view \d+@[abc]$/),
      expect.stringMatching(/^from c to a \(moved\) in view \d+@[abc]$/),
    ]);
    expect(readShow(await consoles.said('c', 'show 10.9.0.3'))[0]!.labels).toEqual(['owned', 'safe', 'held']);
    expect(await consoles.said('c', 'move 10.9.0.3 to a')).toBe('10.9.0.3 is already owned by a\n');
    await consoles.harbour.pass(30_000);
    expect(await consoles.owners('c')).toMatch(/3a/);
    expect(await consoles.said('c', 'release-hold all')).toBe('Releasing the hold on 10.9.0.3.\n');
    await consoles.harbour.pass(1_000);
    expect(await consoles.said('a', 'release-hold all')).toBe('No VIP is held.\n');
    expect(consoles.harbour.doubles).toEqual([]);
  });

  it('OWN-29 a command has one id on all nodes, and another one when it is typed again later', async () => {
    const consoles = await Consoles.settled();
    const requests = ['a', 'b', 'c'].map((name) =>
      vi.spyOn(consoles.harbour.at(name).member.ownership!, 'request'),
    );
    const ids = () => requests.flatMap(({ mock }) => mock.calls.map(([{ id }]) => id));
    await consoles.broadcast('c b a', 'move 10.9.0.3 to a');
    expect(ids()).toHaveLength(3);
    expect(new Set(ids()).size).toBe(1);
    await consoles.broadcast('a b c', 'move 10.9.0.3 to c');
    expect(new Set(ids()).size).toBe(2);
    await consoles.broadcast('b a c', 'move 10.9.0.3 to a');
    expect(ids()).toHaveLength(9);
    expect(new Set(ids()).size).toBe(3);
  });

  it('CMD-14 all of a node', async () => {
    const consoles = await Consoles.settled();
    await consoles.said('b', 'move c to a');
    await consoles.harbour.pass(1_000);
    expect(consoles.harbour.answering()).toEqual({ a: '1 3 4 6', b: '2 5', c: '' });
  });

  it('CMD-15, LIFE-11 release all, and resume', async () => {
    const consoles = await Consoles.settled();
    expect(await consoles.said('a', 'release all')).toBe('Released 2 VIPs.\n');
    await consoles.harbour.pass(1_000);
    expect(consoles.harbour.answering()).toEqual({ a: '', b: '1 2 5', c: '3 4 6' });
    expect(await consoles.said('b', 'move 10.9.0.1 to a')).toBe(
      'a cannot take 10.9.0.1 now: it is draining\n',
    );
    await consoles.harbour.pass(60_000);
    expect(consoles.harbour.answering().a).toBe('');
    expect(await consoles.said('b', 'history 10.9.0.4')).toMatch(/from a to c \(drained\) in view /);
    expect(await consoles.said('a', 'resume')).toBe('Resumed: this node takes VIPs again.\n');
    expect(await consoles.said('a', 'resume')).toBe('Nothing was released.\n');
    await consoles.harbour.pass(60_000);
    expect(consoles.harbour.answering().a).toMatch(/^\d \d$/);
    expect(consoles.harbour.doubles).toEqual([]);
  });

  it('LIFE-11, CMD-17 what was released stays so over a reset, and history goes on', async () => {
    const consoles = await Consoles.settled();
    await consoles.said('a', 'release all');
    await consoles.harbour.pass(1_000);
    consoles.harbour.at('a').stop();
    await consoles.start('a');
    await consoles.harbour.pass(60_000);
    expect(await consoles.everywhere()).toMatch(/^1b 2b 3c 4c 5b 6c$/);
    const history = (await consoles.said('a', 'history 10.9.0.4')).split('\n').filter(Boolean);
    expect(history.map((line) => /from .*\)/.exec(line)![0])).toEqual([
      'from - to a (elected)',
      'from a to c (drained)',
      'from - to c (merge)',
    ]);
    await consoles.said('a', 'resume');
    await consoles.harbour.pass(60_000);
    expect(consoles.harbour.answering().a).toMatch(/^\d \d$/);
  });

  it('CMD-15 release of one binding group leaves the others', async () => {
    const consoles = await Consoles.settled();
    expect(await consoles.said('a', 'release binding_group nobody')).toBe('No such binding group: nobody\n');
    expect(await consoles.said('a', 'release binding_group bulk')).toBe('Released 1 VIPs.\n');
    await consoles.harbour.pass(1_000);
    expect(await consoles.owners('b')).toMatch(/^1[bc] .*4a/);
    expect(await consoles.said('a', 'release binding_group default')).toBe('Released 1 VIPs.\n');
    await consoles.harbour.pass(1_000);
    expect(consoles.harbour.answering().a).toBe('');
    expect(consoles.harbour.doubles).toEqual([]);
  });

  it('EXT-7 the plan without a node is what happens when it dies', async () => {
    const consoles = await Consoles.settled();
    const plan = await consoles.said('a', 'plan c');
    expect(plan).toBe('Without c these would move:\n\t10.9.0.3 from c to a\n\t10.9.0.6 from c to b\n');
    consoles.harbour.at('c').kill();
    consoles.harbour.reportClosed('c');
    await consoles.harbour.pass(1_000);
    expect(await consoles.owners('a')).toBe('1a 2b 3a 4a 5b 6b');
    const history = await consoles.said('b', 'history 10.9.0.6');
    expect(history.split('\n').map((line) => /from .*\)/.exec(line)?.[0])).toEqual([
      'from - to c (elected)',
      'from c to - (orphan)',
      'from - to b (orphan)',
      undefined,
    ]);
  });

  it('EXT-7 a newcomer tells by name who owned what when it came', async () => {
    const consoles = await Consoles.settled();
    await consoles.start('d');
    expect(await consoles.said('d', 'history 10.9.0.2')).toMatch(
      / from - to b \(merge\) in view \d+@[abcd]\n$/,
    );
  });

  it('CMD-11 announcing again changes nothing', async () => {
    const consoles = await Consoles.settled();
    const ages = async () => readShow(await consoles.said('b', 'show')).map(({ viewSeconds }) => viewSeconds);
    const before = await ages();
    expect(await consoles.said('a', 'announce view')).toBe('View announced (6 VIPs).\n');
    await consoles.harbour.pass(3_000);
    // Whole seconds, and a command takes a moment.
    for (const [i, age] of (await ages()).entries()) expect([3, 4]).toContain(age - before[i]!);
  });

  it('CMD-12 debugging logs each change of ownership', async () => {
    const consoles = await Consoles.settled();
    await consoles.said('b', 'debug on');
    await consoles.said('a', 'move 10.9.0.1 to c');
    await consoles.harbour.pass(500);
    expect(consoles.logged).toEqual(['b: DuraVIP 10.9.0.1 from a to c (moved)']);
    await consoles.said('b', 'debug off');
    await consoles.said('a', 'move 10.9.0.1 to b');
    await consoles.harbour.pass(500);
    expect(consoles.logged).toHaveLength(1);
  });

  it('CMD-16 check looks at the machine', async () => {
    const consoles = await Consoles.settled();
    expect(await consoles.said('a', 'check')).toBe('No problems found.\n');
    const machine = consoles.harbour.machine('a');
    machine.putOn({ ip: '192.0.2.7', prefixBits: 24, interface: 'eth0' });
    expect((await consoles.said('a', 'check')).split('\n')[0]).toBe(
      '10.9.0.1: eth0 has no address in the network of 10.9.0.1: neighbours may not find it',
    );
    machine.putOn({ ip: '10.9.0.200', prefixBits: 24, interface: 'eth0' });
    expect(await consoles.said('a', 'check')).toBe('No problems found.\n');
    machine.linkUp = false;
    expect((await consoles.said('a', 'check')).split('\n')[0]).toBe('10.9.0.1: the interface eth0 is down');
  });

  it('CMD-16 CMD-14 EXT-1 without a quorum the console says why nothing is served and nothing moved', async () => {
    const consoles = await Consoles.settled({ apart: true, settings: { quorum: 2 } });
    expect(await consoles.said('a', 'plan c')).toContain('10.9.0.3 from c to a');
    expect(await consoles.said('a', 'check')).toBe('No problems found.\n');
    const { harbour } = consoles;
    harbour.partition('a', 'b c');
    await harbour.until(() => harbour.at('a').member.membership.view.members.length === 1);
    await harbour.pass(1_000);
    const lines = (await consoles.said('a', 'check')).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'no quorum: 1 of at least 2 nodes, so nothing is served here',
      '10.9.0.1: unowned',
    ]);
    expect(await consoles.type('a', 'cluster duravip move 10.9.0.1 to a')).toMatchObject({
      text: 'There is no quorum: 1 of at least 2 nodes.\n',
      status: 1,
    });
    expect(await consoles.said('b', 'check')).toBe('No problems found.\n');
    expect((await consoles.said('b', 'plan c')).split('\n').slice(0, 3)).toEqual([
      'Without c there is no quorum: 1 of at least 2 nodes.',
      'Without c these would move:',
      expect.stringMatching(/^\t10\.9\.0\.\d from b to -$/),
    ]);
  });

  it('CMD-14 during a change of view nothing is moved', async () => {
    const consoles = await Consoles.settled({ apart: true });
    consoles.harbour.partition('a', 'b c');
    let answer = '';
    for (let i = 0; i < 400 && answer !== 'View is changing, try again.\n'; i++) {
      answer = await consoles.said('b', 'move 10.9.0.2 to b');
    }
    expect(answer).toBe('View is changing, try again.\n');
  });
});

describe('a node that is not there yet', () => {
  const clock = new Harbour().clock;
  const record = new DuravipRecord({ clock, log: silentLog, groupOfBinding });

  it('CMD-11 before it has joined it says that it is not connected', async () => {
    const facts = fakeNode({
      duravip: () => duravipFacts({ member: () => undefined, kernel: undefined, clock, record }),
    });
    expect(await type('cluster duravip show', facts)).toMatchObject({
      text: 'Not connected to the cluster.\n',
      status: 1,
    });
  });

  it('a cluster in which nobody floats anything says so', async () => {
    const consoles = await Consoles.settled({ ips: [] });
    expect(await consoles.said('a', 'show')).toBe('No DuraVIP is configured.\n');
  });
});
