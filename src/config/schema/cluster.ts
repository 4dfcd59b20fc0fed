/** The `cluster` scope: identity, groups, bus, membership, DuraVIP, replication (CONF-8.1 to 8.3, DVC). */
import { groupNameProblem, nodeNameProblem } from '../../core/identity.ts';
import { replicaTypes } from '../../core/settings.ts';
import {
  anonymous,
  bool,
  checked,
  dictionaryOf,
  duration,
  int,
  ip,
  level,
  listOf,
  named,
  type OptionSchema,
  type OptionType,
  oneOf,
  path,
  real,
  type ScopeSchema,
  seconds,
  text,
} from './option.ts';

const debugLevel: OptionSchema = {
  name: 'debug_level',
  type: level,
  default: 'ERROR',
  text: 'Least severe level that is logged.',
};
const groupName: OptionType = checked(groupNameProblem, 'CFG-2315');
export const nodeName: OptionType = checked(nodeNameProblem, 'CFG-2315');

/** The one level of a process, whatever part of it has something to say. */
const clusterModule: readonly OptionSchema[] = [
  {
    name: 'enabled',
    type: bool,
    default: 'true',
    ignored: true,
    instead: 'a service that is not started: the process does nothing else',
    text: 'Whether the mail server of the original is part of a cluster.',
  },
  debugLevel,
];

const identity: readonly OptionSchema[] = [
  {
    name: 'nodename',
    type: nodeName,
    restart: 'name',
    text: 'Name of this node; unset: `EC_NODE_NAME`, else the host name up to the first dot.',
  },
  {
    name: 'nodeaddr',
    type: ip,
    restart: 'name',
    text: 'Address of this node on the cluster network; unset: what `nodename` resolves to.',
  },
  {
    name: 'cluster_group',
    type: groupName,
    default: 'ec_cluster',
    restart: 'name',
    equal: true,
    text: 'Group of the membership and of address ownership.',
  },
  {
    name: 'control_group',
    type: groupName,
    default: 'ec_console',
    restart: 'name',
    equal: true,
    text: 'Group on which console commands arrive.',
  },
  {
    name: 'api',
    type: bool,
    default: 'true',
    restart: 'link',
    text: 'Answer requests about shared objects on `<cluster_group>.api.<nodename>.<verb>`.',
  },
  {
    name: 'api_max_requests',
    type: int(1, 100_000),
    default: '1024',
    text: 'Requests of `api` that may wait for other nodes; while there are so many, others are refused.',
  },
  { name: 'log_group', type: groupName, text: 'Group to which paniclog lines are broadcast.' },
  {
    name: 'log_group_split',
    type: bool,
    default: 'false',
    text: 'Broadcast each level of the paniclog on a subject of its own.',
  },
  {
    name: 'state_dir',
    type: path,
    default: '/var/lib/flotilla',
    restart: 'file',
    text: 'Directory for what a node must remember.',
  },
];

const bus: readonly OptionSchema[] = [
  {
    name: 'servers',
    type: listOf({ kind: 'server' }, { alone: true }),
    restart: 'link',
    text: 'NATS servers; without them, and without `msgc_client`, the node starts its own.',
  },
  { name: 'bus_user', type: text, restart: 'link', text: 'User for the NATS servers.' },
  { name: 'bus_password', type: text, restart: 'link', isSecret: true, text: 'Password of `bus_user`.' },
  {
    name: 'bus_password_file',
    type: path,
    restart: 'link',
    text: 'File with the password of `bus_user`; read at each connect.',
  },
  { name: 'bus_token', type: text, restart: 'link', isSecret: true, text: 'Token for the NATS servers.' },
  { name: 'bus_token_file', type: path, restart: 'link', text: 'File with the token; read at each connect.' },
  {
    name: 'bus_nkey_seed',
    isSecret: true,
    type: path,
    restart: 'link',
    text: 'File with the seed of an nkey; read at each connect.',
  },
  { name: 'bus_creds', type: path, restart: 'link', text: 'NATS credentials file; read at each connect.' },
  { name: 'bus_tls_ca', type: path, restart: 'link', text: 'Certificates by which the servers are trusted.' },
  { name: 'bus_tls_cert', type: path, restart: 'link', text: 'Certificate of this node.' },
  { name: 'bus_tls_key', type: path, restart: 'link', text: 'Key of `bus_tls_cert`.' },
  {
    name: 'bus_system_user',
    type: text,
    restart: 'link',
    text: 'User of the NATS system account; with it a killed node is noticed in milliseconds.',
  },
  {
    name: 'bus_system_password',
    type: text,
    restart: 'link',
    isSecret: true,
    text: 'Password of `bus_system_user`.',
  },
  {
    name: 'profile',
    type: oneOf(['default', 'fast']),
    default: 'default',
    equal: true,
    restart: 'agreed',
    text: '`fast`: beats every 0.02 s and loss after 0.1 s, unless stated otherwise.',
  },
  {
    name: 'bus_heartbeat_interval',
    type: duration(0.005, 60),
    default: '0.2',
    equal: true,
    restart: 'agreed',
    text: 'Period of the beats by which members know each other to be alive.',
  },
  {
    name: 'bus_failure_timeout',
    type: duration(0.02, 600),
    default: '1',
    equal: true,
    restart: 'agreed',
    text: 'Silence after which a member counts as lost; at least twice the period of beats.',
  },
  {
    name: 'bus_order_backlog',
    type: int(16, 1_000_000),
    default: '1024',
    restart: 'agreed',
    text: 'Ordered messages kept until all members have them.',
  },
  {
    name: 'bus_loss_hold',
    type: duration(0, 600),
    restart: 'agreed',
    text: 'How long a node without bus keeps its addresses; unset: 0.8 of `bus_failure_timeout`.',
  },
  {
    name: 'on_bus_outage',
    type: oneOf(['release', 'keep']),
    default: 'release',
    text: 'What happens to addresses when all servers are gone.',
  },
  {
    name: 'tcp_buffer_size',
    type: int(4096, 1 << 30, 'bytes'),
    default: '32768',
    paths: ['cluster', 'global'],
    ignored: true,
    text: 'Buffer of TCP connections between nodes of the original; here the kernel sizes it.',
  },
];

