import { describe, expect, it } from 'vitest';
import { fuzzAgreement } from '../../fuzz/agreement.fuzz.ts';
import { is, PostOffice, timeoutMs } from './post-office.ts';

describe('nonsense from the network', () => {
  it('R7 damaged messages never throw, and afterwards the honest peers share a view again', () => {
    const { received } = fuzzAgreement(300, 1);
    expect(received).toBeGreaterThan(1_500);
  });

  it('BUS-23 an absurd epoch is not adopted by a member: there would be no room left to count on', () => {
    const office = PostOffice.settled('a b');
    const { epoch } = office.at('a').agreement.view.id;
    const from = office.at('b').incarnation;
    office.hand({
      from: 'b',
      to: 'a',
      message: { kind: 'nack', from, ballot: office.at('a').agreement.view.id, epoch: 2 ** 50 },
    });
    office.partition('a', 'b');
    office.pass(2 * timeoutMs);
    expect(office.at('a').agreement.view.id.epoch).toBeLessThan(epoch + 10);
  });

  it('BUS-23 a newcomer believes any epoch: the cluster may be old', () => {
    const office = new PostOffice();
    office.open('a');
    const old = { kind: 'nack', from: office.at('a').incarnation, epoch: 2 ** 40 } as const;
    office.open('b');
    office.hand({ from: 'a', to: 'b', message: { ...old, ballot: office.at('b').agreement.view.id } });
    office.pass(timeoutMs);
    expect(office.share('a b')).toBe(true);
    expect(office.at('a').agreement.view.id.epoch).toBeGreaterThan(2 ** 40);
  });

  it('MEM-6 a member that others misread is not what they take it for: type and name are its own word', () => {
    const office = PostOffice.settled('a b c');
    const view = office.at('a').agreement.view;
    const ballot = { epoch: view.id.epoch + 1, coordinator: office.at('a').incarnation, nonce: 77 };
    const members = view.members.map((member, i) => (i === 1 ? { ...member, node: 'x' } : member));
    office.intercept(is('nack'));
    for (const to of ['b', 'c']) {
      office.hand({
        from: 'a',
        to,
        message: { kind: 'propose', from: office.at('a').incarnation, ballot, members },
      });
    }
    expect(office.taken.map(({ from }) => from)).toEqual(['b']);
  });

  it('BUS-12 a commit nobody asked about is not installed', () => {
    const office = PostOffice.settled('a b');
    const { view } = office.at('b').agreement;
    const ballot = { epoch: view.id.epoch + 5, coordinator: office.at('a').incarnation, nonce: 77 };
    const flush = [
      { view: view.id, upTo: 0, entries: [], survivors: view.members.map(({ incarnation }) => incarnation) },
    ];
    const from = office.at('a').incarnation;
    office.hand({
      from: 'a',
      to: 'b',
      message: { kind: 'commit', from, ballot, members: view.members, flush },
    });
    expect(office.at('b').diary).toEqual([]);
  });
});
