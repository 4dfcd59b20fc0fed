/** Loggers and the I/O modules behind them (logging 2 and 3), and the manager's `Logs` (CONF-8.7). */

import { parseSanitizer } from '../../core/logs/custom-format.ts';
import { facilityProblem, priorityProblem } from '../../core/logs/syslog-words.ts';
import { nodeName } from './cluster.ts';
import {
  afterRestart,
  anonymous,
  bool,
  checked,
  destination,
  int,
  listOf,
  mode,
  moduleOptions,
  named,
  type OptionSchema,
  oneOf,
  optionallyNamed,
  path,
  regex,
  type ScopeSchema,
  seconds,
  text,
} from './option.ts';

const log = (name: string, content: string, fallback?: string): OptionSchema => ({
  name,
  type: destination,
  ...(fallback === undefined ? {} : { default: fallback }),
  text: `Destination of ${content}.`,
});
const logMode = (name: string, alias?: string): OptionSchema => ({
  name,
  ...(alias === undefined ? {} : { alias }),
  type: mode,
  default: '0644',
  text: 'Mode of new files.',
});
const flag = (name: string, standard: 'true' | 'false', what: string): OptionSchema => ({
  name,
  type: bool,
  default: standard,
  text: `Whether ${what} are logged.`,
});
const heartbeat: OptionSchema = {
  name: 'heartbeat',
  type: seconds(0),
  default: '60',
  text: 'Period of marker lines; 0: none.',
};

const spill: OptionSchema = {
  name: 'spill',
  type: int(0, 10_000_000),
  default: '10000',
  text: 'Lines kept in memory for a destination that cannot be written; beyond them lines are dropped and counted.',
};

const recordFlags = (standard: 'true' | 'false'): OptionSchema[] => [
  flag('log_receptions', standard, 'receptions'),
  flag('log_deliveries', standard, 'deliveries'),
  flag('log_transient_failures', standard, 'transient failures'),
  flag('log_permanent_failures', standard, 'permanent failures'),
  flag('log_rejections', standard, 'rejections'),
  flag('log_errors', standard, 'errors'),
];

const ecLogger = named('ec_logger', 'plain', {
  text: 'The main, panic, reject, accounting and import logs.',
  options: [
    log('mainlog', 'receptions and deliveries', '/var/log/ecelerity/mainlog.ec'),
    log('paniclog', 'messages of the server', '/var/log/ecelerity/paniclog.ec'),
    log('rejectlog', 'rejections', '/var/log/ecelerity/rejectlog.ec'),
    log('acctlog', 'authentications and commands', '/var/log/ecelerity/acctlog.ec'),
    log('importlog', 'imports'),
    logMode('mainlog_mode'),
    logMode('paniclog_mode'),
    logMode('rejectlog_mode'),
    logMode('acctlog_log_mode', 'acctlog_mode'),
    logMode('importlog_mode'),
    heartbeat,
    spill,
    ...recordFlags('true'),
    ...moduleOptions,
  ],
});

const bounceLogger = named('bounce_logger', 'plain', {
  text: 'The bounce log.',
  options: [
    log('bouncelog', 'bounces', '/var/log/ecelerity/bouncelog.ec'),
    logMode('bouncelog_mode'),
    heartbeat,
    spill,
    flag('log_inband_bounces', 'true', 'bounces within the session'),
    flag('log_outofband_bounces', 'true', 'bounces that come as messages'),
    flag('log_transient_failures', 'true', 'transient failures'),
    ...moduleOptions,
  ],
});