const logging: readonly OptionSchema[] = [
  {
    name: 'logs',
    type: dictionaryOf(path, /^[A-Za-z0-9_.-]+$/),
    text: 'Journals offered to the log aggregator: name and path.',
  },
  {
    name: 'log_active_interval',
    type: seconds(0),
    default: '1',
    text: 'Longest pause of an aggregator after it got records; a hint of new ones ends it.',
  },
  {
    name: 'log_idle_interval',
    type: seconds(1),
    default: '10',
    text: 'Longest pause after there was nothing; also the cycle of a manager over the nodes.',
  },
  {
    name: 'log_lease_timeout',
    // Below, one slow sync of an aggregator would cost it the log; above, a killed one keeps it from the next for too long.
    type: seconds(2, 3600),
    default: '30',
    text: 'Silence of an aggregator after which another one may have what it pulls.',
  },
  {
    name: 'logs_max_lag',
    type: int(0, Number.MAX_SAFE_INTEGER, 'bytes'),
    default: '0',
    restart: 'file',
    text: 'Unread bytes a journal may hold; 0: any.',
  },
  {
    name: 'logs_max_lag_action',
    type: oneOf(['warn', 'drop-subscriber', 'stop-writing']),
    default: 'warn',
    restart: 'file',
    text: 'What happens beyond `logs_max_lag`.',
  },
];

const duravip: readonly OptionSchema[] = [
  {
    name: 'arp_all_hosts',
    type: bool,
    default: 'true',
    text: 'Announce a moved address to everybody, or only to known hosts.',
  },
  {
    name: 'arp_share_interval',
    type: duration(1),
    default: '60',
    text: 'How often nodes tell each other which hosts they know.',
  },
  {
    name: 'arp_rate',
    type: real(1, 1_000_000, '1/s'),
    default: '2000',
    text: 'Most announcements sent in a second.',
  },
  {
    name: 'heartbeat_start_delay',
    type: seconds(0),
    default: '15',
    restart: 'agreed',
    text: 'Delay before heartbeats start.',
  },
  {
    name: 'heartbeats_per_sec',
    type: real(1, 10, '1/s'),
    default: '1',
    restart: 'agreed',
    text: 'Heartbeats sent in a second.',
  },
  {
    name: 'if_check_interval',
    type: seconds(1),
    default: '30',
    text: 'How often addresses on interfaces are compared with what they should be.',
  },
  {
    name: 'if_down_limit',
    type: seconds(0),
    default: '4',
    text: 'How long an address must be missing before it is put on again.',
  },
  {
    name: 'view_mature_time',
    type: seconds(0),
    default: '5',
    equal: true,
    text: 'A view unchanged for so long is mature; change it only on advice.',
  },
  {
    name: 'view_balance_interval',
    type: seconds(1),
    default: '10',
    equal: true,
    text: 'How often addresses are balanced; change it only on advice.',
  },
  {
    name: 'view_broadcast_interval',
    type: seconds(0),
    default: '0',
    text: 'How often views are announced unasked; 0: never.',
  },
  {
    name: 'duravip_balance_set_size',
    type: int(1),
    default: '1',
    equal: true,
    text: 'Addresses moved in one round of balancing.',
  },
  {
    name: 'orphan_mature_time',
    type: duration(0),
    default: '0',
    equal: true,
    text: 'Takes the place of `view_mature_time` for an address that lost its owner.',
  },
  {
    name: 'duravip_broken_policy',
    type: oneOf(['release', 'freeze']),
    default: 'release',
    text: 'What happens to an address on whose set-up nodes disagree.',
  },
  {
    name: 'handover',
    type: oneOf(['release_first', 'concurrent']),
    default: 'release_first',
    equal: true,
    text: 'Whether the new owner waits for the old one to let go.',
  },
  {
    name: 'handover_timeout',
    type: duration(0),
    default: '3',
    text: 'Longest wait of a new owner for the old one.',
  },
  {
    name: 'release_grace',
    type: duration(0),
    default: '0',
    text: 'How long connections on a released address may go on.',
  },
  {
    name: 'plumb_parallel',
    type: int(1, 1024),
    default: '16',
    text: 'Addresses put on or taken off at the same time.',
  },
  {
    name: 'quorum',
    type: checked(quorumProblem, 'CFG-2107'),
    default: 'none',
    restart: 'agreed',
    equal: true,
    text: '`none`, `majority` of the nodes in `peers`, or a number of nodes.',
  },
  {
    name: 'probe_limit',
    type: duration(0),
    default: '3',
    text: 'How long to ask the network for another holder before an address is put on.',
  },
  {
    name: 'unconditional_rebind',
    type: bool,
    default: 'true',
    text: 'Choose the binding anew for each message that is moved.',
  },
];

