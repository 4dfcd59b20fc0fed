import { describe, expect, it } from 'vitest';
import { checkText, settingsOf } from './checked.ts';

describe('replication 3 shared objects', () => {
  it('have class, type or name as type, and times in milliseconds', () => {
    const { replicate } = settingsOf(`
      Binding_Group "foo" {}
      cluster {
        Replicate "inbound_cidr" { max_delay = 0.05  max_keys = 10 }
        Replicate "outbound_cidr_foo" { class = "outbound_cidr"  binding_group = "foo" }
        Replicate "throttles" { type = obtm  max_wait = 0.05 }
        Replicate [ Type = "outbound_domains" max_pending = 7 ]
        Replicate "metrics" { parameters = "connect;snapshot" }
      }`);
    expect(replicate).toEqual([
      {
        name: 'inbound_cidr',
        type: 'inbound_cidr',
        parameters: [],
        maxDelayMs: 50,
        maxPending: 100,
        maxKeys: 10,
        maxThrottles: 1_000_000,
        maxWaitMs: 500,
        maxSize: 4_000_000,
        bindingGroup: undefined,
      },
      {
        name: 'outbound_cidr_foo',
        type: 'outbound_cidr',
        parameters: [],
        maxDelayMs: 1000,
        maxPending: 100,
        maxKeys: 1_000_000,
        maxThrottles: 1_000_000,
        maxWaitMs: 500,
        maxSize: 4_000_000,
        bindingGroup: 'foo',
      },
      {
        name: 'throttles',
        type: 'OBTM',
        parameters: [],
        maxDelayMs: 1000,
        maxPending: 100,
        maxKeys: 1_000_000,
        maxThrottles: 1_000_000,
        maxWaitMs: 50,
        maxSize: 4_000_000,
        bindingGroup: undefined,
      },
      {
        name: 'outbound_domains',
        type: 'outbound_domains',
        parameters: [],
        maxDelayMs: 1000,
        maxPending: 7,
        maxKeys: 1_000_000,
        maxThrottles: 1_000_000,
        maxWaitMs: 500,
        maxSize: 4_000_000,
        bindingGroup: undefined,
      },
      {
        name: 'metrics',
        type: 'metrics',
        parameters: ['connect', 'snapshot'],
        maxDelayMs: 1000,
        maxPending: 100,
        maxKeys: 1_000_000,
        maxThrottles: 1_000_000,
        maxWaitMs: 500,
        maxSize: 4_000_000,
        bindingGroup: undefined,
      },
    ]);
  });
});

describe('inbound_audit', () => {
  it('REP-8.2 has monitors, two folders and an interval', () => {
    const { audit } = settingsOf(`
      inbound_audit { monitors = ( "300,6" "1800,4" )  log_dir = "/l"  serialize_dir = "/s"  maintenance_interval = 60 }`);
    expect(audit).toEqual({
      monitors: [
        { sizeS: 300, count: 6 },
        { sizeS: 1800, count: 4 },
      ],
      logDir: '/l',
      serializeDir: '/s',
      maintenanceMs: 60_000,
    });
  });

  it('REP-16.2 REP-16.7 options of adaptive delivery are read in every scope of theirs, and change nothing', () => {
    const around = (option: string) => `Binding "b" { ${option} Domain "d" { ${option} } } ${option}`;
    expect(settingsOf(around('adaptive_scope = "auto"'))).toEqual(settingsOf(around('')));
  });
});

describe('strict_connection_caps', () => {
  it('REP-21.1 is off for every cap, and on for those it names', () => {
    expect(settingsOf('').caps.strict).toEqual([]);
    const { caps } = settingsOf(`
      strict_connection_caps = "cluster_scope_max_outbound_connections;cluster_max_outbound_connections"`);
    expect(caps.strict).toEqual([
      'cluster_max_outbound_connections',
      'cluster_scope_max_outbound_connections',
    ]);
  });
});

describe('Datasource', () => {
  it.each([
    ['cache_size = 0', 'CFG-2103'],
    ['cache_life = -1', 'CFG-2103'],
    ['max_rows = 0', 'CFG-2103'],
    ['max_rows = -2', 'CFG-2103'],
    ['uri = ( )', 'CFG-2108'],
    ['uri = ( "foo:x" )', 'CFG-2114'],
  ])('REP-14.9 REP-22.10 %s is refused', (option, code) => {
    const { findings, settings } = checkText(`Datasource d { ${option} }`);
    expect([findings.map((finding) => finding.code), settings]).toEqual([[code], undefined]);
  });

  it('REP-14.9 a driver that is not built in draws a warning', () => {
    const { findings, settings } = checkText('Datasource d { uri = ( "mysql:db" ) }');
    expect(findings.map(({ severity }) => severity)).toEqual(['warning']);
    expect(settings).toBeDefined();
  });
});

