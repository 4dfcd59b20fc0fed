/** The parent's side of a member of a cluster in a process of its own (member-program.ts). */
import { until } from '../test/integration/until.ts';
import { TaskProcess } from './task-process.ts';

export interface MemberOptions {
  readonly name: string;
  readonly url: string;
}

/** What a member can be asked, and what it answers. */
export interface MemberTasks {
  status: { readonly given: undefined; readonly answer: MemberStatus };
  /** Counts `keys` addresses once each; answers when all of them are counted. */
  fill: { readonly given: number; readonly answer: undefined };
  /** Changes keys at this rate and probes how late its probes and those of the others arrive. */
  load: { readonly given: LoadOrder; readonly answer: Float64Array };
  /** Longest turn of the event loop since this was last asked. */
  longestTurnMs: { readonly given: undefined; readonly answer: number };
}

export interface MemberStatus {
  readonly members: number;
  /** No row of another member is missing. */
  readonly isWhole: boolean;
  /** The rows of all others are what their beats say. */
  readonly isVerified: boolean;
  readonly keys: number;
  /** From the first view with somebody else to all rows whole, once both happened. */
  readonly join: { readonly totalMs: number; readonly longestTurnMs: number } | undefined;
}

export interface LoadOrder {
  readonly keysPerSecond: number;
  readonly forMs: number;
}

export class MemberProcess extends TaskProcess<MemberTasks> {
  constructor({ name, url }: MemberOptions) {
    super('member-program', [name, url]);
  }

  /** Waits until it is in a view of so many and has all their rows. */
  async joined(members: number): Promise<void> {
    await until(async () => {
      const status = await this.ask('status', undefined);
      return status.members === members && status.isWhole;
    });
  }
}
