/**
 * Which addresses float, and what is on them (DVC-4 to DVC-10). What is marked is the address: every other binding and
 * listener on it floats too, whatever the order of stanzas (DVC-8, DVC-20).
 *
 * Invariants: an address either floats by itself or follows one; a listener that is switched off is as if it were not
 * there. Refusals are the business of the checks; here they are left out.
 */
import { formatAddress, parseAddress } from '../core/address.ts';
import { compareIps, type Ip } from '../core/duravip/vip.ts';
import { endpointKey, isUnspecified, parseEndpoint } from './address.ts';
import { bindingsOf, listenerKinds, listensOf } from './checks/check.ts';
import { isEnabledListen } from './listener-settings.ts';
import { asTexts } from './reader.ts';
import type { Scope, Setting } from './scope-tree.ts';
import { resolve } from './scopes.ts';

export interface PlacedBinding {
  readonly scope: Scope;
  /** Undefined: it sends from any address, or from one that only a host name tells. */
  readonly ip: Ip | undefined;
  readonly mark: Setting | undefined;
}

export interface PlacedListen {
  readonly scope: Scope;
  /** `esmtp`, `tcp`, `control` ... */
  readonly kind: string;
  readonly endpoint: string;
  /** Undefined: a Unix socket, or a wildcard. */
  readonly ip: Ip | undefined;
  readonly isWildcard: boolean;
  readonly mark: Setting | undefined;
  readonly follow: Setting | undefined;
}

export interface FloatingAddress {
  readonly ip: Ip;
  /** The first mark on it. */
  readonly mark: Setting;
  readonly bindings: readonly PlacedBinding[];
  readonly listens: readonly PlacedListen[];
}

/** A binding as `duravip_follow` may name it. */
export interface Leader {
  readonly name: string;
  readonly ip: Ip | undefined;
}

export class DuravipMarks {
  readonly bindings: readonly PlacedBinding[];
  /** Without those that are switched off. */
  readonly listens: readonly PlacedListen[];
  /** In canonical order. */
  readonly floating: ReadonlyMap<Ip, FloatingAddress>;
  readonly #leaders: ReadonlyMap<string, Leader>;
  readonly #nodeIp: Ip | undefined;

  constructor(root: Scope) {
    this.#nodeIp = canonicalIp(String(root.child('cluster', '')?.get('nodeaddr')?.value ?? ''));
    this.bindings = placedBindings(root);
    this.listens = placedListens(root);
    this.floating = this.#collect();
    this.#leaders = leadersOf(this.bindings);
  }

  isNodeAddress(ip: Ip): boolean {
    return ip === this.#nodeIp;
  }

  /** By its name, which counts first, or by its address. */
  leader(wanted: string): Leader | undefined {
    return this.#leaders.get(wanted) ?? this.#leaders.get(canonicalIp(wanted) ?? wanted);
  }

  /** The address that a listener goes with; undefined: there is none that could be followed. */
  followed({ follow }: PlacedListen): Ip | undefined {
    const ip = follow && this.leader(String(follow.value))?.ip;
    return ip !== undefined && this.floating.has(ip) ? ip : undefined;
  }

  /** Addresses that go with this one, in canonical order. */
  followersOf(ip: Ip): readonly Ip[] {
    return this.#followers.get(ip) ?? [];
  }

