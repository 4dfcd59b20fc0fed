/**
 * Says that the bus is not reached, at a level that is written by default (LIFE-4). The connection itself warns of
 * every lost link, which a restarted server makes harmless; a node that stays cut off counts for itself alone, and
 * somebody has to know.
 *
 * Invariant: one line an outage.
 */

import type { Wire } from '../bus/wire.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log.ts';

/** Longer than a server takes to start again. */
const patienceMs = 3_000;

export class Outage {
  /** For the connection: what it says of its attempts is passed on, and remembered. */
  readonly log: Log;
  readonly #log: Log;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #problem: { readonly text: string; readonly fields: LogFields } | undefined;

  constructor({ log, clock }: { readonly log: Log; readonly clock: Clock }) {
    this.#log = log;
    this.#clock = clock;
    this.log = { ...log, warning: this.#remembering('warning'), debug: this.#remembering('debug') };
  }

  watch(wire: Wire): void {
    wire.onState((state) => {
      if (state === 'up') this.#problem = undefined;
      if (state === 'up' || state === 'closed') this.#timer?.cancel();
      else this.#expectEnd();
    });
    this.#expectEnd();
  }

  #expectEnd(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(patienceMs, () => this.#tell());
  }

  #tell(): void {
    const { text = 'no server has answered yet', fields = { code: 'FLT-1201' } } = this.#problem ?? {};
    this.#log.error(`Cannot connect, counting for this node alone: ${text}`, fields);
  }

  #remembering(level: 'warning' | 'debug') {
    return (text: string, fields: LogFields = {}) => {
      if ('code' in fields) this.#problem = { text, fields };
      this.#log[level](text, fields);
    };
  }
}
