import { describe, expect, it } from 'vitest';
import type { MulticastOrder } from '../../../src/actors/programs.ts';
import type { ProgramMessage } from '../../../src/core/multicast/messages.ts';
import { senderOf } from '../agreement/post-office.ts';
import { Fleet } from './fleet.ts';
import { bytes, Speaker } from './speaker.ts';

/** Nodes of these names in one view, each with a program that has joined group `g`. */
function company<Names extends readonly string[]>(...names: Names): [Fleet, { [I in keyof Names]: Speaker }] {
  const fleet = new Fleet();
  const speakers = names.map((name) => new Speaker(fleet, fleet.start(name)));
  for (const { programs } of speakers) void programs.join('g', '');
  fleet.pass(3_000);
  return [fleet, speakers as { [I in keyof Names]: Speaker }];
}

/** What becomes of a promise, once time has passed. */
function fateOf(promise: Promise<unknown>): { text: string } {
  const fate = { text: 'pending' };
  promise.then(
    () => {
      fate.text = 'done';
    },
    (error: Error & { code?: string }) => {
      fate.text = error.code ?? error.message;
    },
  );
  return fate;
}

const turn = () => new Promise(setImmediate);
const is = (kind: ProgramMessage['kind']) => (message: ProgramMessage) => message.kind === kind;

describe('groups of programs', () => {
  it('API-11 BUS-10 everybody in the view knows who joined, with what capabilities, and who left', async () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    expect([a, b, c].map((each) => each.members('g'))).toEqual(['a b c', 'a b c', 'a b c']);
    const changed = fateOf(b.programs.join('g', 'fast'));
    const left = fateOf(c.programs.leave('g'));
    await turn();
    expect([changed.text, left.text]).toEqual(['pending', 'pending']);
    fleet.pass(100);
    await turn();
    expect([changed.text, left.text]).toEqual(['done', 'done']);
    for (const each of [a, b, c]) {
      expect(each.members('g')).toBe('a b');
      expect(each.programs.groups.of(b.sailor.incarnation).get('g')).toBe('fast');
    }
  });

  it('API-11 BUS-4 joining once is for all views and broken links', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    for (const wire of [b.sailor.wire, b.wire]) wire.setState('down');
    fleet.pass(3_000);
    expect([a.members('g'), b.members('g')]).toEqual(['a c', 'b']);
    for (const wire of [b.sailor.wire, b.wire]) wire.setState('up');
    fleet.pass(3_000);
    expect([a, b, c].map((each) => each.members('g'))).toEqual(Array(3).fill(a.members('g')));
    expect(a.members('g').split(' ').sort()).toEqual(['a', 'b', 'c']);
  });

  it('API-11 what is said before the link is up joins when it is', async () => {
    const fleet = new Fleet();
    const a = new Speaker(fleet, fleet.start('a'));
    const b = new Speaker(fleet, fleet.start('b'));
    for (const wire of [b.sailor.wire, b.wire]) wire.setState('down');
    void b.programs.join('g', '');
    fleet.pass(2_000);
    for (const wire of [b.sailor.wire, b.wire]) wire.setState('up');
    fleet.pass(3_000);
    expect(a.members('g')).toBe('b');
  });
});

