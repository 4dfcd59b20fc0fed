/**
 * Sessions that a client on a machine of the test network keeps open to floating addresses. One that was ever closed,
 * or whose other end is gone, tells of an interruption, however short, and however slow the machines are.
 *
 * Run as a program it is that client: its arguments are the port and the addresses.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class HeldSessions {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when all are open and answered. */
  static async open(through: readonly string[], port: number, ips: readonly string[]): Promise<HeldSessions> {
    const words = ['--import', 'tsx', import.meta.filename, String(port), ...ips];
    const [command = '', ...rest] = [...through, process.execPath, ...words];
    const child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new HeldSessions(child);
  }

  /** Addresses whose session has not lived until now; the session is asked, and has to answer. */
  async lost(): Promise<readonly string[]> {
    const answer = once(this.#child, 'message');
    this.#child.send('ask');
    const [lost] = await answer;
    return lost as string[];
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

async function isAnswered(socket: Socket): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return false;
  socket.write('?');
  return Promise.race([
    once(socket, 'data').then(() => true),
    once(socket, 'close').then(() => false),
    once(socket, 'end').then(() => false),
  ]).catch(() => false);
}

if (process.argv[1] === import.meta.filename) {
  const [port = '', ...ips] = process.argv.slice(2);
  const sockets = ips.map((ip) => connect({ host: ip, port: Number(port) }).on('error', () => {}));
  const lost = async () => {
    const answered = await Promise.all(sockets.map(isAnswered));
    process.send?.(ips.filter((_, at) => !answered[at]));
  };
  process.on('message', () => void lost());
  await lost();
}
