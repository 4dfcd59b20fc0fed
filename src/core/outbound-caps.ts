/**
 * May this node open one more connection? The caps of replication section 6: every limit that applies to a connection
 * is compared with the count it limits, local limits before cluster limits.
 *
 * Pure: settings are compiled once, counts come from outside. A decision is as accurate as the counts (replication
 * 6.12): those of other nodes are up to `max_delay` old, so together the nodes may pass a cap for that long; no node
 * opens a connection once it sees the cap reached. Caps that are strict are decided by slots of the whole cluster, which
 * whoever opens a connection takes; here is said which (replication 21.1).
 */

import { domainKey } from './domain.ts';
import {
  type Check,
  type ClusterCheck,
  type CountingObjects,
  clusterChecks,
  countingObjects,
  localChecks,
  type OutboundCounts,
  type Subject,
} from './outbound-checks.ts';
import type { OutboundCapSettings } from './outbound-settings.ts';
import { type Container, labelOf, OutboundStanzas } from './outbound-stanzas.ts';
import { parseRow, sumNames } from './outbound-totals.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

export type { OutboundCounts } from './outbound-checks.ts';
export type {
  OutboundCapSettings,
  OutboundLimitName,
  OutboundScope,
  OutboundStanza,
} from './outbound-settings.ts';

/** A connection somebody wants to open. */
export interface OutboundAttempt {
  /** Default: the group that the configuration gives the binding. */
  readonly group?: string;
  readonly binding: string;
  /** In any spelling; compared in lower case, ASCII form, without trailing dot. */
  readonly domain: string;
  /** MX name, exactly as in the MX record. */
  readonly host?: string;
  /** Addresses the host resolved to; used where no object counts hosts (replication 6.8). */
  readonly ips?: readonly string[];
}

/** Denied: which limit, its value, the count that reached it, and the stanza. No error: the messages wait (6.11). */
export type OutboundDecision = { readonly allowed: true } | ({ readonly allowed: false } & Check);

/** A slot that a connection needs, and the answer when there is none. */
export interface StrictCap {
  readonly slot: string;
  readonly count: number;
  readonly partition: PartitionPolicy;
  readonly refusal: OutboundDecision & { readonly allowed: false };
}

type ScopeOption = 'scope_max_outbound_connections' | 'cluster_scope_max_outbound_connections';
const scopeOptions: readonly ScopeOption[] = [
  'scope_max_outbound_connections',
  'cluster_scope_max_outbound_connections',
];

export class OutboundCaps {
  readonly #objects: CountingObjects;
  readonly #stanzas: OutboundStanzas;
  readonly #groupOfBinding: ReadonlyMap<string, string>;
  readonly #strict: ReadonlySet<string>;
  /** Containers where a regular expression makes names share a count. */
  readonly #sharing: readonly { readonly option: ScopeOption; readonly container: Container }[];

  constructor(settings: OutboundCapSettings) {
    this.#objects = countingObjects(settings.objects);
    this.#stanzas = new OutboundStanzas(settings.stanzas);
    this.#groupOfBinding = settings.groupOfBinding;
    this.#strict = new Set(settings.strict);
    this.#sharing = scopeOptions.flatMap((option) =>
      [...this.#stanzas.all()]
        .filter(({ domains, hosts }) => domains.sharesCounts(option) || hosts.sharesCounts(option))
        .map((container) => ({ option, container })),
    );
  }

  groupOf(binding: string): string {
    return this.#groupOfBinding.get(binding) ?? 'default';
  }

  /** Denied when any limit that applies has been reached; the first one found is named (replication 6.10). */
  decide(counts: OutboundCounts, attempt: OutboundAttempt): OutboundDecision {
    return this.#decide(counts, this.#subjectOf(attempt), () => true);
  }

  /** The same without the caps for which slots are taken: counts of other nodes say too late that one is free. */
  decideBesideSlots(counts: OutboundCounts, attempt: OutboundAttempt): OutboundDecision {
    return this.#decide(counts, this.#subjectOf(attempt), (check) => !this.#needsSlot(check));
  }

