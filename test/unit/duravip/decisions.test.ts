import { describe, expect, it } from 'vitest';
import { Harbour, matureMs } from './harbour.ts';

describe('decisions', () => {
  it('OWN-29 one broadcast command that reaches the leader many times is one MOVE', async () => {
    const harbour = await Harbour.settled('a b c');
    const applied = harbour.ownership('a').applied;
    const move = {
      id: 'broadcast 1',
      verb: 'move',
      ips: [harbour.number(1)],
      to: harbour.at('c').incarnation,
    } as const;
    for (const name of ['a', 'b', 'c']) harbour.ownership(name).request(move);
    await harbour.pass(200);
    for (const name of ['a', 'b', 'c']) harbour.ownership(name).request(move);
    await harbour.pass(500);
    expect(harbour.answering()).toEqual({ a: '4', b: '2 5', c: '1 3 6' });
    expect(['a', 'b', 'c'].map((name) => harbour.ownership(name).applied)).toEqual(
      Array(3).fill(applied + 1),
    );
    expect(harbour.log.get(harbour.number(1))).toEqual(['-', 'c']);
  });

  it('OWN-29 a copy that comes late does not undo what was asked for meanwhile', async () => {
    const harbour = await Harbour.settled('a b c');
    const ips = [harbour.number(1)];
    const ask = (id: string, to: string) =>
      harbour.ownership('b').request({ id, verb: 'move', ips, to: harbour.at(to).incarnation });
    ask('first', 'c');
    await harbour.until(() => harbour.answering().c === '1 3 6', 1_000);
    ask('second', 'b');
    await harbour.until(() => harbour.answering().b === '1 2 5', 1_000);
    ask('first', 'c');
    await harbour.pass(500);
    expect(harbour.answering().b).toBe('1 2 5');
  });

  it('OWN-30 a move to a node that cannot have it changes nothing', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.ownership('c').local.setFit(harbour.number(1), 'sick');
    await harbour.pass(100);
    const applied = harbour.ownership('a').applied;
    harbour.ownership('b').request({
      id: '2',
      verb: 'move',
      ips: [harbour.number(1)],
      to: harbour.at('c').incarnation,
    });
    await harbour.pass(500);
    expect([harbour.answering().a, harbour.ownership('a').applied]).toEqual(['1 4', applied]);
  });

  it('OWN-31, CMD-14 what was moved stays, until the hold is over', async () => {
    const each = (ip: string) => (ip.endsWith('.1') ? { preference: ['a'] } : {});
    const harbour = await Harbour.settled('a b c', { each });
    const ips = [harbour.number(1)];
    harbour.ownership('b').request({ id: 'm', verb: 'move', ips, to: harbour.at('b').incarnation });
    await harbour.until(() => harbour.answering().b === '1 2 5', 1_000);
    await harbour.pass(30_000);
    // Balancing took another one from b, and preference did not take this one back.
    expect(harbour.answering().b?.startsWith('1')).toBe(true);
    harbour.ownership('c').request({ id: 'u', verb: 'unhold', ips, to: undefined });
    await harbour.until(() => harbour.answering().a?.startsWith('1') === true, 2_000);
    expect(harbour.doubles).toEqual([]);
  });

  it('OWN-34 a planned move leaves nobody answering for as long as the release takes, not for the time-out', async () => {
    const harbour = await Harbour.settled('a b c');
    const ip = harbour.number(1);
    harbour.ownership('a').request({ id: 'm', verb: 'move', ips: [ip], to: harbour.at('b').incarnation });
    await harbour.until(() => harbour.lan.answering(ip).length === 0, 500);
    await harbour.until(() => harbour.lan.answering(ip)[0]?.name === 'b', 40);
    expect(harbour.doubles).toEqual([]);
  });

  it('OWN-34 an owner that cannot let go is waited for until handover_timeout, and answers nobody meanwhile', async () => {
    const harbour = await Harbour.settled('a b c');
    const ip = harbour.number(1);
    harbour.machine('a').refusesOff.set(ip, 'busy');
    harbour.ownership('a').request({ id: 'm', verb: 'move', ips: [ip], to: harbour.at('b').incarnation });
    await harbour.pass(2_900);
    expect(harbour.lan.answering(ip)).toEqual([]);
    await harbour.until(() => harbour.lan.answering(ip)[0]?.name === 'b', 300);
    expect([harbour.ownership('a').local.stuck, harbour.doubles]).toEqual([[ip], []]);
  });

  it('NET-8 what one node cannot put on another serves at once, without the hand-over timeout', async () => {
    const harbour = await Harbour.settled('a b c');
    const ip = harbour.number(1);
    harbour.machine('b').refusesOn.set(ip, 'no');
    harbour.ownership('a').request({ id: 'm', verb: 'move', ips: [ip], to: harbour.at('b').incarnation });
    await harbour.until(() => harbour.lan.answering(ip).length === 0, 500);
    await harbour.until(() => harbour.lan.answering(ip).length === 1, 200);
    expect([harbour.lan.answering(ip)[0]!.name, harbour.doubles]).toEqual(['a', []]);
  });

  it('LIFE-11 drain: everything goes to others, nothing comes, until it resumes', async () => {
    const harbour = await Harbour.settled('a b c');
    harbour.ownership('c').local.drain(true);
    await harbour.until(() => harbour.answering().c === '', 500);
    await harbour.until(() => harbour.answering().b === '2 5 6', 500);
    await harbour.pass(30_000);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    harbour.ownership('c').local.drain(false);
    await harbour.pass(matureMs + 25_000);
    expect(harbour.answering().c?.split(' ')).toHaveLength(2);
    expect(harbour.doubles).toEqual([]);
  });

  it('LIFE-9, LIFE-10 drained, then stopped: the others need no detection, and nobody waits', async () => {
    const harbour = await Harbour.settled('a b c');
    const { local, lease } = harbour.ownership('c');
    local.drain(true);
    await harbour.until(() => harbour.answering().b === '2 5 6', 500);
    void lease.end();
    await harbour.pass(10);
    harbour.at('c').stop();
    await harbour.pass(500);
    expect(harbour.answering()).toEqual({ a: '1 3 4', b: '2 5 6', c: '' });
    expect(harbour.ownership('a').state).toBe('leading');
    expect([harbour.doubles, harbour.critical]).toEqual([[], []]);
  });
});
