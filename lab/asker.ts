/**
 * A client on another machine of the test network: connects to floating addresses again and again, and knows who
 * answered last, and how long nobody did.
 *
 * Run as a program it is that client: its arguments are the port and the addresses.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';

/** Of one address. */
export interface Answers {
  /** What the last connection was answered, without the end of the line; empty when the last one was not. */
  readonly last: string;
  /** Everybody who answered since the last question, in the order of the first answer. */
  readonly by: readonly string[];
  /** Longest time between two answers since the last question, by the times of the questions. */
  readonly gapMs: number;
}

type Question = 'report';
type Report = Readonly<Record<string, Answers>>;

export class Asker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `through`: words in front of a command that is to run there. */
  static start(through: readonly string[], port: number, ips: readonly string[]): Asker {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, String(port), ...ips];
    const [command = '', ...words] = [...through, ...program];
    return new Asker(spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** What happened since the last report. */
  report(): Promise<Report> {
    return new Promise((resolve) => {
      this.#child.once('message', (report) => resolve(report as Report));
      this.#child.send('report' satisfies Question);
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

const askEveryMs = 4;
const giveUpMs = 150;

class Watch {
  readonly #ip: string;
  readonly #port: number;
  #last = '';
  #answeredMs = performance.now();
  #gapMs = 0;
  #by = new Set<string>();

  constructor(ip: string, port: number) {
    this.#ip = ip;
    this.#port = port;
  }

  ask(): void {
    const askedMs = performance.now();
    let text = '';
    const socket = connect({ host: this.#ip, port: this.#port });
    const timer = setTimeout(() => socket.destroy(), giveUpMs);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      this.#last = text.trim();
      if (this.#last !== '') this.#answered(askedMs);
    });
  }

  take(): Answers {
    const answers = { last: this.#last, by: [...this.#by], gapMs: this.#gapMs };
    this.#by = new Set();
    this.#gapMs = 0;
    return answers;
  }

  #answered(askedMs: number): void {
    this.#gapMs = Math.max(this.#gapMs, askedMs - this.#answeredMs);
    this.#answeredMs = Math.max(this.#answeredMs, askedMs);
    this.#by.add(this.#last);
  }
}

if (process.argv[1] === import.meta.filename) {
  const [port = '', ...ips] = process.argv.slice(2);
  const watches = new Map(ips.map((ip) => [ip, new Watch(ip, Number(port))]));
  setInterval(() => {
    for (const watch of watches.values()) watch.ask();
  }, askEveryMs);
  process.on('message', () => {
    const report: Report = Object.fromEntries([...watches].map(([ip, watch]) => [ip, watch.take()]));
    process.send?.(report);
  });
}
