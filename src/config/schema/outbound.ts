/**
 * What is set by binding group, binding, domain and host: connection caps, throttles, DuraVIP marks of bindings, and the
 * mail server's own options (CONF-8.4, replication 6 and 7).
 */
import { partitionPolicies } from '../../core/throttle/shares.ts';
import { nodeName } from './cluster.ts';
import { pathwayCapOptions } from './listeners.ts';
import {
  bool,
  ignoredOptions,
  int,
  listOf,
  named,
  type OptionSchema,
  oneOf,
  rate,
  type ScopeSchema,
  text,
} from './option.ts';

/** The usual order; a binding inside a group and one outside are both `binding`. */
const byDomain = [
  'binding_group::binding::domain',
  'binding::domain',
  'binding_group::domain',
  'binding_group::binding',
  'binding',
  'binding_group',
  'domain',
  'global',
];
const byBinding = ['binding_group::binding', 'binding', 'binding_group', 'global'];
const byHost = ['binding_group::binding::host', 'binding::host', 'binding_group::host', 'host'];
/** Never in a binding inside a group (CFG-2312), and the host before the domain. */
const clusterMax = ['binding::host', 'host', 'binding::domain', 'binding', 'domain', 'global'];
const clusterThrottle = ['binding_group::domain', 'binding_group', 'domain', 'global'];
const bindingOnly = ['binding_group::binding', 'binding'];
const byPathway = ['pathway_group::pathway', 'pathway', 'pathway_group', 'global'];

const caps: readonly OptionSchema[] = [
  {
    name: 'max_outbound_connections',
    type: int(-1),
    default: '32',
    paths: [...byHost, ...byDomain],
    alone: { scope: 'host', default: '-1' },
    text: 'Most connections of one binding to one domain on this node; in a host scope, to that host.',
  },
  {
    name: 'server_max_outbound_connections',
    type: int(-1),
    default: '75000',
    paths: byBinding,
    text: 'Most outbound connections of this node; in a binding, through it.',
  },
  {
    name: 'server_reserve_outbound_connections',
    type: int(0),
    default: '200',
    paths: ['global'],
    text: 'Added to the former for domains that have no connection yet.',
  },
  {
    name: 'scope_max_outbound_connections',
    type: int(-1),
    paths: [...byHost, ...byDomain],
    text: 'Most connections of this node in the scope that states it.',
  },
  {
    name: 'cluster_max_outbound_connections',
    type: int(-1),
    default: '-1',
    paths: clusterMax,
    text: 'Most connections of the cluster to a domain; needs `Replicate "outbound_domains"`, except in a host scope.',
  },
  {
    name: 'cluster_server_max_outbound_connections',
    type: int(-1),
    paths: byBinding,
    text: 'Most outbound connections of the cluster; needs `Replicate "outbound_cidr"`.',
  },
  {
    name: 'cluster_scope_max_outbound_connections',
    type: int(-1),
    paths: [...byHost, ...byDomain],
    text: 'Most connections of the cluster in the scope that states it; needs `Replicate "outbound_binding_domains"`.',
  },
];

const throttles: readonly OptionSchema[] = [
  {
    name: 'outbound_throttle_messages',
    type: rate,
    paths: byDomain,
    text: 'Delivery attempts, N per S seconds, on this node.',
  },
  {
    name: 'outbound_throttle_connections',
    type: rate,
    paths: byDomain,
    text: 'Connections begun, N per S seconds, on this node.',
  },
  {
    name: 'cluster_outbound_throttle_messages',
    type: rate,
    paths: clusterThrottle,
    text: 'Delivery attempts in the cluster; needs `Replicate "OBTM"`.',
  },
  {
    name: 'cluster_outbound_throttle_connections',
    type: rate,
    paths: clusterThrottle,
    text: 'Connections begun in the cluster; needs `Replicate "OBTC"`.',
  },
];

const partitionPolicy: OptionSchema = {
  name: 'partition_policy',
  type: oneOf(partitionPolicies),
  default: 'share',
  paths: [...byHost, ...byDomain],
  text: 'What throttles of the cluster and strict caps admit on the smaller side while nodes are lost: its share, all (`open`), nothing (`closed`).',
};

