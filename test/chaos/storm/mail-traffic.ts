/**
 * Mail clients on many addresses: each connects to one floating address, delivers a few messages, leaves, and comes again.
 *
 * Invariant: while the turnstile holds and is still, nobody connects and nobody leaves by his own will.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MailSession } from '../../../examples/three-relays/mail-session.ts';
import type { Turnstile } from '../../../examples/three-relays/turnstile.ts';
import { frontPort } from './configuration.ts';
import type { Banner, MailCounts } from './notes.ts';

const clientCount = 16;
const limitMs = 3_000;
const messagesOfASession = 6;
const betweenMessagesMs = 500;
const pauseMs = 300;

export class MailTraffic {
  readonly counts: MailCounts = { messages: 0, cut: 0, refused: 0 };
  readonly #ips: readonly string[];
  readonly #addresses: readonly string[];
  readonly #turnstile: Turnstile;
  #banners: Banner[] = [];

  /** `ips` float; `addresses` are those of clients. */
  constructor(ips: readonly string[], addresses: readonly string[], turnstile: Turnstile) {
    this.#ips = ips;
    this.#addresses = addresses;
    this.#turnstile = turnstile;
    for (let client = 0; client < clientCount; client++) void this.#keepSending(client);
  }

  takeBanners(): Banner[] {
    const banners = this.#banners;
    this.#banners = [];
    return banners;
  }

  async #keepSending(client: number): Promise<never> {
    for (let turn = client; ; turn++) {
      const session = await this.#turnstile.pass(() => this.#connect(turn));
      if (session) await this.#deliver(session);
      await pause(pauseMs * (0.5 + Math.random()));
    }
  }

  async #connect(turn: number): Promise<MailSession | undefined> {
    const ip = this.#ips[turn % this.#ips.length]!;
    const from = this.#addresses[turn % this.#addresses.length]!;
    const session = new MailSession(from, frontPort, { host: ip, limitMs });
    const askedMs = Date.now();
    try {
      await session.connect();
      this.#banners.push({ ip, machine: session.server, askedMs, answeredMs: Date.now() });
      return session;
    } catch {
      this.counts.refused += 1;
      session.close();
      return undefined;
    }
  }

  async #deliver(session: MailSession): Promise<void> {
    try {
      for (let message = 1; message <= messagesOfASession; message++) {
        await session.send(`Message ${message}`);
        this.counts.messages += 1;
        await pause(betweenMessagesMs * (0.5 + Math.random()), undefined, { signal: session.ended });
      }
      await this.#turnstile.pass(() => session.quit());
    } catch {
      this.counts.cut += 1;
    } finally {
      session.close();
    }
  }
}
