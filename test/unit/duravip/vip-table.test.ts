import { describe, expect, it } from 'vitest';
import { decideMature, decideMove, maturable } from '../../../src/core/duravip/decisions.ts';
import { address, addresses, Fleet, incarnation, matureMs, vip } from './fleet.ts';
import { four, one, settled, view } from './settled.ts';

const nobodyHeard = () => false;

describe('table of floating addresses', () => {
  it('STA-2 an announcement replaces what its node said before, as a whole; an older one changes nothing', () => {
    const fleet = settled();
    const { table } = fleet.at('a');
    const older = fleet.announcementOf(fleet.at('b'));
    fleet.announce('b', four.slice(1));
    const participants = () => view(fleet).participants.map(({ member }) => member.node);
    expect(participants()).toEqual(['a']);
    expect(table.announced(older, fleet.nowMs)).toBe(false);
    expect(table.announced({ ...older, sequence: 9, from: incarnation('b', 9) }, fleet.nowMs)).toBe(false);
    expect(participants()).toEqual(['a']);
  });

  it('STA-4 all members have the same participants, owners, holds, maturity and labels, newcomers too', () => {
    const fleet = settled();
    fleet.decide('a', decideMove(fleet.leaderOf('a'), [one], fleet.id('b')));
    fleet.start('c', [vip(address(3), { services: [{ kind: 'esmtp', endpoint: 'x' }] }), vip(address(9))]);
    fleet.views('a b c');
    const tableOf = (name: string) =>
      [...four, vip(address(9))].map(({ ip }) => {
        // These are what a node has seen itself (STA-5).
        const { viewAgeMs, ownerAgeMs, reason, ...shared } = view(fleet, ip, name);
        return shared;
      });
    const seen = () => ['a', 'b', 'c'].map(tableOf);
    // Where c does not take part it has not heard that they are mature: that is said again at once.
    fleet.sweep();
    const [a, b, c] = seen();
    expect([b, c]).toEqual([a, a]);
    expect(a!.map(({ labels }) => labels.join())).toEqual([
      'owned,safe,held',
      'owned,safe',
      'owned,unsafe,immature',
      'owned,safe',
      'unowned,safe,immature',
    ]);
    fleet.pass(matureMs);
    const [later, ...others] = seen();
    expect(maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard).mature).toEqual([]);
    expect(others).toEqual([later, later]);
    expect(later!.at(-1)).toMatchObject({ owner: { node: 'c' }, labels: ['owned', 'safe'] });
  });

  it('STA-4 who was still gathering claims when the leader said it hears it after the next view', () => {
    const fleet = Fleet.of('a b', four);
    fleet.nowMs += matureMs;
    const { table } = fleet.at('a');
    const { mature, orphans } = maturable(table, fleet.nowMs, nobodyHeard);
    table.apply(decideMature(table, { mature, orphans }, fleet.nowMs), fleet.nowMs);
    expect(fleet.at('b').table.rows.get(one)!.mature).toBe(false);
    fleet.views('a b');
    fleet.sweep();
    expect(fleet.at('b').table.rows.get(one)!.mature).toBe(true);
  });

  it('STA-4 what others take for immature is said again by a leader that missed why, once all announcements are there', () => {
    const fleet = settled();
    const draining = four.map((each) => ({ ...each, draining: true }));
    const from = fleet.id('b');
    const sequence = fleet.at('a').table.rows.sequenceOf(from)!;
    for (const [step, vips] of [draining, four].entries()) {
      for (const name of ['a', 'b']) {
        if (name === 'a' && step === 0) continue;
        const news = { kind: 'announcement' as const, from, sequence: sequence + 1 + step, vips };
        fleet.at(name).table.announced(news, fleet.nowMs);
      }
    }
    const isMature = (name: string) => fleet.at(name).table.rows.get(one)!.mature;
    expect([isMature('a'), isMature('b')]).toEqual([true, false]);
    fleet.sweep();
    expect(isMature('b')).toBe(false);
    fleet.pass(matureMs);
    fleet.sweep();
    expect([isMature('a'), isMature('b')]).toEqual([true, true]);
  });

  it('STA-4 VIEW-8 what a newcomer has to be told does not hold up orphans', () => {
    const fleet = settled('a b c');
    fleet.start('d', [vip(address(9))]);
    fleet.views('a b d');
    const due = maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard);
    expect(due.orphans).toEqual(addresses(4).filter((ip) => fleet.at('a').table.ownerOf(ip) === undefined));
    expect(due.orphans).toHaveLength(1);
  });

  it('STA-3 INV-18 the same content again changes nothing, not even the age of a view', () => {
    const fleet = settled();
    fleet.pass(1_000);
    const before = [view(fleet), fleet.at('a').table.digest.low];
    fleet.announce(
      'b',
      four.map((each) => ({ ...each, names: [...each.names] })),
    );
    expect([view(fleet), fleet.at('a').table.digest.low]).toEqual(before);
    expect(view(fleet)).toMatchObject({ viewAgeMs: 6_000, ownerAgeMs: 1_000 });
  });

  it('VIEW-1 VIEW-7 a change of one address makes only that one immature, and it stays owned', () => {
    const fleet = settled();
    fleet.pass(1_000);
    fleet.change('b', one, { services: [{ kind: 'esmtp', endpoint: 'x' }] });
    expect(view(fleet)).toMatchObject({
      labels: ['owned', 'unsafe', 'immature'],
      viewAgeMs: 0,
      ownerAgeMs: 1_000,
    });
    expect(view(fleet, address(2))).toMatchObject({ labels: ['owned', 'safe'], viewAgeMs: 6_000 });
  });

  it('VIEW-3 INV-9 nothing matures before the mature time of the last change', () => {
    const fleet = Fleet.of('a b', four);
    const due = () => maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard);
    fleet.nowMs = 3_000;
    fleet.change('b', one, { services: [{ kind: 'esmtp', endpoint: 'x' }] });
    fleet.nowMs = matureMs;
    expect(due()).toEqual({ orphans: [], mature: addresses(4).slice(1), nextMs: 3_000 + matureMs });
    fleet.nowMs = 3_000 + matureMs;
    expect(due()).toEqual({ orphans: [], mature: addresses(4), nextMs: undefined });
  });

  it('VIEW-4 one message matures at most 1000 addresses, in canonical order', () => {
    const fleet = Fleet.of(
      'a',
      addresses(1_500).map((ip) => vip(ip)),
    );
    fleet.nowMs = matureMs;
    const first = maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard);
    expect([first.mature.length, first.mature[999], first.nextMs]).toEqual([
      1_000,
      address(1_000),
      fleet.nowMs,
    ]);
    fleet.decide('a', decideMature(fleet.at('a').table, first, fleet.nowMs));
    expect(maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard).mature).toEqual(
      addresses(1_500).slice(1_000),
    );
  });

  it('VIEW-5 OWN-17 members obey MATURE and do not look at the age themselves', () => {
    const fleet = Fleet.of('a b', four);
    const { table } = fleet.at('b');
    // The leader has had the view for longer, or another view_mature_time (DVC-1).
    fleet.nowMs = 1;
    expect(maturable(table, fleet.nowMs, nobodyHeard).mature).toEqual([]);
    const assignments = [{ ip: one, owner: fleet.id('b'), reason: 'elected' as const }];
    table.apply({ matured: [one], assignments }, fleet.nowMs);
    expect(view(fleet, one, 'b')).toMatchObject({ labels: ['owned', 'safe'], viewAgeMs: 1 });
    expect(view(fleet, address(2), 'b').labels).toEqual(['unowned', 'safe', 'immature']);
  });

  it('VIEW-9 a node that has just started claims nothing, and gets nothing before its first MATURE', () => {
    const fleet = settled();
    fleet.start('c', four);
    expect(fleet.claimsOf(fleet.at('c')).claims).toEqual([]);
    fleet.views('a b c');
    expect(fleet.claimsOf(fleet.at('c')).claims).toEqual([]);
    // Not even what is without owner: it is for those that were there.
    fleet.change('a', one, { draining: true });
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: fleet.id('b') }]);
    fleet.change('b', one, { draining: true });
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: undefined }]);
    expect(fleet.pass(matureMs)).toMatchObject([{ ip: one, to: fleet.id('c') }]);
    expect(fleet.claimsOf(fleet.at('c')).claims).toEqual([one]);
  });

  it('STA-7 addresses are in the order of their numbers, IPv4 before IPv6, however they were announced', () => {
    const sorted = [
      '9.0.0.1',
      '10.0.0.2',
      '10.0.0.10',
      '192.0.2.1',
      '2001:db8::2',
      '2001:db8::10',
      'fd00::1',
    ];
    const fleet = Fleet.of(
      'a',
      [...sorted].sort().map((ip) => vip(ip)),
    );
    fleet.start(
      'b',
      [...sorted].reverse().map((ip) => vip(ip)),
    );
    fleet.views('a b');
    const { table } = fleet.at('b');
    expect(table.rows.ordered.map(({ ip }) => ip)).toEqual(sorted);
    expect(maturable(table, matureMs, nobodyHeard).mature).toEqual(sorted);
    fleet.pass(matureMs);
    expect(fleet.claimsOf(fleet.at('a')).claims).toEqual(sorted.filter((_, i) => i % 2 === 0));
  });

  it('VIEW-6 a decision about an address that nobody announced here yet is kept and reported', () => {
    const fleet = settled();
    const ip = address(99);
    const assignments = [{ ip, owner: fleet.id('b'), reason: 'elected' as const }];
    const applied = fleet.at('a').table.apply({ matured: [ip], assignments }, fleet.nowMs);
    expect(applied).toMatchObject({ unknown: [ip], refused: [] });
    expect(fleet.at('a').table.ownerOf(ip)).toBe(fleet.id('b'));
  });

  it('INV-2 an address is never given to somebody outside the view', () => {
    const fleet = settled();
    const assignments = [{ ip: one, owner: incarnation('z'), reason: 'elected' as const }];
    expect(fleet.at('a').table.apply({ matured: [], assignments }, 0).refused).toEqual(assignments);
    expect(fleet.owners('a')).toBe('a: 1 3, b: 2 4');
  });

  it('OWN-2 OWN-5 between view and merge the table is frozen', () => {
    const fleet = settled();
    const { table, process } = fleet.at('a');
    table.applyView([process], fleet.nowMs);
    const assignments = [{ ip: one, owner: undefined, reason: 'broken' as const }];
    expect(table.apply({ matured: [], assignments }, fleet.nowMs).refused).toEqual(assignments);
    expect(table.announced({ from: process.incarnation, sequence: 9, vips: [] }, fleet.nowMs)).toBe(true);
    expect(maturable(table, fleet.nowMs + matureMs, nobodyHeard)).toMatchObject({ orphans: [], mature: [] });
    expect(fleet.seenBy('a')).toBe('a: 1 3, b: 2 4');
    table.merge([fleet.claimsOf({ ...fleet.at('a'), sequence: 1 })], fleet.nowMs);
    expect(table.ownedBy(process.incarnation)).toEqual([one, address(3)]);
    expect(view(fleet)).toMatchObject({ participants: [] });
  });

  it('OWN-35 the merge uses the announcement that the claims name, whatever newer ones came', () => {
    const fleet = settled();
    const [a, b] = [fleet.at('a'), fleet.at('b')];
    fleet.start('c', four);
    const members = [a, b, fleet.at('c')].map(({ process }) => process);
    for (const { table } of [a, b, fleet.at('c')]) table.applyView(members, fleet.nowMs);
    const claims = [a, b, fleet.at('c')].map((node) => fleet.claimsOf(node));
    const { table } = fleet.at('c');
    // b drains right after its claims; c hears of that first and lacks what the claims were made under.
    const newer = {
      from: fleet.id('b'),
      sequence: 2,
      vips: four.map((each) => ({ ...each, draining: true })),
    };
    for (const node of [a, fleet.at('c')]) table.announced(fleet.announcementOf(node), fleet.nowMs);
    table.announced(newer, fleet.nowMs);
    expect(table.lacking(claims)).toEqual([fleet.id('b')]);
    table.announced(fleet.announcementOf(b), fleet.nowMs);
    expect(table.lacking(claims)).toEqual([]);
    table.merge(claims, fleet.nowMs);
    expect(table.ownedBy(fleet.id('b'))).toEqual([address(2), address(4)]);
    expect(maturable(table, fleet.nowMs, nobodyHeard).orphans).toEqual([address(2), address(4)]);
  });

  it('OWN-35 an announcement that overtook the view counts again after the merge', () => {
    const fleet = settled();
    const [a, b] = [fleet.at('a'), fleet.at('b')];
    const members = [a.process, b.process];
    b.table.applyView(members, fleet.nowMs);
    const claimsOfB = fleet.claimsOf(b);
    a.table.announced({ from: fleet.id('b'), sequence: 2, vips: [] }, fleet.nowMs);
    a.table.applyView(members, fleet.nowMs);
    const claims = [fleet.claimsOf(a), claimsOfB];
    expect(a.table.lacking(claims)).toEqual([fleet.id('b')]);
    a.table.announced(fleet.announcementOf(b), fleet.nowMs);
    a.table.merge(claims, fleet.nowMs);
    expect(a.table.ownedBy(fleet.id('b'))).toEqual([address(2), address(4)]);
    expect(view(fleet, address(2)).participants.map(({ member }) => member.node)).toEqual(['a']);
  });

  it('STA-6 the digest is that of owners and holds, however they came about', () => {
    const [x, y] = [settled(), settled()];
    x.decide('a', decideMove(x.leaderOf('a'), [one], x.id('b')));
    expect(x.at('b').table.digest).toEqual(x.at('a').table.digest);
    expect(x.at('a').table.digest).not.toEqual(y.at('a').table.digest);
    const back = [{ ip: one, owner: x.id('a'), reason: 'balanced' as const }];
    x.decide('a', { matured: [], assignments: back });
    expect(x.at('a').table.digest).toEqual(y.at('a').table.digest);
  });

  it('NET-9 stuck addresses show until the node says otherwise', () => {
    const fleet = settled();
    fleet.at('a').table.reportStuck(fleet.id('b'), [one]);
    expect(view(fleet).labels).toEqual(['owned', 'safe', 'stuck']);
    fleet.at('a').table.reportStuck(fleet.id('b'), []);
    expect(view(fleet).labels).toEqual(['owned', 'safe']);
  });
});

