/** The outermost scope: its own options, the small stanzas of a server, and everything else by reference. */
import { capabilitiesProblem } from '../../core/capability-names.ts';
import { LinePattern } from '../../core/line-pattern.ts';
import { logLevels } from '../../core/log.ts';
import { clusterLimitNames } from '../../core/outbound-settings.ts';
import { msgcClientScope, msgcServerScope } from './bus.ts';
import { clusterScope } from './cluster.ts';
import { foreignListeners, listenerScopes } from './listeners.ts';
import { loggingScopes } from './logging.ts';
import {
  afterRestart,
  anonymous,
  bool,
  checked,
  ignoredOptions,
  int,
  listOf,
  named,
  type OptionSchema,
  optionallyNamed,
  path,
  type ScopeSchema,
  seconds,
  text,
} from './option.ts';
import { outboundOptions, outboundScopes } from './outbound.ts';

/** Of an account of the system; also by number. */
function accountProblem(name: string): string | undefined {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/.test(name) ? undefined : `'${name}' is no name of an account`;
}
const account = checked(accountProblem, 'CFG-2107');

const security = anonymous('Security', {
  text: 'Whom `flotilla node` and `flotilla manager` become when they are started as root, before they open anything. Where the service manager says who they are, it has nothing to say; programs that use the API stay who they are.',
  options: [
    ...afterRestart('process', [
      {
        name: 'user',
        type: account,
        text: 'User that a process started as root becomes; unset: it stays root.',
      },
      { name: 'group', type: account, text: 'Its group; unset: that of the user.' },
      {
        name: 'supplemental_groups',
        type: listOf(account, { alone: true }),
        text: 'Its further groups; unset: those that the user is in.',
      },
      {
        name: 'capabilities',
        type: checked(capabilitiesProblem, 'CFG-2107'),
        text: 'What it keeps of root, as `"cap_net_admin+ep cap_net_raw+ep"`; unset: a node keeps those two and `cap_net_bind_service`, a manager nothing.',
      },
    ]),
    {
      name: 'chroot',
      type: path,
      ignored: true,
      instead: 'RootDirectory= of the service, or a container',
      text: 'Root directory of the original.',
    },
    {
      name: 'privileges',
      type: text,
      ignored: true,
      instead: 'capabilities',
      text: 'Privileges on Solaris.',
    },
  ],
});

/** Whoever gives a command chooses the text that is compared: no text may make that slow. */
function linePatternProblem(text: string): string | undefined {
  const parsed = LinePattern.parse(text);
  return typeof parsed === 'string' ? parsed : undefined;
}

const authorization = anonymous('Authorization', {
  text: 'Who may give which console command; without a rule nobody may.',
  scopes: [
    named('Role', 'plain', {
      text: 'Holds for users and groups of this name.',
      options: [
        {
          name: 'allow',
          type: listOf(checked(linePatternProblem, 'CFG-2113'), { alone: true }),
          text: 'Expressions, without case; a command line in which one of them is found is allowed. Write `^` and `$`. Looking ahead or behind and back references are not offered.',
        },
      ],
    }),
  ],
});

const debugFlags = anonymous('Debug_Flags', {
  text: 'Which subsystems of the original log at which level; here there is one level, `debug_level` of `cluster`.',
  options: logLevels.map((level): OptionSchema => {
    const name = level.toUpperCase();
    const isDefault = level === 'error' || level === 'critical';
    return {
      name,
      type: listOf(text, { alone: true }),
      ...(isDefault ? { default: 'ALL' } : {}),
      ignored: true,
      instead: 'debug_level of cluster',
      text: `Subsystems that log ${name}; ALL: all of them.`,
    };
  }),
});

const threadPool = named('ThreadPool', 'plain', {
  text: 'Of the threaded original; only the backlog of `log_job` means something.',
  options: [
    {
      name: 'backlog',
      type: int(0),
      default: '65536',
      text: 'Of `log_job`: jobs after which the aggregator holds sessions back.',
    },
    ...ignoredOptions('concurrency initial_size idle_time cpu_affinity_set priority pool_type'),
  ],
});

const datasource = named('Datasource', 'plain', {
  text: 'A source of queries; its results are cached, and replicated where a Replicate of its name says so.',
  options: [
    {
      name: 'uri',
      restart: 'table',
      type: listOf({ kind: 'datasource' }, { alone: true, nonEmpty: true }),
      text: 'Where to ask: driver, colon, the rest; several are used in turn.',
    },
    {
      name: 'serialized',
      restart: 'table',
      type: bool,
      default: 'true',
      text: 'Publish results in the cluster.',
    },
    { name: 'cache_size', type: int(1), default: '1000', text: 'Results kept.' },
    { name: 'cache_life', type: seconds(0), default: '3600', text: 'How long a result is kept.' },
    { name: 'max_rows', type: int(-1), default: '100', text: 'Rows of a result; -1: all.' },
    { name: 'no_cache', type: bool, default: 'false', text: 'Keep no results.' },
    { name: 'pool', type: text, default: 'IO', ignored: true, text: 'Thread pool of the original.' },
    ...ignoredOptions('username'),
    ...ignoredOptions('password').map((option) => ({ ...option, isSecret: true as const })),
  ],
});

