/**
 * Which figures show that a bound of the configuration is near, or was met. `docs/reference/metrics.md` prints the table,
 * and a test compares it with the option schema: an option that bounds something and has no figure is found.
 */
import type { MetricName } from './catalogue.ts';

export interface Bound {
  readonly option: string;
  /** How much of it is in use; empty: see `why`. */
  readonly level: readonly MetricName[];
  /** What could not be kept, taken or let in. */
  readonly beyond: readonly MetricName[];
  /** Instead of figures that are missing. */
  readonly why?: string;
}

const bound = (
  option: string,
  level: readonly MetricName[],
  beyond: readonly MetricName[],
  why?: string,
): Bound => ({ option, level, beyond, ...(why === undefined ? {} : { why }) });

const caps = ['outbound_refusals_total'] as const;
const throttled = ['throttle_delays_total', 'throttle_refusals_total'] as const;
const sessions = ['listener_refused_total'] as const;

export const bounds: readonly Bound[] = [
  bound('api_max_requests', ['api_requests_waiting'], ['api_requests_refused_total']),
  bound(
    'arp_rate',
    [],
    ['neighbour_frames_sent_total'],
    'announcements are spread over time, none is dropped',
  ),
  bound(
    'backlog',
    ['log_records_waiting'],
    [],
    'nothing more is fetched; the rest stays on the disks of the nodes',
  ),
  bound('bus_order_backlog', ['program_messages_waiting'], ['program_messages_refused_total']),
  bound('cache_size', ['query_cache_entries'], ['query_cache_evictions_total']),
  bound('cluster_max_outbound_connections', [], caps),
  bound(
    'cluster_outbound_throttle_connections',
    ['throttle_waiting_callers'],
    [...throttled, 'throttle_unanswered_total'],
  ),
  bound(
    'cluster_outbound_throttle_messages',
    ['throttle_waiting_callers'],
    [...throttled, 'throttle_unanswered_total'],
  ),
  bound('cluster_scope_max_outbound_connections', [], caps),
  bound('cluster_server_max_outbound_connections', [], caps),
  bound('cluster_service_sessions', ['listener_sessions'], sessions),
  bound(
    'control_cache_size',
    ['control_cache_bytes'],
    ['control_parts_dropped'],
    'the oldest commands are forgotten',
  ),
  bound('debug_throttle_max_num_same_message', [], ['paniclog_repeats_total']),
  bound('duravip_balance_set_size', [], [], 'the rest moves in the next round'),
  bound('inbound_throttle_messages', [], throttled),
  bound('listen_backlog', [], [], 'the kernel counts: `nstat TcpExtListenDrops`'),
  bound('listener_sessions', ['listener_sessions'], sessions),
  bound('logs_max_lag', ['log_lag_bytes'], ['log_subscribers_dropped_total', 'journal_records_lost_total']),
  bound('max_backlog', ['bus_backlog_messages'], ['bus_publish_refused_backlog', 'bus_stuck_connections']),
  bound('max_delay', ['shared_pending_changes'], [], 'a change that waited for so long is sent'),
  bound('max_jobs', ['peer_jobs'], ['peer_refused_total', 'peer_open_failures_total']),
  bound('max_keys', ['shared_keys'], ['shared_rolled_up_total']),
  bound('max_open', ['aggregate_open_outputs'], [], 'the output unused for longest is closed'),
  bound('max_outbound_connections', [], caps),
  bound('max_pending', ['shared_pending_changes'], [], 'reaching it sends what waits'),
  bound(
    'max_pending_changes',
    ['config_pending_changes'],
    [],
    'what is typed beyond it is answered with the reason',
  ),
  bound('max_rows', [], [], 'results are cut as they are asked for'),
  bound('max_size', ['cache_entries'], ['cache_evictions_total']),
  bound('max_wait', ['throttle_waiting_callers'], ['throttle_unanswered_total']),
  bound('outbound_throttle_connections', ['throttle_waiting_callers'], throttled),
  bound('outbound_throttle_messages', ['throttle_waiting_callers'], throttled),
  bound('plumb_parallel', [], [], 'the rest follows as soon as one is done'),
  bound('scope_max_outbound_connections', [], caps),
  bound('server_max_outbound_connections', [], caps),
  bound('server_reserve_outbound_connections', [], caps),
  bound('service_sessions', ['listener_sessions'], sessions),
  bound('siv_throttle_cache_size', ['throttles_held'], ['throttle_evictions_total']),
  bound('spill', ['log_lines_waiting'], ['log_lines_dropped_total']),
];
