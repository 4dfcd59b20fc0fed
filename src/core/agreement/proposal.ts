/** A view that this process proposes: who has agreed so far, and the commit once all have. */
import type { Incarnation } from '../identity.ts';
import type { Process, ViewId } from '../view.ts';
import type { Effect } from './effects.ts';
import { flushFor, type OkSummary } from './flush.ts';
import type { Commit, Ok } from './messages.ts';

export class Proposal {
  readonly ballot: ViewId;
  /** In member order. */
  readonly members: readonly Process[];
  readonly sinceMs: number;
  readonly #self: Incarnation;
  readonly #oks: Map<Incarnation, OkSummary>;

  /** `own`: how far this process got in the view it leaves. It delivers nothing more while the proposal stands. */
  constructor(ballot: ViewId, members: readonly Process[], self: Incarnation, own: OkSummary, nowMs: number) {
    this.ballot = ballot;
    this.members = members;
    this.sinceMs = nowMs;
    this.#self = self;
    this.#oks = new Map([[self, own]]);
  }

  includes(incarnation: Incarnation): boolean {
    return this.members.some((member) => member.incarnation === incarnation);
  }

  /** Who was not asked has no say, and no place among the survivors. */
  accept({ from, oldView, applied, unstable }: Ok): void {
    if (this.includes(from)) this.#oks.set(from, { view: oldView, applied, unstable });
  }

  /** The question to everybody who has not answered yet. */
  requests(): Effect[] {
    const message = {
      kind: 'propose',
      from: this.#self,
      ballot: this.ballot,
      members: this.members,
    } as const;
    const waiting = this.members.filter(({ incarnation }) => !this.#oks.has(incarnation));
    return waiting.map(({ incarnation }) => ({ kind: 'send', to: incarnation, message }));
  }

  /** Undefined until all members have agreed. */
  commit(): Commit | undefined {
    if (!this.members.every(({ incarnation }) => this.#oks.has(incarnation))) return undefined;
    const { ballot, members } = this;
    return { kind: 'commit', from: this.#self, ballot, members, flush: flushFor(this.#oks) };
  }
}
