import { describe, expect, it } from 'vitest';
import type { RowDigest, ViewMessage } from '../../../src/core/agreement/messages.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { senderOf } from '../agreement/post-office.ts';
import { Fleet, type Sailor } from './fleet.ts';

const is = (kind: ViewMessage['kind']) => (message: ViewMessage) => message.kind === kind;
const bytes = (text: string) => new TextEncoder().encode(text);
const byzantine = (sailor: Sailor) => sailor.recorder.texts().filter((line) => line.includes('byzantine'));
/** Notes what a program is told of members that do not behave as such. */
function suspicionsOf({ membership }: Sailor): string[] {
  const told: string[] = [];
  membership.listen({ byzantine: (node, reason) => told.push(`${node} ${reason}`) });
  return told;
}
const views = (sailor: Sailor) => sailor.told.filter((line) => line.startsWith('view'));

describe('standing', () => {
  it('MEM-4 offline: the words of the machine say so, and nobody is listed', () => {
    const fleet = new Fleet();
    const a = fleet.start('a');
    a.wire.setState('down');
    expect([a.membership.standing, a.membership.state, a.membership.members()]).toEqual([
      'offline',
      'offline quiet',
      [],
    ]);
  });

  it('BUS-14 connected but by itself: alone', () => {
    const fleet = new Fleet();
    const a = fleet.start('a');
    fleet.pass(2_000);
    expect([a.membership.standing, a.membership.state, a.members]).toEqual(['alone', 'alone quiet', 'a']);
  });

  it('BUS-21 in company: settled, after it was settling while the view was agreed on', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    expect(a.told).toEqual(['settling', 'settled', 'view a b: join']);
    expect(b.told).toEqual(['settling', 'settled', 'view a b: join']);
    fleet.pass(20_000);
    expect(a.membership.state).toBe('settled beating');
  });

  it('BUS-17 losing the link is reported at once, and the way back leads over a view of its own', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    b.told.length = 0;
    b.wire.setState('down');
    expect(b.told).toEqual(['offline']);
    fleet.pass(3_000);
    expect([b.membership.state, b.members, a.members]).toEqual(['offline quiet', '', 'a']);
    b.wire.setState('up');
    fleet.pass(2_000);
    expect(b.told).toEqual(['offline', 'view b: network', 'alone', 'settling', 'settled', 'view a b: join']);
    expect([a.members, b.members]).toEqual(['a b', 'a b']);
  });

  it('BUS-19 a break shorter than the failure timeout changes no view', () => {
    const [fleet, [, b]] = Fleet.settled('a', 'b');
    b.told.length = 0;
    b.wire.setState('down');
    fleet.pass(400);
    b.wire.setState('up');
    fleet.pass(3_000);
    expect(b.told).toEqual(['offline', 'settled']);
  });
});

describe('leader', () => {
  it('MEM-7, MEM-11 every member names the same one', () => {
    const [, sailors] = Fleet.settled('a', 'b', 'c');
    expect(sailors.map(({ membership }) => membership.leader?.node)).toEqual(['a', 'a', 'a']);
    expect(sailors.map(({ membership }) => membership.isLeader)).toEqual([true, false, false]);
  });

  it('MEM-12 none is known while disconnected or while the view changes', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b', 'c');
    b.wire.setState('down');
    expect(b.membership.leader).toBeUndefined();
    a.ignores = is('ok');
    fleet.pass(1_500);
    expect([a.membership.standing, a.membership.leader]).toEqual(['settling', undefined]);
  });

  it('MEM-10 a manager in company with another has no leader', () => {
    const fleet = new Fleet();
    const managers = ['x', 'y'].map((name) => fleet.start(name, { type: 'Manager' }));
    fleet.pass(3_000);
    expect(managers.map(({ members, membership }) => [members, membership.leader])).toEqual([
      ['x y', undefined],
      ['x y', undefined],
    ]);
  });

  it('BUS-9, INV-1 what the leader orders changes the table of every member in the same way', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    expect([
      a.membership.order(bytes('one')),
      a.membership.order(bytes('two')),
      b.membership.order(bytes('x')),
    ]).toEqual([true, true, false]);
    fleet.pass(100);
    for (const sailor of [a, b, c]) expect(sailor.told.slice(-2)).toEqual(['1 one', '2 two']);
    const tables = [a, b, c].map(({ membership }) => `${membership.applied} ${membership.table}`);
    expect(new Set(tables).size).toBe(1);
    expect(a.membership.table).not.toBe(0);
  });
});

