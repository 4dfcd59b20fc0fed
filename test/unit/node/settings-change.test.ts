import { describe, expect, it } from 'vitest';
import type { NodeSettings } from '../../../src/core/settings.ts';
import { differences, reloaded } from '../../../src/node/settings-change.ts';
import { settingsOf } from '../config/checked.ts';

/** What is applied of a configuration, and what is not. */
function change(before: string, after: string) {
  const [running, wanted] = [settingsOf(before), settingsOf(after)];
  const next = reloaded(running, wanted);
  return { next, applied: differences(running, next), left: differences(next, wanted) };
}

const cluster = (options: string) => `cluster { ${options} }`;
const binding = (ip: string, more = '') =>
  `Binding "b${ip}" { Bind_Address = ${ip} Enable_Duravip = true ${more} }`;
const esmtp = (...listens: string[]) =>
  `ESMTP_Listener { ${listens.map((each) => `Listen ${each}`).join('\n')} }`;

describe('what a reload takes over', () => {
  it.each([
    ['view_mature_time = 9', 'view_mature_time'],
    ['orphan_mature_time = 1', 'orphan_mature_time'],
    ['view_balance_interval = 3', 'view_balance_interval'],
    ['duravip_balance_set_size = 7', 'duravip_balance_set_size'],
    ['view_broadcast_interval = 5', 'view_broadcast_interval'],
    ['duravip_broken_policy = freeze', 'duravip_broken_policy'],
    ['handover = concurrent', 'handover'],
    ['handover_timeout = 1', 'handover_timeout'],
    ['on_bus_outage = keep', 'on_bus_outage'],
    ['if_check_interval = 9', 'if_check_interval'],
    ['if_down_limit = 9', 'if_down_limit'],
    ['probe_limit = 1', 'probe_limit'],
    ['arp_all_hosts = false', 'arp_all_hosts'],
    ['arp_rate = 10', 'arp_rate'],
    ['arp_share_interval = 9', 'arp_share_interval'],
    ['release_grace = 2', 'release_grace'],
    ['plumb_parallel = 2', 'plumb_parallel'],
    ['unconditional_rebind = false', 'unconditional_rebind'],
    ['debug_level = INFO', 'debug_level'],
    ['log_idle_interval = 3', 'log_idle_interval'],
    ['log_lease_timeout = 3', 'log_lease_timeout'],
    ['logs = [ a = /tmp/a ]', 'logs'],
    ['log_group = log', 'log_group'],
    ['api_max_requests = 9', 'api_max_requests'],
  ])('DVC-14 %s at once', (option, name) => {
    const { next, applied, left } = change('', cluster(option));
    expect([applied, left]).toEqual([[name], []]);
    expect(next.mustAgree).toEqual(settingsOf(cluster(option)).mustAgree);
  });

  it('REP-3.11 REP-14.8 bounds of shared objects and of datasources at once, what they are after a restart', () => {
    const objects = (bounds: string, datasource: string, more = '') => `
      Datasource "users" { ${datasource} }
      cluster { Replicate "users" { type = cache ${bounds} } Replicate "inbound_cidr" { ${bounds.replace(/max_size.*/, '')} } ${more} }`;
    const bounds = 'max_delay = 0.5 max_pending = 7 max_size = 9';
    const { next, applied, left } = change(
      objects('', 'uri = "sqlite:/tmp/a"'),
      objects(bounds, 'uri = "sqlite:/tmp/b" cache_life = 5 max_rows = 3', 'Replicate "OBTM" { }'),
    );
    expect(applied).toEqual([
      'Replicate users changed',
      'Replicate inbound_cidr changed',
      'Datasource users changed',
    ]);
    expect(left).toEqual(['Replicate OBTM added', 'Datasource users changed']);
    expect(next.replicate).toMatchObject([
      { maxDelayMs: 500, maxPending: 7, maxSize: 9 },
      { maxDelayMs: 500, maxPending: 7 },
    ]);
    expect(next.datasources).toMatchObject([{ uris: ['sqlite:/tmp/a'], cacheLifeMs: 5_000, maxRows: 3 }]);
  });

  it('CONF-10 the service between nodes: who may come in and for how long at once, its secret after a restart', () => {
    const { applied, left } = change(
      'ECCluster_Listener { secret = a }',
      'ECCluster_Listener { secret = b  members_only = false  idle_timeout = 9  max_jobs = 7 }',
    );
    expect(applied).toEqual(['members_only', 'idle_timeout of ECCluster_Listener', 'max_jobs']);
    expect(left).toEqual(['ECCluster_Listener']);
  });

  it('REP-7.4 inbound_throttle_messages at once', () => {
    const { next, applied, left } = change('', 'inbound_throttle_messages = "5/2"');
    expect([applied, left]).toEqual([['inbound_throttle_messages'], []]);
    expect(next.inboundThrottles.global).toEqual({ stanza: 'global', rate: '5/2' });
  });

  it.each([
    ['bus_loss_hold = 0.5', ['bus_loss_hold']],
    ['quorum = 2', ['quorum']],
    ['bus_heartbeat_interval = 0.1', ['bus_heartbeat_interval']],
    ['bus_failure_timeout = 2', ['bus_failure_timeout', 'bus_loss_hold']],
    ['servers = "nats://10.0.0.1:4222"', ['servers']],
    ['nodename = other', ['nodename']],
    ['state_dir = "/tmp/x"', ['state_dir']],
    ['bus_user = x  bus_password = y', ['bus_user, bus_password, bus_token, bus_nkey_seed or bus_creds']],
    ['Replicate "inbound_cidr" { }', ['Replicate inbound_cidr added']],
  ])('CONF-10 %s needs a restart, and is named', (option, names) => {
    const { next, applied, left } = change('', cluster(option));
    expect([applied, left.sort()]).toEqual([[], names]);
    expect(next.mustAgree).toEqual(settingsOf('').mustAgree);
  });

  it('DVC-14 addresses that come, go and change, with what listens on them', () => {
    const before = `${binding('10.0.0.1')} ${binding('10.0.0.2')} ${binding('10.0.0.3')}
      ${esmtp('"10.0.0.1:25" { }', '"10.0.0.2:25" { }', '"127.0.0.1:25" { }')}`;
    const after = `${binding('10.0.0.1')} ${binding('10.0.0.3', 'Duravip_Preference = x')} ${binding('10.0.0.4')}
      ${esmtp('"10.0.0.1:25" { Upstream = "127.0.0.1:2525" }', '"10.0.0.4:25" { }', '"127.0.0.1:26" { }')}`;
    const { applied, left } = change(before, after);
    expect(applied.sort()).toEqual([
      'DuraVIP 10.0.0.2 removed',
      'DuraVIP 10.0.0.3 changed',
      'DuraVIP 10.0.0.4 added',
      'ESMTP_Listener 10.0.0.1:25 changed',
      'ESMTP_Listener 10.0.0.2:25 removed',
      'ESMTP_Listener 10.0.0.4:25 added',
      'ESMTP_Listener 127.0.0.1:25 removed',
      'ESMTP_Listener 127.0.0.1:26 added',
    ]);
    expect(left).toEqual([]);
  });

  it('DVC-14 a listener goes with its address where that begins to float, and takes a restart where it ends', () => {
    const listen = esmtp('"10.0.0.1:25" { }');
    const floating = `${binding('10.0.0.1')} ${listen}`;
    expect(change(listen, floating)).toMatchObject({
      applied: ['DuraVIP 10.0.0.1 added'],
      left: [],
    });
    const { next, left } = change(floating, listen);
    expect(next.listeners).toEqual([]);
    expect(left).toEqual(['ESMTP_Listener 10.0.0.1:25 added']);
  });

  it('CONF-10 console endpoints come and go; what is open keeps its socket, and takes other rules', () => {
    const control = (...listens: string[]) =>
      `Control_Listener { ${listens.map((each) => `Listen ${each}`).join(' ')} }`;
    const { next, applied, left } = change(
      control('"/tmp/a" { }', '"/tmp/b" { }'),
      control('"/tmp/b" { file_mode = 0600 timeout = 9 }', '"/tmp/c" { }'),
    );
    expect(applied.sort()).toEqual([
      'Control_Listener /tmp/a removed',
      'Control_Listener /tmp/b changed',
      'Control_Listener /tmp/c added',
    ]);
    expect(left).toEqual(['Control_Listener /tmp/b changed']);
    expect(next.control).toMatchObject([
      { fileMode: 0o660, access: { timeoutMs: 9000 } },
      { fileMode: 0o660 },
    ]);
  });

  it('REP-6 caps hold at once; those that are strict from now on, after a restart', () => {
    const before = 'Domain x.org { max_outbound_connections = 4 }';
    const { applied, left } = change(before, 'Domain x.org { max_outbound_connections = 5 }');
    expect([applied, left]).toEqual([['outbound connection caps'], []]);
    const strict = `${before} cluster { Replicate shared_named_throttles { } } strict_connection_caps = cluster_max_outbound_connections`;
    expect(change(`${before} cluster { Replicate shared_named_throttles { } }`, strict).left).toEqual([
      'strict_connection_caps',
    ]);
  });

  it('CONF-10 loggers come, go and change; how times are written takes a restart', () => {
    const { next, applied, left } = change(
      'ec_logger a { mainlog = /tmp/a }',
      'ec_logger b { mainlog = /tmp/b } log_hires_timestamp = true debug_throttle_max_num_same_message = 3',
    );
    expect([applied.sort(), left]).toEqual([
      ['debug_throttle_max_num_same_message', 'loggers'],
      ['log_hires_timestamp'],
    ]);
    expect(next.logging.loggers.map(({ name }) => name)).toEqual(['b']);
  });

  it('DVC-14 binding groups follow, unless connections are counted by them', () => {
    const grouped = `Binding_Group "west" { ${binding('10.0.0.1')} }`;
    expect(change('', grouped).left).toEqual([]);
    const counting = cluster('Replicate "outbound_domains" { binding_group = default }');
    expect(change(counting, `${counting} ${grouped}`).left).toEqual([
      'Binding_Group, as outbound connection caps know it',
    ]);
  });

  it('CONF-10 a setting that nobody has thought of is named by its place, never passed over', () => {
    const running = settingsOf('');
    const wanted = { ...running, journal: { size: 1 } } as unknown as NodeSettings;
    expect(differences(reloaded(running, wanted), wanted)).toEqual(['journal']);
  });
});
