/**
 * Two real haproxy processes that replicate a stick table to each other (`peers`), driven over their statistics sockets.
 *
 * Invariant: no process outlives `end`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';

export type PairSide = 'a' | 'b';

/** Most commands of one line: the buffer of a statistics socket takes 16 KiB. */
const commandsInLine = 200;

export class HaproxyPair {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-haproxy-'));
  readonly #processes: ChildProcess[] = [];
  readonly #sockets: StatsSocket[] = [];
  #ports: readonly number[] = [];

  async start(side: PairSide): Promise<void> {
    if (this.#ports.length === 0) this.#ports = [await freePort(), await freePort()];
    const file = join(this.#folder, `${side}.cfg`);
    writeFileSync(file, this.#configuration(side));
    this.#processes.push(spawn('haproxy', ['-db', '-L', side, '-f', file], { stdio: 'ignore' }));
    await until(() => existsSync(this.#socketOf(side)));
  }

  /** Both have heard of each other and of all there was. */
  async joined(): Promise<void> {
    const [a, b] = [await this.open('a'), await this.open('b')];
    await a.setAll([[1, 1]]);
    await until(async () => (await b.countOf(1)) === 1);
    await b.setAll([[2, 1]]);
    await until(async () => (await a.countOf(2)) === 1);
  }

  async open(side: PairSide): Promise<StatsSocket> {
    const socket = await StatsSocket.open(this.#socketOf(side));
    this.#sockets.push(socket);
    return socket;
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await Promise.all(
      this.#processes.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    rmSync(this.#folder, { recursive: true });
  }

  #socketOf(side: PairSide): string {
    return join(this.#folder, `${side}.sock`);
  }

  #configuration(side: PairSide): string {
    return `
global
  stats socket ${this.#socketOf(side)} level admin
  stats timeout 1h
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
peers fleet
  peer a 127.0.0.1:${this.#ports[0]}
  peer b 127.0.0.1:${this.#ports[1]}
backend counts
  stick-table type ip size 2m expire 1h store gpc0 peers fleet
`;
  }
}

/** One command after another; the answer ends with the prompt. */
export class StatsSocket {
  readonly #socket: Socket;
  #heard = '';
  #onPrompt: ((text: string) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#heard += text;
      if (!this.#heard.endsWith('\n> ')) return;
      const answer = this.#heard;
      this.#heard = '';
      this.#onPrompt?.(answer);
    });
    // It ends with its process.
    socket.on('error', () => {});
  }

  static async open(path: string): Promise<StatsSocket> {
    const socket = connect(path);
    await once(socket, 'connect');
    const opened = new StatsSocket(socket);
    await opened.command('prompt');
    return opened;
  }

  command(line: string): Promise<string> {
    return new Promise((resolve) => {
      this.#onPrompt = resolve;
      this.#socket.write(`${line}\n`);
    });
  }

  /** Sets counts of addresses, by number of the address. */
  async setAll(counts: readonly (readonly [key: number, count: number])[]): Promise<void> {
    for (let at = 0; at < counts.length; at += commandsInLine) {
      const commands = counts
        .slice(at, at + commandsInLine)
        .map(([key, count]) => `set table counts key ${addressOf(key)} data.gpc0 ${count}`);
      await this.command(commands.join(';'));
    }
  }

  async countOf(key: number): Promise<number> {
    const answer = await this.command(`show table counts key ${addressOf(key)}`);
    return Number(/gpc0=(\d+)/.exec(answer)?.[1] ?? 0);
  }

  async entries(): Promise<number> {
    return Number(/used:(\d+)/.exec(await this.command('show table'))?.[1] ?? 0);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function addressOf(key: number): string {
  return `10.${(key >> 16) & 255}.${(key >> 8) & 255}.${key & 255}`;
}
