/**
 * May this node deliver a message, or begin a connection, now? Throttles by reference: one belongs to the stanza that sets
 * it, and all that fall back to that stanza draw from it together (replication 7.6, 7.7).
 *
 * Invariant: where a throttle of this node and one of the cluster apply, a unit is taken from both or from neither (7.8).
 */
import { domainKey } from './domain.ts';
import type { OutboundThrottleName, ThrottleStanza } from './outbound-settings.ts';
import { type Containers, labelOf, OutboundStanzas, type Stanza } from './outbound-stanzas.ts';
import { Bookings } from './throttle/bookings.ts';
import { parseRate, windowAt } from './throttle/rate.ts';
import type { SharedThrottles } from './throttle/shared-throttles.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

/** What is throttled: delivery attempts, or connections begun. */
export type Throttled = 'messages' | 'connections';

export interface ThrottledAttempt {
  /** Default: the group that the configuration gives the binding. */
  readonly group?: string;
  readonly binding: string;
  /** In any spelling; compared in lower case, ASCII form, without trailing dot. */
  readonly domain: string;
}

/** `waitMs` 0: taken, and `giveBack` undoes it within the window. Else nothing is, and there may be more after so long. */
export type OnThrottle = (waitMs: number, giveBack: () => void) => void;

type ClusterThrottles = Pick<SharedThrottles, 'create' | 'change' | 'take' | 'giveBack'>;

export interface OutboundThrottlePorts {
  wallMs(): number;
  groupOf(binding: string): string;
  /** Where the throttles of the cluster are: OBTM and OBTC, or what takes their place on this node alone. */
  shared(throttled: Throttled): ClusterThrottles;
}

interface LocalThrottle {
  readonly rate: string;
  /** Undefined: no limit. */
  readonly bookings: Bookings | undefined;
}

interface HeldThrottle {
  readonly shared: ClusterThrottles;
  readonly rate: string;
  readonly partition: PartitionPolicy;
}

type Found = Stanza<OutboundThrottleName, string>;
type Around = Containers<OutboundThrottleName, string>;

const nothing = () => {};

export class OutboundThrottles {
  readonly #ports: OutboundThrottlePorts;
  /** One for each stanza that sets the option and was needed. */
  readonly #local = new Map<string, LocalThrottle>();
  /** Those of the cluster that are made, with the rate they have. */
  readonly #held = new Map<string, HeldThrottle>();
  #stanzas: OutboundStanzas<OutboundThrottleName, string>;

  constructor(stanzas: readonly ThrottleStanza[], ports: OutboundThrottlePorts) {
    this.#stanzas = new OutboundStanzas(stanzas);
    this.#ports = ports;
  }

  /**
   * Another configuration: other rates take effect with the next attempt. What was used of the running window of a local
   * throttle whose rate is another one is forgotten.
   */
  configure(stanzas: readonly ThrottleStanza[]): void {
    this.#stanzas = new OutboundStanzas(stanzas);
    const stays = new Set(
      stanzas.flatMap(({ scope, limits }) => Object.keys(limits).map((name) => `${name} ${labelOf(scope)}`)),
    );
    for (const ids of [this.#local, this.#held])
      for (const id of ids.keys()) if (!stays.has(id)) ids.delete(id);
  }

  /** Throws FLT-1804 when too many wait; nothing is taken then. */
  take(throttled: Throttled, attempt: ThrottledAttempt, decide: OnThrottle): void {
    const { binding, group = this.#ports.groupOf(binding) } = attempt;
    const around = this.#stanzas.around(group, binding);
    const domain = domainKey(attempt.domain);
    const local = this.#takeLocally(localStanza(`outbound_throttle_${throttled}`, around, domain), throttled);
    if (local.waitMs > 0) {
      decide(local.waitMs, nothing);
      return;
    }
    const option = `cluster_outbound_throttle_${throttled}` as const;
    const stanza = clusterStanza(option, around, domain);
    if (!stanza) decide(0, local.giveBack);
    else this.#takeInCluster(throttled, option, stanza, local, decide);
  }

  #takeLocally(stanza: Found | undefined, throttled: Throttled): { waitMs: number; giveBack: () => void } {
    const option = `outbound_throttle_${throttled}` as const;
    const rate = stanza?.limits[option];
    const bookings = rate === undefined ? undefined : this.#bookings(`${option} ${stanza!.label}`, rate);
    if (rate === undefined || !bookings) return { waitMs: 0, giveBack: nothing };
    const wallMs = this.#ports.wallMs();
    const window = windowAt(bookings.rate, wallMs);
    const giveBack = () => bookings.giveBack(window, this.#ports.wallMs());
    return { waitMs: bookings.take(wallMs), giveBack };
  }

  #takeInCluster(
    throttled: Throttled,
    option: OutboundThrottleName,
    { label, limits, partition }: Found,
    local: { readonly giveBack: () => void },
    decide: OnThrottle,
  ): void {
    const shared = this.#ports.shared(throttled);
    const id = `${option} ${label}`;
    this.#hold(id, { shared, rate: limits[option]!, partition });
    const giveBack = (window: number) => {
      local.giveBack();
      shared.giveBack(id, window);
    };
    try {
      shared.take(id, (waitMs, window) => {
        if (waitMs > 0) local.giveBack();
        decide(waitMs, waitMs > 0 ? nothing : () => giveBack(window));
      });
    } catch (error) {
      local.giveBack();
      throw error;
    }
  }

  #hold(id: string, wanted: HeldThrottle): void {
    const held = this.#held.get(id);
    const { shared, rate, partition } = wanted;
    if (held?.rate === rate && held.shared === shared && held.partition === partition) return;
    shared.create(id, rate, { partition });
    shared.change(id, rate, partition);
    this.#held.set(id, wanted);
  }

  #bookings(id: string, rate: string): Bookings | undefined {
    let throttle = this.#local.get(id);
    if (throttle?.rate !== rate) {
      const parsed = parseRate(rate);
      throttle = { rate, bookings: parsed && new Bookings(parsed) };
      this.#local.set(id, throttle);
    }
    return throttle.bookings;
  }
}

/** The usual order of options of domains (configuration 5.2). */
function localStanza(option: OutboundThrottleName, around: Around, domain: string): Found | undefined {
  const { bindingInGroup, binding, group, global } = around;
  return (
    bindingInGroup.domains.find(domain, option) ??
    binding.domains.find(domain, option) ??
    group.domains.find(domain, option) ??
    own(bindingInGroup.own, option) ??
    own(binding.own, option) ??
    own(group.own, option) ??
    global.domains.find(domain, option) ??
    own(global.own, option)
  );
}

/** Replication 7.7: a binding has no throttle of the cluster. */
function clusterStanza(option: OutboundThrottleName, around: Around, domain: string): Found | undefined {
  const { group, global } = around;
  return (
    group.domains.find(domain, option) ??
    own(group.own, option) ??
    global.domains.find(domain, option) ??
    own(global.own, option)
  );
}

function own(stanza: Found, option: OutboundThrottleName): Found | undefined {
  return stanza.limits[option] === undefined ? undefined : stanza;
}
