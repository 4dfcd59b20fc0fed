/**
 * When a process last lost a member of its view. A process that notices a loss first still reads in the others' beats
 * that they hear whom it has lost: it would take itself for the lonely one and leave. So each loss starts a time in which
 * they may notice it too, also when the view has been broken for longer by another.
 */
import type { Process } from '../view.ts';
import { isWithMe, partsCompany, type Scene } from './grouping.ts';

export class Losses {
  readonly #noticeMs: number;
  #lost: readonly Process[] = [];
  #lastMs: number | undefined;

  constructor(noticeMs: number) {
    this.#noticeMs = noticeMs;
  }

  /** The view is not whole. */
  get any(): boolean {
    return this.#lastMs !== undefined;
  }

  /** Looks at a view that is broken. */
  notice(scene: Scene): void {
    const lost = scene.view.members.filter((member) => !isWithMe(scene, member.incarnation));
    if (this.#lastMs === undefined || lost.some((member) => !this.#lost.includes(member)))
      this.#lastMs = scene.nowMs;
    this.#lost = lost;
  }

  forget(): void {
    this.#lastMs = undefined;
  }

  /** Going with this group would part this process from members that may not have had time to notice the last loss. */
  mayBeEarly(scene: Scene, group: readonly Process[]): boolean {
    return scene.nowMs - this.#lastMs! < this.#noticeMs && partsCompany(scene, group);
  }
}
