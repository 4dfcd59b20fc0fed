/**
 * The parent's side of a member of a cluster in a process of its own (member-program.ts): starts it and asks it to do
 * things, one at a time.
 *
 * Invariant: no member outlives `end`, nor this process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from '../test/integration/until.ts';

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

type TaskName = keyof MemberTasks;

export interface TaskMessage {
  readonly task: TaskName;
  readonly given: unknown;
}

export class MemberProcess {
  readonly #child: ChildProcess;

  constructor({ name, url }: MemberOptions) {
    this.#child = fork(join(import.meta.dirname, 'member-program.mjs'), [name, url], {
      serialization: 'advanced',
      execArgv: [],
    });
  }

  async ask<T extends TaskName>(task: T, given: MemberTasks[T]['given']): Promise<MemberTasks[T]['answer']> {
    const answered = once(this.#child, 'message');
    this.#child.send({ task, given } satisfies TaskMessage);
    const [answer] = await answered;
    return (answer as { readonly answer: MemberTasks[T]['answer'] }).answer;
  }

  /** Waits until it is in a view of so many and has all their rows. */
  async joined(members: number): Promise<void> {
    await until(async () => {
      const status = await this.ask('status', undefined);
      return status.members === members && status.isWhole;
    });
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
