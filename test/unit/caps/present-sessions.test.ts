/** Who is connected at the moment (replication 8.18, 8.19). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Prefix, parseAddress, parsePrefix } from '../../../src/core/address.ts';
import { AddressCounts, inboundServices, PresentSessions } from '../../../src/core/present-sessions.ts';
import { ListenerSessions, ServiceSessions } from '../../../src/core/session-caps.ts';
import type { ListenerSettings } from '../../../src/core/settings.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';

const address = (text: string) => parseAddress(text)!;
const listener: ListenerSettings = {
  kind: 'esmtp',
  listen: { host: '*', port: 25 },
  upstream: undefined,
  sendProxy: 'off',
  backlog: 1,
  noDelay: true,
  upstreamTimeoutMs: 1,
  idleTimeoutMs: 0,
  caps: { listenerSessions: 2, serviceSessions: 0, clusterServiceSessions: 0 },
  peers: [],
  enableDuravip: false,
};

function present(cluster?: { count(netblock: Prefix): number }): PresentSessions {
  return new PresentSessions({ random: new SeededRandom(1), cluster: () => cluster });
}

describe('sessions that are open now', () => {
  it('REP-8.18 of a service and of a listener, from an address, a netblock or that of the session that asks', () => {
    const sessions = present();
    const counts = [sessions.onListener('*:25'), sessions.of('SMTP')];
    const accepting = new ListenerSessions(listener, new ServiceSessions([listener]), undefined, counts);
    const open = ['192.0.2.1', '192.0.2.200', '192.0.2.3'].map((client) => accepting.accept(address(client)));
    sessions.of('SMTP').begin(address('2001:db8::1'));
    // The third is over the cap.
    expect(open.map(({ refusal }) => refusal === undefined)).toEqual([true, true, false]);
    expect([sessions.count('SMTP', '192.0.2.1'), sessions.count('SMTP', '192.0.2.0/24')]).toEqual([1, 2]);
    expect([
      sessions.count('SMTP', undefined, '192.0.2.1'),
      sessions.count('SMTP', '/24', '192.0.2.1'),
    ]).toEqual([1, 2]);
    expect([sessions.count('SMTP', '::/0'), sessions.countOn('*:25', '::/0')]).toEqual([1, 0]);
    expect(sessions.countOn('*:25', '192.0.2.0/24')).toBe(2);
    for (const session of open) session.close();
    open[0]!.close();
    expect(sessions.count('SMTP', '0.0.0.0/0')).toBe(0);
  });

  it('REP-8.18 there are the services of the original; inbound_cidr counts the whole cluster', () => {
    const sessions = present({ count: ({ bits }) => bits });
    for (const service of inboundServices) expect(sessions.count(service, '192.0.2.1')).toBe(0);
    expect(sessions.count('inbound_cidr', '192.0.2.0/24')).toBe(24);
  });

  it.each([
    ['smtp', '192.0.2.1', "unknown service 'smtp'"],
    ['inbound_cidr', '192.0.2.1', "unknown service 'inbound_cidr'"],
    ['SMTP', '192.0.2.1/33', 'cidr'],
    ['SMTP', '/24', 'cidr'],
    ['SMTP', undefined, 'cidr'],
  ])('REP-8.19 REP-22.10 %s of %s is refused', (service, cidr, says) => {
    expect(() => present().count(service, cidr)).toThrow(says);
    expect(() => present().countOn('*:25', cidr)).toThrow("unknown listener '*:25'");
  });

  it('REP-8.18 the count of a netblock is that of the sessions in it, whatever begins and ends', () => {
    const client = fc.tuple(fc.nat(3), fc.nat(3)).map(([net, host]) => `192.0.${net}.${host}`);
    fc.assert(
      fc.property(fc.array(fc.tuple(client, fc.boolean())), fc.nat(32), (steps, bits) => {
        const counts = new AddressCounts(7);
        const open: { client: string; end: () => void }[] = [];
        for (const [client, isEnd] of steps) {
          if (isEnd) open.pop()?.end();
          else open.push({ client, end: counts.begin(address(client)) });
        }
        const inNetblock = (client: string) =>
          parsePrefix(`${client}/${bits}`)!.address === parsePrefix(`192.0.1.2/${bits}`)!.address;
        const expected = open.filter(({ client }) => inNetblock(client)).length;
        expect(counts.count(parsePrefix(`192.0.1.2/${bits}`)!)).toBe(expected);
      }),
    );
  });
});