  /** Slots that such a connection has to hold, all of them. */
  strictCaps(counts: OutboundCounts, attempt: OutboundAttempt): StrictCap[] {
    if (this.#strict.size === 0) return [];
    return clusterChecks(this.#subjectOf(attempt), counts, this.#objects)
      .filter((check) => this.#needsSlot(check))
      .map(({ limit, value, scope, counted, partition }) => ({
        slot: `${limit} ${scope}: ${counted}`,
        count: value,
        partition,
        refusal: { allowed: false, limit, value, count: value, scope },
      }));
  }

  #decide(
    counts: OutboundCounts,
    subject: Subject,
    applies: (check: ClusterCheck) => boolean,
  ): OutboundDecision {
    const reached =
      localChecks(subject, counts).find(isReached) ??
      clusterChecks(subject, counts, this.#objects).find((check) => applies(check) && isReached(check));
    if (reached === undefined) return { allowed: true };
    const { limit, value, count, scope } = reached;
    return { allowed: false, limit, value, count, scope };
  }

  #subjectOf({ binding, domain, host, ips = [], group = this.groupOf(binding) }: OutboundAttempt): Subject {
    const around = this.#stanzas.around(group, binding);
    return { group, binding, domain: domainKey(domain), host, ips, around };
  }

  /** -1 is no cap, and 0 is reached without anybody being asked. */
  #needsSlot({ limit, value }: Check): boolean {
    return value > 0 && this.#strict.has(limit);
  }

  /** The sums to which a row of `outbound_binding_domains` belongs. */
  sumsOf(row: string, knownGroup?: string): readonly string[] {
    const parsed = parseRow(row);
    if (parsed === undefined) return [];
    if ('host' in parsed) return [sumNames.host(parsed.host), ...this.#sharedHostSums(parsed.host)];
    const { binding, domain } = parsed;
    const group = knownGroup ?? this.groupOf(binding);
    return [
      sumNames.all,
      sumNames.group(group),
      sumNames.binding(binding),
      sumNames.domain(domain),
      sumNames.groupDomain(group, domain),
      sumNames.pair(binding, domain),
      ...this.#sharedDomainSums(group, binding, domain),
    ];
  }

  #sharedDomainSums(group: string, binding: string, domain: string): string[] {
    return this.#sharing.flatMap(({ option, container }) => {
      const { scope } = container;
      // In a binding the cluster option limits what `cluster_max` does there: the domains over all bindings.
      const overAll = option === 'cluster_scope_max_outbound_connections' && scope.binding !== undefined;
      const within = (scope.group ?? group) === group && (scope.binding ?? binding) === binding;
      if (!overAll && !within) return [];
      const stanza = container.domains.find(domain, option);
      return stanza?.pattern === undefined ? [] : [sumNames.shared(option, stanza.label)];
    });
  }

  /** Rows of hosts name no binding, so every container that has an expression for the host shares the count. */
  #sharedHostSums(host: string): string[] {
    return this.#sharing.flatMap(({ option, container }) => {
      const stanza = container.hosts.find(host, option);
      return stanza?.pattern === undefined ? [] : [sumNames.shared(option, stanza.label)];
    });
  }
}

function isReached({ value, count }: Check): boolean {
  return value >= 0 && count >= value;
}

/** The object each cluster cap is counted in (replication 6.2). */
const neededObject = {
  cluster_max_outbound_connections: 'outbound_domains',
  cluster_server_max_outbound_connections: 'outbound_cidr',
  cluster_scope_max_outbound_connections: 'outbound_binding_domains',
} as const;

export interface UncountedCap {
  readonly limit: keyof typeof neededObject;
  readonly scope: string;
  readonly needs: (typeof neededObject)[keyof typeof neededObject];
}

/** Cluster caps that will hold for one node only, because their object is not configured (warned of at load, 6.13). */
export function uncountedCaps({ stanzas, objects }: OutboundCapSettings): UncountedCap[] {
  const limits = Object.keys(neededObject) as (keyof typeof neededObject)[];
  return stanzas.flatMap(({ scope, limits: set }) =>
    limits
      .filter((limit) => (set[limit] ?? -1) >= 0 && !objects.some(({ type }) => type === neededObject[limit]))
      // Connections to a host have counts of their own.
      .filter((limit) => limit !== 'cluster_max_outbound_connections' || scope.host === undefined)
      .map((limit) => ({ limit, scope: labelOf(scope), needs: neededObject[limit] })),
  );
}