describe('multicast in one order for all', () => {
  it('API-11 BUS-7 BUS-9 all members, the senders too, hear all of it in the same order', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    for (let i = 0; i < 30; i++) {
      for (const { programs, sailor } of [a, b, c])
        void programs.order('g', bytes(`${sailor.info.node}${i}`));
      fleet.pass(i % 3);
    }
    fleet.pass(2_000);
    expect(a.texts()).toHaveLength(90);
    expect(b.texts()).toEqual(a.texts());
    expect(c.texts()).toEqual(a.texts());
  });

  it('API-11 BUS-8 BUS-9 what a program says comes after what it had heard, and after what it said before', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    const { received } = c;
    c.received = (payload, from, group, order) => {
      received(payload, from, group, order);
      if (from.node === 'b') void c.programs.order('g', bytes(`heard ${c.heard.at(-1)!.text}`));
    };
    for (let i = 0; i < 5; i++) void b.programs.order('g', bytes(`${i}`));
    fleet.pass(2_000);
    const all = a.texts();
    expect(all.filter((text) => text.length === 1)).toEqual(['0', '1', '2', '3', '4']);
    for (let i = 0; i < 5; i++) expect(all.indexOf(`heard ${i}`)).toBeGreaterThan(all.indexOf(`${i}`));
    expect([b.texts(), c.texts()]).toEqual([all, all]);
  });

  it('API-11 BUS-6 groups are open; only members hear', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    void b.programs.leave('g');
    void c.programs.join('other', '');
    fleet.pass(100);
    void b.programs.order('g', bytes('to g'));
    void a.programs.order('other', bytes('to other'));
    fleet.pass(500);
    expect([a.texts(), b.texts(), c.texts().sort()]).toEqual([['to g'], [], ['to g', 'to other']]);
  });

  it('API-11 the promise is kept once it was delivered here, and not before', async () => {
    const [fleet, [, b]] = company('a', 'b');
    const fate = fateOf(b.programs.order('g', bytes('x')));
    await turn();
    expect(fate.text).toBe('pending');
    fleet.pass(100);
    await turn();
    expect([fate.text, b.texts()]).toEqual(['done', ['x']]);
  });

  it('BUS-19 what is lost on the way to the leader is said again, and heard once, in order', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    let seen = 0;
    a.ignores = (message) => is('submit')(message) && ++seen % 2 === 1;
    for (let i = 0; i < 10; i++) void b.programs.order('g', bytes(`${i}`));
    fleet.pass(5_000);
    expect(seen).toBeGreaterThan(1);
    expect(b.texts()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect([a.texts(), c.texts()]).toEqual([b.texts(), b.texts()]);
  });

  it('BUS-11 a leader of another view takes no notice, and the next one is asked', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    a.ignores = is('submit');
    void b.programs.order('g', bytes('x'));
    fleet.pass(500);
    expect(b.texts()).toEqual([]);
    for (const wire of [a.sailor.wire, a.wire]) wire.setState('down');
    fleet.pass(3_000);
    expect([b.texts(), c.texts()]).toEqual([['x'], ['x']]);
    a.ignores = () => false;
    for (const wire of [a.sailor.wire, a.wire]) wire.setState('up');
    fleet.pass(3_000);
    expect([a.texts(), b.texts(), c.texts()]).toEqual([[], ['x'], ['x']]);
  });

  it('BUS-11 who heard it while the cluster was apart does not hear it again when the others do', () => {
    const [fleet, speakers] = company('a', 'b', 'c', 'd');
    const [a, b, c, d] = speakers;
    const side = (incarnation: string) => [c, d].some(({ sailor }) => sailor.incarnation === incarnation);
    for (const { sailor } of [c, d]) sailor.ignores = ({ kind }) => kind === 'ordered';
    void d.programs.order('g', bytes('x'));
    fleet.pass(10);
    for (const { sailor } of speakers)
      sailor.ignores = (message) => side(senderOf(message)) !== side(sailor.incarnation);
    // So that the cluster is whole again before the leader of this part has it.
    c.ignores = is('submit');
    fleet.pass(3_000);
    expect([c.sailor.members, c.texts(), d.texts()]).toEqual(['c d', [], []]);
    for (const { sailor } of speakers) sailor.ignores = () => false;
    fleet.pass(3_000);
    expect(speakers.map((each) => each.texts())).toEqual(Array(4).fill(['x']));
    expect(speakers.map((each) => each.members('g'))).toEqual(Array(4).fill('a b c d'));
    expect(b.sailor.members).toBe('a b c d');
    expect(a.sailor.membership.isLeader).toBe(true);
  });

  it('BUS-9 programs leave room for decisions in the ordered stream, and get theirs as others catch up', async () => {
    const [fleet, [a, b]] = company('a', 'b');
    const said = Array.from({ length: 100 }, (_, i) => `${i}`);
    for (const text of said) void a.programs.order('g', bytes(text));
    // Half of the backlog of 64; the rest is for whoever does not say how much may be behind.
    expect(a.texts()).toHaveLength(32);
    for (let i = 0; i < 32; i++) expect(a.sailor.membership.order(bytes('decision'))).toBe(true);
    expect(a.sailor.membership.order(bytes('decision'))).toBe(false);
    fleet.pass(5_000);
    expect([a.texts(), b.texts()]).toEqual([said, said]);
  });

  it('FLT-1204 FLT-1305 too long, too many, or too late is refused', async () => {
    const [, [, b]] = company('a', 'b');
    const { programs } = b;
    await expect(programs.order('g', new Uint8Array(65_537))).rejects.toMatchObject({ code: 'FLT-1204' });
    const waiting = fateOf(programs.order('g', bytes('x')));
    for (let i = 1; i < 1_024; i++) programs.order('g', bytes('x')).catch(() => {});
    await expect(programs.order('g', bytes('x'))).rejects.toMatchObject({ code: 'FLT-1305' });
    programs.stop();
    await turn();
    expect(waiting.text).toBe('FLT-1204');
    await expect(programs.order('g', bytes('x'))).rejects.toMatchObject({ code: 'FLT-1204' });
    await expect(programs.join('g', '')).rejects.toMatchObject({ code: 'FLT-1204' });
  });
});