describe('Redis_Listener', () => {
  it('names a replicated cache and sockets of this host', () => {
    const stanzas = 'Datasource "r" {} cluster { Replicate "r" { type = cache } }';
    const { redis } = settingsOf(`${stanzas}
      Redis_Listener { cache = "r" Listen "/tmp/redis" { file_mode = 0600 } Listen "127.0.0.1:6379" {}
                       Listen "127.0.0.1:6380" { enable = false } }`);
    expect(redis).toEqual({
      cache: 'r',
      endpoints: [
        { endpoint: { path: '/tmp/redis' }, fileMode: 0o600, backlog: 500 },
        { endpoint: { host: '127.0.0.1', port: 6379 }, fileMode: 0o660, backlog: 500 },
      ],
    });
    expect(settingsOf(`${stanzas} Redis_Listener { cache = "r" }`).redis).toBeUndefined();
  });
});

describe('Metrics_Listener', () => {
  it('opens sockets for monitoring, for this host or for all', () => {
    const { metrics } = settingsOf(`Metrics_Listener {
      Listen "*:9464" {}  Listen "/run/metrics.sock" { file_mode = 0666 }  Listen "127.0.0.1:1" { enable = false } }`);
    expect(metrics).toEqual([
      { endpoint: { host: '*', port: 9464 }, fileMode: 0o660, backlog: 500 },
      { endpoint: { path: '/run/metrics.sock' }, fileMode: 0o666, backlog: 500 },
    ]);
  });
});

describe('replication 14.1 datasources', () => {
  it('have their defaults, and sizes of caches are bounded', () => {
    const { datasources, replicate } = settingsOf(`
      Datasource "plain" {}
      Datasource "users" { uri = ( "sqlite:/tmp/users" "postgresql:host=db" ) serialized = false cache_size = 5
                           cache_life = 0 max_rows = -1 no_cache = true }
      cluster { Replicate "users" { type = cache max_size = 7 } }`);
    expect(datasources).toEqual([
      {
        name: 'plain',
        uris: [],
        serialized: true,
        cacheSize: 1000,
        cacheLifeMs: 3_600_000,
        maxRows: 100,
        noCache: false,
      },
      {
        name: 'users',
        uris: ['sqlite:/tmp/users', 'postgresql:host=db'],
        serialized: false,
        cacheSize: 5,
        cacheLifeMs: 0,
        maxRows: undefined,
        noCache: true,
      },
    ]);
    expect(replicate).toMatchObject([{ maxSize: 7 }]);
  });
});

describe('replication 7 throttles', () => {
  it('REP-7.4 of outbound stanzas are handed on as texts; REP-7.14 siv_throttle_cache_size bounds named ones', () => {
    const { throttles, replicate, maxNamedThrottles } = settingsOf(`
      siv_throttle_cache_size = 77
      outbound_throttle_messages = 100
      Binding_Group "g" {
        cluster_outbound_throttle_messages = "60/3,burst=5"
        Binding "b" { outbound_throttle_connections = "0/9" }
      }
      Domain "plain.org" { max_outbound_connections = 5 }
      cluster { Replicate "shared_named_throttles" {} Replicate "OBTM" {} }`);
    expect(throttles).toEqual([
      { scope: {}, limits: { outbound_throttle_messages: '100/1' } },
      { scope: { group: 'g' }, limits: { cluster_outbound_throttle_messages: '60/3,burst=5' } },
      { scope: { group: 'g', binding: 'b' }, limits: { outbound_throttle_connections: '0/9' } },
    ]);
    expect(maxNamedThrottles).toBe(77);
    expect(replicate.map(({ maxThrottles }) => maxThrottles)).toEqual([77, 1_000_000]);
  });

  it('REP-21.7 the partition policy of a throttle or cap is that of its stanza, or of the next one around it', () => {
    const { throttles, caps, partition } = settingsOf(`
      partition_policy = "Closed"
      cluster_outbound_throttle_messages = 100
      cluster_server_max_outbound_connections = 50
      Binding_Group "g" {
        partition_policy = open
        cluster_outbound_throttle_messages = 60
        Domain "a.org" { partition_policy = share  cluster_outbound_throttle_connections = 1 }
        Domain "b.org" { cluster_scope_max_outbound_connections = 5 }
      }
      cluster { Replicate "OBTM" {} Replicate "OBTC" {} }`);
    expect(throttles.map((stanza) => stanza.partition)).toEqual(['closed', 'open', 'share']);
    expect(caps.stanzas.map((stanza) => stanza.partition)).toEqual(['closed', 'open']);
    expect(partition).toBe('closed');
    expect(settingsOf('').partition).toBe('share');
  });
});
