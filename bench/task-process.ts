/**
 * A child process that does what it is told, one thing at a time, and both ends of telling it.
 *
 * Invariant: no child outlives `end`, nor this process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a child can be asked, and what it answers: a type of these for each name. */
interface Task {
  readonly given: unknown;
  readonly answer: unknown;
}

export type TasksOf<Tasks> = { readonly [T in keyof Tasks]: Task };

export type Workers<Tasks extends TasksOf<Tasks>> = {
  readonly [T in keyof Tasks]: (given: Tasks[T]['given']) => Tasks[T]['answer'] | Promise<Tasks[T]['answer']>;
};

interface TaskMessage {
  readonly task: string;
  readonly given: unknown;
}

export class TaskProcess<Tasks extends TasksOf<Tasks>> {
  readonly #child: ChildProcess;

  /** `program`: name of a file of this folder, bundled. */
  constructor(program: string, words: readonly string[], execArgv: readonly string[] = []) {
    this.#child = fork(join(import.meta.dirname, `${program}.mjs`), words, {
      serialization: 'advanced',
      execArgv: [...execArgv],
    });
  }

  async ask<T extends keyof Tasks & string>(task: T, given: Tasks[T]['given']): Promise<Tasks[T]['answer']> {
    const answered = once(this.#child, 'message');
    this.#child.send({ task, given } satisfies TaskMessage);
    const [{ answer }] = (await answered) as [{ readonly answer: Tasks[T]['answer'] }];
    return answer;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** In the child: does what it is asked until its parent goes. */
export function serveTasks<Tasks extends TasksOf<Tasks>>(workers: Workers<Tasks>): void {
  process.on('message', async ({ task, given }: TaskMessage) => {
    const work = workers[task as keyof Tasks] as (given: unknown) => unknown;
    process.send?.({ answer: await work(given) });
  });
  process.on('disconnect', () => process.exit());
}

/** Microseconds; the same clock in all processes of a machine. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
