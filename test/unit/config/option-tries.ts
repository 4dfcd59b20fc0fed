/**
 * Each option in each scope that it may stand in, with another value than the usual one, in a configuration that makes it
 * count: what a test of all options starts from.
 */
import { defaultOf } from '../../../src/config/defaults.ts';
import { scopesWithPaths } from '../../../src/config/schema/lookup.ts';
import type { OptionSchema, OptionType } from '../../../src/config/schema/option.ts';

export interface OptionTry {
  /** `cluster::replicate: max_delay` */
  readonly name: string;
  readonly path: string;
  readonly option: OptionSchema;
  /** It means something to managers alone. */
  readonly isOfManager: boolean;
  /** The configuration without it, and with it. */
  readonly before: string;
  readonly after: string;
}

/** Values of options whose type does not say which one fits. */
const values: Readonly<Record<string, string>> = {
  strict_connection_caps: '"cluster_max_outbound_connections"',
  servers: '( "nats://10.1.1.1:4222" )',
  server: '( "10.1.1.1:4222" )',
  quorum: '3',
  logs: '[ mainlog = "/var/log/m" ]',
  parameters: '"connect"',
  peers: '[ other = "127.0.0.1:4809" ]',
  upstream: '"127.0.0.1:2526"',
  duravip_preference: '( other )',
  bind_address: '10.1.1.7',
  authloginparameters: '[ uri = "scrypt:///tmp/passwd" ]',
  authdigestmd5parameters: '[ uri = "digest:///tmp/digest" ]',
  authorizationparameters: '[ uri = "groups:///tmp/groups" ]',
  sanitize: '"non_printable"',
  facility: 'local1',
  priority: 'info',
  subscriber: '( other )',
  series_include: '( "b" )',
  series_exclude: '( "b" )',
  monitors: '( "60,5" )',
  uri: '( "sqlite:/tmp/b" )',
  supplemental_groups: '( mail )',
  capabilities: '"cap_net_raw+ep"',
  allow: '( "^version$" )',
  pathway: 'other',
  cache: 'other',
  local_changes_file: '""',
  bus_heartbeat_interval: '0.3',
  duravip_follow: 'followed',
  class: 'outbound_cidr',
  type: 'outbound_cidr',
  max_size: '7',
  connect_timeout: '7',
  idle_timeout: '7',
};

/** Another value than the usual one, in configuration syntax; undefined where none is certain to fit. */
function anotherValue(type: OptionType, name: string, usual: unknown): string | undefined {
  const own = values[name.toLowerCase()];
  if (own !== undefined) return own;
  switch (type.kind) {
    case 'bool':
      return usual === true ? 'false' : 'true';
    case 'int':
    case 'real': {
      const next = Number(usual ?? type.min) + 1;
      return String(next <= type.max ? next : type.min);
    }
    case 'enum':
      return type.words.find((word) => word !== usual);
    case 'level':
      return usual === 'debug' ? 'INFO' : 'DEBUG';
    case 'rate':
      return '"7/3"';
    case 'mode':
      return '0600';
    case 'ip':
      return '10.9.9.9';
    case 'path':
      return '"/tmp/other"';
    case 'destination':
      return '"/tmp/other.log"';
    case 'format':
      return '"%M"';
    case 'string':
      return 'other';
    default:
      return undefined;
  }
}

type Around = (statement: string) => string;

const limited: Around = (statement) => `Binding "b" { } ${statement}`;
/** In `kind` and in each scope that may stand in it. */
function listener(kind: string, endpoint: string, more = '', own = ''): Record<string, Around> {
  const lower = kind.toLowerCase();
  return {
    [lower]: (statement) => `${kind} { ${own} ${statement} Listen "${endpoint}" { } } ${more}`,
    [`${lower}::listen`]: (statement) => `${kind} { ${own} Listen "${endpoint}" { ${statement} } } ${more}`,
    [`${lower}::peer`]: (statement) =>
      `${kind} { ${own} Listen "${endpoint}" { } Peer "10.0.0.0/8" { ${statement} } } ${more}`,
    [`${lower}::listen::peer`]: (statement) =>
      `${kind} { ${own} Listen "${endpoint}" { Peer "10.0.0.0/8" { ${statement} } } } ${more}`,
  };
}

const floating =
  'cluster { Topology "10.1.1.0/24" { interface = eth0 } } ' +
  'Binding "followed" { bind_address = 10.1.1.9 enable_duravip = true }';
