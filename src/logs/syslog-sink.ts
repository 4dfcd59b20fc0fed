/**
 * The system log: datagrams to `/dev/log`, or a stream where that is what listens there. Each line is a message with
 * facility, priority, local time, ident and process id, as the C library writes it.
 */
import { createConnection, type Socket } from 'node:net';
import { localTime, type TimeZone, timeText } from '../core/logs/strftime.ts';
import type { LineSink, LogLine, Written } from './line-sink.ts';
import { connectDatagrams, type DatagramSocket } from './unix-datagram.ts';

export interface SyslogOptions {
  readonly path: string;
  readonly facility: number;
  readonly priority: number;
  readonly ident: string;
  readonly zone: TimeZone;
}

const stamp = timeText('%b %e %H:%M:%S')!;
const busyRetryMs = 20;
/** More is more than system logs take in one message. */
const longestMessageBytes = 8192;

export class SyslogSink implements LineSink {
  readonly name: string;
  readonly #options: SyslogOptions;
  #datagrams: DatagramSocket | undefined;
  #stream: Socket | undefined;

  constructor(options: SyslogOptions) {
    this.name = `syslog://${options.path}`;
    this.#options = options;
  }

  async write(lines: readonly LogLine[]): Promise<Written> {
    const problem = await this.#connect();
    if (problem !== undefined) return { kept: 0, problem };
    return this.#datagrams ? this.#sendAll(lines) : this.#streamAll(lines);
  }

  async reopen(): Promise<void> {
    this.#datagrams?.close();
    this.#datagrams = undefined;
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream && !stream.destroyed) await new Promise<void>((resolve) => stream.end(resolve));
    await this.reopen();
  }

  async #connect(): Promise<string | undefined> {
    if (this.#datagrams || (this.#stream && !this.#stream.destroyed)) return undefined;
    const { path } = this.#options;
    const socket = await connectDatagrams(path);
    if (typeof socket === 'object') this.#datagrams = socket;
    else if (socket === 'stream') return this.#connectStream(path);
    else return socket;
    return undefined;
  }

  #connectStream(path: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const stream = createConnection({ path }, () => resolve(undefined));
      // Also for what comes later: without a listener it would end the process.
      stream.on('error', (error) => resolve(error.message));
      stream.unref();
      this.#stream = stream;
    });
  }

  #sendAll(lines: readonly LogLine[]): Written {
    for (const [kept, line] of lines.entries()) {
      let result = this.#datagrams!.send(this.#message(line));
      // A line may be larger than what the socket takes: its beginning is better than all lines behind it waiting.
      if (result === 'EMSGSIZE') result = this.#datagrams!.send(this.#message(line).subarray(0, 1024));
      if (result === 'sent') continue;
      if (result === 'busy') return { kept, retryMs: busyRetryMs };
      this.#datagrams!.close();
      this.#datagrams = undefined;
      return { kept, problem: result === 'closed' ? 'nobody listens there' : result };
    }
    return { kept: lines.length };
  }

  /** Messages of a stream end with a zero byte. */
  async #streamAll(lines: readonly LogLine[]): Promise<Written> {
    const bytes = Buffer.concat(lines.flatMap((line) => [this.#message(line), Buffer.of(0)]));
    const problem = await new Promise<string | undefined>((resolve) => {
      const stream = this.#stream!;
      const onClose = (): void => resolve('the connection was closed');
      stream.once('close', onClose);
      stream.write(bytes, (error) => {
        stream.off('close', onClose);
        resolve(error?.message);
      });
    });
    return problem === undefined ? { kept: lines.length } : { kept: 0, problem };
  }

  #message({ timeUs, bytes }: LogLine): Buffer {
    const { facility, priority, ident, zone } = this.#options;
    const time = stamp(localTime(timeUs / 1_000_000, zone));
    const head = Buffer.from(`<${facility * 8 + priority}>${time} ${ident}[${process.pid}]: `);
    const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
    return Buffer.concat([head, bytes.subarray(0, end)]).subarray(0, longestMessageBytes);
  }
}
