import { describe, expect, it } from 'vitest';
import type { FindingCode, Severity } from '../../../src/config/finding.ts';
import { findingCatalogue } from '../../../src/config/finding.ts';
import { checkFiles, checkText } from './checked.ts';

interface Case {
  readonly code: FindingCode;
  readonly severity?: Severity;
  /** The marked stretch, between two ¦, is what the finding must point at; its caret, too. */
  readonly text: string;
  /** Part of the message or of the hint. */
  readonly says: string;
  readonly strict?: boolean;
}

const vip = 'enable_duravip = true';
const topology = 'cluster { Topology "10.1.1.0/24" { interface = eth0 } }';

const cases: readonly Case[] = [
  { code: 'CFG-1101', text: 'hostname = ¦"¦never closed\npidfile = x', says: 'unterminated string' },
  { code: 'CFG-1101', text: "hostname = ¦'¦never closed\n", says: 'unterminated string' },
  { code: 'CFG-1101', text: 'hostname = x\n  ¦/*¦ never closed\n}', says: 'unterminated comment' },
  { code: 'CFG-1101', text: 'hostname = "a¦\0¦b"', says: 'NUL' },
  { code: 'CFG-1102', text: 'cluster {\n  nodename ¦a¦\n}', says: "write 'nodename = a'" },
  { code: 'CFG-1102', text: 'cluster { }\n  ¦}¦', says: "near '}': there is no open '{'" },
  { code: 'CFG-1102', text: 'cluster ¦{¦\n  nodename = a\n', says: "the closing '}' is missing" },
  { code: 'CFG-1102', text: 'cluster {\n  servers = ¦(¦ a b\n}', says: "the closing ')' is missing" },
  {
    code: 'CFG-1102',
    text: 'cluster {\n  logs = ¦[¦ a = /b\n  Replicate "OBTM" {}\n}',
    says: "the closing ']'",
  },
  { code: 'CFG-1102', text: 'cluster { servers = ( a ¦,¦ b ) }', says: "remove ','" },
  { code: 'CFG-1102', text: 'pidfile = a\n¦;¦\n', says: "remove ';'" },
  { code: 'CFG-1102', text: 'pidfile = ¦a;¦\n', says: "there are no ',' and ';'" },
  {
    code: 'CFG-1102',
    text: 'cluster {\n  Replicate = "OBTM" ¦{¦}\n}',
    says: "remove '=' behind 'Replicate'",
  },
  { code: 'CFG-1102', text: 'pidfile =\n¦hostname¦ = a', says: "'pidfile' has no value" },
  { code: 'CFG-1102', text: '¦pidfile¦\nhostname = a', says: "'pidfile' has neither a value nor a body" },
  { code: 'CFG-1102', text: 'include¦¦', says: 'needs the name of a file' },
  { code: 'CFG-1103', text: 'cluster {\n  log_group = ¦“¦panic”\n}', says: 'use "' },
  { code: 'CFG-1103', text: 'pidfile = /very/long/¦»¦\n', says: 'wrapped' },
  { code: 'CFG-1104', text: 'pidfile = ¦/run/ec.pid¦', says: 'should be quoted', strict: true },
  { code: 'CFG-1105', text: 'cluster { servers = ( a ¦(¦ b ) ) }', says: 'cannot hold others' },
  { code: 'CFG-1105', text: 'cluster { logs = [ a = ¦[¦ b = c ] ] }', says: 'cannot hold others' },
  { code: 'CFG-1106', text: 'ESMTP_Listener ¦=¦ {\n}', says: "remove '='" },
  { code: 'CFG-1106', text: 'cluster { ¦logs¦ [ ] }', says: "'=' is missing before '['", strict: true },
  { code: 'CFG-1107', text: 'Binding example ¦<duravip¦="enabled"> {\n}', says: '2.2' },
  { code: 'CFG-1107', text: '¦Logger¦ logging/ec_logger ec_logger {\n heartbeat = 1\n}', says: '2.2' },
  { code: 'CFG-1107', text: 'cluster {\n ¦192.168.0.0/24¦ [ interface = "bge0" ]\n}', says: '2.2' },
  { code: 'CFG-1107', text: 'Domain ¦/^(a|b)$/¦ {\n}'.replace('¦/^(a|b)$/¦', '¦/^¦(a|b)$/'), says: '2.2' },
  { code: 'CFG-2001', text: '¦Clustr¦ {\n}', says: "did you mean 'cluster'?" },
  { code: 'CFG-2001', text: 'Binding a {\n ¦Replicate¦ x { }\n}', says: "it is valid in scope 'cluster'" },
  { code: 'CFG-2001', text: '¦Gopher_Listener¦ {\n}', says: 'Do you need to load a module?' },
  { code: 'CFG-2001', text: '¦hostname¦ {\n}', says: 'write hostname = VALUE' },
  {
    code: 'CFG-2002',
    text: 'cluster {\n\tif_check_interval = 3 ¦if_down_limt¦ = 4\n}',
    says: "did you mean 'if_down_limit'?",
  },
  { code: 'CFG-2002', text: '¦if_down_limit¦ = 4', says: "it is valid in scope 'cluster'" },
  { code: 'CFG-2002', text: 'Control_Listener { ¦enabled¦ = true }', says: "did you mean 'enable'?" },
  { code: 'CFG-2002', text: '¦cluster¦ = 4', says: 'write cluster { }' },
  { code: 'CFG-2002', text: 'Binding_Group g { ¦cluster_max_outbound_connections¦ = 4 }', says: "'Binding'" },
  { code: 'CFG-2003', text: 'cluster ¦"one"¦ { }', says: "Didn't expect a name for cluster" },
  { code: 'CFG-2004', text: '¦Binding¦ { }', says: 'needs a name' },
  { code: 'CFG-2004', text: 'Datasource ¦""¦ { }', says: 'needs a name' },
  { code: 'CFG-2005', text: 'cluster { ¦mbus_daemon¦ = 4803 }', says: 'removed in 3.4' },
  { code: 'CFG-2005', text: 'cluster { ¦cluster_listener¦ = *:4802 }', says: 'ECCluster_Listener' },
  { code: 'CFG-2006', text: '¦idle_time¦ = 300', says: 'has no effect here' },
  {
    code: 'CFG-2006',
    text: '¦Sieve¦ "s" { anything goes { a = 1 } }'.replace('anything goes', 'anything "goes"'),
    says: 'not checked',
  },
  {
    code: 'CFG-2006',
    severity: 'warning',
    text: 'as_logger { ¦series_exclude¦ = ( a ) }',
    says: 'series_include_default = none',
  },
  {
    code: 'CFG-2006',
    severity: 'warning',
    text: '¦as_logger¦ { }',
    says: 'no series is named',
  },
  {
    code: 'CFG-2103',
    text: 'as_logger { log_interval = ¦0¦ series_include = ( a ) }',
    says: 'from 1 to 604800',
  },
  { code: 'CFG-2102', text: 'as_logger { log_interval = ¦1.5¦ series_include = ( a ) }', says: 'whole' },
  { code: 'CFG-2113', text: 'as_logger { series_include = ( ¦"("¦ ) }', says: 'nterminated group' },
  {
    code: 'CFG-2107',
    text: 'as_logger { series_include_default = ¦some¦ series_include = ( a ) }',
    says: 'all, none',
  },
  { code: 'CFG-2101', text: 'log_hires_timestamp = ¦maybe¦', says: "'maybe' is not a boolean" },
  { code: 'CFG-2102', text: 'cluster { if_down_limit = ¦4s¦ }', says: 'not a whole number' },
  { code: 'CFG-2102', text: 'cluster { bus_failure_timeout = ¦1e3¦ }', says: 'not a number' },
  { code: 'CFG-2102', text: 'inbound_audit { monitors = ( "300,6" ¦"300"¦ ) }', says: 'SECONDS,NUMBER' },
  { code: 'CFG-2103', text: 'cluster { Replicate OBTM { max_delay = ¦3601¦ } }', says: 'from 0 to 3600' },
  { code: 'CFG-2103', text: 'Datasource x { max_rows = ¦0¦ }', says: 'at least 1' },
  { code: 'CFG-2103', text: 'cluster { bus_failure_timeout = ¦0.3¦ }', says: 'less than twice' },
  {
    code: 'CFG-2103',
    text: `cluster { Topology "10.0.0.0/8" { interface = a cidrmask = ¦64¦ } }`,
    says: '0 to 32',
  },
  { code: 'CFG-2103', text: 'cluster { logs = [ ¦"a b"¦ = /x ] }', says: 'may hold only' },
  { code: 'CFG-2104', text: 'Logs { file_mode = ¦0689¦ }', says: 'octal' },
  { code: 'CFG-2105', text: 'Logs { file_mode = ¦640¦ }', says: 'write 0640' },
  { code: 'CFG-2106', text: 'outbound_throttle_messages = ¦"10/0"¦', says: "invalid throttle rate '10/0'" },
  { code: 'CFG-2107', text: 'cluster { on_bus_outage = ¦kep¦ }', says: "did you mean 'keep'?" },
  { code: 'CFG-2107', text: 'cluster { debug_level = ¦loud¦ }', says: 'CRITICAL' },
  {
    code: 'CFG-2107',
    text: 'cluster { Replicate metrics { parameters = ¦"connect;recption"¦ } }',
    says: "'reception'",
  },
  {
    code: 'CFG-2108',
    severity: 'warning',
    text: 'inbound_audit { monitors = ¦"300,6"¦ }',
    says: 'write it in ( )',
  },
  { code: 'CFG-2108', text: 'cluster { if_down_limit = ¦( 4 )¦ }', says: 'not a list' },
  { code: 'CFG-2108', text: 'cluster { logs = ¦/var/log¦ }', says: '[ key = value ]' },
  { code: 'CFG-2109', text: 'cluster { logs = [ a = /a b = /b ¦a¦ = /c ] }', says: 'the last one counts' },
  { code: 'CFG-2110', text: 'cluster { nodeaddr = ¦10.0.0.256¦ }', says: 'not an address' },
  { code: 'CFG-2110', text: 'msgc_server { peers = [ a = ¦"no where"¦ ] }', says: 'not an address' },
  { code: 'CFG-2111', text: 'ESMTP_Listener { Peer ¦"10.0.0.1/8"¦ { } }', says: '10.0.0.0/8 would be right' },
  { code: 'CFG-2112', text: 'ESMTP_Listener { Listen ¦"10.0.0.1:65536"¦ { } }', says: 'ports go to 65535' },
  { code: 'CFG-2112', text: 'ESMTP_Listener { Listen ¦"2001:db8::1:25"¦ { } }', says: 'in brackets' },
  {
    code: 'CFG-2112',
    text: 'ESMTP_Listener { Listen ":25" { upstream = ¦":26"¦ } }',
    says: 'not a wildcard',
  },
  {
    code: 'CFG-2112',
    text: 'TCP_Listener { Listen "10.0.0.1:25" { upstream = ¦"10.0.0.1:25"¦ } }',
    says: 'the listener itself',
  },
  { code: 'CFG-2113', text: 'Domain ¦"/^(a|b$/"¦ { }', says: 'nterminated' },
  { code: 'CFG-2113', text: 'Domain ¦"/^a"¦ { }', says: 'unterminated regex' },
  {
    code: 'CFG-2114',
    text: 'ec_logger e { importlog = ¦"gopher:///x"¦ }',
    says: "unknown I/O scheme 'gopher'",
  },
  { code: 'CFG-2114', text: 'ec_logger e { importlog = ¦"jlog://var/x=>a"¦ }', says: 'three slashes' },
  {
    code: 'CFG-2114',
    text: 'ec_logger e { importlog = ¦"jlog:///x=>a?when=noon"¦ }',
    says: 'Malformed when parameter noon',
  },
  {
    code: 'CFG-2114',
    text: 'ec_logger e { importlog = ¦"jlog:///x=>a?mode=1"¦ }',
    says: 'unsupported options mode on /x',
  },
  {
    code: 'CFG-2114',
    severity: 'warning',
    text: 'ec_logger e { importlog = ¦"jlog:///x"¦ }',
    says: 'no subscriber',
  },
  { code: 'CFG-2114', text: 'cluster { servers = ( ¦"http://a"¦ ) }', says: "unknown scheme 'http'" },
  { code: 'CFG-2114', text: 'Datasource d { uri = ( ¦"foo:x"¦ ) }', says: 'known driver' },
  {
    code: 'CFG-2114',
    severity: 'warning',
    text: 'Datasource d { uri = ( ¦"odbc:x"¦ ) }',
    says: 'not built in',
  },
  { code: 'CFG-2201', text: 'local_changes_file = ¦"/nowhere/x.conf"¦', says: 'cannot be written' },
  {
    code: 'CFG-2201',
    text: 'local_changes_file = "" local_changes_only = ¦true¦',
    says: 'needs a local_changes_file',
  },
  {
    code: 'CFG-2301',
    text: `Binding b { bind_address = 10.2.2.2 ¦enable_duravip¦ = true }\n${topology}`,
    says: '10.2.2.2',
  },
  { code: 'CFG-2302', text: 'cluster { Topology ¦"ten"¦ { interface = a } }', says: 'ADDRESS/BITS' },
  {
    code: 'CFG-2302',
    text: 'cluster { Topology "::/0" { interface = a } Topology ¦"0::/0"¦ { interface = a } }',
    says: 'declared twice',
  },
  {
    code: 'CFG-2302',
    severity: 'warning',
    text: 'cluster { Topology ¦""¦ { interface = a } }',
    says: 'every address',
  },
  {
    code: 'CFG-2302',
    severity: 'warning',
    text: 'cluster { Topology ¦"10.0.0.0/8"¦ { } }',
    says: 'names no interface',
  },
  {
    code: 'CFG-2302',
    severity: 'warning',
    text: 'cluster { Topology "10.0.0.0/8" { interface = a cidrmask = ¦24¦ } }',
    says: 'use 32',
  },
  { code: 'CFG-2303', text: 'Binding ¦"a b"¦ { }', says: 'white space' },
  { code: 'CFG-2303', text: 'Binding ¦"a:b"¦ { }', says: "':'" },
  { code: 'CFG-2303', text: 'Binding_Group ¦"/a/"¦ { }', says: 'regex not supported' },
  { code: 'CFG-2303', text: 'Binding ¦"#mmove"¦ { }', says: 'reserved' },
  { code: 'CFG-2304', text: 'cluster { Replicate ¦inbound_cdr¦ { } }', says: "did you mean 'inbound_cidr'?" },
  { code: 'CFG-2304', text: 'cluster { Replicate x { type = ¦outbound¦ } }', says: 'is not one of' },
  {
    code: 'CFG-2304',
    text: 'cluster { Replicate x { type = OBTM class = ¦OBTC¦ } }',
    says: "has type 'OBTM' and class 'OBTC'",
  },
  { code: 'CFG-2304', text: 'cluster { Replicate OBTM { ¦max_size¦ = 5 } }', says: 'for caches only' },
  {
    code: 'CFG-2304',
    text: 'cluster { Replicate OBTM { ¦binding_group¦ = g } }',
    says: 'outbound_cidr and outbound_domains only',
  },
  {
    code: 'CFG-2304',
    text: 'Binding_Group gold {}\ncluster { Replicate outbound_cidr { binding_group = ¦gld¦ } }',
    says: "did you mean 'gold'?",
  },
  { code: 'CFG-2304', text: 'cluster { Replicate OBTM { } Replicate ¦"OBTM"¦ { } }', says: 'declared twice' },
  { code: 'CFG-2304', text: 'cluster { ¦replicate¦ [ name = x ] }', says: 'needs a type' },
  {
    code: 'CFG-2304',
    severity: 'warning',
    text: 'cluster { Replicate ¦metrics¦ { } }',
    says: 'replicates nothing',
  },
  {
    code: 'CFG-2304',
    severity: 'warning',
    text: 'cluster { Replicate OBTM { parameters = ¦snapshot¦ } }',
    says: 'means nothing for OBTM',
  },
  { code: 'CFG-2305', text: 'cluster { Replicate ¦c¦ { type = cache } }', says: 'needs a Datasource' },
  { code: 'CFG-2306', text: 'msgc_server { peers = [ ¦Relay¦ = 127.0.0.1 ] }', says: 'must be lower case' },
  {
    code: 'CFG-2306',
    text: 'msgc_server { peers = [ a = "[::1]:5000" ¦b¦ = "[0::1]:5000" ] }',
    says: "'a' and 'b' have one address",
  },
  {
    code: 'CFG-2306',
    text: 'msgc_server { ¦peers¦ = [ a = 10.0.0.1 b = 10.0.0.2 ] }',
    says: 'a secret or TLS',
  },
  { code: 'CFG-2306', text: 'cluster { quorum = ¦majority¦ }', says: 'needs to know all nodes' },
  {
    code: 'CFG-2307',
    text: 'msgc_server { port = 4810 }\nmsgc_client { server = ¦( "127.0.0.1:4811" )¦ }',
    says: 'port 4811',
  },
  {
    code: 'CFG-2308',
    text: `Binding b { bind_address = 10.1.1.2 ${vip} }\n${topology}\nESMTP_Listener { Listen "10.1.1.1:25" { ${vip} ¦duravip_follow¦ = b } }`,
    says: 'both',
  },
  {
    code: 'CFG-2309',
    text: 'ESMTP_Listener { Listen "10.1.1.1:25" { duravip_follow = ¦b¦ } }',
    says: "no binding 'b'",
  },
  {
    code: 'CFG-2309',
    text: 'ESMTP_Listener { Listen "10.1.1.1:25" { duravip_follow = ¦default¦ } }',
    says: "'default' cannot",
  },
  {
    code: 'CFG-2309',
    text: 'Binding b { }\nESMTP_Listener { Listen "10.1.1.1:25" { duravip_follow = ¦b¦ } }',
    says: 'does not float',
  },
  {
    code: 'CFG-2309',
    text: `Binding b { bind_address = 10.1.1.1 ${vip} }\n${topology}\nESMTP_Listener { Listen "10.1.1.1:25" { duravip_follow = ¦10.1.1.1¦ } }`,
    says: 'nothing to follow',
  },
  {
    code: 'CFG-2310',
    text: `Binding b { bind_address = 10.1.1.2 ${vip} }\n${topology}\nESMTP_Listener { Listen "10.1.1.1:25" { ¦duravip_preference¦ = n duravip_follow = b } }`,
    says: 'ignored',
  },
  {
    code: 'CFG-2311',
    text: `${topology}\nESMTP_Listener { Listen "10.1.1.1:25" { ${vip} ¦duravip_preference¦ = n } }`,
    says: 'better on the binding',
  },
  {
    code: 'CFG-2312',
    text: 'Binding_Group g { Binding b { ¦cluster_max_outbound_connections¦ = 4 } }',
    says: 'inside a group',
  },
  {
    code: 'CFG-2313',
    text: 'Domain a.org { ¦cluster_max_outbound_connections¦ = 4 }',
    says: 'outbound_domains',
  },
  {
    code: 'CFG-2313',
    text: 'ESMTP_Listener { Peer "::/0" { ¦cluster_service_sessions¦ = 4 } }',
    says: 'inbound_cidr',
  },
  { code: 'CFG-2314', text: 'ec_logger e { importlog = ¦"cluster:///x=>a"¦ }', says: 'not offered' },
  { code: 'CFG-2314', text: 'cluster { logs = [ a = ¦/x¦ ] }', says: 'no logger writes' },
  { code: 'CFG-2315', text: 'cluster { nodename = ¦Relay¦ }', says: 'must be lower case' },
  { code: 'CFG-2315', text: 'cluster { control_group = ¦ec_cluster¦ }', says: 'groups must differ' },
  { code: 'CFG-2315', text: 'cluster { log_group = ¦"a.b"¦ }', says: 'only letters' },
  { code: 'CFG-2315', text: 'cluster { nodeaddr = ¦0.0.0.0¦ }', says: 'no address of this node' },
  {
    code: 'CFG-2315',
    text: 'cluster { nodeaddr = ¦::1¦ servers = ( 10.0.0.1 ) }',
    says: 'other nodes cannot reach it',
  },
  {
    code: 'CFG-2315',
    severity: 'warning',
    text: 'cluster { nodeaddr = ¦127.0.0.9¦ servers = ( localhost ) }',
    says: 'only nodes on this machine',
  },
  {
    code: 'CFG-2318',
    text: 'ec_logger a { }\nec_logger ¦b¦ { mainlog = /a paniclog = /b rejectlog = /c }',
    says: 'leaves out acctlog',
  },
  { code: 'CFG-2319', text: 'Logs { logfile = ¦"/a/%{x}"¦ }', says: "'%{x}'" },
  { code: 'CFG-2319', text: 'custom_logger c { delivery_format = ¦"%i %q"¦ }', says: "'%q'" },
  {
    code: 'CFG-2320',
    text: 'Binding b { }\nBinding_Group g { Binding ¦b¦ { } }',
    says: "outside of groups and in Binding_Group 'g'",
  },
  {
    code: 'CFG-2320',
    text: 'Pathway_Group g { Pathway p { } }\nPathway_Group h { Pathway ¦p¦ { } }',
    says: 'stands both',
  },
  { code: 'CFG-2321', text: `Binding b { ¦enable_duravip¦ = true }`, says: 'no address' },
  {
    code: 'CFG-2321',
    text: `Binding default { bind_address = 10.1.1.1 ¦enable_duravip¦ = true }`,
    says: "'default' cannot float",
  },
  {
    code: 'CFG-2321',
    text: `ESMTP_Listener { Listen "*:25" { ¦enable_duravip¦ = true } }`,
    says: 'wildcard',
  },
  {
    code: 'CFG-2321',
    text: `cluster { nodeaddr = 10.1.1.1 }\nESMTP_Listener { Listen "10.1.1.1:25" { ¦enable_duravip¦ = true } }`,
    says: "node's own address",
  },
  {
    code: 'CFG-2321',
    text: `Binding b { bind_address = 10.1.1.2 ${vip} }\n${topology}\nESMTP_Listener { Listen "*:25" { ¦duravip_follow¦ = b } }`,
    says: 'wildcard',
  },
  {
    code: 'CFG-2322',
    text: `Binding b { bind_address = 10.1.1.2 ${vip} }\n${topology}\nESMTP_Listener { Listen ¦"10.1.1.2:25"¦ { } }`,
    says: "Listen '10.1.1.2:25' is upgraded to DuraVIP",
  },
  {
    code: 'CFG-2323',
    text: `Binding a { bind_address = 10.1.1.2 ${vip} duravip_preference = n }\nBinding b { bind_address = 10.1.1.2 ${vip} duravip_preference = ¦m¦ }\n${topology}`,
    says: 'so it has none',
  },
  {
    code: 'CFG-2324',
    text: '¦Redis_Listener¦ { Listen "/tmp/x" {} }',
    says: 'needs the name of a replicated',
  },
  { code: 'CFG-2324', text: 'Redis_Listener { cache = ¦"x"¦ }', says: 'is no replicated cache' },
  {
    code: 'CFG-2324',
    text: `Datasource c {} cluster { Replicate c { type = cache } }
      Redis_Listener { cache = c Listen ¦"10.1.1.1:6379"¦ {} }`,
    says: 'can be reached by other hosts',
  },
  {
    code: 'CFG-2331',
    text: 'Control_Listener { Enable_Authentication = true AuthLoginParameters = [ uri = "scrypt:///f" ] Listen ¦":2025"¦ {} }',
    says: 'clients of other hosts are turned away on *:2025',
  },
  {
    code: 'CFG-2332',
    text: 'Control_Listener { AuthLoginParameters = ¦[ uri = "ecauth://" ]¦ Listen "127.0.0.1:1" {} }',
    says: "'ecauth://' is none of scrypt:///FILE, file:///FILE",
  },
  {
    code: 'CFG-2332',
    text: 'Control_Listener { Listen "/x" { Peer "10.0.0.0/8" { AuthorizationParameters = ¦[ a = b ]¦ } } }',
    says: 'there is no uri',
  },
  {
    code: 'CFG-2332',
    text: 'Control_Listener { Listen "127.0.0.1:1" { tls_certificate = ¦"/c"¦ } }',
    says: "'tls_key' is missing",
  },
  {
    code: 'CFG-2333',
    text: 'Control_Listener { Enable_Authentication = true Listen ¦"127.0.0.1:2025"¦ {} Listen "/tmp/x" {} }',
    says: 'nobody can log in on 127.0.0.1:2025',
  },
  {
    code: 'CFG-2334',
    text: 'Control_Listener { tls_certificate = "/c" tls_key = "/k" Listen ¦"10.1.1.1:2025"¦ {} }',
    says: 'whoever reaches 10.1.1.1:2025 may give every command',
  },
  {
    code: 'CFG-2334',
    text: 'Control_Listener { Listen ¦"127.0.0.1:1"¦ { Enable_Authorization = true } }\nAuthorization { Role a { allow = "^a" } }',
    says: 'nobody may do anything on 127.0.0.1:1',
  },
  {
    code: 'CFG-2334',
    text: 'Control_Listener { Listen "/x" { Enable_Authorization = ¦true¦ } }',
    says: 'there is no Role',
  },
  {
    code: 'CFG-2335',
    text: 'Control_Listener { AuthLoginParameters = ¦[ uri = "file:///f" ]¦ }',
    says: 'passwords in clear text',
  },
  {
    code: 'CFG-2335',
    text: 'Authorization { Role a { allow = ( "^pid$" ¦"shutdown"¦ ".*" ) } }',
    says: 'also allows lines that hold it anywhere',
  },
  {
    code: 'CFG-2113',
    text: 'Authorization { Role a { allow = ( ¦"^(?!shutdown)"¦ ) } }',
    says: 'unsupported Perl syntax',
  },
];

