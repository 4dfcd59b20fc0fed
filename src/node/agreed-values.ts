/**
 * Compares the values that must be the same on all nodes with those that the others announce in STATE, and warns of each
 * difference (CFG-2317, DVC-1). The leader's values rule, so a difference is no fault to stop for; but whoever changes one
 * node and forgets another has to hear of it.
 *
 * Invariant: one warning for each value of each node, however often it is announced.
 */
import type { ViewChannel } from '../actors/ports.ts';
import type { NodeInfo } from '../core/agreement/messages.ts';
import type { Log } from '../core/log.ts';

/** Names and values come from the network: what is remembered of them has a bound, and so has a line. */
const maxTold = 1_000;
const maxShown = 100;

export class AgreedValues {
  readonly #own: () => ReadonlyMap<string, string>;
  readonly #log: Log;
  readonly #told = new Set<string>();

  /** `own`: as they are now, since a reload may change them. */
  constructor(own: () => ReadonlyMap<string, string>, log: Log) {
    this.#own = own;
    this.#log = log;
  }

  /** The same channel; what passes on it is compared. */
  watching(channel: ViewChannel): ViewChannel {
    return {
      broadcast: (message) => channel.broadcast(message),
      send: (to, message) => channel.send(to, message),
      onEcho: (listener) => channel.onEcho(listener),
      onMessage: (listener) =>
        channel.onMessage((message) => {
          if (message.kind === 'state') this.#compare(message.info);
          listener(message);
        }),
    };
  }

  #compare({ node, mustAgree }: NodeInfo): void {
    for (const [option, own] of this.#own()) {
      // A process of another kind or version may not know the option.
      const other = mustAgree?.get(option);
      if (other === undefined || other === own) continue;
      const text = `${option} is ${own} here and ${other.slice(0, maxShown)} on ${node.slice(0, maxShown)}; it must be the same on all nodes`;
      if (this.#told.has(text) || this.#told.size >= maxTold) continue;
      this.#told.add(text);
      this.#log.warning(text, { code: 'CFG-2317' });
    }
  }
}
