/** The last generations of the configuration: who made them when, and what they said (CONF-10). */
import { type ConfigReply, type Reply, refused } from '../config/online/questions.ts';
import { unifiedDiff } from '../config/repository/unified-diff.ts';
import type { Clock } from '../core/clock.ts';

const mostKept = 20;

export interface Generation {
  readonly number: number;
  readonly wallMs: number;
  /** Empty: nobody who has a name here. */
  readonly by: string;
  /** start, files, console. */
  readonly from: string;
  /** As `config showrecurse` prints it. */
  readonly text: string;
}

export class Generations {
  readonly #clock: Clock;
  #kept: Generation[] = [];
  #newest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get newest(): number {
    return this.#newest;
  }

  add(generation: Omit<Generation, 'number' | 'wallMs'>): void {
    const number = ++this.#newest;
    this.#kept = [...this.#kept, { ...generation, number, wallMs: this.#clock.wallMs() }].slice(-mostKept);
  }

  /** `config history [N]`, the newest last. */
  list([count = String(mostKept), ...more]: readonly string[]): Reply {
    if (!/^[1-9]\d{0,5}$/.test(count) || more.length > 0) return undefined;
    const lines = this.#kept.slice(-Number(count)).map(({ number, wallMs, by, from }) => {
      const who = by === '' ? '-' : by;
      return `${String(number).padStart(4)}  ${new Date(wallMs).toISOString()}  ${from.padEnd(7)}  ${who}\n`;
    });
    return { isDone: true, text: lines.join('') };
  }

  /** `config diff A B` */
  differences(words: readonly string[]): Reply {
    if (words.length !== 2 || !words.every((word) => /^\d{1,9}$/.test(word))) return undefined;
    const [a, b] = words.map((word) => this.#kept.find(({ number }) => number === Number(word)));
    if (!a || !b) return this.#unknown(words[a ? 1 : 0]!);
    const side = ({ number, text }: Generation) => ({
      content: Buffer.from(text),
      label: `generation ${number}`,
    });
    const text = Buffer.from(unifiedDiff('configuration', side(a), side(b))).toString();
    return { isDone: true, text };
  }

  #unknown(word: string): ConfigReply {
    const oldest = this.#kept[0]?.number ?? 0;
    return refused(`There is no generation ${word}; there are ${oldest} to ${this.#newest}.`);
  }
}