describe('who is told', () => {
  it('MEM-5 of a view can ask for its leader at once', () => {
    const fleet = new Fleet();
    const a = fleet.start('a');
    const leaders: unknown[] = [];
    a.membership.listen({
      viewInstalled: () => leaders.push([a.membership.standing, a.membership.leader?.node]),
    });
    fleet.start('b');
    fleet.pass(2_000);
    expect(leaders).toEqual([['settled', 'a']]);
  });

  it('MEM-8, MSG-1 an ordered message of another view, or not from the leader, is counted and logged', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    const entry = { number: 1, payload: bytes('mine') };
    const { id } = a.membership.view;
    b.say({ kind: 'ordered', from: b.incarnation, view: id, entry });
    b.say({ kind: 'ordered', from: b.incarnation, view: { ...id, nonce: id.nonce + 1 }, entry });
    fleet.pass(100);
    expect([a.membership.applied, a.recorder.counted.get('view_messages_rejected_total')]).toEqual([0, 2]);
    expect(a.recorder.texts('error')).toEqual([
      'error: ordered message from b, which is not the leader, ignored',
    ]);
    expect(a.recorder.texts('debug')).toContain('debug: ordered message of another view from b ignored');
  });
});

describe('the table of a view', () => {
  it('INV-1 begins anew with each view: a newcomer has not heard what was ordered before', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    a.membership.order(bytes('before'));
    const c = fleet.start('c');
    fleet.pass(2_000);
    expect([a, b, c].map(({ membership }) => membership.table)).toEqual([0, 0, 0]);
    a.membership.order(bytes('after'));
    fleet.pass(100);
    expect(c.membership.table).toBe(a.membership.table);
  });
});

describe('information about members', () => {
  it('MEM-1 travels with STATE once a view', () => {
    const fleet = new Fleet();
    const a = fleet.start('a', { version: '4.2.1', address: '10.0.0.7' });
    const b = fleet.start('b', { type: 'Manager', subcluster: 'east' });
    fleet.pass(2_000);
    expect(a.membership.members().map(({ info }) => info)).toMatchObject([a.info, b.info]);
    expect(b.membership.infoOf(a.incarnation)).toEqual(a.info);
    expect(a.sentOf('state')).toHaveLength(1);
  });

  it('MEM-3 a member whose STATE was lost is listed without information, which is then asked for', () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.start('a'), fleet.start('b')];
    b.withholds = is('state');
    fleet.pass(3_000);
    expect(a.membership.members().map(({ process, info }) => [process.node, info?.version])).toEqual([
      ['a', '4.2.1'],
      ['b', undefined],
    ]);
    expect(a.sentOf('solicit').length).toBeGreaterThan(0);
    b.withholds = () => false;
    fleet.pass(1_000);
    expect(a.membership.infoOf(b.incarnation)).toEqual(b.info);
    const asked = a.sentOf('solicit').length;
    fleet.pass(10_000);
    expect(a.sentOf('solicit')).toHaveLength(asked);
  });

  it('MEM-3 when no STATE is lost nobody asks', () => {
    const [fleet, sailors] = Fleet.settled('a', 'b', 'c');
    fleet.pass(60_000);
    for (const sailor of sailors) expect(sailor.sentOf('solicit')).toEqual([]);
  });

  it('MSG-1 a STATE that speaks for another process is not believed', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    const view = a.membership.view.id;
    b.say({ kind: 'state', from: b.incarnation, view, info: { ...c.info, version: 'lie' } });
    fleet.pass(100);
    expect(a.membership.infoOf(c.incarnation)?.version).toBe('4.2.1');
  });

  it('MEM-4 information of processes that are gone is forgotten with one of the next views', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    b.membership.leave();
    fleet.pass(20_000);
    const c = fleet.start('c');
    fleet.pass(2_000);
    expect(a.members).toBe('a c');
    expect([a.membership.infoOf(b.incarnation), a.membership.infoOf(c.incarnation)]).toEqual([
      undefined,
      c.info,
    ]);
  });
});

