/** A message of the paniclog, as it goes to destinations and to the bus (logging 14). */
import type { LogLevel } from '../log.ts';

export interface PanicMessage {
  readonly timeUs: number;
  readonly level: LogLevel;
  /** On one line. */
  readonly text: string;
  /** Counts the messages of this process, so that whoever listens sees what he missed. */
  readonly seq: number;
}
