/**
 * Who is in which group (API-1, MEM-5): the groups of the nodes, as each states about itself, and those that programs
 * have joined. Tells the changes of each group from one look to the next.
 *
 * Invariant: members of a group stand in member order, the same on all nodes (BUS-10).
 */
import type { Member } from '../actors/member.ts';
import type { Incarnation, MemberType } from '../core/identity.ts';
import { membershipName, sameViewId, type ViewId } from '../core/view.ts';

export interface GroupMember {
  readonly node: string;
  readonly type: MemberType;
  /** `#ec0-08422#relay-1`: this life of its process. */
  readonly privateName: string;
  /** What its program said when it joined; empty in groups of the nodes. */
  readonly capabilities: string;
}

export interface GroupView {
  /** Of the view of the whole cluster that it is a part of. */
  readonly id: ViewId;
  readonly members: readonly GroupMember[];
}

export interface GroupChange {
  readonly group: string;
  readonly view: GroupView;
  readonly joined: readonly GroupMember[];
  readonly left: readonly GroupMember[];
}

type Members = ReadonlyMap<Incarnation, GroupMember>;

/** Undefined while this node is disconnected (MEM-4). */
export function groupView(member: Member, group: string, clusterGroup: string): GroupView | undefined {
  if (member.membership.standing === 'offline') return undefined;
  const members = membersOf(member, group, clusterGroup);
  return { id: member.membership.view.id, members: [...members.values()] };
}

export class GroupViews {
  readonly #clusterGroup: string;
  readonly #told = new Map<string, Members>();
  #view: ViewId | undefined;

  constructor(clusterGroup: string) {
    this.#clusterGroup = clusterGroup;
  }

  /** What is different since the last look. A new view is a change of every group, even when the same are in it. */
  changes(member: Member): GroupChange[] {
    const { id } = member.membership.view;
    const isNew = !this.#view || !sameViewId(id, this.#view);
    this.#view = id;
    const groups = new Set([...this.#told.keys(), ...groupsIn(member, this.#clusterGroup)]);
    return [...groups].flatMap((group) => this.#change(member, group, isNew) ?? []);
  }

  #change(member: Member, group: string, isNew: boolean): GroupChange | undefined {
    const before: Members = this.#told.get(group) ?? new Map();
    const now = membersOf(member, group, this.#clusterGroup);
    if (now.size === 0) this.#told.delete(group);
    else this.#told.set(group, now);
    const joined = [...now].filter(([incarnation]) => !before.has(incarnation)).map(([, each]) => each);
    const left = [...before].filter(([incarnation]) => !now.has(incarnation)).map(([, each]) => each);
    const isSame = [...now].every(
      ([key, { capabilities }]) => before.get(key)?.capabilities === capabilities,
    );
    if (!isNew && isSame && left.length === 0) return undefined;
    return { group, view: { id: member.membership.view.id, members: [...now.values()] }, joined, left };
  }
}

function groupsIn({ membership, programs }: Member, clusterGroup: string): string[] {
  const stated = membership.view.members.flatMap(
    ({ incarnation }) => membership.infoOf(incarnation)?.groups ?? [],
  );
  return [clusterGroup, ...stated, ...(programs?.groups.names ?? [])];
}

function membersOf({ membership, programs }: Member, group: string, clusterGroup: string): Members {
  const found = new Map<Incarnation, GroupMember>();
  for (const process of membership.view.members) {
    const { incarnation, node, type } = process;
    const capabilities = programs?.groups.of(incarnation).get(group);
    const isStated = group === clusterGroup || membership.infoOf(incarnation)?.groups.includes(group);
    if (capabilities === undefined && !isStated) continue;
    const privateName = membershipName(process);
    found.set(incarnation, { node, type, privateName, capabilities: capabilities ?? '' });
  }
  return found;
}