const stages = ['delivery', 'reception', 'transient_failure', 'permanent_failure', 'rejection', 'xfer'];
const customLogger = named('custom_logger', 'plain', {
  text: 'Logs with formats of your own; a format switches its stage on.',
  options: [
    log('mainlog', 'all stages without one of their own'),
    log('paniclog', 'messages of the server'),
    ...stages.flatMap((stage): OptionSchema[] => [
      log(`${stage}_logfile`, `the stage ${stage}`),
      {
        name: `${stage}_format`,
        type: { kind: 'format' },
        text: `Line of the stage ${stage}, with % letters.`,
      },
      logMode(`${stage}_log_mode`),
    ]),
    ...recordFlags('false').map(
      (option): OptionSchema => ({
        ...option,
        ignored: true,
        text: `${option.text} A format does that here.`,
      }),
    ),
    spill,
    {
      name: 'namespace',
      type: text,
      default: 'custom_logger,sieve',
      ignored: true,
      text: 'Context namespaces of the original; here formats read what the program says of a message.',
    },
    {
      name: 'sanitize',
      type: checked(sanitizeProblem, 'CFG-2107'),
      text: 'How values are made harmless: special_characters, non_printable or tr/../../.',
    },
    { name: 'concurrency', type: int(0), default: '1', ignored: true, text: 'Threads of the original.' },
    { name: 'thread_pool', type: text, ignored: true, text: 'Thread pool of the original.' },
    { name: 'backlog', type: int(1), ignored: true, text: 'Backlog of that pool; see `spill`.' },
    ...moduleOptions,
  ],
});

function sanitizeProblem(words: string): string | undefined {
  const sanitizer = parseSanitizer(words);
  return typeof sanitizer === 'string' ? sanitizer : undefined;
}

/** Of a module that brings lines to destinations of one scheme. */
const ioModuleOptions: readonly OptionSchema[] = moduleOptions.map((option) =>
  option.name === 'enabled'
    ? { ...option, text: 'Whether loggers write there; otherwise such a destination takes nothing.' }
    : option,
);

const ioModules: readonly ScopeSchema[] = [
  optionallyNamed('pipe_io', {
    text: 'Destinations `pipe://`: a program reads the log.',
    options: [
      { name: 'output_file', type: path, text: 'Where standard output of the program goes.' },
      { name: 'output_mode', type: mode, default: '0666', text: 'Mode of `output_file`.' },
      { name: 'error_file', type: path, text: 'Where standard error of the program goes.' },
      { name: 'error_mode', type: mode, default: '0666', text: 'Mode of `error_file`.' },
      { name: 'timeout', type: seconds(0), text: 'Wait for a program that does not read.' },
      ...ioModuleOptions,
    ],
  }),
  optionallyNamed('syslog_io', {
    text: 'Destinations `syslog://`.',
    options: [
      { name: 'ident', type: text, default: 'ecelerity', text: 'Name under which lines appear.' },
      {
        name: 'facility',
        type: checked(facilityProblem, 'CFG-2107'),
        default: 'mail',
        text: 'Facility of lines.',
      },
      {
        name: 'priority',
        type: checked(priorityProblem, 'CFG-2107'),
        default: 'error',
        text: 'Priority of lines.',
      },
      ...ioModuleOptions,
    ],
  }),
  {
    ...optionallyNamed('persist_io', {
      text: 'Sources `persist://` of the original; here nothing reads them.',
    }),
    ignored: true,
  },
];

/** A week. Timers of Node.js overflow after three. */
const longestPeriodS = 604_800;

const logsPaths = (...inner: string[]) => [...inner.map((scope) => `logs::${scope}`), 'logs'];
const subscriberPaths = logsPaths('manager::node', 'manager::subcluster', 'manager', 'node', 'subcluster');
const logsOptions: readonly OptionSchema[] = [
  {
    name: 'logfile',
    type: { kind: 'destination', pattern: true },
    default: '"/var/log/eccluster/%Y/%m/%d/%{l}/%{s}/%{n}"',
    text: 'Where lines go: %{l} log, %{s} subcluster, %{n} node, and times.',
  },
  { name: 'file_mode', type: mode, default: '0640', text: 'Mode of new files.' },
  { name: 'dir_mode', type: mode, default: '0755', text: 'Mode of new directories.' },
  { name: 'max_idle', type: seconds(1), default: '60', text: 'A file unwritten for so long is closed.' },
  { name: 'max_open', type: int(1, 1_000_000), default: '512', text: 'Most files open at once.' },
  {
    name: 'control_cache',
    restart: 'collector',
    type: path,
    text: 'File that keeps what nodes answered to a manager; unset: `control-cache.db` in `state_dir`.',
  },
  { name: 'sync', type: bool, default: 'true', text: 'Sync a file before its records are acknowledged.' },
  {
    name: 'Subscriber',
    type: listOf(nodeName),
    text: 'Names tried in order; `( )`: do not pull. Unset: the own name, then `master`.',
  },
].map((option) => ({ ...option, paths: subscriberPaths }) as OptionSchema);

