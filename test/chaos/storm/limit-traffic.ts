/**
 * Programs that limit themselves with the fleet: on each node one that wants more of a shared throttle than there is, by the
 * Redis socket of its host; and, over NATS, some that open connections under a strict cap.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connect, JSONCodec, type NatsConnection } from 'nats';
import { cappedDomain } from './configuration.ts';
import type { Grant, Hold } from './notes.ts';

/** Of all nodes together, in windows that are numbered from the epoch. */
export const throttleUnits = 20;
export const throttleWindowMs = 1_000;
const askEveryMs = 40;

export class ThrottleTraffic {
  #grants: Grant[] = [];

  constructor(clients: ReadonlyMap<string, Redis>) {
    for (const [node, client] of clients) void this.#keepAsking(node, client);
  }

  take(): Grant[] {
    const grants = this.#grants;
    this.#grants = [];
    return grants;
  }

  async #keepAsking(node: string, client: Redis): Promise<never> {
    const words = ['storm', throttleUnits - 1, throttleUnits, throttleWindowMs / 1_000];
    for (;;) {
      const askedMs = Date.now();
      // Of one that cannot be asked nothing is known; what it grants nobody uses.
      const answer = await client.call('CL.THROTTLE', ...words).catch(() => undefined);
      const isGranted = Array.isArray(answer) && Number(answer[0]) === 0;
      if (isGranted) this.#grants.push({ node, askedMs, answeredMs: Date.now() });
      await pause(askEveryMs);
    }
  }
}

const codec = JSONCodec<Record<string, unknown>>();
const holders = 10;
const requestLimitMs = 2_000;
/** Longer than it is held, so that nothing runs out; shorter than what a lost answer may cost. */
const holdS = 8;
export const longestHoldMs = 1_000;

export class CapTraffic {
  readonly #nats: NatsConnection;
  #holds: Hold[] = [];

  private constructor(nats: NatsConnection, nodes: readonly string[]) {
    this.#nats = nats;
    for (let holder = 0; holder < holders; holder++) void this.#keepOpening(nodes, holder);
  }

  static async begin(servers: readonly string[], nodes: readonly string[]): Promise<CapTraffic> {
    const login = { user: 'program', pass: 'program' };
    const reconnect = { maxReconnectAttempts: -1, reconnectTimeWait: 200, pingInterval: 1_000 };
    return new CapTraffic(await connect({ servers: [...servers], ...login, ...reconnect }), nodes);
  }

  take(): Hold[] {
    const holds = this.#holds;
    this.#holds = [];
    return holds;
  }

  async #keepOpening(nodes: readonly string[], holder: number): Promise<never> {
    for (let turn = holder; ; turn++) {
      const node = nodes[turn % nodes.length]!;
      // Refused, or lost on the way: then nobody holds it for longer than `holdS`.
      await this.#open(node, `192.0.2.${holder + 1}`).catch(() => undefined);
      await pause(askEveryMs);
    }
  }

  async #open(node: string, address: string): Promise<void> {
    const wanted = { binding: 'storm', domain: cappedDomain, address, holdS };
    const { allowed, slot } = await this.#ask(node, 'outbound.open', wanted);
    if (allowed !== true) return;
    const fromMs = Date.now();
    await pause(Math.random() * longestHoldMs);
    this.#holds.push({ node, fromMs, untilMs: Date.now() });
    await this.#ask(node, 'slot.give_back', { slot });
  }

  async #ask(node: string, verb: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const subject = `ec_cluster.api.${node}.${verb}`;
    const answer = await this.#nats.request(subject, codec.encode(fields), { timeout: requestLimitMs });
    return codec.decode(answer.data);
  }
}
