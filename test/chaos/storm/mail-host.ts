/**
 * The mail server behind the relay of a machine, as a process there. Run as a program it is that server; its argument is the
 * name it greets with.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { MailServer } from '../../../examples/three-relays/mail-server.ts';
import { mailPort } from './configuration.ts';

export interface MailTaken {
  readonly messages: number;
  /** Of these with another client address than the PROXY header said. */
  readonly mistaken: number;
}

export class MailHost {
  readonly #child: ChildProcess;

  constructor(through: readonly string[], machine: string) {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, machine];
    const [command = '', ...words] = [...through, ...program];
    this.#child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  taken(): Promise<MailTaken> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new Error('a mail server has ended'));
      this.#child.once('exit', lost);
      this.#child.once('message', (taken) => {
        this.#child.off('exit', lost);
        resolve(taken as MailTaken);
      });
      this.#child.send('report', (error) => error && lost());
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

if (process.argv[1] === import.meta.filename) {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  const server = await MailServer.start(mailPort, process.argv[2] ?? '');
  process.on('message', () => {
    const { messages, mistaken } = server;
    process.send?.({ messages, mistaken } satisfies MailTaken);
  });
}
