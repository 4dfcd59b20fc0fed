/** What stands in the configuration of the fleet: the files that `flotilla cfg` brings to all machines. Pure. */

export const frontPort = 25;
export const mailPort = 2_525;
/** Strictly, over all nodes. */
export const connectionCap = 5;
export const cappedDomain = 'storm.example';
const generationDomain = 'generation.example';
/** Of the console: what tells which generation a process runs with. */
export const generationQuestion = `config get Domain ${generationDomain} cluster_max_outbound_connections`;
const firstGeneration = 1_000;
/** The log of numbered lines, beside the main log. */
export const numberedLog = 'numbered';

export interface MachinePlaces {
  readonly name: string;
  readonly address: string;
  readonly console: string;
  readonly redis: string;
  /** Where its journals are. */
  readonly spool: string;
}

/** What changes from commit to commit; `default/generation.conf`. */
export function generationText(generation: number): string {
  return `Domain "${generationDomain}" { cluster_max_outbound_connections = ${firstGeneration + generation} }\n`;
}

/** Which one it is, of the answer to the question. */
export function generationOf(answer: string): number | undefined {
  const [, value] = /= *(\d+)/.exec(answer) ?? [];
  return value === undefined ? undefined : Number(value) - firstGeneration;
}

/** `default/common.conf`, of nodes and manager. */
export function commonText(servers: readonly string[], failureTimeoutS: number): string {
  return `cluster {
  bus_failure_timeout = ${failureTimeoutS}
  servers = ( ${servers.map((url) => `"${url}"`).join(' ')} )
  bus_system_user = "advisories"
  bus_system_password = "advisories"
  debug_level = NOTICE
  log_active_interval = 1
  log_idle_interval = 1
}
`;
}

/** `default/nodes.conf`: what all nodes have, with floating addresses that serve mail. */
export function nodesText(ips: readonly string[], quorum: number): string {
  const listens = ips.map((ip) => `  Listen "${ip}:${frontPort}" { Enable_Duravip = true }`).join('\n');
  return `include "common.conf"
include "generation.conf"
cluster {
  bus_user = "node"
  bus_password = "node"
  quorum = ${quorum}
  view_mature_time = 1
  view_balance_interval = 1
  if_check_interval = 1
  if_down_limit = 2
  duravip_balance_set_size = 100
  Topology "10.84.0.0/16" { interface = eth0 }
  Replicate "inbound_cidr" { max_delay = 0.05 }
  Replicate "outbound_domains" { max_delay = 0.05 }
  Replicate "shared_named_throttles" { }
  Replicate "pairs" { type = cache  parameters = "snapshot"  max_delay = 0.05  max_size = 10000 }
}
Datasource "pairs" { }
strict_connection_caps = "cluster_max_outbound_connections"
Domain "${cappedDomain}" { cluster_max_outbound_connections = ${connectionCap} }
ESMTP_Listener {
  Upstream = "127.0.0.1:${mailPort}"
  Send_Proxy = v1
  Listener_Sessions = 1000
${listens}
}
`;
}

/** `NAME/ecelerity-cluster.conf`. */
export function nodeText({ name, address, console, redis, spool }: MachinePlaces): string {
  return `include "nodes.conf"
cluster {
  nodename = "${name}"
  nodeaddr = ${address}
  logs = [ mainlog = "${spool}/mainlog"  ${numberedLog} = "${spool}/${numberedLog}" ]
}
Control_Listener { Listen "${console}" { } }
Redis_Listener { cache = "pairs"  Listen "${redis}" { } }
ec_logger "aggregated" {
  mainlog = "cluster://${spool}/mainlog=>master"
  rejectlog = "null://"
  paniclog = "null://"
  acctlog = "null://"
}
`;
}

/** `NAME/eccluster.conf`; its logs go to its spool. */
export function managerText({ name, address, console, spool }: MachinePlaces): string {
  return `include "common.conf"
include "generation.conf"
cluster {
  bus_user = "manager"
  bus_password = "manager"
  nodename = "${name}"
  nodeaddr = ${address}
}
Control_Listener { Listen "${console}" { } }
Logs { logfile = "${aggregateFile(spool, '%{l}', '%{n}')}" }
`;
}

export function aggregateFile(spool: string, log: string, node: string): string {
  return `${spool}/${log}/${node}`;
}
