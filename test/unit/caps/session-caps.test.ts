/** Inbound concurrency caps (replication section 15 and 21.2). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, formatPrefix, type Prefix, parseAddress } from '../../../src/core/address.ts';
import { NetblockCounts, Netblocks } from '../../../src/core/netblocks.ts';
import { type InboundTable, ListenerSessions, ServiceSessions } from '../../../src/core/session-caps.ts';
import type { ListenerSettings, SessionCaps } from '../../../src/core/settings.ts';

const noCaps: SessionCaps = { listenerSessions: 0, serviceSessions: 0, clusterServiceSessions: 0 };

function listener(
  caps: Partial<SessionCaps>,
  peers: Record<string, Partial<SessionCaps>> = {},
): ListenerSettings {
  return {
    kind: 'esmtp',
    listen: { host: '127.0.0.1', port: 0 },
    upstream: undefined,
    sendProxy: 'off',
    backlog: 500,
    noDelay: true,
    upstreamTimeoutMs: 1000,
    idleTimeoutMs: 0,
    caps: { ...noCaps, ...caps },
    peers: Object.entries(peers).map(([prefix, peerCaps]) => ({ prefix, caps: peerCaps })),
    enableDuravip: false,
  };
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

function sessionsOf(settings: ListenerSettings, inbound?: InboundTable): ListenerSessions {
  return new ListenerSessions(settings, new ServiceSessions([settings]), inbound);
}

/** Opens one session after the other and says which of them are refused, and why. */
function refusals(sessions: ListenerSessions, clients: readonly string[]) {
  return clients.map((client) => sessions.accept(address(client)).refusal);
}

/** Stands for `inbound_cidr`: own sessions by netblock, and as many more from elsewhere as the test says. */
class FakeInbound implements InboundTable {
  readonly open: Address[] = [];
  readonly watched = new Set<string>();
  elsewhere = 0;

  increment(client: Address): void {
    this.open.push(client);
  }

  decrement(client: Address): void {
    const at = this.open.findIndex((other) => String(other) === String(client));
    if (at < 0) throw new Error('counted down once too often');
    this.open.splice(at, 1);
  }

  count(netblock: Prefix): number {
    if (!this.watched.has(formatPrefix(netblock.address, netblock.bits)))
      throw new Error('count of an unwatched prefix');
    const counts = new NetblockCounts(new Netblocks([netblock]));
    for (const client of this.open) counts.add(counts.netblocks.find(client), 1);
    return this.elsewhere + counts.count(0);
  }

  watchPrefix({ address, bits }: Prefix): void {
    this.watched.add(formatPrefix(address, bits));
  }
}