/** A manager has one cache of answers, whoever gave them. */
const pullOptions = logsOptions.map(
  (option): OptionSchema =>
    option.name === 'control_cache'
      ? { ...option, ignored: true, instead: 'control_cache of Logs or of a Manager' }
      : option,
);
const node = named('Node', 'plain', { text: 'Logs pulled from one node.', options: pullOptions });
const subcluster = named('Subcluster', 'plain', {
  text: 'Logs pulled from the nodes of one subcluster.',
  options: pullOptions,
});

const controlCacheOptions: readonly OptionSchema[] = [
  {
    name: 'control_cache_size',
    type: int(1_048_576, 2 ** 40, 'bytes'),
    default: '268435456',
    text: 'Most bytes of answers in `control_cache`; beyond it the oldest commands are forgotten.',
  },
  {
    name: 'control_cache_life',
    type: seconds(60, longestPeriodS),
    default: '86400',
    text: 'Answers are forgotten after this time.',
  },
];

export const logsScope: ScopeSchema = anonymous('Logs', {
  text: 'The log aggregator of the cluster manager.',
  options: [...logsOptions, ...controlCacheOptions, ...moduleOptions],
  scopes: [
    named('Manager', 'plain', {
      text: 'Only on one manager.',
      options: logsOptions,
      scopes: [node, subcluster],
    }),
    node,
    subcluster,
  ],
});

const asLogger = anonymous('as_logger', {
  text: 'Writes replicated series to files, on the manager.',
  options: [
    {
      name: 'base_dir',
      type: path,
      default: '/var/log/eccluster/aslogger',
      restart: 'collector',
      text: 'Directory of the files.',
    },
    {
      name: 'log_interval',
      type: seconds(1, longestPeriodS),
      default: '60',
      text: 'Length of the period of one file.',
    },
    {
      name: 'series_include_default',
      type: oneOf(['all', 'none']),
      default: 'none',
      text: 'Which series are written unless listed.',
    },
    { name: 'series_include', type: listOf(regex), text: 'Series to write, with `none`.' },
    { name: 'series_exclude', type: listOf(regex), text: 'Series to leave out, with `all`.' },
    ...moduleOptions.map((option) =>
      option.name === 'enabled' ? { ...option, restart: 'collector' as const } : option,
    ),
  ],
});

const inboundAudit = anonymous('inbound_audit', {
  text: 'Counts connections, receptions and rejections by address over time.',
  options: afterRestart('table', [
    {
      name: 'monitors',
      type: listOf(checked(monitorProblem, 'CFG-2102')),
      text: 'Windows as "SECONDS,NUMBER".',
    },
    {
      name: 'log_dir',
      type: path,
      default: '/var/log/ecelerity/audit_series_logs',
      text: 'Files of series that are written out.',
    },
    {
      name: 'serialize_dir',
      type: path,
      default: '/var/log/ecelerity/audit_series_persist',
      text: 'State saved at shutdown.',
    },
    {
      name: 'maintenance_interval',
      type: seconds(1, longestPeriodS),
      default: '300',
      text: 'Pause between two maintenance passes.',
    },
    ...moduleOptions,
  ]),
});

function monitorProblem(value: string): string | undefined {
  const parts = /^\s*([1-9]\d{0,8})\s*,\s*([1-9]\d{0,4})\s*$/.exec(value);
  return parts !== null && Number(parts[2]) <= 10_000
    ? undefined
    : `'${value}' is not "SECONDS,NUMBER" with at most 10000 windows`;
}

export const loggingScopes: readonly ScopeSchema[] = [
  ecLogger,
  bounceLogger,
  customLogger,
  ...ioModules,
  logsScope,
  asLogger,
  inboundAudit,
];
