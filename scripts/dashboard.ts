/**
 * The Grafana dashboard, from a table of rows and panels: `deploy/grafana/dashboards/flotilla.json`, written by
 * `npm run docs`. Names of figures come from the catalogue, so that one which is renamed does not leave a panel empty.
 */
import { exposedName, type MetricName, metricCatalogue } from '../src/observe/catalogue.ts';

type Unit = 'short' | 's' | 'bytes' | 'ops' | 'Bps' | 'percentunit';

interface Panel {
  readonly title: string;
  readonly unit: Unit;
  /** Expression and legend. */
  readonly targets: readonly (readonly [expression: string, legend: string])[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const selector = '{instance=~"$instance"}';
const named = (name: MetricName) => `${exposedName(name, metricCatalogue[name])}${selector}`;
/** As it is, of each process. */
const level = (name: MetricName, legend = '{{instance}}') => [named(name), legend] as const;
/** Of a counter, each second. */
const rate = (name: MetricName, legend = '{{instance}}') =>
  [`rate(${named(name)}[$__rate_interval])`, legend] as const;
/** The sum over the fleet, each second: for many counters in one panel. */
const total = (name: MetricName) => [`sum(rate(${named(name)}[$__rate_interval]))`, name] as const;

const rows: readonly Row[] = [
  {
    title: 'Fleet',
    panels: [
      { title: 'Ready', unit: 'short', targets: [level('ready')] },
      { title: 'Members of the view', unit: 'short', targets: [level('view_members')] },
      { title: 'Changes of the view', unit: 'ops', targets: [rate('view_changes_total')] },
      { title: 'Links to the bus', unit: 'short', targets: [level('link_up')] },
      {
        title: 'Delay of the event loop, 99th percentile',
        unit: 's',
        targets: [level('event_loop_delay_p99_seconds')],
      },
      { title: 'Processor', unit: 'percentunit', targets: [rate('process_cpu_seconds_total')] },
      { title: 'Resident memory', unit: 'bytes', targets: [level('process_resident_memory_bytes')] },
      { title: 'File descriptors', unit: 'short', targets: [level('process_open_fds')] },
    ],
  },
  {
    title: 'Traffic',
    panels: [
      { title: 'Sessions', unit: 'short', targets: [level('listener_sessions')] },
      { title: 'Connections accepted', unit: 'ops', targets: [rate('listener_accepted_total')] },
      { title: 'Connections refused by a cap', unit: 'ops', targets: [rate('listener_refused_total')] },
      {
        title: 'Trouble at listeners',
        unit: 'ops',
        targets: [
          total('listener_dropped_total'),
          total('listener_accept_failures_total'),
          total('listener_upstream_failures_total'),
          total('outbound_refusals_total'),
        ],
      },
    ],
  },
  {
    title: 'Floating addresses',
    panels: [
      { title: 'Owned', unit: 'short', targets: [level('vip_addresses_owned')] },
      { title: 'On', unit: 'short', targets: [level('vip_addresses_on')] },
      {
        title: 'Not as they should be',
        unit: 'short',
        targets: [
          level('vip_addresses_orphaned', 'orphaned, {{instance}}'),
          level('vip_addresses_stuck', 'stuck, {{instance}}'),
          level('vip_addresses_unfit', 'unfit, {{instance}}'),
        ],
      },
      { title: 'Claims of others', unit: 'ops', targets: [rate('foreign_claims_total')] },
    ],
  },
  {
    title: 'Shared objects',
    panels: [
      { title: 'Keys', unit: 'short', targets: [level('shared_keys')] },
      { title: 'Changes not sent yet', unit: 'short', targets: [level('shared_pending_changes')] },
      { title: 'Objects that lack rows', unit: 'short', targets: [level('shared_objects_behind')] },
      {
        title: 'Repairs',
        unit: 'ops',
        targets: [
          total('shared_gaps_total'),
          total('shared_snapshots_total'),
          total('shared_dropped_messages_total'),
        ],
      },
      {
        title: 'Throttles',
        unit: 'ops',
        targets: [
          total('throttle_units_total'),
          total('throttle_delays_total'),
          total('throttle_refusals_total'),
          total('throttle_unanswered_total'),
        ],
      },
      { title: 'Callers that wait', unit: 'short', targets: [level('throttle_waiting_callers')] },
      {
        title: 'Pairs in caches',
        unit: 'short',
        targets: [
          level('cache_entries', 'caches, {{instance}}'),
          level('query_cache_entries', 'query caches, {{instance}}'),
        ],
      },
      {
        title: 'Lookups in caches',
        unit: 'ops',
        targets: [total('cache_hits_total'), total('cache_misses_total'), total('cache_evictions_total')],
      },
    ],
  },
  {
    title: 'Logs',
    panels: [
      { title: 'Lines written', unit: 'ops', targets: [rate('log_lines_written_total')] },
      { title: 'Lines that wait', unit: 'short', targets: [level('log_lines_waiting')] },
      { title: 'Unread bytes of journals', unit: 'bytes', targets: [level('log_lag_bytes')] },
      { title: 'Records aggregated', unit: 'ops', targets: [rate('aggregate_records_total')] },
      { title: 'Written by the aggregator', unit: 'Bps', targets: [rate('aggregate_bytes_total')] },
      {
        title: 'Lost',
        unit: 'ops',
        targets: [
          total('log_lines_dropped_total'),
          total('journal_records_lost_total'),
          total('log_subscribers_dropped_total'),
          total('control_parts_dropped'),
        ],
      },
    ],
  },
  {
    title: 'Bounds that were met, and failures',
    panels: [
      {
        title: 'The bus',
        unit: 'ops',
        targets: [
          total('bus_disconnects'),
          total('bus_publish_refused_backlog'),
          total('bus_stuck_connections'),
          total('bus_permission_violations'),
          total('bus_handler_errors'),
        ],
      },
      {
        title: 'Turned away',
        unit: 'ops',
        targets: [
          total('api_requests_refused_total'),
          total('peer_refused_total'),
          total('program_messages_refused_total'),
          total('socket_connections_dropped_total'),
          total('shared_late_messages_total'),
        ],
      },
      { title: 'Failures of actors', unit: 'ops', targets: [rate('actor_failures_total')] },
      {
        title: 'Console lines',
        unit: 'ops',
        targets: [total('console_commands_total'), total('console_failures_total')],
      },
    ],
  },
];

/** Of 24 columns. */
const width = 6;
const height = 7;

export function renderDashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title: row.title, gridPos: { x: 0, y, w: 24, h: 1 } });
    y++;
    row.panels.forEach((panel, at) => {
      const place = { x: (at % 4) * width, y: y + Math.floor(at / 4) * height, w: width, h: height };
      panels.push(panelOf(panel, panels.length + 1, place));
    });
    y += Math.ceil(row.panels.length / 4) * height;
  }
  return `${JSON.stringify(dashboardOf(panels), null, 2)}\n`;
}

/** The one chosen above the panels: whoever imports the dashboard has a Prometheus of another uid. */
const datasource = { type: 'prometheus', uid: '$datasource' };

function panelOf({ title, unit, targets }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: targets.map(([expr, legendFormat], at) => {
      return { refId: String.fromCharCode(65 + at), datasource, expr, legendFormat };
    }),
  };
}

function dashboardOf(panels: readonly object[]): object {
  const query = `label_values(${exposedName('info', metricCatalogue.info)}, instance)`;
  return {
    uid: 'flotilla',
    title: 'Flotilla',
    description: 'Generated by npm run docs from scripts/dashboard.ts; do not edit.',
    tags: [],
    schemaVersion: 39,
    version: 1,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
        {
          name: 'instance',
          label: 'Process',
          type: 'query',
          datasource,
          query: { query, refId: 'instances' },
          definition: query,
          multi: true,
          includeAll: true,
          refresh: 2,
          sort: 1,
        },
      ],
    },
    panels,
  };
}
