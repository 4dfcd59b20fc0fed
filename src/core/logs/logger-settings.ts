/** Loggers as the configuration states them (logging 2, 3, 11): which lines go where. */
import type { Destination } from './destination.ts';

/** One log of a logger. */
export interface LogTarget {
  readonly destination: Destination;
  /** Of new files. */
  readonly mode: number;
}

export interface LoggerBase {
  /** `ec_logger`, as in the console's `ec_logger:NAME reopen logs`. */
  readonly kind: 'ec_logger' | 'bounce_logger' | 'custom_logger';
  readonly name: string;
  /** Lines kept in memory for a destination that cannot be written. */
  readonly spill: number;
}

/** Which records are written. */
export interface RecordSwitches {
  readonly receptions: boolean;
  readonly deliveries: boolean;
  readonly transientFailures: boolean;
  readonly permanentFailures: boolean;
  readonly rejections: boolean;
  readonly errors: boolean;
}

export interface EcLoggerSettings extends LoggerBase {
  readonly kind: 'ec_logger';
  readonly mainlog: LogTarget | undefined;
  readonly paniclog: LogTarget | undefined;
  readonly rejectlog: LogTarget | undefined;
  readonly acctlog: LogTarget | undefined;
  readonly importlog: LogTarget | undefined;
  /** 0: no markers. */
  readonly heartbeatMs: number;
  readonly records: RecordSwitches;
}

export interface BounceLoggerSettings extends LoggerBase {
  readonly kind: 'bounce_logger';
  readonly bouncelog: LogTarget | undefined;
  readonly heartbeatMs: number;
  readonly inBand: boolean;
  readonly outOfBand: boolean;
  readonly transientFailures: boolean;
}

export const customStages = [
  'delivery',
  'reception',
  'transient_failure',
  'permanent_failure',
  'rejection',
  'xfer',
] as const;
export type CustomStage = (typeof customStages)[number];

export interface CustomLoggerSettings extends LoggerBase {
  readonly kind: 'custom_logger';
  readonly paniclog: LogTarget | undefined;
  /** Stages that are written: those with a format, and somewhere to go. */
  readonly stages: ReadonlyMap<CustomStage, { readonly format: string; readonly target: LogTarget }>;
  readonly sanitize: string;
}

export type LoggerSettings = EcLoggerSettings | BounceLoggerSettings | CustomLoggerSettings;

/** Of `pipe_io`. */
export interface PipeSettings {
  readonly output: { readonly path: string; readonly mode: number } | undefined;
  readonly error: { readonly path: string; readonly mode: number } | undefined;
  /** A program that has not read for so long is ended; undefined: it is waited for. */
  readonly timeoutMs: number | undefined;
}

/** Of `syslog_io`. */
export interface SyslogSettings {
  readonly ident: string;
  readonly facility: string;
  readonly priority: string;
}

export interface LoggingSettings {
  readonly loggers: readonly LoggerSettings[];
  readonly pipe: PipeSettings;
  readonly syslog: SyslogSettings;
  /** `log_hires_timestamp` */
  readonly isHighResolution: boolean;
  /** Unread bytes a journal may hold (0: any), and what happens beyond. */
  readonly maxLag: {
    readonly bytes: number;
    readonly action: 'warn' | 'drop-subscriber' | 'stop-writing';
  };
  /** Equal messages of the paniclog in a period; 0: all. */
  readonly equalMessages: { readonly most: number; readonly periodMs: number };
  /** `log_group_split`: a subject for each level. */
  readonly splitsLevels: boolean;
}
