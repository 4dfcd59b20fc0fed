/**
 * Agreed member lists. A view is what all its members installed under one id; member order and leader are pure
 * functions of it (MEM-9, MEM-11), so nobody votes and nobody can disagree.
 */
import { type Incarnation, type MemberType, privateName } from './identity.ts';

/**
 * Identifies one view for ever. The coordinator's incarnation is part of it, because a restarted process would
 * otherwise reuse epoch and nonce and two different views would share one id (BUS-23).
 */
export interface ViewId {
  readonly epoch: number;
  readonly coordinator: Incarnation;
  readonly nonce: number;
}

/** A process as every other one sees it. */
export interface Process {
  readonly incarnation: Incarnation;
  readonly type: MemberType;
  readonly node: string;
  /** Makes the private names unique in a component: process id or a random number. */
  readonly number: number;
  /** Epoch of the first view shared with somebody else; `Infinity` before that. Set once in a life (MEM-9). */
  readonly seniority: number;
}

export interface View {
  readonly id: ViewId;
  /** In member order. */
  readonly members: readonly Process[];
}

/** Why a view differs from the one before it (BUS-10). */
export type ViewCause = 'start' | 'join' | 'leave' | 'disconnect' | 'network';

/** Older views sort first. Total: two ids compare equal only when they are the same view. */
export function compareViewIds(a: ViewId, b: ViewId): number {
  return a.epoch - b.epoch || compareText(a.coordinator, b.coordinator) || a.nonce - b.nonce;
}

export function sameViewId(a: ViewId, b: ViewId): boolean {
  return a.epoch === b.epoch && a.nonce === b.nonce && a.coordinator === b.coordinator;
}

/** A key for maps and logs. */
export function viewKey(id: ViewId): string {
  return `${id.epoch}.${id.coordinator}.${id.nonce}`;
}

/**
 * Member order (MEM-9): nodes before managers, so that a manager's bad link never splits the nodes; then the longest
 * in company, so that a newcomer does not become leader; then names.
 */
export function compareProcesses(a: Process, b: Process): number {
  return (
    typeRank(a.type) - typeRank(b.type) ||
    compareSeniority(a.seniority, b.seniority) ||
    compareText(a.node, b.node) ||
    a.number - b.number ||
    compareText(a.incarnation, b.incarnation)
  );
}

/** The leader of a view, or undefined when no node is in it (MEM-10). */
export function leaderOf(view: View): Process | undefined {
  const first = view.members[0];
  return first?.type === 'Momentum' ? first : undefined;
}

export function memberOf(view: View, incarnation: Incarnation): Process | undefined {
  return view.members.find((member) => member.incarnation === incarnation);
}

/** Names of those that can own addresses: managers cannot. */
export function nodesOf(members: readonly Process[]): Set<string> {
  return new Set(members.filter(({ type }) => type === 'Momentum').map(({ node }) => node));
}

/** `#ec0-08422#uhalehe` */
export function membershipName(process: Process): string {
  return privateName('m', process.type, process.number, process.node);
}

/** `#ec1-08422#uhalehe`, the label of a row in `cluster shared show` (replication 1.4). */
export function sharedName(process: Process): string {
  return privateName('s', process.type, process.number, process.node);
}

/** Processes in company for the first time get their seniority from this view (MEM-9). */
export function withSeniority(members: readonly Process[], epoch: number): readonly Process[] {
  if (members.length < 2) return members;
  return members.map((member) =>
    member.seniority === Number.POSITIVE_INFINITY ? { ...member, seniority: epoch } : member,
  );
}

function typeRank(type: MemberType): number {
  return type === 'Momentum' ? 0 : 1;
}

/** Infinity minus Infinity is NaN, so seniorities are compared, not subtracted. */
function compareSeniority(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
