/**
 * Whether an address answers, asked from another machine by connecting to a port where nobody listens: the refusal
 * comes from the kernel, also while every process there is stopped.
 */
import { connect } from 'node:net';

const closedPort = 9;
const askEveryMs = 2;
const giveUpMs = 150;

/**
 * Times are those of the monotonic clock that all processes of the machine share, and of the question: a busy machine
 * may show an answer late.
 */
export interface AnswerReport {
  readonly answers: number;
  readonly lastAnswerMs: number;
}

export class AnswerLog {
  readonly #timer: NodeJS.Timeout;
  #answers = 0;
  #lastAnswerMs = 0;

  constructor(ip: string) {
    this.#timer = setInterval(() => {
      const askedMs = sharedNowMs();
      AnswerLog.once(ip).then((answered) => {
        if (!answered) return;
        this.#answers++;
        this.#lastAnswerMs = askedMs;
      });
    }, askEveryMs);
  }

  static once(ip: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: ip, port: closedPort });
      const timer = setTimeout(() => finish(false), giveUpMs);
      const finish = (answered: boolean) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answered);
      };
      socket.on('connect', () => finish(true));
      socket.on('error', ({ message }) => finish(message.includes('ECONNREFUSED')));
    });
  }

  report(): AnswerReport {
    return { answers: this.#answers, lastAnswerMs: this.#lastAnswerMs };
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
