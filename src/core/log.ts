/** The node's own log as core and actors see it. Levels are the original's (spec: debug ... critical). */
export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** One method a level; `text` says what happened, `fields` carry node, view, object ... for machines. */
export type Log = { readonly [level in LogLevel]: (text: string, fields?: LogFields) => void };