describe('heartbeats', () => {
  it('MEM-13 none before the start delay, then one each interval', () => {
    const [fleet, [a]] = Fleet.settled('a', 'b');
    fleet.clock.runUntil(14_900);
    expect(a.sentOf('heartbeat')).toHaveLength(0);
    fleet.clock.runUntil(25_100);
    expect(a.sentOf('heartbeat')).toHaveLength(11);
  });

  it('MEM-13 at ten a second, ten a second', () => {
    const fleet = new Fleet();
    const a = fleet.start('a', {}, { heartbeatIntervalMs: 100, heartbeatStartDelayMs: 1_000 });
    fleet.clock.runUntil(3_050);
    expect(a.sentOf('heartbeat')).toHaveLength(21);
  });

  it('MEM-13 an actor that failed and was started anew does not fall silent for another start delay', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    fleet.clock.runUntil(20_500);
    a.sent.length = 0;
    let fails = true;
    a.membership.announceRows(() => {
      if (fails) throw new Error('no rows');
      return [];
    });
    fleet.pass(200);
    fails = false;
    expect(a.recorder.texts('critical')).toEqual([
      'critical: An actor failed: membership failed on its pulse',
    ]);
    fleet.pass(10_000);
    expect(a.sentOf('heartbeat').length).toBeGreaterThan(9);
    expect([a.membership.state, b.members, byzantine(b)]).toEqual(['settled beating', 'a b', []]);
  });

  it('API-2 MEM-14, MEM-15 to MEM-17 a member that beats but sends no heartbeats is left out, and comes back with its heartbeats', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    const suspicions = suspicionsOf(a);
    fleet.clock.runUntil(20_000);
    c.withholds = is('heartbeat');
    fleet.pass(10_000);
    expect([a.members, b.members, c.members]).toEqual(['a b', 'a b', 'c']);
    // Left out for good, not taken in again by the next merge.
    expect(views(a).slice(-1)).toEqual(['view a b: network']);
    expect(byzantine(a)).toEqual(['notice: byzantine member: no heartbeats of c']);
    expect(suspicions).toEqual(['c silent']);
    c.withholds = () => false;
    fleet.pass(3_000);
    expect([a.members, b.members, c.members]).toEqual(['a b c', 'a b c', 'a b c']);
    expect(a.recorder.texts()).toContain('notice: heartbeats of c are back');
  });

  it('MEM-17 if it is the leader that is silent, the next member leads', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    fleet.clock.runUntil(20_000);
    a.withholds = is('heartbeat');
    fleet.pass(10_000);
    expect([b.membership.leader?.node, c.membership.leader?.node]).toEqual(['b', 'b']);
    expect(c.members).toBe('b c');
  });

  it('MEM-17 it comes back also after an hour as a good member and an hour of silence', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    fleet.pass(3_600_000);
    b.withholds = is('heartbeat');
    fleet.pass(3_600_000);
    expect([a.members, b.members]).toEqual(['a', 'b']);
    // Views that come and go meanwhile do not make a forget whom it suspects.
    const c = fleet.start('c');
    c.ignores = (message) => senderOf(message) === b.incarnation;
    fleet.pass(5_000);
    expect(a.members).toBe('a c');
    c.membership.leave();
    b.withholds = () => false;
    fleet.pass(5_000);
    expect([a.members, b.members]).toEqual(['a b', 'a b']);
  });

  it('API-2 MEM-17 a member whose table differs is reported, and resets itself when it persists', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    const [ofA, ofB] = [suspicionsOf(a), suspicionsOf(b)];
    fleet.clock.runUntil(20_000);
    b.ignores = (message) => {
      // On its way to b another text than a sent.
      if (message.kind === 'ordered') message.entry.payload[0]! ^= 1;
      return false;
    };
    a.membership.order(bytes('text'));
    fleet.pass(3_500);
    expect(byzantine(a)).toEqual(['notice: byzantine member: b has another table']);
    expect(byzantine(b)).toEqual(['notice: byzantine member: a has another table']);
    fleet.pass(3_000);
    expect(b.told.at(-1)).toBe('reset: byzantine: this table differs from the leader');
    expect(a.told.at(-1)).toBe('1 text');
    expect([ofA, ofB]).toEqual([['b diverged'], ['a diverged', 'b diverged']]);
  });

  it('API-2 MEM-16 an alien, which keeps another view, is reported once and asked who it is', () => {
    const [fleet, [a]] = Fleet.settled('a', 'b');
    const suspicions = suspicionsOf(a);
    // c hears nobody and is heard by all: it can be in no view with them.
    const c = fleet.start('c');
    c.ignores = () => true;
    fleet.pass(60_000);
    expect(byzantine(a)).toEqual(['notice: byzantine member: c keeps another view']);
    expect(suspicions).toEqual(['c alien']);
    expect(a.sentOf('solicit')).toHaveLength(1);
  });

  it('API-2 OWN-4 a member that does not say what it owns is reported', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    const suspicions = suspicionsOf(a);
    a.membership.distrust(b.incarnation, fleet.clock.nowMs() + 1_000);
    expect(suspicions).toEqual(['b mute']);
  });

  it('R7 heartbeats of processes that nobody hears are not remembered', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    const from = 'f'.repeat(32) as Incarnation;
    const view = { epoch: 9, coordinator: from, nonce: 1 };
    for (let i = 0; i < 10; i++) {
      b.say({ kind: 'heartbeat', from, view, leader: undefined, applied: 0, table: 0 });
      fleet.pass(1_000);
    }
    // If they were, it would be an alien by now.
    expect(byzantine(a)).toEqual([]);
  });
});

