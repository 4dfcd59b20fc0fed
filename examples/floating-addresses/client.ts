/**
 * What a client on another machine sees: who answers on each floating address, and for how long nobody did.
 *
 * Owns the client's process.
 */
import { type Answers, Asker, joined, type Span } from '../../lab/asker.ts';

/** Of one address, since `begin`. */
export interface Seen {
  /** Whoever answered the last connection; empty when nobody did. */
  readonly last: string;
  readonly gapMs: number;
  readonly spans: readonly Span[];
}

const nothing: Seen = { last: '', gapMs: 0, spans: [] };

export class Client {
  /** Connections since the first `begin`. */
  asked = 0;
  answered = 0;
  #hasBegun = false;
  readonly #asker: Asker;
  #seen = new Map<string, Seen>();

  /** A connection to each address every `everyMs`; `through` are words in front of a command that is to run there. */
  constructor(through: readonly string[], port: number, ips: readonly string[], everyMs: number) {
    this.#asker = Asker.start(through, port, ips, everyMs);
  }

  /** Forgets what it has seen until now. */
  async begin(): Promise<void> {
    await this.look();
    this.#seen = new Map();
    this.#hasBegun = true;
  }

  async look(): Promise<ReadonlyMap<string, Seen>> {
    for (const [ip, answers] of Object.entries(await this.#asker.report())) {
      if (this.#hasBegun) this.asked += answers.asked;
      if (this.#hasBegun) this.answered += answers.answered;
      this.#seen.set(ip, seenMore(this.#seen.get(ip) ?? nothing, answers));
    }
    return this.#seen;
  }

  stop(): void {
    this.#asker.stop();
  }
}

function seenMore(earlier: Seen, { last, gapMs, spans }: Answers): Seen {
  return { last, gapMs: Math.max(earlier.gapMs, gapMs), spans: joined(earlier.spans, spans) };
}
