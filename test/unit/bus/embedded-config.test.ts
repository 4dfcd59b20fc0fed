import { describe, expect, it } from 'vitest';
import { embeddedConfig } from '../../../src/bus/embedded-config.ts';
import type { BusTls, EmbeddedServerSettings } from '../../../src/core/settings.ts';

const settings: EmbeddedServerSettings = {
  clientPort: 4222,
  routeHost: '*',
  routePort: 4809,
  peers: [
    { name: 'relay-1', address: '10.0.0.1', port: 4809 },
    { name: 'relay-2', address: '10.0.0.2', port: 4809 },
    { name: 'relay-3', address: '2001:db8::3', port: 4810 },
  ],
  secret: 'a "secret"',
};
const logins = { fleet: { user: 'flotilla', password: 'aa' }, system: { user: 'system', password: 'bb' } };
const wholeTls: BusTls = { caFile: '/ca.pem', certFile: '/cert.pem', keyFile: '/key.pem' };

function textFor(change: Partial<EmbeddedServerSettings>, tls?: BusTls, beatIntervalMs = 200): string {
  const all = { ...settings, ...change };
  return embeddedConfig({
    nodename: 'relay-1',
    clusterGroup: 'ec_cluster',
    settings: all,
    beatIntervalMs,
    tls,
    logins,
    folder: '/state/nats',
  });
}

describe('configuration of the embedded server', () => {
  it('BUS-26 whole: clients on loopback, two accounts, pings of 50 ms, routes to all peers but itself', () => {
    expect(textFor({})).toMatchInlineSnapshot(`
      "# Written by Flotilla at each start; changes are lost.
      server_name: "relay-1"
      listen: "127.0.0.1:4222"
      pid_file: "/state/nats/server.pid"
      ping_interval: "50ms"
      ping_max: 14
      connect_error_reports: 60
      reconnect_error_reports: 60
      accounts {
        FLOTILLA { jetstream: enabled, users: [ { user: "flotilla", password: "aa" } ] }
        SYS { users: [ { user: "system", password: "bb" } ] }
      }
      system_account: SYS
      jetstream { store_dir: "/state/nats/jetstream", max_memory_store: 32MB, max_file_store: 256MB }
      cluster {
        name: "ec_cluster"
        listen: "0.0.0.0:4809"
        no_advertise: true
        authorization { user: route, password: "8525476f7e4cf2f8be27bcafa81be5eb1d9e058401aac56cb9de7e101265485e", timeout: 2 }
        routes: [
          "nats-route://route:8525476f7e4cf2f8be27bcafa81be5eb1d9e058401aac56cb9de7e101265485e@10.0.0.2:4809"
          "nats-route://route:8525476f7e4cf2f8be27bcafa81be5eb1d9e058401aac56cb9de7e101265485e@[2001:db8::3]:4810"
        ]
      }
      "
    `);
  });

  it.each([
    { profile: 'default', beatIntervalMs: 200, interval: '50ms', most: 14 },
    { profile: 'fast', beatIntervalMs: 20, interval: '5ms', most: 140 },
    { profile: 'slow beats', beatIntervalMs: 5_000, interval: '50ms', most: 14 },
    { profile: 'shortest beats', beatIntervalMs: 5, interval: '1ms', most: 700 },
  ])(
    'BUS-24 pings fit between two beats, and 700 ms without an answer end a connection: $profile',
    ({ beatIntervalMs, interval, most }) => {
      const text = textFor({}, undefined, beatIntervalMs);
      expect(text).toContain(`ping_interval: "${interval}"\nping_max: ${most}\n`);
    },
  );

  it('a node without peers opens no route port, so it needs no secret', () => {
    const alone = textFor({ secret: undefined, peers: settings.peers.slice(0, 1) });
    expect(alone).not.toContain('cluster');
    expect(alone).not.toContain('4809');
  });

  it('FLT-1207 routes beyond loopback need a secret or whole TLS', () => {
    const open = { secret: undefined };
    expect(() => textFor(open)).toThrow(expect.objectContaining({ code: 'FLT-1207' }));
    expect(() => textFor(open, { caFile: '/ca.pem' })).toThrow(expect.objectContaining({ code: 'FLT-1207' }));
    expect(textFor(open, wholeTls)).toContain('verify: true');
    expect(textFor({ secret: 's' })).toContain('authorization');
  });

  it('FLT-1207 one address outside loopback is enough, listener or peer, name or address', () => {
    const near = { secret: undefined, routeHost: '127.0.0.1' };
    const peer = (address: string) => [{ name: 'other', address, port: 4809 }];
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) {
      expect(textFor({ ...near, peers: peer(address) })).toContain('cluster');
      expect(textFor({ ...near, routeHost: address, peers: peer('::1') })).toContain('cluster');
    }
    for (const address of ['128.0.0.1', '::', '::2', '*', '0.0.0.0', 'relay-2', 'localhost.example.org']) {
      expect(() => textFor({ ...near, peers: peer(address) })).toThrow('not protected');
      expect(() => textFor({ ...near, routeHost: address, peers: peer('::1') })).toThrow('not protected');
    }
  });

  it('two secrets give two route passwords, and neither is written', () => {
    const passwordIn = (text: string) => /user: route, password: "(\w+)"/.exec(text)?.[1];
    const [one, two] = [textFor({ secret: '$2a$11$x' }), textFor({ secret: 'other' })];
    expect(passwordIn(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(passwordIn(one)).not.toBe(passwordIn(two));
    expect(one).not.toContain('$2a$');
  });
});