describe('leaving and losing', () => {
  it('LIFE-10 leave says goodbye: the others have a new view without waiting', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b', 'c');
    b.membership.leave();
    fleet.pass(20);
    expect(views(a).slice(-1)).toEqual(['view a c: leave']);
    expect(a.members).toBe('a c');
  });

  it('LIFE-10 who has left says and does nothing more, and leaving twice is leaving once', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    b.told.length = 0;
    b.membership.leave();
    b.membership.leave();
    const sent = b.sent.length;
    a.membership.order(bytes('news'));
    b.reportClosed(a.incarnation);
    fleet.pass(10_000);
    expect([b.sentOf('goodbye').length, b.sent.length, b.told]).toEqual([1, sent, []]);
  });

  it('BUS-21 closed evidence reaches the agreement', () => {
    const [fleet, [a, b, c]] = Fleet.settled('a', 'b', 'c');
    c.wire.setState('down');
    b.reportClosed(c.incarnation);
    a.reportClosed(c.incarnation);
    fleet.pass(20);
    expect(views(a).slice(-1)).toEqual(['view a b: disconnect']);
  });

  it('ID-20 the later of two processes of one name is told who has it, with the address', () => {
    const [fleet, [a]] = Fleet.settled('a', 'b');
    const twin = fleet.start('a');
    fleet.pass(3_000);
    expect(twin.told.filter((line) => line.startsWith('name'))).toEqual([]);
    fleet.pass(600);
    expect(twin.told.filter((line) => line.startsWith('name'))[0]).toMatch(/^name taken by a at /);
    expect(a.told.filter((line) => line.startsWith('name'))).toEqual([]);
  });
});

describe('digests of rows', () => {
  it('they ride on beats and are shown to listeners, of members only', () => {
    const [fleet, [a, b]] = Fleet.settled('a', 'b');
    const seen: (readonly [string, readonly RowDigest[]])[] = [];
    a.membership.listen({ rowsSeen: (from, digests) => seen.push([from, digests]) });
    const digest: RowDigest = { object: 1, sequence: 2, high: 3, low: 4 };
    b.membership.announceRows(() => [digest]);
    const stranger = fleet.start('c');
    stranger.ignores = () => true;
    fleet.pass(250);
    expect(seen.every(([from]) => from === b.incarnation)).toBe(true);
    expect(seen.at(-1)).toEqual([b.incarnation, [digest]]);
  });
});

describe('views are logged', () => {
  it('with epoch, cause and private names, and counted', () => {
    const [, [a, b]] = Fleet.settled('a', 'b');
    const name = (sailor: Sailor) =>
      `#ec0-${String(sailor.membership.self.number).padStart(5, '0')}#${sailor.info.node}`;
    expect(a.recorder.texts('notice')).toEqual([`notice: view 1 installed (join): ${name(a)} ${name(b)}`]);
    expect(a.recorder.counted.get('view_changes_total')).toBe(1);
  });
});
