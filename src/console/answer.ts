/**
 * What a command gives back: a status and the answer in up to three forms, of which only the one asked for is made.
 * A long answer is an iterable of texts, so that a table of a million rows never stands in memory as text.
 */

/** Outcome of one request (CON-7). The numbers are part of the protocol and of the client's exit codes. */
export const status = {
  ok: 0,
  failed: 1,
  unknownCommand: 2,
  notAuthorised: 3,
  badSyntax: 4,
  timedOut: 5,
} as const;
export type Status = (typeof status)[keyof typeof status];

export function isStatus(value: unknown): value is Status {
  return Object.values<unknown>(status).includes(value);
}

export const formats = ['text', 'xml', 'json'] as const;
export type Format = (typeof formats)[number];

/** Text at once, or in pieces of any size. */
export type Text = string | Iterable<string> | AsyncIterable<string>;

export interface Answer {
  readonly status: Status;
  /** Lines, each ended by a line feed; empty when there is nothing to say. */
  readonly text: () => Text;
  /** One XML element. Without it the text is wrapped in `<Response>` (CON-12). */
  readonly xml?: () => Text;
  /** One JSON value. Without it the text is wrapped in `{"response":...}`. */
  readonly json?: () => Text;
}

/** A successful answer that has only words to say. */
export function said(line: string): Answer {
  return { status: status.ok, text: () => `${line}\n` };
}

/** The command was understood and could not be done. */
export function failed(line: string): Answer {
  return { status: status.failed, text: () => `${line}\n` };
}

/** The words were wrong (CMD-20). */
export function usage(syntax: string): Answer {
  return { status: status.badSyntax, text: () => `usage: ${syntax}\n` };
}

/** A successful answer with a form of its own for programs. */
export function structured(form: {
  readonly text: () => Text;
  readonly xml: () => Text;
  readonly json: () => unknown;
}): Answer {
  return { status: status.ok, text: form.text, xml: form.xml, json: () => JSON.stringify(form.json()) };
}
