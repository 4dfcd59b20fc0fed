import { describe, expect, it } from 'vitest';
import { noWait } from '../../../src/actors/duravip.ts';
import { Berth, coolDownMs, ip } from './berth.ts';
import { localVip } from './harbour.ts';

const refused = { ok: false, reason: 'the program is not ready' } as const;
const follower = '10.9.0.9';
const placeOf = (address: string) => ({ ip: address, prefixBits: 32, interface: 'eth0' });
const withFollower = { ...localVip(ip, { followers: [follower] }), places: [placeOf(ip), placeOf(follower)] };

describe('acquiring', () => {
  it('LIFE-1, INV-12 before anything else what is configured is taken off', async () => {
    const berth = new Berth();
    berth.machine.leaseUntil(Number.MAX_SAFE_INTEGER);
    berth.machine.owned.add(ip);
    berth.machine.addresses.set(ip, [placeOf(ip)]);
    await berth.pass(10);
    expect(berth.steps).toEqual(['drop', `manage ${ip}`, `disown ${ip}`, `unplumb ${ip} eth0`]);
    expect([berth.on, berth.state()]).toEqual(['', 'elsewhere']);
    berth.assign();
    await berth.pass(20);
    // Neither does it answer under a lease that an earlier process took: nobody could be told.
    expect([berth.state(), berth.on, berth.answering]).toEqual(['owned', ip, '']);
  });

  it('NET-7, NET-12, ARP-1, INV-7 the program first, address and followers, then neighbours, then services', async () => {
    const berth = await Berth.ready([withFollower]);
    berth.assign();
    await berth.pass(20);
    expect(berth.steps).toEqual([
      `prepare ${ip}`,
      `plumb ${ip} eth0, ${follower} eth0`,
      `own ${ip} ${follower}`,
      `tell neighbours ${ip} ${follower}`,
      `online ${ip}`,
    ]);
    expect([berth.state(), berth.answering]).toEqual(['owned', `${ip} ${follower}`]);
  });

  it('NET-7 an address that is there already counts as put on', async () => {
    const berth = await Berth.ready();
    berth.machine.putOn(placeOf(ip));
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
  });

  it('OWN-34 release_first: nothing is put on before the wait for the owner before is over', async () => {
    const berth = await Berth.ready();
    berth.assign(ip, { notBeforeMs: berth.clock.nowMs() + 3_000, probeUntilMs: undefined });
    await berth.pass(2_990);
    expect([berth.state(), berth.steps]).toEqual(['waiting', []]);
    await berth.pass(30);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
  });

  it('OWN-34 what the owner before says shortens the wait, or leaves the rest of it', async () => {
    const berth = await Berth.ready();
    berth.assign(ip, { notBeforeMs: berth.clock.nowMs() + 3_000, probeUntilMs: undefined });
    await berth.pass(100);
    const untilMs = berth.clock.nowMs() + 500;
    berth.local.waitAnew(() => ({ notBeforeMs: untilMs, probeUntilMs: undefined }));
    await berth.pass(490);
    expect(berth.state()).toBe('waiting');
    berth.local.waitAnew(() => noWait);
    await berth.pass(10);
    expect(berth.state()).toBe('owned');
  });

  it('OWN-5, INV-14 while claims are missing, or without quorum, nothing is begun: others may hold it', async () => {
    const berth = await Berth.ready();
    berth.assign(ip, { notBeforeMs: berth.clock.nowMs() + 500, probeUntilMs: undefined });
    berth.mayBegin = false;
    await berth.pass(5_000);
    expect([berth.state(), berth.steps]).toEqual(['waiting', []]);
    const untilMs = berth.clock.nowMs() + 300;
    berth.mayBegin = true;
    berth.local.waitAnew(() => ({ notBeforeMs: untilMs, probeUntilMs: undefined }));
    await berth.pass(290);
    expect(berth.state()).toBe('waiting');
    await berth.pass(30);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
  });

  it('P7 of a thousand some are begun in each turn, and what is given away meanwhile is never put on', async () => {
    const ips = Array.from({ length: 300 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
    const berth = await Berth.ready(ips.map((each) => localVip(each)));
    const begun = () => berth.vips.filter(({ state }) => state !== 'elsewhere').length;
    berth.local.assign(new Map(ips.map((each) => [each, noWait])));
    expect(begun()).toBe(128);
    const last = ips.at(-1)!;
    berth.unassign(last);
    await berth.pass(100);
    expect(berth.vips.map(({ state }) => state)).toEqual(
      ips.map((each) => (each === last ? 'elsewhere' : 'owned')),
    );
    expect(berth.steps.filter((step) => step.startsWith('plumb') && step.includes(`${last} `))).toEqual([]);
    expect(berth.steps).toContain(`released ${last}`);
    berth.local.unassign(ips);
    await berth.pass(100);
    expect([begun(), berth.on]).toEqual([0, '']);
  });

  it('OWN-34 who has not been given it does not answer the word that it is free', async () => {
    const berth = await Berth.owning();
    berth.unassign();
    await berth.pass(10);
    berth.steps.length = 0;
    berth.local.waitAnew(() => noWait);
    await berth.pass(10);
    expect(berth.steps).toEqual([]);
  });

  it('EXT-2 whoever still answers is waited for, and asked again until nobody does', async () => {
    const berth = await Berth.ready();
    berth.other.managed.clear();
    berth.other.putOn(placeOf(ip));
    berth.assign(ip, { notBeforeMs: 0, probeUntilMs: berth.clock.nowMs() + 800 });
    await berth.pass(300);
    expect([berth.state(), berth.on]).toEqual(['acquiring', '']);
    expect(berth.recorder.texts('warning')).toEqual([
      `warning: ${ip} is still answered by ${berth.other.mac}; waiting for the rest of its lease`,
    ]);
    // An answer comes at once, and the next question does not.
    expect(berth.steps.filter((step) => step.startsWith('probe')).length).toBeLessThan(35);
    berth.other.takeOff(ip);
    await berth.pass(30);
    expect(berth.state()).toBe('owned');
  });

  it('EXT-2 who answers for longer than its lease is not waited for', async () => {
    const berth = await Berth.ready();
    berth.other.putOn(placeOf(ip));
    const untilMs = berth.clock.nowMs() + 800;
    berth.assign(ip, { notBeforeMs: 0, probeUntilMs: untilMs });
    await berth.pass(780);
    expect(berth.on).toBe('');
    await berth.pass(60);
    expect(berth.answering).toBe(ip);
  });

  it('NET-10 given away while the network is asked: nothing is begun', async () => {
    const berth = await Berth.ready();
    berth.assign(ip, { notBeforeMs: 0, probeUntilMs: berth.clock.nowMs() + 800 });
    await berth.pass(5);
    berth.unassign();
    await berth.pass(50);
    expect(berth.state()).toBe('elsewhere');
    expect(berth.steps.filter((step) => /^(prepare|plumb|online)/.test(step))).toEqual([]);
  });

  it('NET-10, INV-4 given away while it is being put on: it never answers, is taken off, and that is said', async () => {
    const berth = await Berth.ready();
    const seen: string[] = [];
    berth.lan.onAnswer = (address, machines) => seen.push(`${address} ${machines.length}`);
    berth.assign();
    // Asked for, not done yet.
    while (!berth.steps.some((step) => step.startsWith('plumb'))) await berth.pass(0.5);
    berth.unassign();
    expect(berth.state()).toBe('acquiring');
    await berth.pass(20);
    expect(seen).toEqual([]);
    expect([berth.state(), berth.on]).toEqual(['elsewhere', '']);
    expect(berth.steps.at(-1)).toBe(`released ${ip}`);
    expect(berth.steps).not.toContain(`online ${ip}`);
  });

  it('NET-10 given away and back while it is being put on: off first, then on again', async () => {
    const berth = await Berth.ready();
    berth.assign();
    await berth.pass(1);
    berth.unassign();
    berth.assign(ip, { notBeforeMs: berth.clock.nowMs() + 200, probeUntilMs: undefined });
    await berth.pass(100);
    expect([berth.state(), berth.on]).toEqual(['waiting', '']);
    await berth.pass(120);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    expect(berth.steps.filter((step) => step.startsWith('released'))).toEqual([]);
  });
});

describe('refusals', () => {
  it('NET-8 what cannot be put on is undone, announced as such, and tried again after if_check_interval', async () => {
    const berth = await Berth.ready();
    berth.machine.refusesOn.set(ip, 'RTNETLINK answers: no');
    berth.assign();
    await berth.pass(20);
    expect(berth.state()).toBe('failed');
    expect(berth.recorder.texts('critical')).toEqual([
      `critical: can't online ${ip}, eth0, RTNETLINK answers: no`,
    ]);
    expect(berth.steps.slice(-3)).toEqual([`disown ${ip}`, `unplumb ${ip} eth0`, `announce ${ip} incapable`]);
    expect(berth.local.incapable.get(ip)).toBe('the last attempt failed');
    berth.machine.refusesOn.clear();
    await berth.pass(coolDownMs - 100);
    expect(berth.state()).toBe('failed');
    await berth.pass(200);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    expect(berth.steps).toContain(`announce ${ip} capable`);
  });

  it('NET-8 the next owner hears at once that it is off here, not after the cool-down', async () => {
    const berth = await Berth.ready();
    berth.machine.refusesOn.set(ip, 'no');
    berth.assign();
    await berth.pass(20);
    berth.unassign();
    expect([berth.state(), berth.steps.at(-1)]).toEqual(['failed', `released ${ip}`]);
  });

  it('NET-8 given away while the attempt was failing: that is said, too', async () => {
    const berth = await Berth.ready();
    berth.machine.refusesOn.set(ip, 'no');
    berth.assign();
    await berth.pass(1);
    berth.unassign();
    await berth.pass(20);
    expect([berth.state(), berth.steps.includes(`released ${ip}`)]).toEqual(['failed', true]);
  });

  it('NET-4 without a Topology it is announced as incapable, and never tried', async () => {
    const berth = await Berth.ready([{ ...localVip(ip), places: undefined }]);
    expect(berth.local.announcements).toMatchObject([{ ip, capable: false }]);
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.steps.filter((step) => step.startsWith('plumb'))]).toEqual(['failed', []]);
    await berth.pass(coolDownMs + 100);
    expect(berth.local.announcements).toMatchObject([{ capable: false }]);
  });

  it('API-5 the program refuses beforehand: nothing is put on', async () => {
    const berth = await Berth.ready();
    berth.prepare = () => Promise.resolve(refused);
    berth.assign();
    await berth.pass(20);
    expect(berth.state()).toBe('failed');
    expect(berth.steps).toEqual([`prepare ${ip}`, `announce ${ip} incapable`]);
    expect(berth.recorder.texts('critical')).toEqual([
      `critical: can't online ${ip}, eth0, the program is not ready`,
    ]);
  });

  it('API-5, INV-6 what serves on it refuses: the address goes off again', async () => {
    const berth = await Berth.ready();
    berth.online = () => Promise.resolve(refused);
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.on, berth.answering]).toEqual(['failed', '', '']);
    expect(berth.steps.at(-1)).toBe(`announce ${ip} incapable`);
  });

  it('API-5 a program that throws has refused', async () => {
    const berth = await Berth.ready();
    berth.online = () => Promise.reject(new Error('port taken'));
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.on]).toEqual(['failed', '']);
    expect(berth.recorder.texts('critical')).toEqual([`critical: can't online ${ip}, eth0, port taken`]);
  });

  it('NET-8, INV-6 refused, and it cannot be taken off either: it answers nobody, and is taken off later', async () => {
    const berth = await Berth.ready();
    berth.online = () => Promise.resolve(refused);
    berth.machine.refusesOff.set(ip, 'busy');
    berth.assign();
    await berth.pass(20);
    expect([berth.state(), berth.on, berth.answering]).toEqual(['failed', ip, '']);
    berth.unassign();
    await berth.pass(20);
    expect(berth.steps).not.toContain(`released ${ip}`);
    expect([berth.state(), berth.local.stuck]).toEqual(['stuck', [ip]]);
    berth.machine.refusesOff.clear();
    await berth.pass(1_100);
    expect([berth.state(), berth.on, berth.local.stuck]).toEqual(['elsewhere', '', []]);
    expect(berth.steps).toContain(`released ${ip}`);
  });

  it('API-14 EXT-11 what the program has against an address makes the node incapable of it, and only of it', async () => {
    const berth = await Berth.ready([localVip(ip), localVip('10.9.0.2')]);
    berth.local.setFit(ip, 'the queue is broken');
    await berth.pass(1);
    expect(berth.steps).toEqual([`announce ${ip} incapable, 10.9.0.2 capable`]);
    berth.local.setFit(ip, undefined);
    await berth.pass(1);
    expect(berth.steps.at(-1)).toBe(`announce ${ip} capable, 10.9.0.2 capable`);
  });
});

