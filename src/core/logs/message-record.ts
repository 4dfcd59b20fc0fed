/**
 * What a host application tells the loggers about its messages: one record for each thing that happens to a message.
 * Loggers turn them into lines of their own formats; what a format does not need is left out, what it needs and is not
 * given is empty.
 */

/** `user@example.com`, or its two parts; an empty text is the sender of bounces. */
export type MailAddress = string | { readonly local: string; readonly domain: string };

/** What every record may say. */
export interface MessageRecord {
  /** Microseconds since 1970; default: now. */
  readonly timeUs?: number;
  readonly messageId?: string;
  readonly batchId?: string;
  readonly connectionId?: string;
  readonly sender?: MailAddress;
  readonly recipient?: MailAddress;
  /** Where the message goes to; default: the domain of the recipient. */
  readonly domain?: string;
  /** Address of the other end. */
  readonly address?: string;
  /** Of the message; of failures what was sent before it failed. */
  readonly bytes?: number;
  /** `esmtp`, `rest`, `ecstream`, `xfer`, `internal`. */
  readonly protocol?: string;
  readonly group?: string;
  readonly binding?: string;
  readonly pathwayGroup?: string;
  readonly pathway?: string;
  /** Attempts before this one. */
  readonly retries?: number;
  /** Seconds since the reception. */
  readonly queuedS?: number;
  /** How far the session had come, from 0 to 22, and in words. */
  readonly stage?: number;
  readonly stageText?: string;
  /** Answer of the other end, or why it failed. */
  readonly text?: string;
  /** Class of a bounce, as a number and in words. */
  readonly classCode?: number;
  readonly className?: string;
  readonly user?: string;
  readonly authentication?: string;
  /** First value of each header, by name in lower case: `%h{X}` of custom_logger. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Values of the message's context: `%vctx_mess{v}`. */
  readonly context?: Readonly<Record<string, string>>;
  /** The same of the connection: `%vctx_conn{v}`. */
  readonly connectionContext?: Readonly<Record<string, string>>;
}

/** A message was taken over. */
export interface ReceptionRecord extends MessageRecord {
  readonly sender: MailAddress;
  readonly recipient: MailAddress;
  readonly bytes: number;
  readonly protocol: string;
}

/** A message was handed on, to its destination or to another node. */
export interface DeliveryRecord extends MessageRecord {
  readonly domain: string;
  readonly bytes: number;
  readonly address: string;
}

/** An attempt failed: for now, or for good. */
export interface FailureRecord extends MessageRecord {
  readonly domain: string;
  readonly text: string;
}

/** A message came back as a message of its own; what is refused within the session is a permanent failure. */
export interface BounceRecord extends MessageRecord {
  readonly recipient: MailAddress;
  readonly classCode: number;
  readonly text: string;
}

/** Somebody was turned away, or something of what he wanted to send. */
export interface RejectionRecord extends MessageRecord {
  /** Of the other end and of this one, `address:port`. */
  readonly remote: string;
  readonly local: string;
  /** The SMTP code. */
  readonly code: number;
  readonly text: string;
  /** In words, how far the session had come. */
  readonly phase?: string;
  /** Which part of the application it was. */
  readonly module?: string;
}

/** Somebody authenticated, or ran a command. */
export interface AccountRecord {
  readonly timeUs?: number;
  /** Authentication, its timeout, authorization, something else. */
  readonly kind: 'N' | 'T' | 'Z' | '?';
  readonly listener: string;
  /** Empty of Unix sockets. */
  readonly peer: string;
  readonly user: string;
  /** Yes, no, undecided. */
  readonly result: 1 | 0 | -1;
  /** Of an authorization. */
  readonly command?: string;
  readonly role?: string;
}

/** A session that a front listener carried to its service. */
export interface SessionRecord {
  readonly timeUs: number;
  readonly connectionId: string;
  /** As in `Listen`. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly seconds: number;
}

export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

export function mailboxOf(address: MailAddress | undefined): Mailbox {
  if (typeof address === 'object') return address;
  if (address === undefined) return { local: '', domain: '' };
  const plain = address.replace(/^<([\s\S]*)>$/, '$1');
  // The last one: a quoted local part may hold others.
  const at = plain.lastIndexOf('@');
  return at < 0 ? { local: plain, domain: '' } : { local: plain.slice(0, at), domain: plain.slice(at + 1) };
}

export function routingDomain({ domain, recipient }: MessageRecord): string {
  return domain ?? mailboxOf(recipient).domain;
}
