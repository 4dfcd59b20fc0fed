/**
 * Every figure a node keeps about itself. Names are an interface: dashboards and alarms depend on them, so a name never
 * changes its meaning. `docs/reference/metrics.md` is generated from this table.
 *
 * Counters only grow within the life of a process; gauges are read when somebody asks.
 */
export interface Metric {
  readonly kind: 'counter' | 'gauge';
  /** What is counted, in the plural. */
  readonly unit: string;
  readonly help: string;
  /** Exposed as it is: a name that every exporter of processes uses. */
  readonly isCommon?: true;
  /** Of a fixed set of values each: never an address, a domain, a name that traffic brings. */
  readonly labels?: readonly string[];
}

const counter = (unit: string, help: string) => ({ kind: 'counter', unit, help }) as const;
const gauge = (unit: string, help: string) => ({ kind: 'gauge', unit, help }) as const;
const common = (kind: Metric['kind'], unit: string, help: string) =>
  ({ kind, unit, help, isCommon: true }) as const;

export const metricCatalogue = {
  info: { ...gauge('processes', 'Always 1; which process this is'), labels: ['role', 'version'] },
  healthy: gauge('processes', '1 while `/healthz` says yes'),
  ready: gauge('processes', '1 while `/readyz` says yes'),
  event_loop_delay_p99_seconds: gauge(
    'seconds',
    'How late turns of the event loop were in the last quarter of a minute, 99th percentile',
  ),
  event_loop_delay_max_seconds: gauge('seconds', 'The same, of the turn that was latest'),
  process_start_time_seconds: common('gauge', 'seconds', 'When the process began, since 1970'),
  process_cpu_seconds_total: common('counter', 'seconds', 'Time of processors that the process took'),
  process_resident_memory_bytes: common('gauge', 'bytes', 'Memory that the process has in use'),
  process_heap_bytes: common('gauge', 'bytes', 'Memory of objects of the program'),
  process_open_fds: common('gauge', 'descriptors', 'Open file descriptors'),
  process_max_fds: common('gauge', 'descriptors', 'Most file descriptors the process may open'),

  actors_running: gauge('actors', 'Actors of the process and of its life in the cluster'),
  actors_given_up: gauge('actors', 'Actors that failed too often and are not started any more'),
  actor_failures_total: counter(
    'failures',
    'Actors stopped by an exception; each is logged with its last event',
  ),

  bus_disconnects: counter('disconnects', 'Times that a link to the NATS server was lost'),
  bus_stuck_connections: counter(
    'connections',
    'Links given up because the server no longer read or answered',
  ),
  bus_permission_violations: counter(
    'refusals',
    'Publishes and subscriptions that the server did not permit',
  ),
  bus_handler_errors: counter('errors', 'Exceptions while a received message was handled'),
  bus_malformed_messages_total: counter(
    'messages',
    'Received messages that could not be understood and were dropped',
  ),
  bus_unknown_format_messages_total: counter(
    'messages',
    'Messages dropped because another release says what this one does not know; those of the cluster are also counted as malformed',
  ),
  bus_publish_refused_down: counter('messages', 'Messages not sent because the link was down'),
  bus_publish_refused_backlog: counter('messages', 'Messages not sent because too many wait in the link'),
  bus_publish_failed: counter(
    'messages',
    'Messages that the client library refused, for example as too large',
  ),
  bus_closed_evidence: counter('processes', 'Processes that the NATS servers reported as gone'),
  bus_malformed_advisories: counter(
    'messages',
    'Messages on advisory subjects that could not be understood and were dropped',
  ),
  bus_server_restarts: counter('restarts', 'Times that the embedded nats-server was started again'),

  control_requests: counter('commands', 'Console lines that came over NATS'),
  control_requests_failed: counter(
    'commands',
    'Console lines over NATS that ended with another status than 0',
  ),
  control_requests_malformed: counter(
    'messages',
    'Console requests over NATS dropped as unreadable or too long',
  ),
  control_requests_dropped: counter(
    'messages',
    'Console requests over NATS dropped because the answer was to go to a subject of the cluster or of the servers',
  ),
  control_parts_dropped: counter(
    'parts',
    'Parts of answers of nodes that a manager could not keep; retrieve shows these answers as incomplete',
  ),
  control_answers_lost: counter('answers', 'Answers over NATS broken off because the link was down'),

  api_requests_total: counter('requests', 'Requests of the API over NATS'),
  api_requests_failed_total: counter('requests', 'Requests of the API over NATS that ended in an error'),
  api_requests_refused_total: counter(
    'requests',
    'Requests of the API over NATS refused because too many were under way',
  ),
  api_requests_dropped_total: counter(
    'requests',
    'Requests of the API over NATS dropped because the answer was to go to a subject of the cluster or of the servers',
  ),

  view_changes_total: counter('views', 'Agreed views installed'),
  view_messages_rejected_total: counter(
    'messages',
    'Ordered messages ignored because they were of another view or not from its leader',
  ),

  foreign_claims_total: counter('claims', 'ARP and NDP claims of others on addresses owned here'),
  neighbour_frames_sent_total: counter('frames', 'ARP and NDP announcements sent'),
  vip_malformed_messages_total: counter(
    'messages',
    'Messages about floating addresses that could not be understood and were dropped',
  ),

  vip_addresses_configured: gauge('addresses', 'Floating addresses that this node is configured for'),
  vip_addresses_owned: gauge('addresses', 'Floating addresses that this node owns'),
  vip_addresses_on: gauge('addresses', 'Floating addresses, followers included, that are on and answer here'),
  vip_addresses_stuck: gauge(
    'addresses',
    'Floating addresses that could not be put on or taken off here; each is in the log',
  ),
  vip_addresses_unfit: gauge('addresses', 'Floating addresses that this node cannot serve now'),
  vip_addresses_orphaned: gauge('addresses', 'Floating addresses that nobody owns, as this node sees it'),
  vip_lease_alive: gauge('leases', '1 while the kernel answers for floating addresses of this node'),
  vip_quorum: gauge('views', '1 while enough nodes are here to own addresses'),

  shared_dropped_messages_total: counter(
    'messages',
    'Replication messages ignored because they were repeated, of an old session, or too many to hold back',
  ),
  shared_gaps_total: counter('gaps', 'Batches of changes found missing; the row is fetched anew'),
  shared_snapshots_total: counter('snapshots', 'Rows of other members fetched as a whole'),
  shared_rolled_up_total: counter(
    'keys',
    'Keys counted together with others, because this node had `max_keys` of them',
  ),
  shared_refused_keys_total: counter(
    'keys',
    'Keys of other nodes that found no room here, of a node that keeps to no bound',
  ),
  cache_entries: gauge('entries', 'Pairs in replicated caches'),
  cache_hits_total: counter('lookups', 'Lookups in replicated caches that found a pair'),
  cache_misses_total: counter('lookups', 'Lookups in replicated caches that found none'),
  cache_evictions_total: counter(
    'entries',
    'Pairs of replicated caches dropped for want of room (`max_size`)',
  ),
  query_cache_entries: gauge('results', 'Results kept of datasources'),
  query_cache_hits_total: counter('queries', 'Queries of datasources answered by a result that was kept'),
  query_cache_misses_total: counter('queries', 'Queries of datasources for which a database was asked'),
  query_cache_evictions_total: counter(
    'results',
    'Results of datasources dropped for want of room (`cache_size`)',
  ),

  shared_late_messages_total: counter(
    'messages',
    'Replication messages dropped because more of them came than this node has turns for',
  ),
  shared_malformed_messages_total: counter(
    'messages',
    'Replication messages that could not be understood and were dropped',
  ),
  shared_unknown_object_messages_total: counter(
    'messages',
    'Replication messages for objects that this node does not have',
  ),

  throttle_units_total: counter('units', 'Units and slots taken from throttles for callers of this node'),
  throttle_delays_total: counter(
    'decisions',
    'Times that a throttle had no unit left and the caller had to wait',
  ),
  throttle_refusals_total: counter('calls', 'Calls refused because too many wait for throttles'),
  throttle_unanswered_total: counter(
    'calls',
    'Calls of throttles of the cluster refused because nobody answered within `max_wait`',
  ),
  throttle_evictions_total: counter(
    'throttles',
    'Named throttles that went because there were too many (`siv_throttle_cache_size`)',
  ),

  outbound_refusals_total: counter(
    'connections',
    'Outbound connections that a program asked for and that a cap forbade',
  ),

  aggregate_records_total: counter('records', 'Records of logs of nodes that the aggregator stored'),
  aggregate_bytes_total: counter('bytes', 'What the aggregator wrote to its outputs'),
  aggregate_records_skipped_total: counter(
    'records',
    'Records that came again, and were in their output already',
  ),
  aggregate_open_outputs: gauge('outputs', 'Outputs of the aggregator that are open'),

  log_lines_written_total: counter('lines', 'Lines of loggers that their destinations took'),
  log_lines_dropped_total: counter(
    'lines',
    'Lines of loggers lost because their destination could not be written, or was too slow, for too long',
  ),
  log_subscribers_dropped_total: counter(
    'subscribers',
    'Subscribers of journals removed because they had not read for too long (`logs_max_lag_action`)',
  ),
  paniclog_repeats_total: counter('messages', 'Messages left out of the paniclog because they repeat others'),
  paniclog_unsent_total: counter(
    'messages',
    'Messages of the paniclog not broadcast to `log_group` because there were too many',
  ),
  journal_notices_total: counter('notices', 'Troubles that journals reported; each is in the log'),
  journal_records_lost_total: counter(
    'records',
    'Records of journals lost by damage, by limits of growth, or because they could not be written',
  ),

  listener_accepted_total: counter('connections', 'Connections accepted by front listeners'),
  listener_refused_total: counter('connections', 'Connections refused because of a cap'),
  listener_dropped_total: counter(
    'connections',
    'Connections dropped before they were accepted, because too many were open',
  ),
  listener_accept_failures_total: counter(
    'failures',
    'Failures to accept a connection, for example for lack of file descriptors',
  ),
  listener_idle_closed_total: counter('connections', 'Connections closed because neither side sent anything'),
  listener_upstream_failures_total: counter(
    'connections',
    'Connections refused because their upstream could not be reached',
  ),

  program_malformed_messages_total: counter(
    'messages',
    'Messages between programs that could not be understood and were dropped',
  ),
  program_messages_refused_total: counter(
    'messages',
    'Messages of programs of this node refused because too many wait for their place in the order',
  ),
  program_messages_waiting: gauge(
    'messages',
    'Messages of programs of this node that wait for their place in the order',
  ),
  program_messages_dropped_total: counter(
    'messages',
    'Messages between programs dropped because their sender was not in the view',
  ),

  peer_opened_total: counter('transfers', 'Transfers that this node opened to another one'),
  peer_open_failures_total: counter(
    'transfers',
    'Transfers that another node refused, or that did not reach it',
  ),
  peer_accepted_total: counter('transfers', 'Transfers of other nodes that this one accepted'),
  peer_refused_total: counter(
    'connections',
    'Connections to ECCluster_Listener turned away: no member, no proof of the secret, no such service, no room',
  ),
  peer_idle_closed_total: counter('transfers', 'Transfers ended because neither side sent anything'),

  log_requests_total: counter('requests', 'Requests for logs that aggregators sent to this node'),
  log_requests_refused_total: counter(
    'requests',
    'Requests for logs that were refused: no lease, no subscriber, a journal that cannot be read',
  ),
  log_records_sent_total: counter(
    'records',
    'Records of journals sent to aggregators, repeated ones included',
  ),
  log_bytes_sent_total: counter('bytes', 'Bytes of journals sent to aggregators, repeated ones included'),
  log_records_pulled_total: counter('records', 'Records pulled from nodes by this manager'),
  log_bytes_pulled_total: counter('bytes', 'Bytes pulled from the journals of nodes by this manager'),
  log_records_acknowledged_total: counter(
    'records',
    'Pulled records that were written and acknowledged to their node',
  ),
  log_unreadable_records_total: counter(
    'records',
    'Pulled compressed records that could not be expanded, because a disk had damaged them, and were passed over',
  ),
  log_store_failures_total: counter('failures', 'Times that pulled records could not be written'),

  socket_connections_dropped_total: counter(
    'connections',
    'Connections to sockets of the console, of Redis clients and of monitoring closed because too many were open',
  ),
  metrics_requests_total: counter('requests', 'Requests of monitoring'),

  console_commands_total: counter('commands', 'Console lines run, whatever carried them'),
  console_failures_total: counter('commands', 'Console lines that ended with another status than 0'),

  listener_sessions: gauge('sessions', 'Sessions open at front listeners'),
  throttles_held: gauge('throttles', 'Named throttles and slots held, those of this node alone included'),
  shared_objects: gauge('objects', 'Shared objects of this process'),
  shared_objects_behind: gauge(
    'objects',
    'Shared objects that do not have the rows of all members; 0 when all has been caught up',
  ),
  bus_backlog_messages: gauge(
    'messages',
    'Messages of both links that are not known to have been read by the server (`max_backlog`)',
  ),
  log_lines_waiting: gauge('lines', 'Lines of loggers that wait for their destinations'),
  log_destinations_failing: gauge('destinations', 'Destinations of loggers that cannot be written now'),
  view_members: gauge('members', 'Members of the current view'),
  view_settled: gauge('views', '1 while no other view is being agreed upon, and the bus can be reached'),
  view_leader: gauge('views', '1 while this process leads its view'),
  link_up: gauge('links', 'Bus links that are up, 0 to 2'),
  api_requests_waiting: gauge('requests', 'Requests of the API over NATS that wait for other nodes'),
  api_slots_held: gauge('slots', 'Slots held for clients of the API over NATS'),
  log_leases: gauge('leases', 'Logs of this node that aggregators have leased'),
  log_lag_bytes: gauge(
    'bytes',
    'Unread bytes of the subscriber of a log of this node that is furthest behind, looked at each minute',
  ),
  log_pullers: gauge('logs', 'Logs of nodes that this manager follows'),
  control_cache_bytes: gauge('bytes', 'Size of the file in which a manager keeps what nodes answered'),
  log_records_waiting: gauge('records', 'Pulled records that are not written yet'),
  peer_jobs: gauge('transfers', 'Transfers between nodes under way, in both directions'),
  throttle_waiting_callers: gauge('callers', 'Callers that wait for units of throttles'),
  shared_keys: gauge('keys', 'Keys held in all rows of all shared objects'),
  config_pending_changes: gauge('changes', 'Changes typed on consoles that are in no file yet'),
  shared_pending_changes: gauge('changes', 'Changes of the own rows that are not sent yet'),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricCatalogue;

/** The name as a scraper sees it: with the product's prefix, counters with the ending that tools expect. */
export function exposedName(name: string, { kind, isCommon }: Metric): string {
  if (isCommon) return name;
  return `flotilla_${name}${kind === 'counter' && !name.endsWith('_total') ? '_total' : ''}`;
}