describe('orphans', () => {
  it('VIEW-8 an address whose owner drains goes to another at once, with the reason', () => {
    const fleet = settled();
    fleet.announce(
      'b',
      four.map((each) => ({ ...each, draining: true })),
    );
    expect(fleet.sweep().map(({ ip, reason }) => [ip, reason])).toEqual([
      [address(2), 'drained'],
      [address(4), 'drained'],
    ]);
    expect(fleet.owners('a')).toBe('a: 1 2 3 4, b: -');
  });

  it('VIEW-8 OWN-15 an address that its owner cannot serve goes to another at once', () => {
    const fleet = settled();
    fleet.change('a', one, { capable: false });
    expect(fleet.sweep()).toEqual([{ ip: one, from: fleet.id('a'), to: fleet.id('b'), reason: 'failed' }]);
  });

  it('OWN-16 without another participant the address is unowned, and comes back at once when it can be served', () => {
    const fleet = settled('a', four);
    fleet.change('a', one, { capable: false });
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: undefined, reason: 'failed' }]);
    expect(fleet.pass(10 * matureMs)).toEqual([]);
    fleet.change('a', one, { capable: true });
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: fleet.id('a') }]);
  });

  it('DVC-16 an address that its owner removes goes to a remaining participant', () => {
    const fleet = settled();
    fleet.announce('a', four.slice(1));
    expect(fleet.sweep()).toEqual([{ ip: one, from: fleet.id('a'), to: fleet.id('b'), reason: 'config' }]);
    fleet.announce('b', four.slice(1));
    expect(fleet.sweep()).toMatchObject([{ ip: one, to: undefined }]);
    expect(fleet.at('a').table.rows.get(one)).toBeUndefined();
  });

  it('VIEW-8 EXT-5 a joiner does not delay orphans, nor does it get them before the mature time', () => {
    const fleet = settled('a b c');
    fleet.views('a b');
    fleet.start('d', four);
    fleet.nowMs += 100;
    fleet.views('a b d');
    const orphan = addresses(4).filter((ip) => fleet.at('a').table.ownerOf(ip) === undefined);
    expect(orphan).toEqual([address(3)]);
    expect(fleet.sweep()).toMatchObject([{ ip: address(3), to: fleet.id('b') }]);
    // Of two nodes, one of them new, the old one dies: the new one waits.
    fleet.views('b d');
    expect(fleet.sweep().every(({ to }) => to === fleet.id('b'))).toBe(true);
    fleet.views('d');
    expect(fleet.pass(matureMs - 1)).toEqual([]);
    expect(fleet.pass(1)).toHaveLength(4);
  });

  it('VIEW-8 EXT-5 changes of an orphan do not prolong orphan_mature_time', () => {
    const fleet = Fleet.of('a b c', four, { orphanMatureMs: 2_000 });
    fleet.pass(matureMs);
    fleet.change('a', one, { capable: false });
    fleet.nowMs += 1_500;
    fleet.change('c', one, { services: [{ kind: 'esmtp', endpoint: 'x' }] });
    const due = () => maturable(fleet.at('a').table, fleet.nowMs, nobodyHeard);
    expect(due()).toMatchObject({ orphans: [], nextMs: fleet.nowMs + 500 });
    fleet.nowMs += 500;
    expect(due().orphans).toEqual([one]);
  });

  it('VIEW-8 an orphan waits for maturity while its last owner is heard from outside the view', () => {
    const fleet = settled('a b c');
    fleet.views('a b');
    const { table } = fleet.at('a');
    const isHeard = (owner: string) => owner === fleet.id('c');
    expect(maturable(table, fleet.nowMs, isHeard)).toMatchObject({
      orphans: [],
      nextMs: fleet.nowMs + matureMs,
    });
    expect(maturable(table, fleet.nowMs, nobodyHeard).orphans).toEqual([address(3)]);
  });

  it('VIEW-8 less than half of the last view waits for maturity, also when somebody joins it meanwhile', () => {
    const fleet = settled('a b c');
    fleet.views('c');
    expect(fleet.sweep()).toEqual([]);
    fleet.start('d', []);
    fleet.views('c d');
    expect(fleet.pass(matureMs - 1)).toEqual([]);
    expect(fleet.pass(1)).toHaveLength(3);
  });

  it('VIEW-8 members that are known to have ended do not make the rest a minority', () => {
    const fleet = settled('a b c');
    const { table, process } = fleet.at('a');
    table.applyView([process], fleet.nowMs, new Set([fleet.id('b'), fleet.id('c')]));
    table.merge([fleet.claimsOf(fleet.at('a'))], fleet.nowMs);
    expect(maturable(table, fleet.nowMs, nobodyHeard).orphans).toEqual([address(2), address(3)]);
  });

  it('OWN-15 who is under suspicion gets nothing, and may again afterwards', () => {
    const fleet = settled('a b c');
    const suspect = (...names: string[]) => {
      for (const name of 'abc')
        fleet.at(name).table.suspect(new Set(names.map((each) => fleet.id(each))), fleet.nowMs);
    };
    suspect('b');
    fleet.change('c', address(3), { capable: false });
    expect(fleet.sweep()).toMatchObject([{ ip: address(3), to: fleet.id('a') }]);
    suspect();
    fleet.change('a', address(3), { capable: false });
    expect(fleet.sweep()).toMatchObject([{ ip: address(3), to: fleet.id('b') }]);
  });
});