describe('releasing', () => {
  it('NET-9, OWN-34 the lease goes first, then services, followers and address; only then it is said', async () => {
    const berth = await Berth.owning([withFollower]);
    berth.unassign();
    expect(berth.steps).toEqual([`leaving ${ip} ${follower}`, `disown ${ip} ${follower}`, `offline ${ip}`]);
    await berth.pass(1.5);
    expect(berth.answering).toBe('');
    await berth.pass(20);
    expect(berth.steps.slice(3)).toEqual([
      `disown ${ip} ${follower}`,
      `unplumb ${ip} eth0, ${follower} eth0`,
      `removed ${ip}`,
      `released ${ip}`,
    ]);
    expect([berth.state(), berth.on]).toEqual(['elsewhere', '']);
  });

  it('NET-9 an address that is gone already counts as taken off', async () => {
    const berth = await Berth.owning();
    berth.machine.addresses.clear();
    berth.unassign();
    await berth.pass(20);
    expect([berth.state(), berth.steps.at(-1)]).toEqual(['elsewhere', `released ${ip}`]);
  });

  it('NET-9 stuck: without lease it answers nobody, is reported, and tried again each second', async () => {
    const berth = await Berth.owning();
    berth.machine.refusesOff.set(ip, 'device busy');
    berth.unassign();
    await berth.pass(20);
    expect([berth.state(), berth.on, berth.answering]).toEqual(['stuck', ip, '']);
    expect(berth.local.stuck).toEqual([ip]);
    expect(berth.steps).not.toContain(`released ${ip}`);
    await berth.pass(3_000);
    expect(berth.recorder.texts('critical')).toEqual(
      Array(4).fill(`critical: can't offline ${ip}, device busy`),
    );
    berth.machine.refusesOff.clear();
    await berth.pass(1_100);
    expect([berth.state(), berth.on, berth.local.stuck]).toEqual(['elsewhere', '', []]);
    expect(berth.steps).toContain(`released ${ip}`);
  });

  it('NET-9 a program that cannot let go does not keep the address here', async () => {
    const berth = await Berth.owning();
    berth.offline = () => Promise.reject(new Error('still busy'));
    berth.unassign();
    await berth.pass(20);
    expect([berth.state(), berth.on]).toEqual(['elsewhere', '']);
    expect(berth.recorder.texts('error')).toEqual([
      `error: ${ip}: what served on it did not end cleanly: still busy`,
    ]);
  });

  it('NET-10 given back while it is being taken off: off first, then on again, and nobody is told', async () => {
    const berth = await Berth.owning();
    berth.unassign();
    berth.assign();
    await berth.pass(30);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
    const order = berth.steps.map((step) => step.split(' ')[0]);
    expect(order.indexOf('removed')).toBeLessThan(order.indexOf('plumb'));
    expect(berth.steps).not.toContain(`released ${ip}`);
  });
});

