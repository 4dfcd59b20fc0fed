/** A console on a node, as an operator has it: one question after the other, connected again when it has to be. */
import { type ConsoleConnection, connectToSocket } from '../../src/console/client/connection.ts';

const answerLimitMs = 2_000;

export interface ConsoleAnswer {
  readonly text: string;
  readonly isOk: boolean;
}

export class NodeConsole {
  readonly #path: string;
  #connection: ConsoleConnection | undefined;
  #lastAnswer: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when it cannot be reached. */
  ask(line: string, format: 'text' | 'json'): Promise<ConsoleAnswer | undefined> {
    // One at a time: after Ctrl-C the summary asks while an earlier question may still be under way.
    const answer = this.#lastAnswer.then(() => this.#askNow(line, format)).catch(() => undefined);
    this.#lastAnswer = answer;
    return answer;
  }

  close(): void {
    this.#connection?.close();
  }

  async #askNow(line: string, format: 'text' | 'json'): Promise<ConsoleAnswer> {
    if (!this.#connection?.isOpen) this.#connection = await this.#connect();
    const reply = this.#connection.request(line, format);
    let text = '';
    for (;;) {
      const { value, done } = await reply.next();
      if (done) return { text, isOk: value === 0 };
      text += value;
    }
  }

  #connect(): Promise<ConsoleConnection> {
    const endpoint = { kind: 'socket', where: { path: this.#path }, label: this.#path } as const;
    return connectToSocket(endpoint, { timeoutMs: answerLimitMs });
  }
}
