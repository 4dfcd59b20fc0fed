/**
 * Who is connected to this node at the moment, by service and address: not history, which is in the inbound audit
 * (replication 8.18, 8.19).
 *
 * Invariant: a session counts from when it is let in until its socket is closed, once.
 */
import { type Address, isIpv4, type Prefix } from './address.ts';
import { FlotillaError } from './errors.ts';
import { intBelow, type Random } from './random.ts';
import { CidrRow } from './replica/cidr-row.ts';
import { prefixOf } from './series/audit-argument.ts';

/** Spelled as policies spell them. Nothing here serves `ECStream` and `ECmmove2`: nobody is ever connected to these. */
export const inboundServices = ['SMTP', 'ECStream', 'Control', 'ECmmove2', 'ECCluster'] as const;
export type InboundService = (typeof inboundServices)[number];

/** The SMTP connections of the whole cluster; a service where the object is replicated. */
const clusterService = 'inbound_cidr';

export interface PresentSessionsOptions {
  readonly random: Random;
  /** Undefined: `inbound_cidr` is not replicated. */
  cluster(): { count(netblock: Prefix): number } | undefined;
}

/** Sessions by remote address. */
export class AddressCounts {
  readonly #row: CidrRow;
  /** Of all addresses. */
  total = 0;

  constructor(seed: number) {
    this.#row = new CidrRow({ seed, maxIdleKeys: 0 });
  }

  /** Returns how to end it. */
  begin(client: Address): () => void {
    this.#add(client, 1);
    return () => this.#add(client, -1);
  }

  count({ address, bits }: Prefix): number {
    return this.#row.sum(...wordsOf(address), bits);
  }

  #add(client: Address, by: 1 | -1): void {
    this.total += by;
    const words = wordsOf(client);
    this.#row.write(...words, Math.max(0, this.#row.get(...words) + by));
  }
}

export class PresentSessions {
  readonly #cluster: PresentSessionsOptions['cluster'];
  /** Another one in each process, so that nobody can choose addresses that are hard to find. */
  readonly #seed: number;
  readonly #services: ReadonlyMap<string, AddressCounts>;
  /** By `host:port`; one that is gone with a reload is kept, with nobody in it. */
  readonly #listeners = new Map<string, AddressCounts>();

  constructor({ random, cluster }: PresentSessionsOptions) {
    this.#cluster = cluster;
    this.#seed = intBelow(random, 0x1_0000_0000) | 0;
    this.#services = new Map(inboundServices.map((name) => [name, new AddressCounts(this.#seed)]));
  }

  of(service: InboundService): AddressCounts {
    return this.#services.get(service)!;
  }

  onListener(listen: string): AddressCounts {
    const counts = this.#listeners.get(listen) ?? new AddressCounts(this.#seed);
    this.#listeners.set(listen, counts);
    return counts;
  }

  /** Open at all front listeners. */
  get atListeners(): number {
    return [...this.#listeners.values()].reduce((sum, { total }) => sum + total, 0);
  }

  /**
   * Open sessions of a service from `address/mask`, an address, or `/mask` of the current one, which is that of the session
   * that asks. FLT-1913, FLT-1912. Original names: `audit_service`, `audit_connections_on_service`,
   * `msys.audit.inbound_session_count`, `ac:inbound_session_count`.
   */
  count(service: string, cidr?: string, current?: string): number {
    const counts = service === clusterService ? this.#cluster() : this.#services.get(service);
    return (counts ?? unknown('service', service)).count(prefixOf('cidr', cidr, current));
  }

  /** The same of one front listener, `host:port` as configured. Original name: `audit_connections_on_listener`. */
  countOn(listen: string, cidr?: string, current?: string): number {
    const counts = this.#listeners.get(listen) ?? unknown('listener', listen);
    return counts.count(prefixOf('cidr', cidr, current));
  }
}

function unknown(what: string, name: string): never {
  throw new FlotillaError('FLT-1913', `unknown ${what} '${name}'`);
}

function wordsOf(address: Address): [part: number, a: number, b: number, c: number, d: number] {
  return isIpv4(address) ? [0, address | 0, 0, 0, 0] : [1, ...address];
}
