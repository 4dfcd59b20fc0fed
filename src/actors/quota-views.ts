/**
 * Tells throttles of a new view as soon as it is known who in it has which of them: the account of a limit must not fall
 * to a node that has no such object, and nobody waits for the report of one (replication 3.12, 7.20).
 *
 * Until then nothing is granted: who has joined would go on with all of a limit that was its own while it was alone.
 */
import type { NodeInfo } from '../core/agreement/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { throttleObject } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import type { SharedReplica } from './shared-replica.ts';

interface Infos {
  infoOf(incarnation: Incarnation): NodeInfo | undefined;
}

export interface QuotaObject extends Pick<SharedReplica, 'name' | 'type' | 'viewInstalled'> {
  /** Until the next view nothing is granted. */
  suspend(): void;
}

export class QuotaViews {
  readonly #infos: Infos;
  readonly #replicas: readonly QuotaObject[];
  #waiting: { readonly view: View; readonly ended: readonly string[] } | undefined;

  constructor(infos: Infos, replicas: readonly QuotaObject[]) {
    this.#infos = infos;
    this.#replicas = replicas;
  }

  viewInstalled(view: View, ended: readonly string[]): void {
    this.#waiting = { view, ended: [...(this.#waiting?.ended ?? []), ...ended] };
    this.infoHeard();
    if (this.#waiting) for (const replica of this.#replicas) replica.suspend();
  }

  infoHeard(): void {
    if (!this.#waiting) return;
    const { view, ended } = this.#waiting;
    const nodes = view.members.filter(({ type }) => type === 'Momentum');
    if (nodes.some(({ incarnation }) => !this.#infos.infoOf(incarnation))) return;
    this.#waiting = undefined;
    for (const replica of this.#replicas) {
      const object = throttleObject(replica);
      const has = (member: Incarnation) => this.#infos.infoOf(member)?.throttles?.includes(object) ?? false;
      replica.viewInstalled({ ...view, members: nodes.filter(({ incarnation }) => has(incarnation)) }, ended);
    }
  }
}