/** Modules and stanzas of the mail server; existing files hold them, nothing here reads them. */
const foreignModules =
  'ac_auth adaptive alerting alias auth_ds auth_http auth_ldap auth_radius beik brightmail chunk_logger cidr_server cidrdb ' +
  'clamav conntrol csapi delay_dsn disclaimer dk_sign dk_validate ds_core eleven engagement_tracker fbl generic_spamc ' +
  'http_io ilf jlog ldap mxip num_rcpts opendkim outbound_audit outbound_smtp_auth scriptlet securecred seedlist Sieve ' +
  'smtp_auth_proxy smtp_cbv smtp_rcptto_regex snmp spf_macros spf_v1 static_routes stats_producer suppress_spool tls_macros ' +
  'url_ripper vctx_conn xclient xml Alias_Scheme Client_Service Relay_Domain';

const foreignScopes: readonly ScopeSchema[] = [...foreignListeners, ...foreignModules.split(' ')].map(
  (name) => ({
    ...optionallyNamed(name, { text: 'Of the mail server; accepted and ignored.' }),
    ignored: true,
  }),
);

const globalOptions: readonly OptionSchema[] = [
  {
    name: 'hostname',
    type: text,
    ignored: true,
    instead: 'nodename of cluster, or EC_NODE_NAME',
    text: 'Name under which the mail server greets.',
  },
  {
    name: 'pidfile',
    type: path,
    restart: 'file',
    text: 'File that holds the process id while `flotilla node` or `flotilla manager` runs; unset: none.',
  },
  {
    name: 'control_client_timeout',
    type: seconds(1),
    default: '60',
    text: 'Time for a console command that a program gives over NATS, and its answer.',
  },
  {
    name: 'timestampformat',
    type: text,
    default: '"[%a %d %b %Y %H:%M:%S] "',
    ignored: true,
    text: 'Time before each line of the paniclog of the original; here lines begin with seconds since 1970.',
  },
  {
    name: 'log_hires_timestamp',
    type: bool,
    default: 'false',
    restart: 'file',
    text: 'Times in logs with microseconds.',
  },
  {
    name: 'debug_throttle_max_num_same_message',
    type: int(0),
    default: '0',
    text: 'Equal messages logged in a period; 0: all.',
  },
  { name: 'debug_throttle_period_secs', type: seconds(1, 60), default: '1', text: 'Length of that period.' },
  {
    name: 'local_changes_file',
    type: { kind: 'string' },
    default: '/etc/flotilla/local_changes.conf',
    text: 'File for console changes that have no other home.',
  },
  { name: 'local_changes_only', type: bool, default: 'false', text: 'All console changes go there.' },
  {
    name: 'max_pending_changes',
    type: int(1, 100_000),
    default: '1000',
    text: 'Console changes that are in no file; more are refused until they are written back. Each is read again with the next.',
  },
  // The kernel tells of interfaces and addresses; those that do not float are not ours to put back.
  ...ignoredOptions('use_iflist_cache binding_auto_replumb binding_auto_replumb_interval'),
  {
    name: 'strict_connection_caps',
    restart: 'table',
    type: { kind: 'words', words: clusterLimitNames },
    text: 'Caps that are never passed: a connection takes a slot of the cluster. Needs `Replicate "shared_named_throttles"`.',
  },
  {
    name: 'siv_throttle_cache_size',
    restart: 'table',
    type: int(1),
    default: '1000',
    text: 'Most named throttles.',
  },
  ...ignoredOptions(
    'spool_base spool_mode spool_umask max_resident_active_queue max_resident_messages max_resident_transient_queue ' +
      'keep_message_dicts_in_memory relay_hosts relay_domains prohibited_hosts dns_threads dns_resolver syslog_facility ' +
      'num_io_threads use_mmap_io banner_hostname large_message_threshold never_stripe_delivery fd_limit ' +
      'sieve_cache_size match_cache_size cidr_cache_size domain_cache_size rlimit_core growbuf_size swap_size tls_engine',
  ),
];

export const globalScope: ScopeSchema = {
  name: 'global',
  instance: 'none',
  instanceType: 'plain',
  text: 'Outside of all scopes.',
  options: [
    ...globalOptions,
    ...outboundOptions,
    ...clusterScope.options.filter((option) => option.paths?.includes('global')),
  ],
  scopes: [
    clusterScope,
    msgcServerScope,
    msgcClientScope,
    ...listenerScopes,
    ...outboundScopes,
    ...loggingScopes,
    datasource,
    security,
    authorization,
    debugFlags,
    threadPool,
    ...foreignScopes,
  ],
};
