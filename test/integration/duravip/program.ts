/**
 * A program that uses the public API on one machine of the test network: what it is told to do comes over its channel,
 * and what the node tells it goes back, one message after the other.
 *
 * Run as a program it is that program: its argument is the configuration.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type RunningNode, startNode } from '../../../src/index.ts';

/** What the node told the program, in order. */
export interface Told {
  readonly what:
    | 'start'
    | 'stop'
    | 'online'
    | 'offline'
    | 'before'
    | 'after'
    | 'change'
    | 'round'
    | 'vip'
    | 'label';
  readonly text: string;
  /** The address it is about was on an interface of the machine at that moment. */
  readonly isOn: boolean;
}

interface Order {
  readonly call: 'locate' | 'setCapable' | 'veto' | 'allow' | 'stop';
  readonly words: readonly unknown[];
}

export class Program {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();
  #onAnswer: (answer: unknown) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ told, answer }: { told?: Told; answer?: unknown }) => {
      if (told) this.told.push(told);
      else this.#onAnswer(answer);
    });
  }

  static async start(through: readonly string[], configText: string): Promise<Program> {
    const [command = '', ...words] = [
      ...through,
      process.execPath,
      '--import',
      'tsx',
      import.meta.filename,
      configText,
    ];
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const program = new Program(child);
    await program.#answer();
    return program;
  }

  texts(what: Told['what']): string[] {
    return this.told.filter((each) => each.what === what).map(({ text }) => text);
  }

  call<T = unknown>(call: Order['call'], ...words: readonly unknown[]): Promise<T> {
    const run = async () => {
      const answer = this.#answer();
      this.#child.send({ call, words } satisfies Order);
      return (await answer) as T;
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }
}

const servers = new Map<string, Server>();
const vetoed = new Set<string>();

function tell(what: Told['what'], ip: string, text = ip): void {
  const here = Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address));
  process.send?.({ told: { what, text, isOn: here.includes(ip) } satisfies Told });
}

const hostOf = (endpoint: string) => endpoint.replace(/:\d+$/, '');

function register(node: RunningNode): void {
  void node.registerService('tcp', {
    start: async (endpoint) => {
      const [host = '', port = ''] = endpoint.split(':');
      // A client that gives up resets its connection: without a listener the program would die of it.
      const server = createServer((socket) =>
        socket.on('error', () => undefined).end(`${node.settings.nodename}\n`),
      );
      servers.set(endpoint, server.listen(Number(port), host));
      await once(server, 'listening');
      tell('start', host, endpoint);
    },
    stop: (endpoint) => {
      servers.get(endpoint)?.close();
      tell('stop', hostOf(endpoint), endpoint);
    },
    list: () => ['10.84.0.1:2526'],
  });
  void node.registerBindings({
    online: (names, ip) => tell('online', ip, `${names.join()} ${ip}`),
    offline: (names, ip) => tell('offline', ip, `${names.join()} ${ip}`),
  });
  node.onAcquire({
    before: ({ ip }) => {
      if (vetoed.has(ip)) throw new Error('not here');
      tell('before', ip);
    },
  });
  node.onRelease({ after: ({ ip }) => tell('after', ip) });
  node.onOwnershipChange(({ ip, from = '-', to = '-', reason }) =>
    tell('change', ip, `${ip} ${from} ${to} ${reason}`),
  );
  node.cluster.on('vip', (ip, { to = '-' }) => tell('vip', ip, `${ip} ${to}`));
  node.cluster.on('label', (ip, labels) => tell('label', ip, `${ip} ${labels.join()}`));
  node.afterRound(({ gained, lost, changes }) => tell('round', '', `${changes.length} +${gained} -${lost}`));
}

async function serve(configText: string): Promise<void> {
  const node = await startNode({ configText, beforeJoin: register });
  process.on('message', async ({ call, words }: Order) => {
    const answer = await carryOut(node, call, words as [never, never, never]);
    process.send?.({ answer });
    if (call === 'stop') process.exit();
  });
  process.send?.({ answer: 'ready' });
}

async function carryOut(
  node: RunningNode,
  call: Order['call'],
  words: [never, never, never],
): Promise<unknown> {
  switch (call) {
    case 'veto':
      return void vetoed.add(words[0]);
    case 'allow':
      return void vetoed.delete(words[0]);
    case 'setCapable':
      return node.setCapable(...words);
    case 'locate':
      return node.locate(words[0]);
    case 'stop':
      return node.stop();
  }
}

if (process.argv[1] === import.meta.filename) await serve(process.argv[2] ?? '');
