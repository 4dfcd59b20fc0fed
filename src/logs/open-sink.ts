/** From a destination of the configuration to the sink of its scheme. Nothing is opened before the first line. */
import type { Clock } from '../core/clock.ts';
import type { Destination } from '../core/logs/destination.ts';
import type { LogTarget, PipeSettings, SyslogSettings } from '../core/logs/logger-settings.ts';
import type { TimeZone } from '../core/logs/strftime.ts';
import { syslogFacility, syslogPriority } from '../core/logs/syslog-words.ts';
import { FileSink } from './file-sink.ts';
import type { JournalSet } from './journal-set.ts';
import { JournalSink } from './journal-sink.ts';
import type { LineSink } from './line-sink.ts';
import { PipeSink } from './pipe-sink.ts';
import { SyslogSink } from './syslog-sink.ts';

export interface SinkParts {
  readonly clock: Clock;
  readonly journals: JournalSet;
  readonly pipe: PipeSettings;
  readonly syslog: SyslogSettings;
  readonly zone: TimeZone;
  /** A program with `shutdown_on_failure` is gone. */
  readonly onPipeFailure: (reason: string) => void;
}

const systemLog = '/dev/log';

export function openSink({ destination, mode }: LogTarget, parts: SinkParts): LineSink {
  switch (destination.scheme) {
    case 'cluster':
    case 'jlog':
      return new JournalSink(destination, mode, parts.journals);
    case 'pipe':
      return new PipeSink(destination, {
        clock: parts.clock,
        settings: parts.pipe,
        onFailure: parts.onPipeFailure,
      });
    case 'syslog':
      return syslogSink(destination, parts);
    case 'null':
      return nullSink;
    case 'file':
      return new FileSink(destination.path, mode);
    case 'persist':
      throw new Error('persist:// is for reading');
  }
}

/** A path in the URI is that of another socket than the usual one. */
function syslogSink({ path, parameters }: Destination, { syslog, zone }: SinkParts): LineSink {
  return new SyslogSink({
    path: path.replace(/^\/+$/, '') || systemLog,
    facility: syslogFacility(parameters.get('facility') ?? syslog.facility) ?? 2,
    priority: syslogPriority(parameters.get('priority') ?? syslog.priority) ?? 3,
    ident: syslog.ident,
    zone,
  });
}

const nullSink: LineSink = {
  name: 'null://',
  write: async (lines) => ({ kept: lines.length }),
  reopen: async () => {},
  close: async () => {},
};
