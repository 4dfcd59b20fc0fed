/**
 * With whom a process may share a view, as its evidence stands: whether its view is still whole, into which groups a
 * broken one falls, and which other views it can be joined with. Pure questions; agreement.ts acts on the answers.
 */
import type { Incarnation } from '../identity.ts';
import {
  compareProcesses,
  compareViewIds,
  memberOf,
  type Process,
  sameViewId,
  type View,
  type ViewCause,
  type ViewId,
} from '../view.ts';
import { type Peers, viewsShown } from './peers.ts';

export interface Scene {
  readonly self: Incarnation;
  readonly view: View;
  readonly peers: Peers;
  /** Ballots this process said OK to: views that may include it although it has not installed them. */
  readonly okayed: readonly ViewId[];
  readonly nowMs: number;
}

/** A member is lost when it is not mutual with this process, or has moved to a newer view without it. */
export function isWithMe({ self, view, peers, okayed, nowMs }: Scene, incarnation: Incarnation): boolean {
  if (incarnation === self) return true;
  if (!peers.mutual(incarnation, nowMs)) return false;
  const shown = peers.get(incarnation)!.beat.view;
  return compareViewIds(shown, view.id) <= 0 || okayed.some((ballot) => sameViewId(ballot, shown));
}

/** A member is lost, or two members do not hear each other. */
export function isBroken(scene: Scene): boolean {
  const { members } = scene.view;
  if (scene.peers.confirm(scene.view, scene.nowMs)) return false;
  if (!members.every((member) => isWithMe(scene, member.incarnation))) return true;
  return !scene.peers.isComplete(scene.view, scene.nowMs);
}

/**
 * Partitions the members greedily, in member order, into groups that hear each other, and returns that of this process.
 * Only members of the view take part: taken over everybody heard, a badly connected newcomer would tear a healthy view
 * apart.
 */
export function ownGroup(scene: Scene): readonly Process[] {
  let rest = [...scene.view.members];
  // Ends because every process is a member of its own view (BUS-12).
  for (;;) {
    const group: Process[] = [];
    for (const member of rest) {
      if (group.every((other) => belongTogether(scene, other, member))) group.push(member);
    }
    if (group.some((member) => member.incarnation === scene.self)) return group;
    rest = rest.filter((member) => !group.includes(member));
  }
}

/** Going with this group would part this process from members that are with it. */
export function partsCompany(scene: Scene, group: readonly Process[]): boolean {
  return scene.view.members.some((member) => !group.includes(member) && isWithMe(scene, member.incarnation));
}

/**
 * The members of this view, led by this process, and of all whole views that can be added to it because everybody hears
 * everybody, in member order. Undefined when one of them is earlier: joining is up to that one, and to look at all pairs
 * would be what each of 64 nodes that start at once does with each beat.
 */
export function joinable({ view, peers, nowMs }: Scene): readonly Process[] | undefined {
  const strangers = [...peers.all()].filter(
    ({ process }) => !memberOf(view, process.incarnation) && peers.fresh(process.incarnation, nowMs),
  );
  if (strangers.length === 0) return view.members;
  const candidates = [...viewsShown(strangers).values()]
    .map((id) => peers.membersShowing(id, nowMs))
    .filter((members) => members !== undefined)
    .filter((members) => members.every((member) => !memberOf(view, member.incarnation)))
    .sort((a, b) => compareProcesses(a[0]!, b[0]!));
  let union = [...view.members];
  for (const members of candidates) {
    const isWhole = union.every((a) => members.every((b) => peers.edge(a, b, nowMs)));
    if (!isWhole) continue;
    if (compareProcesses(members[0]!, view.members[0]!) < 0) return undefined;
    union = [...union, ...members];
  }
  return union.sort(compareProcesses);
}

/** Why the members changed, as far as this process knows. */
export function causeOf(oldView: View, view: View, peers: Peers): ViewCause {
  if (view.members.some((member) => !memberOf(oldView, member.incarnation))) return 'join';
  const lost = oldView.members.filter((member) => !memberOf(view, member.incarnation));
  const evidence = lost.map((member) => peers.get(member.incarnation)?.evidence ?? 'silent');
  // Nobody lost: the same members once more, because one of them had missed the last view.
  if (lost.length === 0 || evidence.includes('silent')) return 'network';
  return evidence.includes('closed') ? 'disconnect' : 'leave';
}

function belongTogether(scene: Scene, a: Process, b: Process): boolean {
  if (!scene.peers.edge(a, b, scene.nowMs)) return false;
  if (a.incarnation === scene.self) return isWithMe(scene, b.incarnation);
  if (b.incarnation === scene.self) return isWithMe(scene, a.incarnation);
  return true;
}