const inboundThrottle: OptionSchema = {
  name: 'inbound_throttle_messages',
  type: rate,
  paths: byPathway,
  text: 'Messages accepted, N per S seconds, on this node.',
};

const bindings: readonly OptionSchema[] = [
  {
    name: 'bind_address',
    type: { kind: 'host', any: true },
    default: '*',
    paths: byBinding,
    text: 'Source address of outbound connections.',
  },
  {
    name: 'enable_duravip',
    type: bool,
    default: 'false',
    paths: bindingOnly,
    text: 'The address floats between nodes.',
  },
  {
    name: 'duravip_preference',
    type: listOf(nodeName, { alone: true }),
    paths: bindingOnly,
    text: 'Node that should own the address, or several in order.',
  },
];

const mail: readonly OptionSchema[] = [
  {
    name: 'message_expiration',
    type: int(0, Number.MAX_SAFE_INTEGER, 's'),
    default: '604800',
    paths: byDomain,
    ignored: true,
    text: 'Age at which the mail server gives a message up.',
  },
  // Not looked at either, but asked for by every manual that explains `config eval`.
  ...ignoredOptions('blackhole suspend_delivery', [...byHost, ...byDomain]).map((option) => ({
    ...option,
    default: '0',
  })),
  ...ignoredOptions(
    'gateway routes retry_interval max_retries max_retry_interval delivery_method ehlo_hostname ' +
      'smtp_extensions remote_smtp_port idle_time connect_timeout max_deliveries_per_connection max_recipients_per_batch ' +
      'max_recipients_per_connection outbound_smtp_auth_type outbound_smtp_auth_user outbound_smtp_auth_pass tls tls_ca ' +
      'tls_certificate tls_ciphers tls_key tls_verify tls_protocols dkim_sign opendkim_sign generate_bounces ' +
      'reroute_transfails fully_resolve_before_smtp body_timeout ehlo_timeout mailfrom_timeout rcptto_timeout rset_timeout ' +
      'server_reserve_outbound_ratio adaptive_enabled adaptive_scope adaptive_max_outbound_connections adaptive_retry_interval ' +
      'force_fsync generate_delay_dsn',
    [...byHost, ...byDomain],
  ),
];

/** Valid where their paths say; the same list stands in all five scopes. */
export const outboundOptions: readonly OptionSchema[] = [
  ...caps,
  ...throttles,
  partitionPolicy,
  inboundThrottle,
  ...bindings,
  ...mail,
];

const domain: ScopeSchema = named('Domain', 'domain', {
  text: 'A destination domain, or all that a `/regex/` matches.',
  options: outboundOptions,
});
const host: ScopeSchema = named('Host', 'domain', {
  text: 'A mail exchanger, or all that a `/regex/` matches.',
  options: outboundOptions,
});
const binding: ScopeSchema = named('Binding', 'binding', {
  text: 'A named outbound source address.',
  options: outboundOptions,
  scopes: [domain, host],
});
const bindingGroup: ScopeSchema = named('Binding_Group', 'binding', {
  text: 'Bindings that share limits. Bindings outside of all groups are in group `default`.',
  options: outboundOptions,
  scopes: [binding, domain, host],
});

const pathwayOptions: readonly OptionSchema[] = [
  ...pathwayCapOptions,
  inboundThrottle,
  {
    name: 'domains',
    type: listOf(text),
    paths: ['pathway_group::pathway', 'pathway', 'pathway_group'],
    ignored: true,
    text: 'Domains of the mail server.',
  },
];
const pathway: ScopeSchema = named('Pathway', 'binding', {
  text: 'A named way in, whose limits listeners can share.',
  options: pathwayOptions,
});

export const outboundScopes: readonly ScopeSchema[] = [
  bindingGroup,
  binding,
  domain,
  host,
  named('Pathway_Group', 'binding', {
    text: 'Pathways that share limits.',
    options: pathwayOptions,
    scopes: [pathway],
  }),
  pathway,
];
