import { describe, expect, it } from 'vitest';
import type { NeighbourFrame } from '../../../src/actors/kernel-port.ts';
import { Harbour, matureMs } from './harbour.ts';

const isClaims = (subject: string) => subject.endsWith('.vip.claims');
const isPrivate = (subject: string) => subject.endsWith('.vip');
const isReleased = (subject: string) => subject.endsWith('.vip.released');
const isAnnouncement = (subject: string) => subject.endsWith('.vip.announcement');

/** Frames by sender from now on: `c 10.9.0.1`. */
function listenIn(harbour: Harbour): string[] {
  const heard: string[] = [];
  const announce = harbour.lan.announce.bind(harbour.lan);
  harbour.lan.announce = (from, frames: readonly NeighbourFrame[]) => {
    for (const { ip } of frames) heard.push(`${from.name} ${ip}`);
    announce(from, frames);
  };
  return heard;
}

/** Until somebody answers for the address that an operator moves there. */
async function moveTakesMs(harbour: Harbour, ip: string, to: string): Promise<number> {
  const fromMs = harbour.clock.nowMs();
  harbour.ownership('a').request({ id: ip + to, verb: 'move', ips: [ip], to: harbour.at(to).incarnation });
  await harbour.until(() => harbour.lan.answering(ip).some(({ name }) => name === to));
  return harbour.clock.nowMs() - fromMs;
}

describe('claims say what a member may have, so that nobody waits for what it has not', () => {
  it('OWN-34, INV-26 given it by a decision that it never followed', async () => {
    const harbour = await Harbour.settled('a b c d');
    const ip = harbour.number(4);
    const found = harbour.lose('a', (subject) => isClaims(subject) || isPrivate(subject));
    harbour.at('d').kill();
    harbour.reportClosed('d');
    // Only a has the claims of the view without d, and gives away what was its.
    const size = () => harbour.at('a').member.membership.view.members.length;
    await harbour.until(() => size() === 3 && harbour.ownership('a').applied > 0);
    const given = ['b', 'c'].find(
      (name) => harbour.ownership('a').table.ownerOf(ip) === harbour.at(name).incarnation,
    )!;
    expect(harbour.ownership(given).state).toBe('gathering');
    // Longer than its lease, and not long enough to be missed: it leaves by itself, and is back at once.
    harbour.at(given).clock.pause();
    await harbour.pass(850);
    harbour.clock.after(0, () => harbour.at(given).clock.resume());
    await harbour.until(() => size() === 2);
    found();
    await harbour.until(() => size() === 3);
    await harbour.pass(matureMs + 1_000);
    const there = harbour.lan.answering(ip)[0]!.name;
    const other = ['a', 'b', 'c'].find((name) => name !== there && name !== given)!;
    expect(await moveTakesMs(harbour, ip, other)).toBeLessThan(200);
    expect(harbour.doubles).toEqual([]);
  });

  it('OWN-34, INV-26 its word that it let go was lost: the wait is over with the next view', async () => {
    const harbour = await Harbour.settled('a b c');
    const ip = harbour.number(2);
    const found = harbour.lose('b', isReleased);
    expect(await moveTakesMs(harbour, ip, 'c')).toBeGreaterThan(3_000);
    found();
    harbour.start('d');
    await harbour.until(() => harbour.at('a').member.membership.view.members.length === 4);
    await harbour.until(() => harbour.ownership('a').state === 'leading');
    expect(await moveTakesMs(harbour, ip, 'a')).toBeLessThan(200);
    expect(harbour.doubles).toEqual([]);
  });

  it('OWN-34, NET-9 what it does not claim and could not take off yet is waited for', async () => {
    const harbour = await Harbour.settled('a b c');
    const ip = harbour.number(2);
    harbour.machine('b').refusesOff.set(ip, 'busy');
    const joining = harbour.start('d').member.membership;
    const moved = moveTakesMs(harbour, ip, 'c');
    expect(await moved).toBeGreaterThan(3_000);
    expect(joining.view.members.length, 'a view began meanwhile').toBe(4);
    expect(harbour.doubles).toEqual([]);
  });
});