describe('multicast in the order of its sender', () => {
  it('API-11 BUS-7 BUS-8 all members hear it in the order in which it was sent', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    const said = Array.from({ length: 20 }, (_, i) => `${i}`);
    for (const text of said) b.programs.multicast('g', bytes(text));
    fleet.pass(10);
    for (const each of [a, b, c]) expect(each.texts('sender')).toEqual(said);
  });

  it('BUS-8 what comes late, over an earlier way, or twice, is left out', () => {
    const [fleet, [a, b]] = company('a', 'b');
    const late: ProgramMessage[] = [];
    let hold = true;
    b.ignores = (message) => {
      if (message.kind === 'multicast' && hold) late.push(message);
      return hold;
    };
    a.programs.multicast('g', bytes('first'));
    fleet.pass(10);
    hold = false;
    a.programs.multicast('g', bytes('second'));
    fleet.pass(10);
    for (const message of late) b.sayAs(message);
    fleet.pass(10);
    expect(late).toHaveLength(1);
    expect(b.texts('sender')).toEqual(['second']);
  });

  it('BUS-15 a message of a megabyte arrives whole', () => {
    const [fleet, [a, b]] = company('a', 'b');
    a.programs.multicast('g', bytes('x'.repeat(1_048_576)));
    fleet.pass(10);
    expect(b.texts('sender').map(({ length }) => length)).toEqual([1_048_576]);
    expect(() => a.programs.multicast('g', new Uint8Array(1_048_577))).toThrow(
      expect.objectContaining({ code: 'FLT-1204' }),
    );
  });

  it('BUS-25 nothing is kept while the link is down', () => {
    const [fleet, [a, b]] = company('a', 'b');
    a.wire.setState('down');
    expect(() => a.programs.multicast('g', bytes('x'))).toThrow(
      expect.objectContaining({ code: 'FLT-1204' }),
    );
    a.wire.setState('up');
    fleet.pass(100);
    expect(b.texts('sender')).toEqual([]);
  });

  it('MSG-1 who is not in the view is not heard, and counted', () => {
    const [fleet, [a, b]] = company('a', 'b');
    const stranger = new Speaker(fleet, fleet.start('c'));
    stranger.programs.multicast('g', bytes('x'));
    fleet.pass(10);
    expect([a.texts('sender'), b.texts('sender')]).toEqual([[], []]);
    expect(a.sailor.recorder.counted.get('program_messages_dropped_total')).toBe(1);
  });
});

describe('private messages', () => {
  it('API-11 ID-21 only the one it is for hears it, also when it is the sender', () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    for (const text of ['1', '2']) a.programs.send(b.sailor.incarnation, bytes(text));
    a.programs.send(a.sailor.incarnation, bytes('note'));
    fleet.pass(10);
    const order: MulticastOrder = 'sender';
    expect(b.heard).toEqual(['1', '2'].map((text) => ({ text, from: 'a', group: undefined, order })));
    expect([a.texts('sender'), c.texts('sender')]).toEqual([['note'], []]);
  });
});

describe('requests for statistics', () => {
  const said = (answers: ReadonlyMap<{ node: string }, Uint8Array>) =>
    [...answers].map(([{ node }, payload]) => `${node} ${new TextDecoder().decode(payload)}`).sort();

  it('API-13 whoever has something to say answers, the asker too; nobody waits for the others', async () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    a.stats = async (what, from) => bytes(`${what} for ${from.node}`);
    c.stats = a.stats;
    const answers = b.programs.requestStats('queues', 5_000);
    for (let i = 0; i < 10; i++) {
      fleet.pass(2);
      await turn();
    }
    expect(said(await answers)).toEqual(['a queues for b', 'c queues for b']);
  });

  it('API-13 one that fails has nothing to say, and that is logged', async () => {
    const [fleet, [a, b]] = company('a', 'b');
    a.stats = () => Promise.reject(new Error('no spool'));
    const answers = b.programs.requestStats('queues', 5_000);
    for (let i = 0; i < 10; i++) {
      fleet.pass(2);
      await turn();
    }
    expect(said(await answers)).toEqual([]);
    expect(a.sailor.recorder.texts('error')).toEqual(["error: no statistics for 'queues': Error: no spool"]);
  });

  it('API-13 who dies, or takes too long, is not waited for', async () => {
    const [fleet, [a, b, c]] = company('a', 'b', 'c');
    a.stats = async () => bytes('here');
    c.stats = () => new Promise(() => {});
    const asked = fateOf(b.programs.requestStats('queues', 60_000));
    const late = b.programs.requestStats('queues', 500);
    fleet.pass(100);
    await turn();
    fleet.pass(400);
    expect(said(await late)).toEqual(['a here']);
    expect(asked.text).toBe('pending');
    for (const wire of [c.sailor.wire, c.wire]) wire.setState('down');
    fleet.pass(2_000);
    await turn();
    expect(asked.text).toBe('done');
  });

  it('API-13 FLT-1204 nobody can be asked over a broken link', async () => {
    const [, [, b]] = company('a', 'b');
    b.wire.setState('down');
    await expect(b.programs.requestStats('queues', 5_000)).rejects.toMatchObject({ code: 'FLT-1204' });
  });
});
