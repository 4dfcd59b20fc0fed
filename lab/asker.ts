/**
 * A client on another machine of the test network: connects to floating addresses again and again, and knows who
 * answered last, and how long nobody did.
 *
 * Run as a program it is that client: its arguments are the port, how often it asks, and the addresses.
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
  /** Who answered when since the last question, in order of time; at most the latest `keptSpans`. */
  readonly spans: readonly Span[];
  /** Connections that were tried since the last question and are over, and how many of them were answered. */
  readonly asked: number;
  readonly answered: number;
}

/** A time in which one machine answered again and again: of the first question and the last, as `Date.now()` counts. */
export interface Span {
  readonly by: string;
  readonly fromMs: number;
  readonly toMs: number;
}

type Question = 'report';
type Report = Readonly<Record<string, Answers>>;

export class Asker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `through`: words in front of a command that is to run there. */
  static start(
    through: readonly string[],
    port: number,
    ips: readonly string[],
    everyMs = usualAskEveryMs,
  ): Asker {
    const words = [String(port), String(everyMs), ...ips];
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, ...words];
    const [command = '', ...rest] = [...through, ...program];
    return new Asker(spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** What happened since the last report. */
  report(): Promise<Report> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new Error('the client that asks has ended'));
      this.#child.once('exit', lost);
      this.#child.once('message', (report) => {
        this.#child.off('exit', lost);
        resolve(report as Report);
      });
      this.#child.send('report' satisfies Question, (error) => error && lost());
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

const usualAskEveryMs = 20;
const giveUpMs = 150;
/** A machine that answers after a longer silence begins a new span. For those who ask each few ms: spans need that. */
const spanBreakMs = 20;
const keptSpans = 100;

class Watch {
  readonly #ip: string;
  readonly #port: number;
  #last = '';
  #answeredMs = performance.now();
  #gapMs = 0;
  #by = new Set<string>();
  #spans: Span[] = [];
  #asked = 0;
  #answers = 0;

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
      this.#asked += 1;
      this.#last = text.trim();
      if (this.#last !== '') this.#answered(askedMs);
    });
  }

  take(): Answers {
    const answers = {
      last: this.#last,
      by: [...this.#by],
      gapMs: this.#gapMs,
      spans: this.#spans,
      asked: this.#asked,
      answered: this.#answers,
    };
    this.#by = new Set();
    this.#gapMs = 0;
    this.#spans = [];
    this.#asked = 0;
    this.#answers = 0;
    return answers;
  }

  #answered(askedMs: number): void {
    this.#gapMs = Math.max(this.#gapMs, askedMs - this.#answeredMs);
    this.#answeredMs = Math.max(this.#answeredMs, askedMs);
    this.#by.add(this.#last);
    this.#answers += 1;
    this.#spans = joined(this.#spans, [spanAt(this.#last, askedMs)]).slice(-keptSpans);
  }
}

function spanAt(by: string, askedMs: number): Span {
  const atMs = performance.timeOrigin + askedMs;
  return { by, fromMs: atMs, toMs: atMs };
}

/** The later spans go on where the earlier ones end. */
export function joined(earlier: readonly Span[], later: readonly Span[]): Span[] {
  const [first, ...more] = later;
  const last = earlier.at(-1);
  if (!first || !last || first.by !== last.by || first.fromMs - last.toMs > spanBreakMs)
    return [...earlier, ...later];
  const toMs = Math.max(first.toMs, last.toMs);
  return [...earlier.slice(0, -1), { by: last.by, fromMs: last.fromMs, toMs }, ...more];
}

if (process.argv[1] === import.meta.filename) {
  const [port = '', everyMs = '', ...ips] = process.argv.slice(2);
  // Whoever started it says when it ends, also when he is killed; Ctrl-C in his terminal is for him.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
  const watches = new Map(ips.map((ip) => [ip, new Watch(ip, Number(port))]));
  setInterval(() => {
    for (const watch of watches.values()) watch.ask();
  }, Number(everyMs));
  process.on('message', () => {
    const report: Report = Object.fromEntries([...watches].map(([ip, watch]) => [ip, watch.take()]));
    process.send?.(report);
  });
}