const redisCache =
  'Datasource c { } Datasource other { } cluster { Replicate c { type = cache } Replicate other { type = cache } }';

/** Where an option can stand, in a configuration that makes it count. */
const surroundings: Readonly<Record<string, Around>> = {
  global: limited,
  cluster: (statement) => `cluster { ${statement} }`,
  'cluster::replicate': (statement) => `cluster { Replicate "inbound_cidr" { ${statement} } }`,
  'cluster::topology': (statement) => `cluster { Topology "10.1.1.0/24" { interface = eth0 ${statement} } }
    Binding b { bind_address = 10.1.1.1 enable_duravip = true }`,
  msgc_client: (statement) => `msgc_client { ${statement} }`,
  msgc_server: (statement) => `msgc_server { ${statement} }`,
  ...listener('ESMTP_Listener', '10.1.1.1:2525', `${floating} Pathway other { service_sessions = 7 }`),
  ...listener(
    'TCP_Listener',
    '10.1.1.1:2525',
    `${floating} Pathway other { service_sessions = 7 }`,
    'upstream = "127.0.0.1:2525"',
  ),
  ...listener('Control_Listener', '10.1.1.1:2025', floating),
  ...listener('ECCluster_Listener', '10.1.1.1:4802', floating),
  ...listener('Redis_Listener', '/tmp/r', redisCache, 'cache = c'),
  ...listener('Metrics_Listener', '127.0.0.1:9464'),
  ...listener('msgcserver_listener', '10.1.1.1:4809', floating),
  binding_group: (statement) => `Binding_Group "g" { ${statement} Binding "b" { } }`,
  'binding_group::binding': (statement) => `Binding_Group "g" { Binding "b" { ${statement} } }`,
  'binding_group::binding::domain': (statement) =>
    `Binding_Group "g" { Binding "b" { Domain "example.com" { ${statement} } } }`,
  'binding_group::binding::host': (statement) =>
    `Binding_Group "g" { Binding "b" { Host "mx.example.com" { ${statement} } } }`,
  'binding_group::domain': (statement) => `Binding_Group "g" { Domain "example.com" { ${statement} } }`,
  'binding_group::host': (statement) => `Binding_Group "g" { Host "mx.example.com" { ${statement} } }`,
  binding: (statement) => `Binding "b" { ${statement} }`,
  'binding::domain': (statement) => `Binding "b" { Domain "example.com" { ${statement} } }`,
  'binding::host': (statement) => `Binding "b" { Host "mx.example.com" { ${statement} } }`,
  domain: (statement) => `Domain "example.com" { ${statement} }`,
  host: (statement) => `Host "mx.example.com" { ${statement} }`,
  pathway: (statement) =>
    `Pathway "p" { ${statement} } ESMTP_Listener { pathway = p Listen "127.0.0.1:25" { } }`,
  pathway_group: (statement) =>
    `Pathway_Group "g" { ${statement} Pathway "p" { } } ESMTP_Listener { pathway = p Listen "127.0.0.1:25" { } }`,
  'pathway_group::pathway': (statement) =>
    `Pathway_Group "g" { Pathway "p" { ${statement} } } ESMTP_Listener { pathway = p Listen "127.0.0.1:25" { } }`,
  ec_logger: (statement) => `ec_logger "x" { ${statement} }`,
  bounce_logger: (statement) => `bounce_logger "x" { ${statement} }`,
  custom_logger: (statement) =>
    `custom_logger "x" { mainlog = "/tmp/a" delivery_format = "%i" ${statement} }`,
  pipe_io: (statement) => `ec_logger "x" { mainlog = "pipe:///bin/cat" } pipe_io { ${statement} }`,
  syslog_io: (statement) => `ec_logger "x" { mainlog = "syslog://" } syslog_io { ${statement} }`,
  logs: (statement) => `Logs { ${statement} }`,
  'logs::manager': (statement) => `cluster { nodename = self } Logs { Manager "self" { ${statement} } }`,
  'logs::manager::node': (statement) =>
    `cluster { nodename = self } Logs { Manager "self" { Node "n" { ${statement} } } }`,
  'logs::manager::subcluster': (statement) =>
    `cluster { nodename = self } Logs { Manager "self" { Subcluster "s" { ${statement} } } }`,
  'logs::node': (statement) => `Logs { Node "n" { ${statement} } }`,
  'logs::subcluster': (statement) => `Logs { Subcluster "s" { ${statement} } }`,
  as_logger: (statement) => `as_logger { series_include = ( a ) ${statement} }`,
  inbound_audit: (statement) => `inbound_audit { ${statement} }`,
  datasource: (statement) => `Datasource "d" { uri = ( "sqlite:/tmp/a" ) ${statement} }`,
  security: (statement) => `Security { user = somebody ${statement} }`,
  'authorization::role': (statement) => `Authorization { Role "r" { ${statement} } }`,
  threadpool: (statement) => `Logs { } ThreadPool "log_job" { ${statement} }`,
};

