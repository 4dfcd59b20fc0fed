/**
 * What this process keeps about its floating addresses from one life in the cluster to the next: the history of
 * ownership, and what operators told it to give up or to log.
 *
 * Invariant: what was released stays released until `resume`, also over `cluster reset` (LIFE-11).
 */
import type { LocalVip } from '../actors/local-vips.ts';
import type { Member } from '../actors/member.ts';
import type { Ownership } from '../actors/ownership.ts';
import type { Clock } from '../core/clock.ts';
import { OwnershipHistory } from '../core/duravip/history.ts';
import type { OwnerChange } from '../core/duravip/vip-table.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { View } from '../core/view.ts';

export interface DuravipRecordPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Binding name -> its group; bindings not named here are in group `default`. */
  readonly groupOfBinding: () => ReadonlyMap<string, string>;
}

export class DuravipRecord {
  readonly history = new OwnershipHistory();
  debugging = false;
  readonly #ports: DuravipRecordPorts;
  /** Of members of the present view, and of views since the last one that had its owners. */
  readonly #nodes = new Map<Incarnation, string>();
  #releasesAll = false;
  readonly #releasedGroups = new Set<string>();

  constructor(ports: DuravipRecordPorts) {
    this.#ports = ports;
  }

  /** A new life has begun. */
  follow(member: Member): void {
    const { ownership, membership } = member;
    if (!ownership) return;
    this.#learn(membership.view);
    membership.listen({ viewInstalled: (view) => this.#learn(view) });
    ownership.listen({
      ownersChanged: (changes) => this.#note(changes, membership.view),
      running: () => this.#forget(membership.view),
    });
    if (this.#isReleasing) this.#drain(ownership);
  }

  /** False: no binding is in a group of this name. Undefined releases everything. */
  release(group: string | undefined, ownership: Ownership): boolean {
    if (group !== undefined && !this.#isGroup(group, ownership)) return false;
    if (group === undefined) this.#releasesAll = true;
    else this.#releasedGroups.add(group);
    this.#drain(ownership);
    return true;
  }

  /** False: nothing was released. */
  resume(ownership: Ownership): boolean {
    if (!this.#isReleasing) return false;
    this.#releasesAll = false;
    this.#releasedGroups.clear();
    ownership.local.drain(false);
    return true;
  }

  /** An address goes with each of its bindings: what serves one of a group is given up with the group. */
  isIn(group: string, { announcement }: LocalVip): boolean {
    return announcement.names.some((name) => this.#groupOf(name) === group);
  }

  get #isReleasing(): boolean {
    return this.#releasesAll || this.#releasedGroups.size > 0;
  }

  #drain(ownership: Ownership): void {
    ownership.local.drain(true, (vip) => {
      if (this.#releasesAll) return true;
      for (const group of this.#releasedGroups) if (this.isIn(group, vip)) return true;
      return false;
    });
  }

  #groupOf(binding: string): string {
    return this.#ports.groupOfBinding().get(binding) ?? 'default';
  }

  #isGroup(group: string, { local }: Ownership): boolean {
    const configured = new Set(this.#ports.groupOfBinding().values());
    return configured.has(group) || local.configured.some((vip) => this.isIn(group, vip));
  }

  #note(changes: readonly OwnerChange[], { id }: View): void {
    const atMs = this.#ports.clock.wallMs();
    const coordinator = this.#nodes.get(id.coordinator);
    const { log } = this.#ports;
    for (const { ip, from, to, reason } of changes) {
      const entry = { atMs, view: id, coordinator, ip, from: this.#owner(from), to: this.#owner(to), reason };
      this.history.add(entry);
      const text = `DuraVIP ${ip} from ${entry.from?.node ?? '-'} to ${entry.to?.node ?? '-'} (${reason})`;
      const view = `${id.epoch}@${coordinator ?? id.coordinator}`;
      // Not a level of its own: debugging is switched on where lines of level debug are not written.
      if (this.debugging) log.notice(text, { view });
      else log.debug(text, { view });
    }
  }

  #owner(incarnation: Incarnation | undefined) {
    if (incarnation === undefined) return undefined;
    return { incarnation, node: this.#nodes.get(incarnation) ?? incarnation };
  }

  #learn({ members }: View): void {
    for (const { incarnation, node } of members) this.#nodes.set(incarnation, node);
  }

  /** Who left can lose an address no more once the claims of the view are merged. */
  #forget({ members }: View): void {
    this.#nodes.clear();
    for (const { incarnation, node } of members) this.#nodes.set(incarnation, node);
  }
}