const removed: readonly OptionSchema[] = [
  {
    name: 'mbus_daemon',
    type: { kind: 'any' },
    removed: { since: '3.4', replacement: 'servers, or msgc_server and msgc_client' },
    text: 'Port of the old bus daemon.',
  },
  {
    name: 'cluster_listener',
    type: { kind: 'any' },
    removed: { since: '3.0.15', replacement: 'ECCluster_Listener { Listen "*:4802" {} }' },
    text: 'Endpoint between nodes.',
  },
  {
    name: 'subcluster',
    type: { kind: 'any' },
    removed: { since: '3.4', replacement: 'EC_SUB_CLUSTER in the environment' },
    text: 'Subcluster of the node.',
  },
];

function quorumProblem(value: string): string | undefined {
  return /^(none|majority|[1-9]\d{0,4})$/.test(value)
    ? undefined
    : `'${value}' is not none, majority or a number of nodes`;
}

export const replicateParameters = [
  'snapshot',
  'connect',
  'delivery',
  'transfail',
  'permfail',
  'reception',
  'rejection',
  'audit_series',
  'gauge_cache',
];

export const replicateScope: ScopeSchema = named('Replicate', 'plain', {
  text: 'One shared object. Without `type` and `class` its name is its type.',
  twice: 'CFG-2304',
  options: [
    { name: 'type', type: oneOf(replicaTypes, 'CFG-2304'), restart: 'table', text: 'What is replicated.' },
    {
      name: 'class',
      type: oneOf(replicaTypes, 'CFG-2304'),
      restart: 'table',
      text: 'Type of an object whose name is free.',
    },
    {
      name: 'parameters',
      restart: 'table',
      type: { kind: 'words', words: replicateParameters },
      text: 'Metrics to share; `snapshot` for caches.',
    },
    {
      name: 'max_delay',
      type: duration(0, 3600),
      default: '1.0',
      text: 'Longest time a change waits in the send buffer.',
    },
    {
      name: 'max_pending',
      type: int(1, 1_000_000),
      default: '100',
      text: 'Buffered changes that force a send.',
    },
    {
      name: 'max_size',
      type: int(-1),
      default: '-1',
      text: 'Entries of a replicated cache; -1: any number.',
    },
    {
      name: 'max_keys',
      type: int(1, 4_000_000),
      default: '1000000',
      restart: 'table',
      text: 'Keys in the own row; beyond it the coldest addresses of a CIDR tree are counted with their network, others together.',
    },
    {
      name: 'max_wait',
      type: duration(0.01, 3600),
      default: '0.5',
      text: 'Longest time a throttle waits for the node that keeps its account; then it refuses.',
    },
    {
      name: 'binding_group',
      type: text,
      restart: 'table',
      text: 'Count only connections made through this group.',
    },
  ],
});

export const topologyScope: ScopeSchema = named('Topology', 'network', {
  text: 'On which interface addresses of a network are put.',
  twice: 'CFG-2302',
  options: [
    { name: 'interface', type: text, text: 'Name of the interface.' },
    {
      name: 'cidrmask',
      type: int(0, 128),
      text: 'Bits of the netmask an address gets; unset: 32, for IPv6 128.',
    },
  ],
});

export const clusterScope: ScopeSchema = anonymous('cluster', {
  text: 'The clustering module of a node.',
  options: [...identity, ...bus, ...logging, ...duravip, ...removed, ...clusterModule],
  scopes: [replicateScope, topologyScope],
});
