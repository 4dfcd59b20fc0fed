/**
 * The mail clients: each connects from one of many addresses, delivers a few messages over some seconds, leaves, and
 * comes again. When a relay is not there it goes to the next, as mail servers go through a list of exchangers.
 *
 * Owns all client sockets. Invariant: what `open` says is what the kernel holds, while `hold` is in force and
 * `isStill`.
 */
import { setMaxListeners } from 'node:events';
import { MailSession } from './mail-session.ts';
import { Turnstile } from './turnstile.ts';
import { sleep } from './until.ts';

const networks = ['127.10.1', '127.10.2', '127.44.3', '127.86.200'];
const hostsPerNetwork = 8;
/** With sessions of 3.5 s and pauses of 0.3 s on average, about 45 of them are connected at any time. */
const clientCount = 48;
const sessionMs = { from: 1_000, to: 6_000 };
const pauseMs = { from: 100, to: 500 };
const betweenMessagesMs = { from: 300, to: 1_200 };

export interface RelayTarget {
  readonly name: string;
  readonly frontPort: number;
}

export class MailClients {
  /** By relay: sessions that were let in. */
  readonly sessions = new Map<string, number>();
  /** Messages that a server took responsibility for. */
  messages = 0;
  /** Sessions that ended before the client wanted to. */
  cut = 0;
  /** Attempts that found no relay. */
  refused = 0;
  readonly addresses = networks.flatMap((network) =>
    Array.from({ length: hostsPerNetwork }, (_, host) => `${network}.${11 + host}`),
  );
  readonly networks = networks.map((network) => `${network}.0/24`);
  readonly clientCount = clientCount;
  readonly #relays: readonly RelayTarget[];
  readonly #open = new Set<MailSession>();
  readonly #turnstile = new Turnstile();
  readonly #stopping = new AbortController();

  constructor(relays: readonly RelayTarget[]) {
    this.#relays = relays;
    // All clients may wait on it at the same time, which is no leak.
    setMaxListeners(clientCount, this.#stopping.signal);
    for (let client = 0; client < clientCount; client++) void this.#keepSending();
  }

  /** Sessions that are open at this moment. */
  get open(): number {
    return this.#open.size;
  }

  get isStill(): boolean {
    return this.#turnstile.isStill;
  }

  /** From now on nobody connects and nobody leaves; mail on open sessions goes on. */
  hold(): void {
    this.#turnstile.hold();
  }

  release(): void {
    this.#turnstile.release();
  }

  stop(): void {
    this.#stopping.abort();
    for (const session of this.#open) session.close();
    this.release();
  }

  async #keepSending(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // A session that fails is counted where it fails; the client comes again either way.
      await this.#oneSession().catch(() => {});
      await sleep(between(pauseMs), signal).catch(() => {});
    }
  }

  async #oneSession(): Promise<void> {
    const session = await this.#turnstile.pass(() => this.#connectAnywhere());
    if (!session) return;
    try {
      await this.#deliver(session);
      if (!session.ended.aborted) await this.#turnstile.pass(() => session.quit());
    } catch {
      if (!this.#stopping.signal.aborted) this.cut += 1;
    } finally {
      session.close();
      this.#open.delete(session);
    }
  }

  /** Leaves when its time is over. Throws when the session ends before. */
  async #deliver(session: MailSession): Promise<void> {
    const endMs = performance.now() + between(sessionMs);
    for (let message = 1; ; message++) {
      await session.send(`Message ${message}`);
      this.messages += 1;
      const restMs = endMs - performance.now();
      if (restMs <= 0) return;
      await sleep(Math.min(restMs, between(betweenMessagesMs)), session.ended);
    }
  }

  async #connectAnywhere(): Promise<MailSession | undefined> {
    const first = Math.floor(Math.random() * this.#relays.length);
    const address = this.addresses[Math.floor(Math.random() * this.addresses.length)]!;
    for (const relay of [...this.#relays.slice(first), ...this.#relays.slice(0, first)]) {
      if (this.#stopping.signal.aborted) return undefined;
      const session = new MailSession(address, relay.frontPort);
      this.#open.add(session);
      session.ended.addEventListener('abort', () => this.#open.delete(session));
      try {
        await session.connect();
        this.sessions.set(relay.name, (this.sessions.get(relay.name) ?? 0) + 1);
        return session;
      } catch {
        this.refused += 1;
      }
    }
    return undefined;
  }
}

function between({ from, to }: { readonly from: number; readonly to: number }): number {
  return from + Math.random() * (to - from);
}
