/**
 * Who answers for each address, from the answers in the order in which the kernel had them. Pure.
 *
 * Every round of questions asks all machines forth and back (a b c b a). So if one machine answers after another did,
 * and had itself answered just before, both were answering at one time: a hand-over never looks like that, however late
 * the questions are processed.
 */

export type Sighting =
  /** Another machine answers than before. */
  | {
      readonly what: 'owner';
      readonly ip: string;
      readonly machine: string;
      readonly protocol: string;
      readonly atMs: number;
      /** Who answered last, and when last. */
      readonly before: { readonly machine: string; readonly untilMs: number } | undefined;
    }
  /** Two machines answer at one time. */
  | {
      readonly what: 'double';
      readonly ip: string;
      readonly machines: readonly [string, string];
      readonly protocol: string;
      readonly atMs: number;
    };

/** An address that goes to another machine and comes back takes longer: two views, or two rounds. */
const overlapMs = 100;
/** Of one address; one that lasts is one fault. */
const doubleEveryMs = 50;

interface Answerer {
  readonly machine: string;
  untilMs: number;
}

export class Answerers {
  readonly #protocol: string;
  readonly #onSighting: (sighting: Sighting) => void;
  readonly #latest = new Map<string, Answerer>();
  readonly #answeredMs = new Map<string, number>();
  readonly #doubleMs = new Map<string, number>();

  constructor(protocol: string, onSighting: (sighting: Sighting) => void) {
    this.#protocol = protocol;
    this.#onSighting = onSighting;
  }

  latest(ip: string): { readonly machine: string; readonly untilMs: number } | undefined {
    return this.#latest.get(ip);
  }

  answered(ip: string, machine: string, atMs: number): void {
    const latest = this.#latest.get(ip);
    const key = `${ip} ${machine}`;
    const beforeMs = this.#answeredMs.get(key) ?? Number.NEGATIVE_INFINITY;
    this.#answeredMs.set(key, atMs);
    if (latest?.machine === machine) latest.untilMs = atMs;
    else if (latest && beforeMs < latest.untilMs && atMs - beforeMs < overlapMs)
      this.#double(ip, [latest.machine, machine], atMs);
    else {
      this.#latest.set(ip, { machine, untilMs: atMs });
      const protocol = this.#protocol;
      this.#onSighting({ what: 'owner', ip, machine, protocol, atMs, before: latest && { ...latest } });
    }
  }

  #double(ip: string, machines: readonly [string, string], atMs: number): void {
    if (atMs - (this.#doubleMs.get(ip) ?? Number.NEGATIVE_INFINITY) < doubleEveryMs) return;
    this.#doubleMs.set(ip, atMs);
    this.#onSighting({ what: 'double', ip, machines, protocol: this.#protocol, atMs });
  }
}