describe('broken addresses', () => {
  it('STA-13 lose their owner when the mismatch has lasted the mature time, not before', () => {
    const fleet = settled();
    fleet.change('b', one, { names: ['other'] });
    expect(fleet.pass(matureMs - 1)).toEqual([]);
    expect(fleet.pass(1)).toMatchObject([{ ip: one, to: undefined, reason: 'broken' }]);
    expect(fleet.pass(10 * matureMs)).toEqual([]);
  });

  it('STA-13 other changes of the address meanwhile do not prolong the wait', () => {
    const fleet = settled();
    fleet.change('b', one, { names: ['other'] });
    fleet.pass(matureMs - 1);
    fleet.change('a', one, { services: [{ kind: 'esmtp', endpoint: 'x' }] });
    expect(fleet.pass(1)).toMatchObject([{ ip: one, reason: 'broken' }]);
  });

  it('STA-13 STA-14 whole again before that, nothing happens; afterwards it is elected when mature', () => {
    const fleet = settled();
    fleet.change('b', one, { names: ['other'] });
    fleet.pass(1_000);
    fleet.change('b', one, { names: vip(one).names });
    expect(fleet.pass(10 * matureMs)).toEqual([]);
    fleet.change('b', one, { names: ['other'] });
    fleet.pass(matureMs);
    fleet.change('b', one, { names: vip(one).names });
    expect(fleet.sweep()).toEqual([]);
    expect(fleet.pass(matureMs)).toMatchObject([{ ip: one, reason: 'elected' }]);
  });

  it('STA-12 a name that appears on a second address breaks the first one too', () => {
    const fleet = settled();
    fleet.change('b', address(2), { names: [...vip(one).names, ...vip(address(2)).names] });
    expect([one, address(2), address(3)].map((ip) => view(fleet, ip).labels[1])).toEqual([
      'broken',
      'broken',
      'safe',
    ]);
    fleet.change('b', address(2), { names: vip(address(2)).names });
    expect([one, address(2)].map((ip) => view(fleet, ip).labels[1])).toEqual(['safe', 'safe']);
  });

  it('STA-13 policy freeze: the owner keeps it, and nobody else gets it', () => {
    const fleet = Fleet.of('a b', four, { brokenPolicy: 'freeze' });
    fleet.pass(matureMs);
    fleet.change('b', one, { names: ['other'] });
    expect(fleet.pass(10 * matureMs)).toEqual([]);
    fleet.change('a', one, { capable: false });
    expect(fleet.pass(10 * matureMs)).toEqual([]);
    expect(fleet.owners('a')).toBe('a: 1 3, b: 2 4');
  });
});
