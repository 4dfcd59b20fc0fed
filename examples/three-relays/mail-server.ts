/** The mail server behind one relay: takes every message, and checks that it was told who the client is. */
import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';

export class MailServer {
  messages = 0;
  /** Messages whose client said another address about itself than the PROXY header did. */
  mistaken = 0;
  readonly #server: SMTPServer;

  private constructor(name: string) {
    this.#server = new SMTPServer({
      name,
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      useProxy: true,
      logger: false,
      onData: (stream, session, done) => {
        stream.resume();
        stream.once('end', () => {
          this.messages += 1;
          if (session.hostNameAppearsAs !== `[${session.remoteAddress}]`) this.mistaken += 1;
          done();
        });
      },
    });
    // Sessions of a relay that is killed end with a reset, which is what this is here to show.
    this.#server.on('error', () => {});
  }

  static async start(port: number, name: string): Promise<MailServer> {
    const mailServer = new MailServer(name);
    mailServer.#server.listen(port, '127.0.0.1');
    await once(mailServer.#server.server, 'listening');
    return mailServer;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