describe('listener_sessions', () => {
  test('REP-15.4 reached means as many sessions before this one; a closed session makes room', () => {
    const sessions = sessionsOf(listener({ listenerSessions: 2 }));
    const first = sessions.accept(address('10.0.0.1'));
    expect(refusals(sessions, ['10.0.0.1', '10.0.0.2'])).toEqual([
      undefined,
      { limit: 'listener_sessions', value: 2, count: 2, scope: 'listener' },
    ]);
    first.close();
    expect(refusals(sessions, ['10.0.0.3', '10.0.0.4'])).toMatchObject([undefined, { count: 2 }]);
  });

  test('REP-15.1 0 is no cap', () => {
    const clients = Array<string>(500).fill('10.0.0.1');
    expect(refusals(sessionsOf(listener({})), clients).every((refusal) => refusal === undefined)).toBe(true);
  });

  test('REP-15.3 in a Peer scope only the sessions of that netblock count, those of nested Peers included', () => {
    const settings = listener(
      { listenerSessions: 9 },
      { '10.0.0.0/8': { listenerSessions: 2 }, '10.1.0.0/16': { serviceSessions: 5 } },
    );
    const reached = { limit: 'listener_sessions', value: 2, count: 2, scope: '10.0.0.0/8' };
    const clients = ['192.0.2.1', '192.0.2.2', '10.1.0.1', '10.2.0.1', '10.2.0.2', '10.1.0.2', '192.0.2.3'];
    const expected = [undefined, undefined, undefined, undefined, reached, reached, undefined];
    expect(refusals(sessionsOf(settings), clients)).toEqual(expected);
  });

  test('REP-15.2 the most specific Peer that sets the option applies; 0 there lifts the cap', () => {
    const settings = listener(
      { listenerSessions: 1 },
      { '10.0.0.0/8': { listenerSessions: 2 }, '10.1.0.0/16': { listenerSessions: 0 }, '2001:db8::/32': {} },
    );
    const sessions = sessionsOf(settings);
    expect(refusals(sessions, ['10.1.0.1', '10.1.0.2', '10.1.0.3'])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(refusals(sessions, ['10.2.0.1'])).toMatchObject([{ value: 2, count: 3 }]);
    expect(refusals(sessions, ['2001:db8::1'])).toMatchObject([{ value: 1, count: 3, scope: 'listener' }]);
  });

  test('REP-5.3 a client that comes in as ::ffff:10.0.0.1 is 10.0.0.1', () => {
    const sessions = sessionsOf(listener({}, { '10.0.0.1/32': { listenerSessions: 1 } }));
    expect(refusals(sessions, ['10.0.0.1', '::ffff:10.0.0.1'])).toMatchObject([
      undefined,
      { scope: '10.0.0.1/32' },
    ]);
  });
});

describe('service_sessions', () => {
  test('REP-15.1 counts the sessions of all listeners of the service, in a Peer scope of the netblock', () => {
    const one = listener({ serviceSessions: 3 });
    const two = listener({}, { '10.0.0.0/8': { serviceSessions: 2 } });
    const service = new ServiceSessions([one, two]);
    const [first, second] = [new ListenerSessions(one, service), new ListenerSessions(two, service)];
    expect(refusals(first, ['10.0.0.1', '192.0.2.1'])).toEqual([undefined, undefined]);
    expect(refusals(second, ['10.0.0.2', '10.0.0.3'])).toEqual([
      undefined,
      { limit: 'service_sessions', value: 2, count: 2, scope: '10.0.0.0/8' },
    ]);
    expect(refusals(first, ['192.0.2.2'])).toMatchObject([
      { limit: 'service_sessions', value: 3, scope: 'listener' },
    ]);
    expect(refusals(second, ['192.0.2.2'])).toEqual([undefined]);
  });
});

describe('cluster_service_sessions', () => {
  test('REP-21.2 REP-15.6 compares the sum of inbound_cidr over all nodes, in a Peer scope over its prefix', () => {
    const inbound = new FakeInbound();
    const caps = { clusterServiceSessions: 3 };
    const sessions = sessionsOf(listener({}, { '10.0.0.0/8': caps, '::/0': caps }), inbound);
    inbound.elsewhere = 2;
    expect(refusals(sessions, ['192.0.2.1', '10.0.0.1', '10.0.0.2'])).toEqual([
      undefined,
      undefined,
      { limit: 'cluster_service_sessions', value: 3, count: 3, scope: '10.0.0.0/8' },
    ]);
    inbound.elsewhere = 0;
    expect(refusals(sessions, ['10.0.0.3', '2001:db8::1'])).toEqual([undefined, undefined]);
  });

  test('REP-21.2 outside Peer scopes all clients of both families count', () => {
    const sessions = sessionsOf(listener({ clusterServiceSessions: 2 }), new FakeInbound());
    const clients = ['10.0.0.1', '2001:db8::1', '10.0.0.2', '2001:db8::2'];
    const reached = { limit: 'cluster_service_sessions', value: 2, count: 2, scope: 'listener' };
    expect(refusals(sessions, clients)).toMatchObject([undefined, undefined, reached, { count: 3 }]);
  });

  test('the sums that no cap uses are not kept ready', () => {
    const inbound = new FakeInbound();
    const peers = { '10.0.0.0/8': { clusterServiceSessions: 5 }, '192.0.2.0/24': { listenerSessions: 5 } };
    sessionsOf(listener({}, peers), inbound);
    expect([...inbound.watched]).toEqual(['10.0.0.0/8']);
  });

  test('REP-6.13 without inbound_cidr it holds for the sessions of this node', () => {
    const sessions = sessionsOf(listener({ clusterServiceSessions: 1 }));
    expect(refusals(sessions, ['10.0.0.1', '10.0.0.1'])).toMatchObject([undefined, { count: 1 }]);
  });

  test('REP-5.14 a client that is turned away counts in inbound_cidr until it is closed, but is no session', () => {
    const inbound = new FakeInbound();
    const sessions = sessionsOf(listener({ listenerSessions: 1 }), inbound);
    const first = sessions.accept(address('10.0.0.1'));
    const refused = sessions.accept(address('10.0.0.2'));
    expect(inbound.open.length).toBe(2);
    first.close();
    expect(refusals(sessions, ['10.0.0.3'])).toEqual([undefined]);
    refused.close();
    expect(inbound.open.length).toBe(1);
  });
});

test('REP-5.14 each client is counted exactly once, in whatever order and however often sessions are closed', () => {
  const client = fc.constantFrom('10.0.0.1', '10.1.0.1', '192.0.2.1', '2001:db8::1');
  const step = fc.oneof(
    client.map((open) => ({ open })),
    fc.nat({ max: 30 }).map((close) => ({ close })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const inbound = new FakeInbound();
      const settings = listener({ listenerSessions: 20 }, { '10.0.0.0/8': { serviceSessions: 5 } });
      const service = new ServiceSessions([settings]);
      const sessions = new ListenerSessions(settings, service, inbound);
      const accepted: { close(): void }[] = [];
      const open = new Set<number>();
      for (const step of steps) {
        if ('open' in step) {
          accepted.push(sessions.accept(address(step.open)));
          open.add(accepted.length - 1);
        } else if (accepted[step.close] !== undefined) {
          accepted[step.close]?.close();
          open.delete(step.close);
        }
        expect(inbound.open.length).toBe(open.size);
        expect(service.counts.count(-1)).toBeLessThanOrEqual(open.size);
      }
      for (const session of accepted) session.close();
      expect(inbound.open).toEqual([]);
      expect([service.counts.count(-1), service.counts.count(0)]).toEqual([0, 0]);
    }),
  );
});
