/**
 * A client on another machine that sends mail to relays, over one connection to each, and remembers what they took
 * responsibility for.
 *
 * Run as a program it is that client: its arguments are the port, the number of binding groups, and the relays.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import { mailPort } from './relay.ts';

export class MailSource {
  /** Subjects of messages that were accepted. */
  readonly accepted = new Set<string>();
  readonly #child: ChildProcess;
  #onEnd: () => void = () => {};

  /** `through`: words in front of a command that is to run there. */
  constructor(through: readonly string[], groups: number, relays: readonly string[]) {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, String(groups), ...relays];
    const [command = '', ...words] = [...through, ...program];
    this.#child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (subject: string) => void this.accepted.add(subject));
    this.#child.once('exit', () => this.#onEnd());
  }

  /** Ends what is under way. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
      this.#child.send('end');
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const limitMs = 3_000;
const pauseMs = 5;

async function sendTo(relay: string, groups: number): Promise<void> {
  for (let session = 1; !isEnding; session++) {
    const connection = new SMTPConnection({
      host: relay,
      port: mailPort,
      ignoreTLS: true,
      connectionTimeout: limitMs,
      greetingTimeout: limitMs,
      socketTimeout: limitMs,
    });
    const lost = new Promise<never>((_, reject) => {
      connection.on('error', reject).once('end', () => reject(new Error('ended')));
    });
    lost.catch(() => {});
    try {
      await Promise.race([new Promise<void>((resolve) => connection.connect(() => resolve())), lost]);
      // A message of which nothing was heard is never sent again: it may have been accepted.
      for (let n = 1; !isEnding; n++)
        await Promise.race([send(connection, `${relay}-${session}-${n}`, 1 + (n % groups)), lost]);
    } catch {
      await new Promise((resume) => setTimeout(resume, 10 * pauseMs));
    }
    connection.close();
  }
}

async function send(connection: SMTPConnection, subject: string, group: number): Promise<void> {
  const envelope = { from: 'sender@example.com', to: 'reader@example.net' };
  const text = `X-Binding-Group: group-${group}\r\nSubject: ${subject}\r\n\r\n${'Hello. '.repeat(50)}\r\n`;
  await new Promise<void>((resolve, reject) =>
    connection.send(envelope, text, (error) => (error ? reject(error) : resolve())),
  );
  process.send?.(subject);
  await new Promise((resume) => setTimeout(resume, pauseMs));
}

let isEnding = false;

if (process.argv[1] === import.meta.filename) {
  const [groups = '', ...relays] = process.argv.slice(2);
  process.on('message', () => {
    isEnding = true;
  });
  await Promise.all(relays.map((relay) => sendTo(relay, Number(groups))));
  process.disconnect();
}
