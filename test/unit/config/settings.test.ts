import { describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/config/check.ts';
import { openEndpoint } from '../console/open-access.ts';
import { checkText, codes, settingsOf } from './checked.ts';

describe('settings of an empty configuration', () => {
  it('are the defaults, in milliseconds', () => {
    expect(settingsOf('')).toEqual({
      nodename: 'relay-1',
      nodeaddr: undefined,
      clusterPort: 4802,
      subcluster: 'default',
      stateDir: '/var/lib/flotilla',
      pidFile: undefined,
      clusterGroup: 'ec_cluster',
      controlGroup: 'ec_console',
      logGroup: undefined,
      logIntervals: { activeMs: 1_000, idleMs: 10_000, leaseMs: 30_000 },
      bus: {
        servers: [],
        credentials: {},
        tls: undefined,
        connectTimeoutMs: 2000,
        reconnectWaitMs: 500,
        pingIntervalMs: 1000,
        maxPingOut: 2,
        maxBacklog: 5000,
        systemCredentials: undefined,
        embedded: { clientPort: 4222, routeHost: '127.0.0.1', routePort: 4809, peers: [], secret: undefined },
      },
      membership: {
        beatIntervalMs: 200,
        failureTimeoutMs: 1000,
        heartbeatStartDelayMs: 15_000,
        heartbeatIntervalMs: 1000,
        orderBacklog: 1024,
        tellsHeard: false,
      },
      duravip: {
        vips: [],
        table: { matureMs: 5_000, orphanMatureMs: 0, brokenPolicy: 'release' },
        balanceSetSize: 1,
        balanceIntervalMs: 10_000,
        broadcastIntervalMs: 0,
        handover: { concurrent: false, timeoutMs: 3_000, failureTimeoutMs: 1_000 },
        holdMs: 800,
        quorum: undefined,
        keepOnOutage: false,
        beatIntervalMs: 200,
        patience: { coolDownMs: 30_000, patienceMs: 4_000 },
        probeMs: 10,
        probeLimitMs: 3_000,
        neighbours: { allHosts: true, framesPerSecond: 2_000, shareIntervalMs: 60_000 },
        services: { releaseGraceMs: 0, parallel: 16, unconditionalRebind: true },
      },
      mustAgree: new Map([
        ['cluster_group', 'ec_cluster'],
        ['control_group', 'ec_console'],
        ['bus_heartbeat_interval', '0.2'],
        ['bus_failure_timeout', '1'],
        ['view_mature_time', '5'],
        ['view_balance_interval', '10'],
        ['duravip_balance_set_size', '1'],
        ['orphan_mature_time', '0'],
        ['handover', 'release_first'],
        ['quorum', 'none'],
      ]),
      replicate: [],
      asLogger: undefined,
      aggregation: undefined,
      controlCache: {
        path: undefined,
        maxBytes: 268_435_456,
        maxAgeMs: 86_400_000,
      },
      audit: {
        monitors: [],
        logDir: '/var/log/ecelerity/audit_series_logs',
        serializeDir: '/var/log/ecelerity/audit_series_persist',
        maintenanceMs: 300_000,
      },
      datasources: [],
      listeners: [],
      caps: { stanzas: [], groupOfBinding: new Map(), objects: [], strict: [] },
      throttles: [],
      inboundThrottles: { global: undefined, byPathway: new Map() },
      partition: 'share',
      maxNamedThrottles: 1000,
      control: [],
      roles: [],
      controlClientTimeoutMs: 60_000,
      api: { isServed: true, maxRequests: 1024 },
      redis: undefined,
      metrics: [],
      peers: {
        listen: [{ host: undefined, port: 4802, backlog: 500 }],
        secret: undefined,
        membersOnly: true,
        connectTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        maxJobs: 500,
      },
      logs: [],
      logging: {
        loggers: [],
        pipe: { output: undefined, error: undefined, timeoutMs: undefined },
        syslog: { ident: 'ecelerity', facility: 'mail', priority: 'error' },
        isHighResolution: false,
        maxLag: { bytes: 0, action: 'warn' },
        equalMessages: { most: 0, periodMs: 1000 },
        splitsLevels: false,
      },
      logLevel: 'error',
    });
  });
});

describe('ID-1 node name', () => {
  const name = (text: string, environment: Record<string, string>, nodename?: string) =>
    settingsOf(text, { environment, ...(nodename === undefined ? {} : { nodename }) }).nodename;

  it('comes from what the caller says, the option, EC_NODE_NAME, the host name up to the first dot, in this order', () => {
    expect(name('cluster { nodename = b }', { EC_NODE_NAME: 'c' }, 'a')).toBe('a');
    expect(name('cluster { nodename = b }', { EC_NODE_NAME: 'c' })).toBe('b');
    expect(name('', { EC_NODE_NAME: 'c' })).toBe('c');
    expect(name('', { EC_NODE_NAME: '' })).toBe('relay-1');
  });

  it('ID-3 capitals are folded in a host name and refused where somebody chose them', () => {
    expect(codes(checkText('', { hostname: 'RELAY.example' }))).toEqual([]);
    expect(codes(checkText('', { environment: { EC_NODE_NAME: 'Relay' } }))).toEqual(['CFG-2315']);
    expect(codes(checkText('', { nodename: 'Relay' }))).toEqual(['CFG-2315']);
    expect(codes(checkText('', { hostname: 'bad host' }))).toEqual(['CFG-2315']);
  });

  it('ID-11 the subcluster comes from the environment', () => {
    expect(settingsOf('', { environment: { EC_SUB_CLUSTER: 'west' } }).subcluster).toBe('west');
    expect(codes(checkText('', { environment: { EC_SUB_CLUSTER: 'we.st' } }))).toEqual(['CFG-2315']);
  });

  it('options given by the caller are checked like those of a file, and say where they come from', () => {
    const result = checkText('cluster { servers = ( a ) }', { servers: ['http://b'] });
    expect(result.findings.map(({ file, code }) => [file, code])).toEqual([['given options', 'CFG-2114']]);
    expect(settingsOf('cluster { cluster_group = a }', { clusterGroup: 'b' })).toMatchObject({
      clusterGroup: 'b',
    });
    const settings = settingsOf('cluster { servers = ( a ) }', { servers: ['b"c@d:1'], stateDir: '/s "t"' });
    expect(settings.bus.servers).toEqual(['nats://b"c@d:1']);
    expect(settings.stateDir).toBe('/s "t"');
  });
});

describe('ID-7 node address', () => {
  it('may be loopback while all servers and peers are loopback, with one warning', () => {
    const fleet =
      'cluster { nodeaddr = 127.0.0.2 servers = ( "nats://127.0.0.1:4222" "nats://[::1]:1" localhost ) }';
    expect(codes(checkText(fleet))).toEqual(['CFG-2315']);
    expect(settingsOf(fleet).nodeaddr).toBe('127.0.0.2');
    const embedded =
      'cluster { nodeaddr = 127.0.0.2 }\nmsgc_server { peers = [ a = "127.0.0.1:1" b = 127.0.0.2 ] }';
    expect(settingsOf(embedded).nodeaddr).toBe('127.0.0.2');
    expect(
      checkText('cluster { nodeaddr = 127.0.0.2 }\nmsgc_server { secret = s peers = [ a = 10.0.0.1 ] }')
        .settings,
    ).toBeUndefined();
  });
});

describe('CONF-8.6 bus', () => {
  it('servers, or those of msgc_client; pings and waits as stated', () => {
    const { bus } = settingsOf(`
      cluster { bus_user = u  bus_password_file = /p  bus_tls_ca = /ca  bus_system_user = s  bus_system_password = t }
      msgc_client {
        server = ( "10.0.0.1:4222" "tls://10.0.0.2" )
        keepalive_interval = 5  idle_timeout = 12  reconnect_interval = 3  connect_timeout = 60  max_backlog = 10
      }`);
    expect(bus).toMatchObject({
      servers: ['nats://10.0.0.1:4222', 'tls://10.0.0.2:4222'],
      credentials: { user: 'u', passwordFile: '/p' },
      tls: { caFile: '/ca' },
      systemCredentials: { user: 's', password: 't' },
      pingIntervalMs: 5000,
      maxPingOut: 3,
      reconnectWaitMs: 3000,
      connectTimeoutMs: 60_000,
      maxBacklog: 10,
    });
    const both = settingsOf('cluster { servers = x }\nmsgc_client { server = ( y ) }');
    expect(both.bus.servers).toEqual(['nats://x:4222']);
  });

  it('a client that is pointed to the own server means the embedded one', () => {
    const { bus } = settingsOf(`
      msgc_server { port = 4809  secret = s  peers = [ relay-1 = 10.0.0.1  relay-2 = "10.0.0.2:5809" ] }
      msgc_client { server = ( "127.0.0.1:4809" ) }
      msgcserver_listener { Listen "10.0.0.1:4809" {} }`);
    expect(bus.servers).toEqual([]);
    expect(bus.embedded).toEqual({
      clientPort: 4222,
      routeHost: '10.0.0.1',
      routePort: 4809,
      peers: [
        { name: 'relay-1', address: '10.0.0.1', port: 4809 },
        { name: 'relay-2', address: '10.0.0.2', port: 5809 },
      ],
      secret: 's',
    });
  });

  it('a server whose only peer is itself has no routes to protect', () => {
    expect(codes(checkText('msgc_server { peers = [ relay-1 = 10.0.0.1 ] }'))).toEqual([]);
    expect(codes(checkText('msgc_server { peers = [ relay-2 = 10.0.0.1 ] }'))).toEqual(['CFG-2306']);
    const tls = 'cluster { bus_tls_ca = /a bus_tls_cert = /b bus_tls_key = /c }';
    expect(codes(checkText(`${tls}\nmsgc_server { peers = [ relay-2 = 10.0.0.1 ] }`))).toEqual([]);
    expect(
      codes(
        checkText('msgcserver_listener { Listen ":4809" {} }\nmsgc_server { peers = [ b = 127.0.0.1 ] }'),
      ),
    ).toEqual(['CFG-2306']);
  });

  it('routes are open to the network only when there are peers in it', () => {
    const route = (peers: string) =>
      settingsOf(`msgc_server { secret = s  peers = [ ${peers} ] }`).bus.embedded.routeHost;
    expect(route('relay-1 = 127.0.0.1 relay-2 = 127.0.0.2')).toBe('127.0.0.1');
    expect(route('relay-1 = 10.0.0.1 relay-2 = 10.0.0.2')).toBe('*');
  });
});

describe('membership', () => {
  it('profile fast sets the times that are not stated', () => {
    const times = (text: string) => {
      const { beatIntervalMs, failureTimeoutMs } = settingsOf(`cluster { ${text} }`).membership;
      return [beatIntervalMs, failureTimeoutMs];
    };
    expect(times('profile = fast')).toEqual([20, 100]);
    expect(times('profile = FAST  bus_failure_timeout = 0.5')).toEqual([20, 500]);
    expect(times('bus_heartbeat_interval = 0.1')).toEqual([100, 1000]);
  });
});

describe('replication 6 outbound caps', () => {
  it('are handed on stanza by stanza, in order, with the group of each binding', () => {
    const { caps } = settingsOf(`
      server_max_outbound_connections = 100
      Binding_Group "g" {
        scope_max_outbound_connections = 9
        Binding "b" { Domain "a.org" { max_outbound_connections = 0 } }
      }
      Binding "c" { cluster_max_outbound_connections = -1  Host "/mx/" { cluster_scope_max_outbound_connections = 2 } }
      Domain "/x$/" { max_outbound_connections = 1 }
      Domain "plain.org" { message_expiration = 5 }
      Domain "/y$/" { max_outbound_connections = 2 }
      cluster { Replicate outbound_binding_domains {} }
    `);
    expect(caps.stanzas).toEqual([
      { scope: {}, limits: { server_max_outbound_connections: 100 } },
      { scope: { group: 'g' }, limits: { scope_max_outbound_connections: 9 } },
      { scope: { group: 'g', binding: 'b', domain: 'a.org' }, limits: { max_outbound_connections: 0 } },
      { scope: { binding: 'c' }, limits: { cluster_max_outbound_connections: -1 } },
      { scope: { binding: 'c', host: '/mx/' }, limits: { cluster_scope_max_outbound_connections: 2 } },
      { scope: { domain: '/x$/' }, limits: { max_outbound_connections: 1 } },
      { scope: { domain: '/y$/' }, limits: { max_outbound_connections: 2 } },
    ]);
    expect([...caps.groupOfBinding]).toEqual([['b', 'g']]);
    expect(caps.objects.map(({ name }) => name)).toEqual(['outbound_binding_domains']);
  });
});

describe('CFG-2304 binding_group', () => {
  it('may name the group default, which exists without being declared', () => {
    const replicate = (group: string) => `cluster { Replicate outbound_cidr { binding_group = ${group} } }`;
    expect(codes(checkText(replicate('default')))).toEqual([]);
    expect(codes(checkText(replicate('other')))).toEqual(['CFG-2304']);
  });
});

describe('CFG-2313 a cluster limit without its object', () => {
  it('is none where the limit is off, where the object is there, and for cluster_max in a host scope', () => {
    const limit = (scope: string, value: number) =>
      `${scope} { cluster_max_outbound_connections = ${value} }`;
    expect(codes(checkText(limit('Domain a', 5)))).toEqual(['CFG-2313']);
    expect(codes(checkText(limit('Domain a', -1)))).toEqual([]);
    expect(codes(checkText(limit('Host a', 5)))).toEqual([]);
    expect(codes(checkText(`${limit('Domain a', 5)} cluster { Replicate outbound_domains {} }`))).toEqual([]);
    const named = 'Replicate mine { class = outbound_domains }';
    expect(codes(checkText(`${limit('Domain a', 5)} cluster { ${named} }`))).toEqual([]);
  });
});

describe('front listeners', () => {
  it('have the values of the Listen, else of the listener, else the defaults', () => {
    const { listeners } = settingsOf(`
      ESMTP_Listener {
        Upstream = "127.0.0.1:2601"  Send_Proxy = v2  Listener_Sessions = 7
        Listen "127.0.0.1:2501" { }
        Listen "[*]:25" { Upstream = "/run/smtp.sock"  Send_Proxy = off  Upstream_Timeout = 0.5  Idle_Timeout = 60
                          Listen_Backlog = 20  Disable_Nagle_Algorithm = on  Listener_Sessions = 3 }
        Listen ":26" { Enable = false }
      }
      TCP_Listener { Enable = false  Listen ":27" { Upstream = "db:5432" }  Listen ":28" { Enable = true } }`);
    expect(listeners).toEqual([
      {
        kind: 'esmtp',
        listen: { host: '127.0.0.1', port: 2501 },
        upstream: { host: '127.0.0.1', port: 2601 },
        sendProxy: 'v2',
        backlog: 500,
        noDelay: false,
        upstreamTimeoutMs: 5000,
        idleTimeoutMs: 0,
        caps: { listenerSessions: 7, serviceSessions: 0, clusterServiceSessions: 0 },
        peers: [],
        enableDuravip: false,
      },
      {
        kind: 'esmtp',
        listen: { host: '::', port: 25 },
        upstream: { path: '/run/smtp.sock' },
        sendProxy: 'off',
        backlog: 20,
        noDelay: true,
        upstreamTimeoutMs: 500,
        idleTimeoutMs: 60_000,
        caps: { listenerSessions: 3, serviceSessions: 0, clusterServiceSessions: 0 },
        peers: [],
        enableDuravip: false,
      },
      expect.objectContaining({ kind: 'tcp', listen: { host: '*', port: 28 }, upstream: undefined }),
    ]);
  });

  it('replication 15.2: caps of peers, so that the longest prefix is right for each cap by itself', () => {
    const { listeners } = settingsOf(`
      TCP_Listener {
        Peer "10.1.0.0/16" { listener_sessions = 16  service_sessions = 160 }
        Peer "11.0.0.0/8" { listener_sessions = 11 }
        Listen ":1" { }
        Listen ":2" { Peer "10.0.0.0/8" { listener_sessions = 8 } }
        Listen ":3" { listener_sessions = 3 }
      }`);
    const peers = listeners.map((listener) =>
      Object.fromEntries(listener.peers.map(({ prefix, caps }) => [prefix, caps])),
    );
    expect(peers).toEqual([
      {
        '10.1.0.0/16': { listenerSessions: 16, serviceSessions: 160 },
        '11.0.0.0/8': { listenerSessions: 11 },
      },
      // The Listen's own peer comes first although it is shorter, and hides one cap of the other, not both.
      {
        '10.1.0.0/16': { serviceSessions: 160 },
        '11.0.0.0/8': { listenerSessions: 11 },
        '10.0.0.0/8': { listenerSessions: 8 },
      },
      // What the Listen states itself is nearer than any peer of the listener.
      { '10.1.0.0/16': { serviceSessions: 160 } },
    ]);
  });

  it('take session caps from their pathway where they state none', () => {
    const { listeners } = settingsOf(`
      Pathway_Group "g" { service_sessions = 5  Pathway "p" { listener_sessions = 6 } }
      ESMTP_Listener { pathway = "p"  Listen ":25" { } Listen ":26" { service_sessions = 1 } }`);
    expect(listeners.map(({ caps }) => [caps.listenerSessions, caps.serviceSessions])).toEqual([
      [6, 5],
      [6, 1],
    ]);
  });
});

describe('console', () => {
  it('listens where it is told, on the usual socket without a Listen, and nowhere without a stanza', () => {
    expect(settingsOf('').control).toEqual([]);
    expect(settingsOf('Control_Listener { timeout = 5 }').control).toEqual([
      { ...openEndpoint({ path: '/tmp/2025' }, { timeoutMs: 5000 }), fileMode: 0o660 },
    ]);
    expect(settingsOf('Control_Listener { enable = no }').control).toEqual([]);
    const text =
      'Control_Listener { file_mode = 0600  Listen "/tmp/x" { }  Listen "127.0.0.1:2025" { timeout = 1 } }';
    expect(settingsOf(text).control).toEqual([
      openEndpoint({ path: '/tmp/x' }),
      openEndpoint({ host: '127.0.0.1', port: 2025 }, { timeoutMs: 1000 }),
    ]);
  });
});

describe('as_logger', () => {
  it('REP-11.2 has defaults, and takes the list that applies', () => {
    expect(settingsOf('as_logger { series_include = ( spam ) }').asLogger).toEqual({
      baseDir: '/var/log/eccluster/aslogger',
      periodMs: 60_000,
      writesAll: false,
      patterns: ['spam'],
    });
    const text = 'log_interval = 900 base_dir = /x series_include_default = all series_exclude = ( "^a" b )';
    expect(settingsOf(`as_logger { ${text} }`).asLogger).toEqual({
      baseDir: '/x',
      periodMs: 900_000,
      writesAll: true,
      patterns: ['^a', 'b'],
    });
    expect(settingsOf('as_logger { enabled = false }').asLogger).toBeUndefined();
  });

  it.each([
    ['series_include = ( "(" )', 'CFG-2113'],
    ['series_include = ( a ) log_interval = 0', 'CFG-2103'],
    ['series_include = ( a ) log_interval = 1.5', 'CFG-2102'],
    ['series_include = ( a ) series_include_default = some', 'CFG-2107'],
  ])('REP-11.3 %s is refused', (options, code) => {
    const { findings, settings } = checkText(`as_logger { ${options} }`);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
    expect(settings).toBeUndefined();
  });

  it.each(['series_exclude = ( a )', 'series_include_default = all series_include = ( a )'])(
    'REP-11.3 %s: the list that does not apply draws a warning',
    (options) => {
      const { findings, settings } = checkText(`as_logger { ${options} }`);
      expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['CFG-2006', 'warning']]);
      expect(settings).toBeDefined();
    },
  );
});

describe('examples/three-relays', () => {
  it.each(['relay-1', 'relay-2', 'relay-3'])(
    '%s is valid but for the loopback warning, strictly read too',
    (name) => {
      const file = `examples/three-relays/${name}.conf`;
      const result = checkConfiguration({ file, environment: {}, strict: true });
      expect(result.findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
        'warning CFG-2315',
      ]);
      const number = Number(name.slice(-1));
      expect(result.settings).toMatchObject({
        nodename: name,
        nodeaddr: `127.0.0.${number}`,
        bus: { servers: ['nats://127.0.0.1:4222'] },
        listeners: [{ listen: { port: 2500 + number }, upstream: { port: 2600 + number }, sendProxy: 'v1' }],
      });
    },
  );
});
