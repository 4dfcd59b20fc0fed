/** The bus: one nats-server for all three relays, with the accounts of nats-server.conf. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { Child } from './child.ts';
import { probePort } from './ports.ts';
import { until } from './until.ts';

const usualPort = 4222;
const startLimitMs = 10_000;

export interface BusOptions {
  /** For the log. */
  readonly folder: string;
  readonly onLost: (error: Error) => void;
}

export class Bus {
  readonly port: number;
  readonly child: Child;
  version = '';

  constructor(port: number, { folder, onLost }: BusOptions) {
    this.port = port;
    const configFile = join(import.meta.dirname, 'nats-server.conf');
    this.child = new Child({
      name: 'nats-server',
      command: ['nats-server', '--config', configFile, '--addr', '127.0.0.1', '--port', String(port)],
      logFile: join(folder, 'nats-server.log'),
      onLost,
    });
  }

  /** The usual one, or a free one when another server is there already. */
  static async choosePort(): Promise<number> {
    return (await probePort(usualPort)) ?? (await probePort(0)) ?? usualPort;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async ready(signal: AbortSignal): Promise<void> {
    const hasAnswered = async () => {
      this.version = (await greetingVersion(this.port)) ?? '';
      return this.version !== '';
    };
    if (!(await until(hasAnswered, { limitMs: startLimitMs, everyMs: 20, signal })))
      throw new Error(`nats-server does not answer on 127.0.0.1:${this.port}`);
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}

/** From the first line that a NATS server says, unasked: `INFO {"version":"2.9.10",...}`. */
function greetingVersion(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (greeting) => {
      resolve(/"version":"([^"]+)"/.exec(String(greeting))?.[1]);
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(undefined));
  });
}
