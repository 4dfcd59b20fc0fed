/** Where the lines of a log go, as the queue in front of it sees it: file, journal, system log, program, or nowhere. */

export interface LogLine {
  readonly timeUs: number;
  /** With the line feed. */
  readonly bytes: Buffer;
}

/** What became of some lines: how many of them are kept, from the first on, and why not all. */
export interface Written {
  readonly kept: number;
  readonly problem?: string;
  /** The rest is lost for good: to try again would not help. */
  readonly isLost?: boolean;
  /** It is only busy: the rest may be tried again so soon. */
  readonly retryMs?: number;
}

/** Not written to nor reopened before the call before is over. */
export interface LineSink {
  /** As in the configuration. */
  readonly name: string;
  /** Opens what is to be opened. Never rejects. */
  write(lines: readonly LogLine[]): Promise<Written>;
  /** Lets go of what it has open, so that the next write opens it anew. */
  reopen(): Promise<void>;
  /** Also while a write hangs, which ends by it. */
  close(): Promise<void>;
}
