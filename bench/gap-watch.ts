/** The parent's side of the client (gap-program.ts) that asks floating addresses all the time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Of one address. */
export interface Answers {
  /** Longest time between two questions that were answered one after the other. */
  readonly gapMs: number;
  /** Since the last question that was answered. */
  readonly silentMs: number;
  /** The machine that answered last. */
  readonly by: number;
}

export interface GapOrder {
  /** These from now on, and no others. */
  readonly watch?: readonly string[];
  /** What happened until now is forgotten. */
  readonly forget?: boolean;
}

/** Starts a bundled program of this folder behind words such as `ip netns exec ...`; resolves when it is ready. */
export async function startProgram(
  through: readonly string[],
  name: string,
  ...words: readonly string[]
): Promise<ChildProcess> {
  const program = [process.execPath, join(import.meta.dirname, `${name}.mjs`), ...words];
  const [command = '', ...rest] = [...through, ...program];
  const child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'message');
  return child;
}

export class GapWatch {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(through: readonly string[]): Promise<GapWatch> {
    return new GapWatch(await startProgram(through, 'gap-program'));
  }

  watch(ips: readonly string[]): Promise<readonly Answers[]> {
    return this.#tell({ watch: ips });
  }

  forget(): Promise<readonly Answers[]> {
    return this.#tell({ forget: true });
  }

  report(): Promise<readonly Answers[]> {
    return this.#tell({});
  }

  async #tell(order: GapOrder): Promise<readonly Answers[]> {
    const answered = once(this.#child, 'message');
    this.#child.send(order);
    const [answers] = await answered;
    return answers as readonly Answers[];
  }
}