  /** Followers by whom they follow. */
  get #followers(): ReadonlyMap<Ip, readonly Ip[]> {
    this.#followersByLeader ??= this.#collectFollowers();
    return this.#followersByLeader;
  }
  #followersByLeader: ReadonlyMap<Ip, readonly Ip[]> | undefined;

  #collectFollowers(): ReadonlyMap<Ip, readonly Ip[]> {
    const leaders = new Map<Ip, Ip>();
    for (const listen of this.listens) {
      const leader = this.followed(listen);
      if (leader === undefined || listen.ip === undefined || this.floating.has(listen.ip)) continue;
      if (!leaders.has(listen.ip)) leaders.set(listen.ip, leader);
    }
    const followers = new Map<Ip, Ip[]>();
    for (const [follower, leader] of leaders)
      followers.set(leader, [...(followers.get(leader) ?? []), follower]);
    for (const list of followers.values()) list.sort(compareIps);
    return followers;
  }

  #collect(): ReadonlyMap<Ip, FloatingAddress> {
    const marks = new Map<Ip, Setting>();
    for (const { ip, mark, scope } of [...this.bindings, ...this.listens]) {
      if (ip === undefined || mark === undefined || marks.has(ip)) continue;
      if (!this.isNodeAddress(ip) && !isDefaultBinding(scope)) marks.set(ip, mark);
    }
    const bindings = byIp(this.bindings);
    const listens = byIp(this.listens.filter(({ follow }) => follow === undefined));
    const inOrder = [...marks].sort(([a], [b]) => compareIps(a, b));
    return new Map(
      inOrder.map(([ip, mark]) => [
        ip,
        { ip, mark, bindings: bindings.get(ip) ?? [], listens: listens.get(ip) ?? [] },
      ]),
    );
  }
}

/** What services on one address prefer; `agreed` is none where they differ (DVC-10). */
export function preferenceOf({ bindings, listens }: FloatingAddress): {
  readonly agreed: readonly string[];
  readonly differing: Setting | undefined;
} {
  const stated = [...bindings, ...listens].flatMap(({ scope }) => scope.get('duravip_preference') ?? []);
  const [first] = stated;
  const agreed = asTexts(first?.value);
  const differing = stated.find(({ value }) => asTexts(value).join(' ') !== agreed.join(' '));
  return { agreed: differing ? [] : agreed, differing };
}

export function isDefaultBinding({ schema, key }: Scope): boolean {
  return schema.name === 'Binding' && key === 'default';
}

function canonicalIp(text: string): Ip | undefined {
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(address);
}

function markOf(scope: Scope): Setting | undefined {
  const mark = scope.get('enable_duravip');
  return mark?.value === true ? mark : undefined;
}

function placedBindings(root: Scope): PlacedBinding[] {
  return bindingsOf(root).map(({ scope, group }) => {
    const option = scope.schema.options.find(({ name }) => name === 'bind_address')!;
    const target = { binding: scope.key, ...(group === undefined ? {} : { binding_group: group.key }) };
    const ip = canonicalIp(String(resolve(root, option, target).value));
    return { scope, ip: ip === undefined || isUnspecified(ip) ? undefined : ip, mark: markOf(scope) };
  });
}

function placedListens(root: Scope): PlacedListen[] {
  return listenerKinds.flatMap((listener) =>
    listensOf(root, [listener])
      .filter((scope) => isEnabledListen(root, scope))
      .map((scope) => placedListen(scope, listener.replace(/_listener$/, ''))),
  );
}

function placedListen(scope: Scope, kind: string): PlacedListen {
  const parsed = parseEndpoint(scope.key, false);
  const endpoint = typeof parsed === 'string' ? { path: scope.key } : parsed;
  const host = 'host' in endpoint ? endpoint.host : undefined;
  const isWildcard = host !== undefined && isUnspecified(host);
  return {
    scope,
    kind,
    endpoint: endpointKey(endpoint),
    ip: host === undefined || isWildcard ? undefined : canonicalIp(host),
    isWildcard,
    mark: markOf(scope),
    follow: scope.get('duravip_follow'),
  };
}

function byIp<Placed extends { readonly ip: Ip | undefined }>(all: readonly Placed[]): Map<Ip, Placed[]> {
  const placed = new Map<Ip, Placed[]>();
  for (const each of all) {
    if (each.ip === undefined) continue;
    const others = placed.get(each.ip);
    if (others) others.push(each);
    else placed.set(each.ip, [each]);
  }
  return placed;
}

function leadersOf(bindings: readonly PlacedBinding[]): ReadonlyMap<string, Leader> {
  const all = bindings.map(({ scope, ip }): Leader => ({ name: scope.key, ip }));
  const byAddress = all.flatMap((leader) => (leader.ip === undefined ? [] : [[leader.ip, leader] as const]));
  return new Map([...byAddress, ...all.map((leader) => [leader.name, leader] as const)]);
}
