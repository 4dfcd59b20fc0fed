/** Members whose object of this name is of another type (replication 3.12). Each is complained of once. */
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { ReplicaType } from '../core/settings.ts';

/** Senders remembered that were complained of. */
const maxWarned = 1024;

export class OtherTypes {
  readonly #name: string;
  readonly #type: ReplicaType;
  readonly #log: Log;
  readonly #warned = new Set<Incarnation>();

  constructor(name: string, type: ReplicaType, log: Log) {
    this.#name = name;
    this.#type = type;
    this.#log = log;
  }

  warn(from: Incarnation, type: ReplicaType): void {
    if (this.#warned.has(from)) return;
    if (this.#warned.size >= maxWarned) this.#warned.clear();
    this.#warned.add(from);
    this.#log.warning(`'${this.#name}' is of type ${type} at ${from}, of type ${this.#type} here`, { from });
  }
}
