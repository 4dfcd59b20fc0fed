/** One SMTP session of a client: a real one, from an address of its own. */
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';

export interface MailSessionOptions {
  readonly host?: string;
  /** For each step of it. */
  readonly limitMs?: number;
}

export class MailSession {
  readonly #connection: SMTPConnection;
  readonly #ended = new AbortController();
  readonly #whenEnded: Promise<never>;

  constructor(from: string, port: number, { host = '127.0.0.1', limitMs = 10_000 }: MailSessionOptions = {}) {
    this.#connection = new SMTPConnection({
      host,
      port,
      localAddress: from,
      // An address literal: the mail server compares it with what the relay says.
      name: `[${from}]`,
      ignoreTLS: true,
      connectionTimeout: limitMs,
      greetingTimeout: limitMs,
      socketTimeout: limitMs,
    });
    this.#whenEnded = new Promise((_, reject) => {
      const end = (error: Error) => {
        this.#ended.abort(error);
        reject(error);
      };
      this.#connection.on('error', end);
      this.#connection.once('end', () => end(new Error('the session has ended')));
    });
    this.#whenEnded.catch(() => {});
  }

  /** Aborted when the connection is gone, whoever ended it. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** What the server calls itself, in its answer to our name. */
  get server(): string {
    return /^250[- ](\S+)/.exec(this.#connection.lastServerResponse || '')?.[1] ?? '';
  }

  /** Resolves when the server has greeted and knows our name. Rejects when there is no relay, or it has no room. */
  connect(): Promise<void> {
    return this.#unlessEnded((done) => this.#connection.connect(done));
  }

  send(subject: string): Promise<void> {
    const envelope = { from: 'sender@example.com', to: 'reader@example.net' };
    const message = `From: <${envelope.from}>\r\nTo: <${envelope.to}>\r\nSubject: ${subject}\r\n\r\nHello.\r\n`;
    return this.#unlessEnded((done) => this.#connection.send(envelope, message, done));
  }

  /** Resolves when the connection is gone. */
  async quit(): Promise<void> {
    this.#connection.quit();
    await this.#whenEnded.catch(() => {});
  }

  close(): void {
    this.#connection.close();
  }

  /** The library forgets its callbacks when the connection ends. */
  #unlessEnded(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      start((error) => (error ? reject(error) : resolve()));
    });
    return Promise.race([done, this.#whenEnded]);
  }
}