/** Statements beside an option without which it counts for nothing; a later one of the same name takes their place. */
const companions: Readonly<Record<string, string>> = {
  partition_policy: 'max_outbound_connections = 3',
  duravip_preference: 'enable_duravip = true',
  tls_certificate: 'tls_certificate = "/tmp/cert" tls_key = "/tmp/key"',
  tls_key: 'tls_certificate = "/tmp/cert" tls_key = "/tmp/key"',
  tls_client_ca: 'tls_certificate = "/tmp/cert" tls_key = "/tmp/key"',
  enable_authentication: 'authloginparameters = [ uri = "scrypt:///tmp/p" ]',
  importlog_mode: 'importlog = "/tmp/i"',
  output_mode: 'output_file = "/tmp/o"',
  error_mode: 'error_file = "/tmp/e"',
  'inbound_audit: enabled': 'monitors = ( "60,5" )',
  'cluster: bus_system_password': 'bus_system_user = system',
  'as_logger: series_exclude': 'series_include_default = all',
};

const stage = /^custom_logger: (\w+)_(?:logfile|log_mode)$/;
function companionOf(name: string, option: string): string {
  const [, ofStage] = stage.exec(name) ?? [];
  if (ofStage !== undefined) return `${ofStage}_format = "%M"`;
  const address = /^(?:binding_group::)?binding: .*duravip/.test(name) ? 'bind_address = 10.1.1.6' : '';
  return `${address} ${companions[name] ?? companions[option] ?? ''}`;
}

const cacheOf: Around = (statement) =>
  `Datasource c { } cluster { Replicate "c" { type = cache ${statement} } }`;
const outboundObject: Around = (statement) =>
  `Binding_Group "other" { } cluster { Replicate "outbound_cidr" { ${statement} } }`;
const floatingBinding: Around = (statement) =>
  `bind_address = 10.1.1.6 ${statement} Binding "b" { enable_duravip = true } ${floating}`;
const unixConsole = listener('Control_Listener', '/tmp/x');

/** Of options that want a place of their own. */
const ownSurroundings: Readonly<Record<string, Around>> = {
  'cluster::replicate: max_size': cacheOf,
  'cluster::replicate: binding_group': outboundObject,
  'global: bind_address': floatingBinding,
  'binding_group: bind_address': (statement) =>
    `Binding_Group "g" { bind_address = 10.1.1.6 ${statement} Binding "b" { enable_duravip = true } } ${floating}`,
  'binding_group::binding: bind_address': (statement) =>
    `Binding_Group "g" { Binding "b" { bind_address = 10.1.1.6 enable_duravip = true ${statement} } } ${floating}`,
  'binding: bind_address': (statement) =>
    `Binding "b" { bind_address = 10.1.1.6 enable_duravip = true ${statement} } ${floating}`,
  'control_listener: file_mode': unixConsole.control_listener!,
  'control_listener::listen: file_mode': unixConsole['control_listener::listen']!,
};

export function* optionTries(): Generator<OptionTry> {
  for (const { schema, path } of scopesWithPaths()) {
    for (const option of schema.options) {
      const isHere = option.paths === undefined || option.paths.includes(path);
      if (schema.ignored || !isHere || option.ignored || option.removed) continue;
      const name = `${path}: ${option.name}`;
      const value = anotherValue(option.type, option.name, defaultOf(option));
      const around = ownSurroundings[name] ?? surroundings[path];
      if (!around || value === undefined)
        throw new Error(`${name} has no place or no other value to be tried with`);
      const beside = companionOf(name, option.name);
      yield {
        ...{ name, path, option, isOfManager: isOfManager(path) },
        before: around(beside),
        after: around(`${beside} ${option.name} = ${value}`),
      };
    }
  }
}

function isOfManager(path: string): boolean {
  return path.startsWith('logs') || path === 'as_logger' || path === 'threadpool';
}