/** Line and column in code points, counted the slow way. */
function positionIn(text: string): string {
  const lines = text.split('\n');
  return `${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}`;
}

function expectationOf({ text, code, severity }: Case) {
  const [before = '', marked = '', after = ''] = text.split('¦');
  return {
    plain: before + marked + after,
    line: `${positionIn(before)}-${positionIn(before + marked)} ${severity ?? findingCatalogue[code].severity} ${code}`,
  };
}

const told = ({ findings }: ReturnType<typeof checkText>, file: string) =>
  findings
    .filter((finding) => finding.file === file)
    .map(({ line, column, endLine, endColumn, severity, code, message, hint }) => ({
      place: `${line}:${column}-${endLine}:${endColumn} ${severity} ${code}`,
      text: `${message} ${hint}`,
    }));

describe('CONF-13.4 every finding has its exact place', () => {
  it.each(cases)('$code $says', (example) => {
    const { plain, line } = expectationOf(example);
    const found = told(checkText(plain, { strict: example.strict ?? false }), 'configuration');
    expect(found.map(({ place }) => place)).toContain(line);
    expect(found.find(({ place }) => place === line)?.text).toContain(example.says);
  });

  it.each(cases)('$code $says, in an included file', (example) => {
    const { plain, line } = expectationOf(example);
    const files = { 'main.conf': '# first\n  include "sub/part.conf"\n', 'sub/part.conf': plain };
    const result = checkFiles(files, { strict: example.strict ?? false });
    expect(told(result, 'sub/part.conf').map(({ place }) => place)).toContain(line);
    const finding = result.findings.find(
      ({ code, file }) => code === example.code && file === 'sub/part.conf',
    );
    expect(finding?.trace).toEqual([{ file: 'main.conf', line: 2, column: 3 }]);
  });

  it('covers the catalogue, but for the codes of includes (load.test.ts) and of ten thousand addresses', () => {
    const covered = new Set(cases.map(({ code }) => code));
    const missing = Object.keys(findingCatalogue).filter((code) => !covered.has(code as FindingCode));
    expect(missing).toEqual(['CFG-1201', 'CFG-1203', 'CFG-1204', 'CFG-1205', 'CFG-2316', 'CFG-2317']);
  });

  it('CFG-2316 the 10,241st DuraVIP address draws a warning, at its place', () => {
    const listens = Array.from(
      { length: 10_241 },
      (_, n) => `Listen "10.1.${n >> 8}.${n & 255}:25" { ${vip} }`,
    );
    const cluster = 'cluster { Topology "10.1.0.0/16" { interface = eth0 } }';
    const result = checkText(`${cluster}\nESMTP_Listener {\n${listens.join('\n')}\n}`);
    expect(told(result, 'configuration').map(({ place }) => place)).toEqual([
      '10243:25-10243:39 warning CFG-2316',
    ]);
  });
});
