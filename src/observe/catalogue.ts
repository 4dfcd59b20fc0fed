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
}

const counter = (unit: string, help: string) => ({ kind: 'counter', unit, help }) as const;
const gauge = (unit: string, help: string) => ({ kind: 'gauge', unit, help }) as const;

export const metricCatalogue = {
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
  log_store_failures_total: counter('failures', 'Times that pulled records could not be written'),

  console_commands_total: counter('commands', 'Console lines run, whatever carried them'),
  console_failures_total: counter('commands', 'Console lines that ended with another status than 0'),

  log_lines_waiting: gauge('lines', 'Lines of loggers that wait for their destinations'),
  log_destinations_failing: gauge('destinations', 'Destinations of loggers that cannot be written now'),
  view_members: gauge('members', 'Members of the current view'),
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

/** The name as a scraper sees it: with the product's prefix, counters with the ending that tools expect. */
export function exposedName(name: string, { kind }: Metric): string {
  return `flotilla_${name}${kind === 'counter' && !name.endsWith('_total') ? '_total' : ''}`;
}
