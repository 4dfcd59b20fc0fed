/**
 * Which process has joined which groups of programs, as it said in the ordered stream.
 *
 * Invariant: processes that come from one view to the next together have the same table at each place of the stream,
 * so they see members come and go between the same two messages (BUS-10).
 */
import type { Incarnation } from '../identity.ts';
import type { JoinedGroup } from './messages.ts';

/** Group to capabilities. */
type Joined = ReadonlyMap<string, string>;
const none: Joined = new Map();

export class Groups {
  readonly #joined = new Map<Incarnation, Joined>();

  of(member: Incarnation): Joined {
    return this.#joined.get(member) ?? none;
  }

  /** Names of all groups that somebody has joined. */
  get names(): ReadonlySet<string> {
    return new Set([...this.#joined.values()].flatMap((joined) => [...joined.keys()]));
  }

  state(member: Incarnation, groups: readonly JoinedGroup[]): void {
    this.#joined.set(member, new Map(groups.map(({ group, capabilities }) => [group, capabilities])));
  }

  /** Who comes from elsewhere says it anew: what is known of it may be of long ago. */
  viewInstalled(survivors: ReadonlySet<Incarnation>): void {
    for (const member of this.#joined.keys()) if (!survivors.has(member)) this.#joined.delete(member);
  }
}