describe('another place', () => {
  it('DVC-17, INV-31 it is taken off where it was put, then put on where it goes now', async () => {
    const berth = await Berth.owning();
    berth.local.reconfigure([localVip(ip, {}, 'eth1')]);
    await berth.pass(30);
    expect(berth.steps.filter((step) => /plumb/.test(step))).toEqual([
      'unplumb ',
      `unplumb ${ip} eth0`,
      `plumb ${ip} eth1`,
    ]);
    expect(berth.state()).toBe('owned');
  });

  it('DVC-17, ARP-7 while it cannot be taken off where it was, neighbours hear nothing of it', async () => {
    const berth = await Berth.owning();
    berth.machine.refusesOff.set(ip, 'busy');
    berth.local.reconfigure([localVip(ip, {}, 'eth1')]);
    await berth.pass(30);
    expect([berth.state(), berth.on, berth.local.plumbed]).toEqual(['stuck', ip, []]);
    berth.machine.refusesOff.clear();
    await berth.pass(1_100);
    expect([berth.state(), berth.local.plumbed.length]).toEqual(['owned', 1]);
  });

  it('DVC-17 while it is being put on: off again there, too', async () => {
    const berth = await Berth.ready();
    berth.assign();
    while (!berth.steps.some((step) => step.startsWith('plumb'))) await berth.pass(0.5);
    berth.local.reconfigure([localVip(ip, {}, 'eth1')]);
    await berth.pass(50);
    expect(berth.steps.filter((step) => /plumb .+/.test(step))).toEqual([
      `plumb ${ip} eth0`,
      `unplumb ${ip} eth0`,
      `plumb ${ip} eth1`,
    ]);
    expect([berth.state(), berth.answering]).toEqual(['owned', ip]);
  });
});