describe('claims at the beginning of a view', () => {
  it('OWN-2, VIEW-7, LIFE-8 nothing stops answering while claims are gathered', async () => {
    const harbour = await Harbour.settled('a b');
    const found = harbour.lose('a', (subject) => isClaims(subject) || isPrivate(subject));
    harbour.start('c');
    await harbour.until(() => harbour.at('c').member.membership.view.members.length === 3);
    await harbour.pass(300);
    expect([harbour.ownership('b').state, harbour.ownership('c').state]).toEqual(['gathering', 'gathering']);
    expect(harbour.answering()).toEqual({ a: '1 3 5', b: '2 4 6', c: '' });
    expect(harbour.log.size).toBe(0);
    found();
    await harbour.until(() => harbour.ownership('c').state === 'following');
    expect(harbour.tables('a', 'b', 'c')).toBe('a b a b a b');
    expect(harbour.log.size).toBe(0);
  });

  it('OWN-1 a node is down without a bus, gathers after each view, then leads or follows', async () => {
    const harbour = await Harbour.settled('a b');
    const states = () => ['a', 'b'].map((name) => harbour.ownership(name).state);
    expect(states()).toEqual(['leading', 'following']);
    harbour.network.breakLink(harbour.at('b').links.m, 100);
    await harbour.pass(50);
    expect(states()).toEqual(['leading', 'down']);
    await harbour.until(() => states().join() === 'leading,following', 1_000);
    harbour.start('c');
    await harbour.until(() => states().join() === 'gathering,gathering', 3_000);
    await harbour.until(() => states().join() === 'leading,following', 1_000);
  });

  it('LIFE-16 a view that changes while claims are gathered begins anew, with the claims of before', async () => {
    const harbour = await Harbour.settled('a b', { apart: true });
    const found = harbour.lose('a', (subject) => isClaims(subject) || isPrivate(subject));
    const members = () => harbour.at('b').member.membership.view.members.map(({ node }) => node);
    harbour.start('c');
    await harbour.until(() => members().length === 3);
    harbour.at('c').kill();
    harbour.reportClosed('c');
    await harbour.until(() => members().join() === 'a,b');
    harbour.start('d');
    await harbour.until(() => members().join() === 'a,b,d');
    expect([harbour.ownership('b').state, harbour.tables('b')]).toEqual(['gathering', 'a b a b a b']);
    found();
    await harbour.until(() => harbour.ownership('d').state === 'following');
    expect(harbour.tables('a', 'b', 'd')).toBe('a b a b a b');
    await harbour.pass(1_000);
    expect([harbour.log.size, harbour.answering().a]).toEqual([0, '1 3 5']);
  });

  it('OWN-3 claims that come before the view they are for are kept for it', async () => {
    const harbour = await Harbour.settled('a b');
    // c hears of the view last: everybody else's claims are there by then.
    harbour.start('c');
    await harbour.pass(3_000);
    const solicits = harbour.at('c').counters.get('vip_solicits_total');
    expect([harbour.ownership('c').state, solicits]).toEqual(['following', undefined]);
    expect(harbour.tables('a', 'b', 'c')).toBe('a b a b a b');
  });

  it.each([
    ['claims', isClaims],
    ['announcement', isAnnouncement],
    ['claims and announcement', (subject: string) => isClaims(subject) || isAnnouncement(subject)],
  ])('OWN-4 lost %s are asked for within two beats', async (_what, isLost) => {
    const harbour = await Harbour.settled('a b');
    harbour.start('c');
    harbour.lose('c', isLost);
    await harbour.until(() => harbour.ownership('a').state === 'gathering', 3_000);
    await harbour.until(() => harbour.ownership('a').state === 'leading', 500);
    await harbour.until(() => harbour.ownership('b').state === 'following', 500);
    expect(harbour.tables('a', 'b', 'c')).toBe('a b a b a b');
  });

  it('OWN-4, MEM-17 whoever never says what it owns is left out, and comes back when it does', async () => {
    const harbour = await Harbour.settled('a b', { settings: { quorum: 2 } });
    harbour.start('c');
    const found = harbour.lose('c', (subject) => isClaims(subject) || isPrivate(subject));
    const members = (name: string) => harbour.at(name).member.membership.view.members.map(({ node }) => node);
    await harbour.until(() => members('a').join() === 'a,b,c', 3_000);
    await harbour.until(() => members('a').join() === 'a,b' && members('b').join() === 'a,b', 2_800);
    await harbour.until(() => harbour.ownership('a').state === 'leading', 500);
    // Another view does not wait for it again.
    harbour.start('d');
    await harbour.until(
      () => members('a').join() === 'a,b,d' && harbour.ownership('a').state === 'leading',
      3_500,
    );
    expect(harbour.tables('a', 'b', 'd')).toBe('a b a b a b');
    found();
    await harbour.until(
      () => members('a').length === 4 && harbour.ownership('a').state === 'leading',
      20_000,
    );
    await harbour.pass(1_000);
    expect(members('a')).toContain('c');
    expect(harbour.doubles).toEqual([]);
  });

  it('OWN-5 decisions that come while claims are gathered wait, and are applied afterwards', async () => {
    const harbour = await Harbour.settled('a b c');
    const found = harbour.lose('a', (subject) => isClaims(subject) || isPrivate(subject));
    harbour.at('c').kill();
    harbour.reportClosed('c');
    await harbour.pass(400);
    expect([harbour.ownership('a').state, harbour.ownership('b').state]).toEqual(['leading', 'gathering']);
    expect([harbour.ownership('a').applied, harbour.ownership('b').applied]).toEqual([1, 0]);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5', c: '' });
    found();
    await harbour.until(() => harbour.answering().b === '2 5 6', 1_000);
    expect([harbour.tables('a', 'b'), harbour.doubles]).toEqual(['a b a a b b', []]);
  });

  it('OWN-4, DVC-15 an announcement that was lost is missed with the next beat', async () => {
    const harbour = await Harbour.settled('a b');
    const found = harbour.lose('b', isAnnouncement);
    harbour.ownership('b').local.setFit(harbour.number(2), 'sick');
    await harbour.pass(50);
    expect(harbour.answering().b).toBe('2 4 6');
    found();
    await harbour.until(() => harbour.answering().a === '1 2 3 5', 600);
  });

  it('OWN-8, ARP-7 after a heal winners announce, once more when the loser has let go, and losers are silent', async () => {
    const harbour = await Harbour.settled('a b', { apart: true, ips: ['10.9.0.1', '10.9.0.2'] });
    harbour.partition('a', 'b');
    await harbour.pass(matureMs + 4_000);
    expect(harbour.answering()).toEqual({ a: '1 2', b: '1 2' });
    // Both have said their last word against the other by then.
    await harbour.pass(10_000);
    const heard = listenIn(harbour);
    harbour.heal();
    await harbour.until(() => harbour.answering().b === '2', 3_000);
    await harbour.pass(10_000);
    expect(harbour.answering()).toEqual({ a: '1', b: '2' });
    expect([...new Set(heard)].sort()).toEqual(['a 10.9.0.1', 'b 10.9.0.2']);
    // At the merge both forms at once; on the word of the loser the schedule of six begins anew.
    expect(heard.filter((each) => each === 'a 10.9.0.1')).toHaveLength(8);
    expect(harbour.lan.neighbours.get('10.9.0.1')).toBe(harbour.machine('a').mac);
  });

  it('NET-9, OWN-35 what is stuck is in the claims, and shows at the others', async () => {
    const harbour = await Harbour.settled('a b');
    const ip = harbour.number(1);
    harbour.machine('a').refusesOff.set(ip, 'busy');
    harbour.ownership('a').request({ id: 'm', verb: 'move', ips: [ip], to: harbour.at('b').incarnation });
    await harbour.until(() => harbour.answering().b?.startsWith('1') === true, 4_000);
    await harbour.open('c');
    expect([...harbour.ownership('c').table.stuckAt(ip)]).toEqual([harbour.at('a').incarnation]);
    expect(harbour.doubles).toEqual([]);
  });
});

