/**
 * Tells throttles of a new view as soon as it is known who in it has which of them: the account of a limit must not fall
 * to a node that has no such object, and nobody waits for the report of one (replication 3.12, 7.20).
 *
 * Until then the view before goes on. That is safe: those who are further on grant nothing before all have reported.
 */
import type { NodeInfo } from '../core/agreement/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { throttleObject } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import type { SharedReplica } from './shared-replica.ts';

interface Infos {
  infoOf(incarnation: Incarnation): NodeInfo | undefined;
}

export class QuotaViews {
  readonly #infos: Infos;
  readonly #replicas: readonly SharedReplica[];
  #waiting: { readonly view: View; readonly ended: readonly string[] } | undefined;

  constructor(infos: Infos, replicas: readonly SharedReplica[]) {
    this.#infos = infos;
    this.#replicas = replicas;
  }

  viewInstalled(view: View, ended: readonly string[]): void {
    this.#waiting = { view, ended: [...(this.#waiting?.ended ?? []), ...ended] };
    this.infoHeard();
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
