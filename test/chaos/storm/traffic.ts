/**
 * All clients of the fleet, in a process on a client machine: mail, limits, caches. Run as a program it is that process;
 * its argument is the assignment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { Turnstile } from '../../../examples/three-relays/turnstile.ts';
import { CacheTraffic } from './cache-traffic.ts';
import { CapTraffic, ThrottleTraffic } from './limit-traffic.ts';
import { MailTraffic } from './mail-traffic.ts';
import type { Notes } from './notes.ts';

export interface TrafficAssignment {
  /** Floating addresses with mail servers behind them. */
  readonly ips: readonly string[];
  /** Of the mail clients. */
  readonly addresses: readonly string[];
  /** Redis socket of each node. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly servers: readonly string[];
}

/** `hold`: mail clients stay as they are, and nobody writes to the cache; answered when that is so. */
type Order = 'hold' | 'release' | 'report';
type Told = Notes | 'ready' | 'done';

export class Traffic {
  readonly #child: ChildProcess;
  #lastOrder: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lastOrder = this.#next();
  }

  /** Resolves when all are connected. `through`: words in front of a command that is to run there. */
  static async start(through: readonly string[], assignment: TrafficAssignment): Promise<Traffic> {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, JSON.stringify(assignment)];
    const [command = '', ...words] = [...through, ...program];
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    const traffic = new Traffic(spawn(command, words, { stdio: [...stdio] }));
    await traffic.#lastOrder;
    return traffic;
  }

  async hold(): Promise<void> {
    await this.#order('hold');
  }

  async release(): Promise<void> {
    await this.#order('release');
  }

  /** What was seen since the last report. */
  async report(): Promise<Notes> {
    return (await this.#order('report')) as Notes;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #order(order: Order): Promise<Told> {
    const done = this.#lastOrder.then(() => {
      const answer = this.#next();
      this.#child.send(order);
      return answer;
    });
    this.#lastOrder = done.catch(() => undefined);
    return done;
  }

  #next(): Promise<Told> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new Error('the clients have ended'));
      this.#child.once('exit', lost);
      this.#child.once('message', (told) => {
        this.#child.off('exit', lost);
        resolve(told as Told);
      });
    });
  }
}

const commandTimeoutMs = 2_000;
const lookMs = 10;

/** Refuses at once while its node is away. */
export function redisOf(path: string): Redis {
  const client = new Redis({
    path,
    retryStrategy: () => 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
  });
  return client.on('error', () => undefined);
}

async function work({ ips, addresses, nodes, servers }: TrafficAssignment): Promise<void> {
  // Whoever started it says when it ends; Ctrl-C in his terminal is for him.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  const clients = () => new Map(Object.entries(nodes).map(([node, path]) => [node, redisOf(path)]));
  const caps = await CapTraffic.begin(servers, Object.keys(nodes));
  const turnstile = new Turnstile();
  const mail = new MailTraffic(ips, addresses, turnstile);
  const throttles = new ThrottleTraffic(clients());
  const caches = new CacheTraffic(clients(), turnstile);
  const delay = monitorEventLoopDelay();
  delay.enable();
  const obey: Record<Order, () => Told | Promise<Told>> = {
    hold: async (): Promise<Told> => {
      turnstile.hold();
      while (!turnstile.isStill) await new Promise((resume) => setTimeout(resume, lookMs));
      return 'done';
    },
    release: () => {
      turnstile.release();
      return 'done';
    },
    report: () => {
      const waitedMs = delay.max / 1e6;
      delay.reset();
      return {
        banners: mail.takeBanners(),
        grants: throttles.take(),
        holds: caps.take(),
        writes: caches.take(),
        mail: mail.counts,
        waitedMs,
      };
    },
  };
  process.on('message', async (order) => {
    process.send?.(await obey[order as Order]());
  });
  process.send?.('ready' satisfies Told);
}

if (process.argv[1] === import.meta.filename)
  await work(JSON.parse(process.argv[2] ?? '') as TrafficAssignment);