describe('an exchange that cannot end', () => {
  it('LIFE-18 a node alone whose bus was away for longer than its lease serves again afterwards', async () => {
    const harbour = await Harbour.settled('a');
    expect(harbour.answering()).toEqual({ a: '1 2 3 4 5 6' });
    harbour.network.breakLink(harbour.at('a').links.m, 2_000);
    await harbour.pass(1_500);
    expect(harbour.answering()).toEqual({ a: '' });
    await harbour.until(() => harbour.answering().a === '1 2 3 4 5 6', 3_000 + matureMs);
  });

  it('LIFE-20 all servers are away for longer than the leases: everybody serves again afterwards', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.network.stopServer(0);
    await harbour.pass(4_000);
    expect(harbour.answering()).toEqual({ a: '', b: '', c: '' });
    harbour.network.startServer(0);
    await harbour.until(() => harbour.tables('a', 'b', 'c').includes('-') === false, 3_000 + matureMs);
    await harbour.pass(1_000);
    expect(Object.values(harbour.answering()).join(' ').split(' ').filter(Boolean)).toHaveLength(6);
    expect(harbour.doubles).toEqual([]);
  });

  it('LIFE-20 keep: a bus that is away for all takes nothing away', async () => {
    const harbour = await Harbour.settled('a b c', { settings: { keepOnOutage: true } });
    harbour.network.stopServer(0);
    await harbour.pass(10_000);
    expect(harbour.answering()).toEqual({ a: '1 4', b: '2 5', c: '3 6' });
    harbour.network.startServer(0);
    await harbour.pass(5_000);
    expect(harbour.answering()).toEqual({ a: '1 4', b: '2 5', c: '3 6' });
  });

  it('LIFE-19 a node whose bus was away for a moment keeps what it has', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.network.breakLink(harbour.at('c').links.m, 100);
    await harbour.pass(3_000);
    expect([harbour.answering().c, harbour.log.size]).toEqual(['3 6', 0]);
  });

  it('the actor of the exchange dies: it goes on where the node stands', async () => {
    const harbour = await Harbour.settled('a b c');
    const { table } = harbour.ownership('a');
    Object.defineProperty(table, 'pending', {
      configurable: true,
      get() {
        delete (table as { pending?: unknown }).pending;
        throw new Error('a fault in the table');
      },
    });
    await harbour.until(() => Object.hasOwn(table, 'pending') === false, 2_000);
    await harbour.pass(10);
    expect(harbour.ownership('a').state).toBe('leading');
    harbour.at('c').kill();
    harbour.reportClosed('c');
    await harbour.until(() => harbour.answering().a === '1 3 4', 500);
  });
});
