/** Loggers and the I/O modules behind them, from the scope tree (logging 2, 3, 11). */
import type { Destination, DestinationScheme } from '../core/logs/destination.ts';
import {
  type BounceLoggerSettings,
  type CustomLoggerSettings,
  type CustomStage,
  customStages,
  type EcLoggerSettings,
  type LoggingSettings,
  type LogTarget,
  type PipeSettings,
  type RecordSwitches,
} from '../core/logs/logger-settings.ts';
import { ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

export function loggingSettingsOf(root: Scope): LoggingSettings {
  const globals = new ScopeReader(root.schema, root);
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const syslog = ioModule(root, 'syslog_io');
  return {
    loggers: [
      ...enabled(root, 'ec_logger').map(ecLogger),
      ...enabled(root, 'bounce_logger').map(bounceLogger),
      ...enabled(root, 'custom_logger').map(customLogger),
    ],
    pipe: pipeSettings(ioModule(root, 'pipe_io')),
    syslog: {
      ident: syslog.text('ident') ?? '',
      facility: syslog.text('facility') ?? '',
      priority: syslog.text('priority') ?? '',
    },
    isHighResolution: globals.flag('log_hires_timestamp'),
    maxLag: {
      bytes: cluster.number('logs_max_lag'),
      action: cluster.text('logs_max_lag_action') as LoggingSettings['maxLag']['action'],
    },
    equalMessages: {
      most: globals.number('debug_throttle_max_num_same_message'),
      periodMs: globals.number('debug_throttle_period_secs') * 1000,
    },
    splitsLevels: cluster.flag('log_group_split'),
  };
}

function enabled(root: Scope, kind: string): Stated[] {
  const closed = closedSchemes(root);
  return root
    .children(kind)
    .map((scope) => ({ name: scope.instance, reader: new ScopeReader(scope.schema, scope), closed }))
    .filter(({ reader }) => reader.flag('enabled'));
}

/** Those of destinations whose module is switched off: they take nothing. */
export function closedSchemes(root: Scope): DestinationScheme[] {
  return (['pipe', 'syslog'] as const).filter((scheme) => !ioModule(root, `${scheme}_io`).flag('enabled'));
}

/** A module is configured once, whatever it is called. */
function ioModule(root: Scope, kind: string): ScopeReader {
  const [scope] = root.children(kind);
  return scope ? new ScopeReader(scope.schema, scope) : ScopeReader.ofTop(root, kind);
}

interface Stated {
  readonly name: string;
  readonly reader: ScopeReader;
  readonly closed: readonly DestinationScheme[];
}

function ecLogger(stated: Stated): EcLoggerSettings {
  const { name, reader } = stated;
  return {
    kind: 'ec_logger',
    name,
    spill: reader.number('spill'),
    mainlog: target(stated, 'mainlog', 'mainlog_mode'),
    paniclog: target(stated, 'paniclog', 'paniclog_mode'),
    rejectlog: target(stated, 'rejectlog', 'rejectlog_mode'),
    acctlog: target(stated, 'acctlog', 'acctlog_log_mode'),
    importlog: target(stated, 'importlog', 'importlog_mode'),
    heartbeatMs: reader.number('heartbeat') * 1000,
    records: recordSwitches(reader),
  };
}

function bounceLogger(stated: Stated): BounceLoggerSettings {
  const { name, reader } = stated;
  return {
    kind: 'bounce_logger',
    name,
    spill: reader.number('spill'),
    bouncelog: target(stated, 'bouncelog', 'bouncelog_mode'),
    heartbeatMs: reader.number('heartbeat') * 1000,
    inBand: reader.flag('log_inband_bounces'),
    outOfBand: reader.flag('log_outofband_bounces'),
    transientFailures: reader.flag('log_transient_failures'),
  };
}

function customLogger(stated: Stated): CustomLoggerSettings {
  const { name, reader } = stated;
  const stages = new Map<CustomStage, { format: string; target: LogTarget }>();
  for (const stage of customStages) {
    const format = reader.text(`${stage}_format`);
    const mode = `${stage}_log_mode`;
    // A stage without a file of its own goes to the main log.
    const isOwn = reader.value(`${stage}_logfile`) !== undefined;
    const place = target(stated, isOwn ? `${stage}_logfile` : 'mainlog', mode);
    if (format !== undefined && place) stages.set(stage, { format, target: place });
  }
  return {
    kind: 'custom_logger',
    name,
    spill: reader.number('spill'),
    paniclog: target(stated, 'paniclog', 'delivery_log_mode'),
    stages,
    sanitize: reader.text('sanitize') ?? '',
  };
}

function target({ reader, closed }: Stated, option: string, modeOption: string): LogTarget | undefined {
  const destination = reader.value(option) as Destination | undefined;
  if (destination === undefined || closed.includes(destination.scheme)) return undefined;
  return { destination, mode: reader.number(modeOption) };
}

function recordSwitches(reader: ScopeReader): RecordSwitches {
  return {
    receptions: reader.flag('log_receptions'),
    deliveries: reader.flag('log_deliveries'),
    transientFailures: reader.flag('log_transient_failures'),
    permanentFailures: reader.flag('log_permanent_failures'),
    rejections: reader.flag('log_rejections'),
    errors: reader.flag('log_errors'),
  };
}

function pipeSettings(reader: ScopeReader): PipeSettings {
  const file = (path: string, mode: string) => {
    const stated = reader.text(path);
    return stated === undefined ? undefined : { path: stated, mode: reader.number(mode) };
  };
  const timeoutS = reader.seconds('timeout');
  return {
    output: file('output_file', 'output_mode'),
    error: file('error_file', 'error_mode'),
    timeoutMs: timeoutS === undefined || timeoutS === 0 ? undefined : timeoutS * 1000,
  };
}
