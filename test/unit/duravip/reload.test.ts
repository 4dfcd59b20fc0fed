import { describe, expect, it } from 'vitest';
import { vipView } from '../../../src/core/duravip/vip-view.ts';
import { Harbour, localVip, matureMs } from './harbour.ts';

const isPrivate = (subject: string) => subject.endsWith('.vip');
const isAnnouncement = (subject: string) => subject.endsWith('.vip.announcement');

function labelsAt(harbour: Harbour, name: string, ip: string): readonly string[] {
  return vipView(harbour.ownership(name).table, ip, harbour.clock.nowMs())?.labels ?? [];
}

describe('a configuration that changes at run time', () => {
  const ips = ['10.9.0.1', '10.9.0.2', '10.9.0.3', '10.9.0.4'];
  const vipsOf = (...wanted: string[]) => wanted.map((ip) => localVip(ip));

  it('DVC-14 an address that all nodes add is served when it has matured, clean before', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const added = '10.9.0.9';
    harbour.machine('b').addresses.set(added, [{ ip: added, prefixBits: 32, interface: 'eth0' }]);
    for (const name of ['a', 'b']) harbour.ownership(name).reconfigure(vipsOf(...ips, added));
    await harbour.pass(matureMs - 100);
    expect([harbour.lan.answering(added), [...harbour.machine('b').addresses.keys()]]).toEqual([
      [],
      ['10.9.0.2', '10.9.0.4'],
    ]);
    await harbour.until(() => harbour.lan.answering(added).length === 1, 2_000);
    expect([harbour.answering(), harbour.critical]).toEqual([{ a: '1 3', b: '2 4' }, []]);
  });

  it('DVC-16 an address that its owner removes goes to the other at once, and is off here', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    harbour.ownership('a').reconfigure(vipsOf('10.9.0.2', '10.9.0.3', '10.9.0.4'));
    await harbour.until(() => harbour.answering().b === '1 2 4', 100);
    expect([...harbour.machine('a').addresses.keys()]).toEqual(['10.9.0.3']);
    expect(harbour.machine('a').managed).toEqual(new Set(['10.9.0.2', '10.9.0.3', '10.9.0.4']));
    expect(
      harbour
        .at('a')
        .member.system.list()
        .some(({ id }) => id === 'duravip 10.9.0.1'),
    ).toBe(false);
    expect([harbour.doubles, harbour.critical]).toEqual([[], []]);
  });

  it('DVC-16, INV-4 a removed address that an earlier process left on another interface answers nobody, and is taken off', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const machine = harbour.machine('a');
    // Of b, so a never had it; its own removal of what it finds there has failed so far.
    const left = '10.9.0.2';
    machine.refusesOff.set(left, 'busy');
    machine.putOn({ ip: left, prefixBits: 32, interface: 'eth1' });
    harbour.ownership('a').reconfigure(vipsOf('10.9.0.1', '10.9.0.3', '10.9.0.4'));
    await harbour.pass(2_000);
    expect([machine.addresses.has(left), machine.answersFor(left)]).toEqual([true, false]);
    machine.refusesOff.clear();
    await harbour.until(() => !machine.addresses.has(left), 5_000);
    await harbour.until(() => !machine.managed.has(left), 100);
    expect(harbour.doubles).toEqual([]);
  });

  it('DVC-16, INV-31 an address that all remove is served by nobody, and forgotten', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    for (const name of ['a', 'b'])
      harbour.ownership(name).reconfigure(vipsOf('10.9.0.2', '10.9.0.3', '10.9.0.4'));
    await harbour.pass(3_000);
    expect(harbour.answering()).toEqual({ a: '3', b: '2 4' });
    expect(harbour.ownership('b').table.rows.get('10.9.0.1')).toBeUndefined();
  });

  it('NET-9 a removed address that cannot be taken off answers nobody, and is tried until it is off', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    harbour.machine('a').refusesOff.set('10.9.0.1', 'busy');
    harbour.ownership('a').reconfigure(vipsOf('10.9.0.2', '10.9.0.3', '10.9.0.4'));
    await harbour.pass(5_000);
    expect(harbour.lan.answering('10.9.0.1').map(({ name }) => name)).toEqual(['b']);
    expect(harbour.machine('a').addresses.has('10.9.0.1')).toBe(true);
    harbour.machine('a').refusesOff.clear();
    await harbour.pass(1_500);
    expect(harbour.machine('a').addresses.has('10.9.0.1')).toBe(false);
    expect([harbour.machine('a').managed.has('10.9.0.1'), harbour.doubles]).toEqual([false, []]);
  });

  it('DVC-14 removed and added again at once: it ends where the table says', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    harbour.ownership('a').reconfigure(vipsOf('10.9.0.2', '10.9.0.3', '10.9.0.4'));
    harbour.ownership('a').reconfigure(vipsOf(...ips));
    // A decision that gives it away may be under way: not before it would have come.
    await harbour.pass(200);
    expect(harbour.answering()).toEqual({ a: '3', b: '2 4' });
    await harbour.pass(2_000);
    expect([harbour.answering(), harbour.tables('a', 'b')]).toEqual([{ a: '1 3', b: '2 4' }, 'a b a b']);
    expect(harbour.doubles).toEqual([]);
  });

  it('DVC-17 another interface: it moves there without an election, and without a word to the others', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const applied = harbour.ownership('a').applied;
    const [first, ...others] = ips;
    harbour.ownership('a').reconfigure([localVip(first!, {}, 'eth1'), ...vipsOf(...others)]);
    await harbour.pass(1_000);
    expect(
      harbour
        .machine('a')
        .addresses.get(first!)
        ?.map((place) => place.interface),
    ).toEqual(['eth1']);
    expect([harbour.answering(), harbour.ownership('a').applied]).toEqual([{ a: '1 3', b: '2 4' }, applied]);
    expect(harbour.log.get(first!)).toEqual(['-', 'a']);
  });

  it('DVC-17, NET-4 no Topology covers it any more: it goes to another node', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const [first, ...others] = ips;
    harbour.ownership('a').reconfigure([{ ...localVip(first!), places: undefined }, ...vipsOf(...others)]);
    await harbour.until(() => harbour.answering().b === '1 2 4', 200);
    expect(harbour.doubles).toEqual([]);
  });

  it('DVC-14, OWN-12 another preference takes effect when the view has matured; nothing is touched meanwhile', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const preferring = ips.map((ip) => localVip(ip, ip.endsWith('.1') ? { preference: ['b'] } : {}));
    for (const name of ['a', 'b']) harbour.ownership(name).reconfigure(preferring);
    await harbour.pass(matureMs - 200);
    expect(harbour.log.size).toBe(0);
    await harbour.until(() => harbour.answering().b?.startsWith('1') === true, 2_000);
  });

  it('EXT-9 STA-12 names and services that one node after the other changes are neither broken nor unsafe meanwhile', async () => {
    const harbour = await Harbour.settled('a b c', { ips });
    const renamed = ips.map((ip) =>
      localVip(ip, { names: [`new${ip}`], services: [{ kind: 'esmtp', endpoint: `${ip}:25` }] }),
    );
    const seen = new Set<string>();
    const look = async (forMs: number) => {
      for (let passedMs = 0; passedMs < forMs; passedMs += 50) {
        for (const name of ['a', 'b', 'c'])
          for (const ip of ips) for (const label of labelsAt(harbour, name, ip)) seen.add(label);
        await harbour.pass(50);
      }
    };
    for (const name of ['a', 'b', 'c']) {
      harbour.ownership(name).reconfigure(renamed);
      await look(matureMs - 500);
    }
    await look(2 * matureMs);
    expect([...seen].sort()).toEqual(['immature', 'owned', 'safe']);
    expect(harbour.log.size).toBe(0);
  });

  it('EXT-9 STA-12 STA-13 a node that is forgotten is told of after the time of maturity, and not before', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    harbour.ownership('a').reconfigure(ips.map((ip) => localVip(ip, { names: [`new${ip}`] })));
    await harbour.pass(matureMs - 100);
    expect(labelsAt(harbour, 'b', ips[0]!)).toContain('safe');
    await harbour.until(() => labelsAt(harbour, 'b', ips[0]!).includes('broken'), 300);
    await harbour.until(() => harbour.lan.answering(ips[0]!).length === 0, 1_500);
    harbour.ownership('b').reconfigure(ips.map((ip) => localVip(ip, { names: [`new${ip}`] })));
    await harbour.until(() => labelsAt(harbour, 'b', ips[0]!).includes('safe'), 300);
  });

  it('EXT-9 STA-9 services that a program adds on one node only are unsafe at once: nobody changes a configuration', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    harbour.ownership('a').local.addServices(ips[0]!, [{ kind: 'http', endpoint: `${ips[0]}:80` }]);
    await harbour.until(() => labelsAt(harbour, 'b', ips[0]!).includes('unsafe'), 100);
  });

  it('DVC-14 options of time count from now on', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const { settings } = harbour.at('a').options;
    const faster = { ...settings.duravip!, table: { ...settings.duravip!.table, matureMs: 1_000 } };
    for (const name of ['a', 'b']) {
      harbour.ownership(name).configure({ ...faster, vips: [...faster.vips, localVip('10.9.0.9')] });
    }
    await harbour.until(() => harbour.lan.answering('10.9.0.9').length === 1, 2_500);
    expect(harbour.doubles).toEqual([]);
  });

  it('DVC-17 NET-5 a Topology that was wrong is put right: the address is tried again at once', async () => {
    const harbour = await Harbour.settled('a', { ips });
    harbour.machine('a').refusesOn.set(ips[0]!, 'no such device');
    harbour.ownership('a').reconfigure(ips.map((ip) => localVip(ip, {}, 'eth7')));
    await harbour.until(
      () => harbour.at('a').member.ownership!.local.get(ips[0]!)!.state === 'failed',
      2_000,
    );
    harbour.machine('a').refusesOn.clear();
    harbour.ownership('a').reconfigure(vipsOf(...ips));
    await harbour.until(() => harbour.lan.answering(ips[0]!).length === 1, matureMs + 2_000);
  });

  it('LIFE-2 INV-31 an address that is added, and that somebody has on another interface, is taken off there', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const added = '10.9.0.9';
    harbour.machine('b').addresses.set(added, [{ ip: added, prefixBits: 24, interface: 'eth3' }]);
    harbour.ownership('b').reconfigure(vipsOf(...ips, added));
    await harbour.until(() => !harbour.machine('b').addresses.has(added), 100);
  });

  it('DVC-15, STA-3 reading the same configuration again changes nothing', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    for (const name of ['a', 'b']) harbour.ownership(name).reconfigure(vipsOf(...ips));
    await harbour.pass(20_000);
    expect([harbour.log.size, harbour.tables('a', 'b')]).toEqual([0, 'a b a b']);
  });

  it('DVC-14, LIFE-18 the first addresses of a node that had none: it takes a lease and serves', async () => {
    const harbour = await Harbour.settled('a', { ips: [] });
    expect(harbour.ownership('a').lease.state).toBe('none');
    harbour.ownership('a').reconfigure(vipsOf(...ips));
    await harbour.until(() => harbour.lan.answering('10.9.0.4').length === 1, matureMs + 2_000);
    expect(harbour.ownership('a').lease.state).toBe('held');
  });

  it('OWN-18 asked to own what it has just removed, it says so, and the next owner does not wait', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const found = harbour.lose('b', isAnnouncement);
    harbour.ownership('b').reconfigure(vipsOf('10.9.0.2', '10.9.0.3', '10.9.0.4'));
    await harbour.pass(2);
    harbour
      .ownership('a')
      .request({ id: 'm', verb: 'move', ips: ['10.9.0.1'], to: harbour.at('b').incarnation });
    await harbour.pass(50);
    expect(harbour.critical).toEqual(['b: asked to own 10.9.0.1, which is not configured here']);
    found();
    await harbour.until(() => harbour.answering().a === '1 3', 500);
    expect(harbour.doubles).toEqual([]);
  });

  it('VIEW-6 a decision about an address that is unknown here is logged, and the rest of it applied', async () => {
    const harbour = await Harbour.settled('a b', { ips });
    const found = harbour.lose('a', (subject) => isAnnouncement(subject) || isPrivate(subject));
    harbour.ownership('a').reconfigure(vipsOf(...ips, '10.9.0.9'));
    await harbour.pass(matureMs + 1_500);
    expect(harbour.lan.answering('10.9.0.9').map(({ name }) => name)).toEqual(['a']);
    expect(harbour.critical).toEqual(['b: mature request on unknown DuraVIP 10.9.0.9']);
    found();
    await harbour.pass(1_000);
    expect(harbour.ownership('b').table.ownerOf('10.9.0.9')).toBe(harbour.at('a').incarnation);
  });

  it('VIEW-10, STA-3, INV-18 announcing again and again neither moves anything nor delays maturity', async () => {
    const harbour = new Harbour({ ips });
    await harbour.open('a b');
    const everyMs = 500;
    for (let passedMs = 0; passedMs < matureMs + 1_000; passedMs += everyMs) {
      for (const name of ['a', 'b']) harbour.ownership(name).announce();
      await harbour.pass(everyMs);
    }
    expect(harbour.answering()).toEqual({ a: '1 3', b: '2 4' });
  });
});
